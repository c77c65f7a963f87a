"""Max-pooling, pictures as (N, H, W, C)."""

from typing import NamedTuple

import numpy as np

from numpy_sat import kernels
from numpy_sat.kernels import pool as kernel


class PoolCache(NamedTuple):
    winner: np.ndarray  # of every window, uint8: row of its largest cell * window + column
    x_shape: tuple
    window: int
    stride: int
    padding: int


def max_pool_forward(x, window, stride, padding=0):
    """y[n, i, j, c] = the largest of x[n, i s - padding + p, j s - padding + q, c] over p, q in the window.

    x: (N, H, W, C); window: side in cells; stride s; padding: rings of cells around the picture that never win.
    Windows may overlap. Returns y: (N, H', W', C) with H' = (H + 2 padding - window) // s + 1, and the cache.
    Raises ValueError where a window is larger than the padded picture or could lie in the padding alone.
    """
    check_arguments(x, window, stride, padding)
    if kernels.fast(x):
        y, winner = kernel.max_pool(x, window, stride, padding)
        return y, PoolCache(winner, x.shape, window, stride, padding)
    x_padded = _pad(x, padding, -np.inf)
    y = _cells(x_padded, 0, 0, window, stride).copy()
    winner = np.zeros(y.shape, np.uint8)
    for p, q in np.ndindex(window, window):
        cells = _cells(x_padded, p, q, window, stride)
        larger = cells > y
        y[larger], winner[larger] = cells[larger], p * window + q
    return y, PoolCache(winner, x.shape, window, stride, padding)


def max_pool_backward(dy, cache):
    """dy: (N, H', W', C). Returns dx: (N, H, W, C): each dy goes to the cell that won; of equals the first wins."""
    winner, x_shape, window, stride, padding = cache
    if kernels.fast(dy):
        return kernel.max_pool_scatter(dy, winner, x_shape, window, stride, padding)
    dx_padded = _pad(np.zeros(x_shape, dy.dtype), padding, 0)
    for p, q in np.ndindex(window, window):
        cells = _cells(dx_padded, p, q, window, stride)
        cells += dy * (winner == p * window + q)
    _, H, W, _ = x_shape
    return np.ascontiguousarray(dx_padded[:, padding : padding + H, padding : padding + W])


def _cells(x_padded, p, q, window, stride):
    """Cell (p, q) of every window, a view: (N, H', W', C)."""
    bottom, right = (size - window + 1 for size in x_padded.shape[1:3])
    return x_padded[:, p : p + bottom : stride, q : q + right : stride]


def _pad(x, padding, value):
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), constant_values=value)


def check_arguments(x, window, stride, padding):
    """Raise ValueError where these are not a max-pooling's arguments."""
    if not 1 <= window <= 15 or stride < 1 or not 0 <= padding < window:
        raise ValueError(
            f"max_pool: need 1 <= window <= 15, stride >= 1, 0 <= padding < window: {window}, {stride}, {padding}"
        )
    if min(x.shape[1:3]) + 2 * padding < window:
        raise ValueError(f"max_pool: a window of {window} does not fit {x.shape[1:3]} with padding {padding}")
