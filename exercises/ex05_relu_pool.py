"""Exercise 5: relu and max-pooling                                                (difficulty 2 of 3, about 60 minutes)

Goal            Write two layers that only select. relu selects the positive numbers, and max-pooling selects one cell
                of each window. Backward, the selected number receives the whole gradient, and the others receive 0.

Equations       relu       y = max(x, 0)                                                        the shape of x
                max_pool   y[n, i, j, c] = largest of x[n, i s - padding + p, j s - padding + q, c]     (N, H', W', C)
                           over p, q = 0 ... window - 1;      H' = (H + 2 padding - window) // s + 1, and W' likewise
                Window (i, j) begins at row i s - padding and column j s - padding, where s is the stride. So windows
                overlap where s < window. A remainder is ignored. Every channel is pooled separately.

Worked example  x = [-2, 0, 3]   dy = [5, 7, 9]   y = [0, 0, 3]      Find dx. (At 0 there is no derivative; use 0.)
                Max-pooling of one row of windows, with window 2 and stride 1:
                x = [[1, 3, 3], [3, 3, 2]]   y = [[3, 3]]   winner = [[1, 0]]   dy = [[7, 20]]      Find dx.
                A 3 x 3 image of nothing but -5, with window 3, stride 2 and padding 1: y is -5 everywhere. What would
                it be if the padding were zeros?

Your task       1. relu_forward and relu_backward: select, and return new arrays.
                2. max_pool_forward: compute y and winner, which the cache needs. Call pool.check_arguments(x, window,
                   stride, padding) first: it raises the errors of the docstring. Trap: the padding must never win. A
                   ring of zeros would win over negative cells.
                3. max_pool_backward: compute dx. Trap: a cell that several windows select receives the sum of their
                   gradients.

Given           The caches are packed and unpacked for you. winner has the shape of y and the dtype np.uint8. It holds
                the number p * window + q of each window's largest cell, the first of equal ones, row by row. Python
                loops over p and q are fast enough; loops over all windows are slow.

Run             python -m exercises check 5   python -m exercises hint 5   python -m exercises check 5 --pencil
"""

import numpy as np

from numpy_sat.layers import pool
from numpy_sat.layers.activations import ReluCache
from numpy_sat.layers.pool import PoolCache


def relu_forward(x):
    """Compute y = max(x, 0).

    Args:
        x: any shape.
    Returns:
        y: the shape of x.
        cache: what relu_backward needs.
    """
    raise NotImplementedError("exercise 5: relu_forward")
    return y, ReluCache(y)


def relu_backward(dy, cache):
    """Compute dx = dy where x > 0, else 0. Relu has no derivative at x = 0; dx is 0 there.

    Args:
        dy: gradient of y, of its shape.
        cache: from relu_forward.
    Returns:
        dx: the shape of x.
    """
    y = cache.y
    raise NotImplementedError("exercise 5: relu_backward")


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
    raise NotImplementedError("exercise 5: max_pool_forward")
    return y, PoolCache(winner, x.shape, window, stride, padding)


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
    raise NotImplementedError("exercise 5: max_pool_backward")
