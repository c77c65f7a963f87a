"""The affine map, y = x W + b."""

from typing import NamedTuple

import numpy as np


class LinearCache(NamedTuple):
    x: np.ndarray
    W: np.ndarray


def linear_forward(x, W, b):
    """y = x W + b over the last axis.

    x: (..., I) inputs; W: (I, O) weights; b: (O,) biases.
    Returns y: (..., O) and the cache.
    """
    y = x @ W + b
    return y, LinearCache(x, W)


def linear_backward(dy, cache):
    """dy: (..., O). Returns dx: (..., I), dW: (I, O), db: (O,)."""
    x, W = cache
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    db = drows.sum(axis=0)
    dW = rows.T @ drows
    dx = dy @ W.T
    return dx, dW, db
