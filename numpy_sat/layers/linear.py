"""The affine map, y = x W + b."""

from typing import NamedTuple

import numpy as np


class LinearCache(NamedTuple):
    """Arrays that linear_forward keeps for linear_backward."""

    x: np.ndarray  # (..., I)
    W: np.ndarray  # (I, O)


def linear_forward(x, W, b):
    """Compute y = x W + b over the last axis.

    Args:
        x: (..., I) inputs.
        W: (I, O) weights.
        b: (O,) biases.
    Returns:
        y: (..., O).
        cache: what linear_backward needs.
    """
    y = x @ W + b
    return y, LinearCache(x, W)


def linear_backward(dy, cache):
    """Compute the gradients of linear_forward.

    Args:
        dy: (..., O) gradient of y.
        cache: from linear_forward.
    Returns:
        dx: (..., I).
        dW: (I, O).
        db: (O,).
    """
    x, W = cache
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])  # (R, I), (R, O): all axes but the last
    # db = sum of dy over all rows
    db = drows.sum(axis=0)
    # dW = x^T dy, a sum over all rows
    dW = rows.T @ drows
    # dx = dy W^T
    dx = dy @ W.T
    return dx, dW, db
