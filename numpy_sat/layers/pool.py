"""Max-pooling of images with axes (N, H, W, C)."""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import float32
from numpy_sat.kernels import pool as kernel


class PoolCache(NamedTuple):
    """Winners and arguments that max_pool_forward keeps for max_pool_backward."""

    winner: np.ndarray  # (N, H', W', C) uint8: in each window, row of the largest cell * window + column
    x_shape: tuple  # (N, H, W, C)
    window: int
    stride: int
    padding: int


def check_arguments(x, window, stride, padding=0):
    """Raise ValueError if shape, window, stride and padding do not fit together."""
    if not 1 <= window <= 15 or stride < 1 or not 0 <= padding < window:
        raise ValueError(
            f"max_pool: need 1 <= window <= 15, stride >= 1, 0 <= padding < window: {window}, {stride}, {padding}"
        )
    if min(x.shape[1:3]) + 2 * padding < window:
        raise ValueError(f"max_pool: a window of {window} does not fit {x.shape[1:3]} with padding {padding}")


@float32(kernel.max_pool_forward, PoolCache, check_arguments)
def max_pool_forward(x, window, stride, padding=0):
    """Take the largest cell of every window. Windows may overlap.

    y[n, i, j, c] = max over p, q of x[n, i s - padding + p, j s - padding + q, c]

    Args:
        x: (N, H, W, C) images.
        window: side of the windows, cells.
        stride: s, cells from one window to the next.
        padding: width in cells of the border around each image; its cells never win.
    Returns:
        y: (N, H', W', C) with H' = (H + 2 padding - window) // s + 1, and W' likewise.
        cache: what max_pool_backward needs.
    Raises:
        ValueError: a window is larger than the padded image or than 15, or could lie entirely in the padding, or the
            stride is below 1.
    """
    check_arguments(x, window, stride, padding)
    x_padded = _pad(x, padding, -np.inf)
    y = _cells(x_padded, 0, 0, window, stride).copy()
    winner = np.zeros(y.shape, np.uint8)
    for p, q in np.ndindex(window, window):
        cells = _cells(x_padded, p, q, window, stride)
        larger = cells > y
        y[larger], winner[larger] = cells[larger], p * window + q
    return y, PoolCache(winner, x.shape, window, stride, padding)


@float32(kernel.max_pool_backward)
def max_pool_backward(dy, cache):
    """Compute the gradient of max_pool_forward: each dy goes to the largest cell of its window.

    If several cells are equally large, the first of them gets it.

    Args:
        dy: (N, H', W', C) gradient of y.
        cache: from max_pool_forward.
    Returns:
        dx: (N, H, W, C).
    """
    winner, x_shape, window, stride, padding = cache
    dx_padded = _pad(np.zeros(x_shape, dy.dtype), padding, 0)
    # A cell receives dy of every window that it won.
    for p, q in np.ndindex(window, window):
        cells = _cells(dx_padded, p, q, window, stride)
        cells += dy * (winner == p * window + q)
    _, H, W, _ = x_shape
    return np.ascontiguousarray(dx_padded[:, padding : padding + H, padding : padding + W])


def _cells(x_padded, p, q, window, stride):
    """Return a view of cell (p, q) of every window: (N, H', W', C)."""
    bottom, right = (size - window + 1 for size in x_padded.shape[1:3])
    return x_padded[:, p : p + bottom : stride, q : q + right : stride]


def _pad(x, padding, value):
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), constant_values=value)
