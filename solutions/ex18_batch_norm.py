"""Solution 18: Batch normalization.

One channel is a column of R numbers, one for every cell of every image. The forward pass has five small steps: mean,
distance from the mean, variance, standard deviation, and a linear function of the normalized values. The backward pass
goes through the same steps in reverse.

Mean and variance are functions of x, too. So a number x_r affects y in three ways. Its direct effect changes y_r alone.
Its effects through the mean and through the variance change y in every row. Each way has a gradient, and dx is their
sum. The algebra at the end simplifies the sum to the library's line.

Answers to the questions of the page:

dx = [[2], [-2], [0], [0]]
Adding 7 to all of x changes the mean, not the distances from it: y stays the same. So the loss stays the same, and the
sum of dx must be 0. Two rows, x = [[1], [3]], give beta - gamma and beta + gamma, as any other pair does. y does not
change, so dx is 0.
"""

import numpy as np

from numpy_sat.layers.batch_norm import EPSILON, BatchNormCache


def batch_norm_forward(x, gamma, beta):
    """Normalize every channel by its mean and variance over all other axes.

    y = gamma (x - mean) / sqrt(var + epsilon) + beta

    Args:
        x: (..., C) inputs.
        gamma: (C,) scales.
        beta: (C,) shifts.
    Returns:
        y: (..., C).
        cache: what batch_norm_backward needs.
    """
    # The last axis holds the channels, which are independent. All other axes, images and cells, are rows of a channel.
    axes = tuple(range(x.ndim - 1))

    # mean_c = sum over r of x_rc / R;  centered_rc = x_rc - mean_c
    mean = x.mean(axis=axes)  # (C,)
    centered = x - mean  # NumPy broadcasts (C,) over all rows

    # var_c = sum over r of (x_rc - mean_c)^2 / R. Divide by R, not R - 1, so that these R numbers get variance 1.
    var = (centered * centered).mean(axis=axes)  # (C,)

    # std_c = sqrt(var_c + epsilon). Epsilon avoids a division by zero where a channel is constant.
    std = np.sqrt(var + EPSILON)  # (C,)

    # y_rc = gamma_c x_hat_rc + beta_c. x_hat has mean 0 and variance 1. The network learns another mean and std.
    x_hat = centered / std
    y = gamma * x_hat + beta
    return y, BatchNormCache(x, gamma, mean, std)


def batch_norm_backward(dy, cache):
    """Compute the gradients of batch_norm_forward.

    x influences y in three ways: directly, through the mean and through the variance.

    Args:
        dy: (..., C) gradient of y.
        cache: from batch_norm_forward.
    Returns:
        dx: (..., C).
        dgamma: (C,).
        dbeta: (C,).
    """
    x, gamma, mean, std = cache
    axes = tuple(range(x.ndim - 1))
    rows = x.size // x.shape[-1]  # R, all numbers of a channel: N H W of them in N images
    centered = x - mean
    x_hat = centered / std

    # Forward: y_rc = gamma_c x_hat_rc + beta_c.
    # dbeta_c = sum over r of dy_rc
    dbeta = dy.sum(axis=axes)
    # dgamma_c = sum over r of dy_rc x_hat_rc
    dgamma = (dy * x_hat).sum(axis=axes)
    # dx_hat_rc = gamma_c dy_rc
    dx_hat = gamma * dy

    # x_hat_rc = centered_rc / std_c, so dcentered_rc = dx_hat_rc / std_c
    dcentered = dx_hat / std

    # dstd_c = - sum over r of dx_hat_rc centered_rc / std_c^2, because 1 / std has the derivative -1 / std^2
    dstd = -(dx_hat * centered).sum(axis=axes) / std**2
    # std = sqrt(var + epsilon), so dvar_c = dstd_c / (2 std_c)
    dvar = dstd / (2 * std)

    # centered_rc = x_rc - mean_c, so dmean_c = - sum over r of dcentered_rc. (mean_c is also in var_c, but there its
    # gradient is 0, because the sum of centered is 0.)
    dmean = -dcentered.sum(axis=axes)

    # dx_rc = dcentered_rc + dmean_c / R + dvar_c 2 centered_rc / R
    # term 1: directly, through centered_rc
    through_itself = dcentered
    # term 2: through mean_c, the same for every row, (C,)
    through_mean = dmean / rows
    # term 3: through var_c
    through_variance = dvar * 2 * centered / rows
    dx = through_itself + through_mean + through_variance

    # Simplified:  term 1 = gamma dy / std.  dmean = -gamma dbeta / std, so term 2 = -gamma / std dbeta / R.
    # dstd = -gamma dgamma / std, because centered / std is x_hat, and dvar = -gamma dgamma / (2 std^2).
    # So term 3 = -gamma dgamma centered / (std^2 R) = -gamma / std x_hat dgamma / R.
    # The sum is dx = gamma / std (dy - dbeta / R - x_hat dgamma / R), the library's line.
    return dx, dgamma, dbeta
