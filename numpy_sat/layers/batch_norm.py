"""Batch normalisation (Ioffe and Szegedy 2015): every channel brought to mean 0 and variance 1, then scaled and moved.

In training mean and variance are those of the batch, so that every cell has a part in every other's output; the
backward's two sums are that part. In use they are those of many training pictures, measured beforehand and held fast.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat import kernels
from numpy_sat.kernels import batch_norm as kernel

EPSILON = 1e-5  # keeps a channel that is the same everywhere from being divided by 0


class BatchNormCache(NamedTuple):
    x: np.ndarray
    gamma: np.ndarray
    mean: np.ndarray  # (C,) of x
    spread: np.ndarray  # (C,) sqrt(var + epsilon)


def batch_norm_forward(x, gamma, beta):
    """y = gamma (x - mean) / sqrt(var + epsilon) + beta; mean and var of every channel over all other axes.

    x: (..., C); gamma, beta: (C,). Returns y: (..., C) and the cache.
    """
    mean, var = moments(x)
    y, spread = apply(x, gamma, beta, mean, var)
    return y, BatchNormCache(x, gamma, mean, spread)


def batch_norm_backward(dy, cache):
    """dy: (..., C). Returns dx: (..., C), dgamma, dbeta: (C,).

    With x_hat = (x - mean) / spread, x reaches y on three ways: as itself, by the mean and by the variance.
    """
    x, gamma, mean, spread = cache
    if kernels.fast(dy):
        return kernel.backward(dy, x, gamma, mean, spread)
    axes, rows = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
    x_hat = (x - mean) / spread
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * x_hat).sum(axis=axes)
    # The three ways: dx = gamma / spread (dy - dbeta / R - x_hat dgamma / R), R rows.
    dx = gamma / spread * (dy - dbeta / rows - x_hat * (dgamma / rows))
    return dx, dgamma, dbeta


def moments(x):
    """Mean and variance of every channel over all other axes. x: (..., C). Returns (C,), (C,)."""
    if kernels.fast(x):
        return kernel.moments(x)
    axes = tuple(range(x.ndim - 1))
    return x.mean(axis=axes), x.var(axis=axes)


def apply(x, gamma, beta, mean, var):
    """y of batch_norm_forward with the mean and variance given: (C,) each. Returns y and spread: (C,)."""
    spread = np.sqrt(var + x.dtype.type(EPSILON))
    scale = gamma / spread
    if kernels.fast(x):
        return kernel.affine(x, scale, beta - mean * scale, -np.inf), spread
    return (x - mean) * scale + beta, spread
