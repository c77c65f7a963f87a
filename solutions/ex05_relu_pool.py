"""Solution 5: relu and max-pooling.

Both layers only choose. Where relu lets x pass, y = x: the slope is 1. Where it does not, y = 0 whatever x is: the
slope is 0. A window's y is its largest cell: of that its slope is 1; the others may change a little without changing
y: their slope is 0. So all that the backward of a pooling must know of the forward is who won. dy goes to the winner;
and a cell that won in several windows takes part in several y, so its gradient is the sum of their dy.
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
    # A copy, or the caller's x would be changed.
    y = x.copy()
    y[x < 0] = 0
    return y, ReluCache(y)


def relu_backward(dy, cache):
    """Compute dx = dy where x > 0, else 0. At x = 0, where relu has no derivative, dx = 0.

    Args:
        dy: gradient of y, of its shape.
        cache: from relu_forward.
    Returns:
        dx: the shape of x.
    """
    # If x > 0, then y = x > 0. If not, then y = 0. So y alone says where x was positive.
    passed = cache.y > 0
    # dx = dy * slope, and the slope is 1 or 0: numbers of dy's own dtype, that the product keeps it.
    slope = passed.astype(dy.dtype)
    return dy * slope


def max_pool_forward(x, window, stride, padding=0):
    """Take the largest cell of every window. Windows may overlap.

    y[n, i, j, c] = max over p, q of x[n, i s - padding + p, j s - padding + q, c]

    Args:
        x: (N, H, W, C) images.
        window: side of the windows, cells.
        stride: s, cells from one window to the next.
        padding: rings of cells around each image that never win.
    Returns:
        y: (N, H', W', C) with H' = (H + 2 padding - window) // s + 1.
        cache: what max_pool_backward needs.
    Raises:
        ValueError: a window is larger than the padded image, or could lie in the padding alone.
    """
    pool.check_arguments(x, window, stride, padding)
    N, H, width, C = x.shape

    # Every number is larger than -infinity: a ring of it loses against any cell, where zeros would beat negative
    # ones.
    x_padded = np.full((N, H + 2 * padding, width + 2 * padding, C), -np.inf, x.dtype)
    x_padded[:, padding : padding + H, padding : padding + width] = x

    # The first window begins at row 0 of the padded image, the last possible one at H + 2 padding - window. Between
    # the two there is a window every s rows: (H + 2 padding - window) // s more.
    rows = (H + 2 * padding - window) // stride + 1
    columns = (width + 2 * padding - window) // stride + 1

    # A tournament in all windows at once: their cells enter one after the other, row by row. The first, cell (0, 0),
    # has number 0 and leads while it is alone.
    y = _cells(x_padded, 0, 0, rows, columns, stride).copy()
    winner = np.zeros((N, rows, columns, C), np.uint8)
    for p in range(window):
        for q in range(window):
            # Cell (p, q) of window (i, j) lies in row i s + p and column j s + q.
            cells = _cells(x_padded, p, q, rows, columns, stride)
            # A cell that is equal to the largest before it does not take the lead: of equal ones the first wins.
            leads = cells > y
            y[leads] = cells[leads]
            winner[leads] = p * window + q
    return y, PoolCache(winner, x.shape, window, stride, padding)


def max_pool_backward(dy, cache):
    """Compute the gradient of max_pool_forward: each dy goes to the cell that won. Of equal cells the first wins.

    Args:
        dy: (N, H', W', C) gradient of y.
        cache: from max_pool_forward.
    Returns:
        dx: (N, H, W, C).
    """
    winner, (N, H, width, C), window, stride, padding = cache
    _, rows, columns, _ = dy.shape

    # Zeros: most cells won nowhere.
    dx_padded = np.zeros((N, H + 2 * padding, width + 2 * padding, C), dy.dtype)
    for p in range(window):
        for q in range(window):
            # The windows whose cell (p, q) won, and what comes back through them; 0 through the others.
            won = winner == p * window + q
            share = dy * won
            # The same cells as in the forward, a view: what is added to it is added to dx_padded. Added, for a cell
            # may have won as (0, 2) in one window already, and now wins as (0, 0) in the next.
            cells = _cells(dx_padded, p, q, rows, columns, stride)
            cells += share

    # The padding is not part of x. (It never won, so what is cut off is zero.)
    dx = dx_padded[:, padding : padding + H, padding : padding + width]
    return dx.copy()


def _cells(x_padded, p, q, rows, columns, stride):
    """Cell (p, q) of each of rows x columns windows, a view: (N, rows, columns, C)."""
    last_row, last_column = p + (rows - 1) * stride, q + (columns - 1) * stride
    return x_padded[:, p : last_row + 1 : stride, q : last_column + 1 : stride]
