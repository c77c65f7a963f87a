"""Max-pooling as loops that numba compiles, parallel over pictures; the channels are the innermost, contiguous loop."""

import numpy as np
from numba import njit, prange


def max_pool(x, window, stride, padding):
    """The largest cell of every window and where it was.

    x: (N, H, W, C) contiguous. Returns y: (N, H', W', C) and winner: the same shape, the cell's number i W + j.
    """
    N, H, W, C = x.shape
    rows, columns = ((size + 2 * padding - window) // stride + 1 for size in (H, W))
    y = np.empty((N, rows, columns, C), x.dtype)
    winner = np.empty(y.shape, np.int32)
    _max_pool(x, window, stride, padding, y, winner)
    return y, winner


def max_pool_scatter(dy, winner, x_shape):
    """dx: (N, H, W, C), in which every dy is added to the cell that won its window."""
    dx = np.zeros(x_shape, dy.dtype)
    _scatter(dy, winner, dx)
    return dx


@njit(cache=True, parallel=True)
def _max_pool(x, window, stride, padding, y, winner):
    N, H, W, C = x.shape
    _, rows, columns, _ = y.shape
    for n in prange(N):
        for i in range(rows):
            top, bottom = max(i * stride - padding, 0), min(i * stride - padding + window, H)
            for j in range(columns):
                left, right = max(j * stride - padding, 0), min(j * stride - padding + window, W)
                best, where = y[n, i, j], winner[n, i, j]
                best[:] = x[n, top, left]
                where[:] = top * W + left
                for r in range(top, bottom):
                    for s in range(left, right):
                        cell = x[n, r, s]
                        for c in range(C):
                            larger = cell[c] > best[c]
                            best[c] = cell[c] if larger else best[c]
                            where[c] = r * W + s if larger else where[c]


@njit(cache=True, parallel=True)
def _scatter(dy, winner, dx):
    N, rows, columns, C = dy.shape
    W = dx.shape[2]
    for n in prange(N):
        for i in range(rows):
            for j in range(columns):
                for c in range(C):
                    cell = winner[n, i, j, c]
                    dx[n, cell // W, cell % W, c] += dy[n, i, j, c]
