"""Layer normalization (Ba, Kiros and Hinton 2016): bring a vector to mean 0 and variance 1, then scale and shift it.

Batch normalization takes mean and variance of a channel over the batch. Layer normalization takes them of a vector over
its components. So no position of a sequence influences another one, and inference is the same as training.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import float32
from numpy_sat.kernels import layer_norm as kernel

EPSILON = kernel.EPSILON  # 1e-5; prevents a division by 0 for a constant vector, whose variance is 0


class LayerNormCache(NamedTuple):
    """Arrays that layer_norm_forward keeps for layer_norm_backward."""

    x: np.ndarray  # (..., S)
    gamma: np.ndarray  # (S,)
    mean: np.ndarray  # (..., 1) of each vector
    std: np.ndarray  # (..., 1) sqrt(var + epsilon)


@float32(kernel.layer_norm_forward, LayerNormCache)
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
    mean = x.mean(axis=-1, keepdims=True)
    std = np.sqrt(x.var(axis=-1, keepdims=True) + x.dtype.type(EPSILON))
    # y = gamma x_hat + beta, x_hat = (x - mean) / std
    y = gamma * ((x - mean) / std) + beta
    return y, LayerNormCache(x, gamma, mean, std)


@float32(kernel.layer_norm_backward)
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
    rows = tuple(range(x.ndim - 1))  # all axes but the last
    # x_hat = (x - mean) / std
    x_hat = (x - mean) / std
    # dbeta = sum of dy over all vectors
    dbeta = dy.sum(axis=rows)
    # dgamma = sum of dy x_hat over all vectors
    dgamma = (dy * x_hat).sum(axis=rows)
    # dx_hat = gamma dy
    dx_hat = gamma * dy
    # dx = (dx_hat - mean of dx_hat - x_hat mean of (x_hat dx_hat)) / std
    # term 1, dx_hat: directly
    # term 2, its mean: through the mean
    # term 3, x_hat times a mean: through the variance
    through_mean = dx_hat.mean(axis=-1, keepdims=True)
    through_variance = x_hat * (x_hat * dx_hat).mean(axis=-1, keepdims=True)
    dx = (dx_hat - through_mean - through_variance) / std
    return dx, dgamma, dbeta
