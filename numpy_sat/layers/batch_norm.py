"""Batch normalization (Ioffe and Szegedy 2015): bring every channel to mean 0 and variance 1, then scale and shift it.

In training, mean and variance are computed over the batch, so every row influences the normalization of every other
row. In inference mode they are the running mean and variance, estimated beforehand on many training images. If several
ranks share the batch (system/ranks.py), mean and variance are those of the whole batch.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import batch_norm as kernel
from numpy_sat.kernels import float32
from numpy_sat.system import ranks

EPSILON = kernel.EPSILON  # 1e-5; prevents a division by 0 for a constant channel, whose variance is 0


class BatchNormCache(NamedTuple):
    """Arrays that batch_norm_forward keeps for batch_norm_backward."""

    x: np.ndarray  # (..., C)
    gamma: np.ndarray  # (C,)
    mean: np.ndarray  # (C,) of x
    std: np.ndarray  # (C,) sqrt(var + epsilon)


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
    mean, var = ranks.moments(*mean_and_variance(x))
    y, std = normalize(x, gamma, beta, mean, var)
    return y, BatchNormCache(x, gamma, mean, std)


@float32(kernel.batch_norm_backward)
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
    axes, rows = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
    # x_hat = (x - mean) / std
    x_hat = (x - mean) / std
    # dbeta = sum of dy over the R rows (all axes but the last)
    dbeta = dy.sum(axis=axes)
    # dgamma = sum of dy x_hat over the R rows
    dgamma = (dy * x_hat).sum(axis=axes)
    # dx = gamma / std (dy - dbeta / R - x_hat dgamma / R)
    # term 1, dy: directly
    # term 2, dbeta / R: through the mean
    # term 3, x_hat dgamma / R: through the variance
    # On several ranks, mean and variance are those of the whole batch, and so are these sums.
    through_mean, through_variance = ranks.shared_mean(np.stack([dbeta, dgamma])) / rows
    dx = gamma / std * (dy - through_mean - x_hat * through_variance)
    return dx, dgamma, dbeta


@float32(kernel.mean_and_variance)
def mean_and_variance(x):
    """Compute the mean and the variance of every channel over all other axes.

    Args:
        x: (..., C) inputs.
    Returns:
        mean: (C,).
        var: (C,).
    """
    axes = tuple(range(x.ndim - 1))
    return x.mean(axis=axes), x.var(axis=axes)


@float32(kernel.normalize)
def normalize(x, gamma, beta, mean, var):
    """Normalize every channel by the given mean and variance. Inference mode calls this with the running ones.

    y = gamma (x - mean) / sqrt(var + epsilon) + beta

    Args:
        x: (..., C) inputs.
        gamma, beta: (C,) scales and shifts.
        mean, var: (C,) mean and variance of each channel.
    Returns:
        y: (..., C).
        std: (C,) sqrt(var + epsilon).
    """
    std = np.sqrt(var + x.dtype.type(EPSILON))
    scale = gamma / std
    return (x - mean) * scale + beta, std
