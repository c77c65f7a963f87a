"""Solution 38: Layer normalization.

Forward: each vector has a mean and a variance of its own, over the last axis. Backward: one component changes y in
three ways. It changes its own x_hat. It moves the mean, which moves all x_hat of the vector. It changes the variance,
which scales all of them. The last two ways give the two means in dx.

Answers to the questions of the page:

1. Here dx_hat is [0, 0, 0, 2], its mean is 1/2, and so is the mean of x_hat dx_hat. dx = [0, -0.5, 0, 0.5], that is
   ([0, 0, 0, 2] - 1/2 - x_hat / 2) / 2. Over both vectors, dgamma = [-4, 0, 0, 1].
2. y ignores a number that is added to the whole vector, and a positive number that multiplies it (if EPSILON is 0). So
   no step along (1, 1, 1, 1) or along x changes y, and dx has no part in these directions.
3. No: a vector sees itself alone. In exercise 18 a third vector changes the mean and the variance of all of them. That
   is why batch normalization needs a running mean for inference, and layer normalization does not.
"""

import numpy as np

from numpy_sat.layers.layer_norm import EPSILON, LayerNormCache


def layer_norm_forward(x, gamma, beta):
    """Normalize every vector by its own mean and variance.

    y = gamma (x - mean) / sqrt(var + epsilon) + beta

    Args:
        x: (..., S) inputs.
        gamma: (S,) scales.
        beta: (S,) shifts.
    Returns:
        y: (..., S).
        cache: what layer_norm_backward needs.
    """
    # mean = sum over c of x_c / S: (..., 1), one for each vector
    mean = x.mean(axis=-1, keepdims=True)
    centered = x - mean

    # var = sum over c of (x_c - mean)^2 / S: (..., 1)
    var = (centered * centered).mean(axis=-1, keepdims=True)

    # EPSILON is under the root, so that a constant vector is not divided by 0.
    std = np.sqrt(var + x.dtype.type(EPSILON))

    # x_hat = (x - mean) / std: (..., S)
    x_hat = centered / std

    # y_c = gamma_c x_hat_c + beta_c
    y = gamma * x_hat + beta
    return y, LayerNormCache(x, gamma, mean, std)


def layer_norm_backward(dy, cache):
    """Compute the gradients of layer_norm_forward.

    A component of x influences y in three ways: directly, through the mean and through the variance of its vector.

    Args:
        dy: (..., S) gradient of y.
        cache: from layer_norm_forward.
    Returns:
        dx: (..., S).
        dgamma: (S,).
        dbeta: (S,).
    """
    x, gamma, mean, std = cache

    # x_hat = (x - mean) / std, as in the forward pass
    x_hat = (x - mean) / std

    # y_c = gamma_c x_hat_c + beta_c in every vector, so the gradients of gamma and beta are sums over all vectors
    rows = tuple(range(x.ndim - 1))
    dgamma = (dy * x_hat).sum(axis=rows)
    dbeta = dy.sum(axis=rows)

    # y_c = gamma_c x_hat_c + beta_c, so dx_hat_c = gamma_c dy_c
    dx_hat = gamma * dy

    # term 1, directly: x_hat_c = (x_c - mean) / std, so x_c receives dx_hat_c / std
    through_itself = dx_hat / std

    # term 2, through the mean: every x_hat_k of the vector contains - mean / std, and the mean contains x_c / S.
    # So x_c receives - sum over k of dx_hat_k / (S std), the same for every c.
    through_mean = -dx_hat.mean(axis=-1, keepdims=True) / std

    # term 3, through the variance: dx_hat_k / dstd = - x_hat_k / std, so dstd = - sum over k of dx_hat_k x_hat_k / std.
    # std^2 = sum over k of (x_k - mean)^2 / S + EPSILON, so dstd / dx_c = (x_c - mean) / (S std) = x_hat_c / S.
    dstd_over_S = -(dx_hat * x_hat).mean(axis=-1, keepdims=True) / std
    through_variance = x_hat * dstd_over_S

    dx = through_itself + through_mean + through_variance
    return dx, dgamma, dbeta
