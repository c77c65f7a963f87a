"""Max-pooling, pictures as (N, H, W, C)."""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import pool as kernel


class PoolCache(NamedTuple):
    winner: np.ndarray
    x_shape: tuple


def max_pool_forward(x, window, stride, padding=0):
    """y[n, i, j, c] = the largest of x[n, i s - padding + p, j s - padding + q, c] over p, q in the window.

    x: (N, H, W, C); window: side in cells; stride s; padding: rings of cells around the picture that never win.
    Windows may overlap. Returns y: (N, H', W', C) with H' = (H + 2 padding - window) // s + 1, and the cache.
    Raises ValueError where a window is larger than the padded picture or could lie in the padding alone.
    """
    if window < 1 or stride < 1 or not 0 <= padding < window:
        raise ValueError(f"max_pool: need window, stride >= 1 and 0 <= padding < window: {window}, {stride}, {padding}")
    if min(x.shape[1:3]) + 2 * padding < window:
        raise ValueError(f"max_pool: a window of {window} does not fit {x.shape[1:3]} with padding {padding}")
    y, winner = kernel.max_pool(np.ascontiguousarray(x), window, stride, padding)
    return y, PoolCache(winner, x.shape)


def max_pool_backward(dy, cache):
    """dy: (N, H', W', C). Returns dx: (N, H, W, C): each dy goes to the cell that won; of equals the first wins."""
    return kernel.max_pool_scatter(np.ascontiguousarray(dy), cache.winner, cache.x_shape)
