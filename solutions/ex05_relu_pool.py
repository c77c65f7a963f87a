"""Solution 5: relu and max-pooling.

Both layers only select. Where x > 0, relu gives y = x with the slope 1. Elsewhere y = 0, and the slope is 0.

The y of a window is its largest cell, the winner. The slope of y is 1 for the winner. A small change of any other cell
does not change y, so its slope is 0. The backward pass only needs to know which cell won, and sends dy there. A cell
that won in several windows appears in several y, so its gradient is the sum of their dy.

Answers to the questions of the page:

relu: dx = [0, 0, 9]
Max-pooling: dx = [[0, 27, 0], [0, 0, 0]]   Both windows have the same winner, so its gradient is 7 + 20.
If the padding were zeros, y would be 0 everywhere, because each of the four windows contains padding.
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
    # y = max(x, 0). Copy first, so that the caller's x does not change.
    y = x.copy()
    y[x < 0] = 0
    return y, ReluCache(y)


def relu_backward(dy, cache):
    """Compute dx = dy where x > 0, else 0. Relu has no derivative at x = 0; dx is 0 there.

    Args:
        dy: gradient of y, of its shape.
        cache: from relu_forward.
    Returns:
        dx: the shape of x.
    """
    # y > 0 exactly where x > 0, so the cache needs y alone.
    passed = cache.y > 0
    # dx = dy * slope, where the slope is 1 or 0. It has the dtype of dy, and so has the product.
    slope = passed.astype(dy.dtype)
    return dy * slope


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
    pool.check_arguments(x, window, stride, padding)
    N, H, width, C = x.shape

    # Pad with -infinity, which is smaller than any cell. Zeros would win over negative cells.
    x_padded = np.full((N, H + 2 * padding, width + 2 * padding, C), -np.inf, x.dtype)
    x_padded[:, padding : padding + H, padding : padding + width] = x

    # The first window begins at row 0 of the padded image, the last possible one at H + 2 padding - window. After the
    # first there is a window every s rows, so (H + 2 padding - window) // s more.
    rows = (H + 2 * padding - window) // stride + 1
    columns = (width + 2 * padding - window) // stride + 1

    # y = max over p, q of the window's cells, in all windows at once. Compare the cells one after another, row by row.
    # The first cell, (0, 0), has the number 0 and is the first leader.
    y = _cells(x_padded, 0, 0, rows, columns, stride).copy()
    winner = np.zeros((N, rows, columns, C), np.uint8)
    for p in range(window):
        for q in range(window):
            # Cell (p, q) of window (i, j) lies in row i s + p and column j s + q.
            cells = _cells(x_padded, p, q, rows, columns, stride)
            # The comparison is strict, so that the first of equal cells wins.
            leads = cells > y
            y[leads] = cells[leads]
            winner[leads] = p * window + q
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
    winner, (N, H, width, C), window, stride, padding = cache
    _, rows, columns, _ = dy.shape

    # Begin with zeros, because most cells won in no window.
    dx_padded = np.zeros((N, H + 2 * padding, width + 2 * padding, C), dy.dtype)
    for p in range(window):
        for q in range(window):
            # share = dy in the windows whose cell (p, q) won, 0 in the others.
            is_winner = winner == p * window + q
            share = dy * is_winner
            # dx_padded[n, i s + p, j s + q, c] += share[n, i, j, c]. The slice is a view of the forward's cells, so
            # the sum is written to dx_padded. A cell can win as (0, 2) of one window and as (0, 0) of the next: so add.
            cells = _cells(dx_padded, p, q, rows, columns, stride)
            cells += share

    # Remove the padding, which is not part of x. It never won, so its gradient is zero.
    dx = dx_padded[:, padding : padding + H, padding : padding + width]
    return dx.copy()


def _cells(x_padded, p, q, rows, columns, stride):
    """Return a view of cell (p, q) of each of rows x columns windows, (N, rows, columns, C)."""
    last_row, last_column = p + (rows - 1) * stride, q + (columns - 1) * stride
    return x_padded[:, p : last_row + 1 : stride, q : last_column + 1 : stride]
