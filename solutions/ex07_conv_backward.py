"""Solution 7: Convolution, backward.

    y[n, i, j, o] = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]

The loss hears of each number of x, W and b through those y in which it takes part. Each such y passes on its dy,
times what the number was multiplied by there; the number's gradient is the sum. So three questions, one for each
array:

b[o] takes part in y[n, i, j, o] of every n, i, j, multiplied by 1.
W[p, q, c, o] takes part in the same, multiplied by x_padded[n, i s + p, j s + q, c].
x_padded[n, r, k, c] takes part in y[n, i, j, o] of every o and of those windows (i, j) that cover it: those for which
there is a cell (p, q) of the filter with i s + p = r and j s + q = k. There it is multiplied by W[p, q, c, o].

The forward was P Q matrix products, y += met(p, q) W[p, q]. Each has the gradients of exercise 3: met^T dy and dy
W^T.
"""

import numpy as np


def conv_parameter_gradients(dy, cache):
    """Compute dW and db alone. The first layer needs no more, because images have no gradient.

    db[o]          = sum over n, i, j of dy[n, i, j, o]
    dW[p, q, c, o] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, o]

    Args:
        dy: (N, H', W', O) gradient of y.
        cache: from conv_forward.
    Returns:
        dW: (P, Q, C, O).
        db: (O,).
    """
    x, W, stride, padding = cache
    N, H, width, C = x.shape
    P, Q, _, O = W.shape
    _, rows, columns, _ = dy.shape
    windows = N * rows * columns

    # Windows as rows, as in exercise 3: which image a window is of, and where, makes no difference to W and b.
    dy_rows = dy.reshape(windows, O)

    # b[o] takes part once in every window.
    db = dy_rows.sum(axis=0)

    # What W was multiplied by: the forward's x_padded, zeros included.
    x_padded = np.zeros((N, H + 2 * padding, width + 2 * padding, C), x.dtype)
    x_padded[:, padding : padding + H, padding : padding + width] = x

    dW = np.zeros((P, Q, C, O), W.dtype)
    for p in range(P):
        for q in range(Q):
            # What W[p, q] met in every window, as in the forward: (N, H', W', C), then a row for each window.
            met = _met_by(x_padded, p, q, rows, columns, stride)
            met_rows = met.reshape(windows, C)
            # dW[p, q, c, o] = sum over windows of met[window, c] dy[window, o]: a matrix product.
            dW[p, q] = met_rows.T @ dy_rows
    return dW, db


def conv_input_gradient(dy, cache):
    """Compute dx alone.

    Cell (n, i s + p, j s + q, c) of x_padded gathers sum over o of dy[n, i, j, o] W[p, q, c, o].

    Args:
        dy: (N, H', W', O) gradient of y.
        cache: from conv_forward.
    Returns:
        dx: (N, H, W, C).
    """
    x, W, stride, padding = cache
    N, H, width, C = x.shape
    P, Q, _, _ = W.shape
    _, rows, columns, _ = dy.shape

    # As large as x_padded, not as what dy's windows cover: a cell that no window reached has gradient 0.
    dx_padded = np.zeros((N, H + 2 * padding, width + 2 * padding, C), dy.dtype)
    for p in range(P):
        for q in range(Q):
            # The cell that W[p, q] met in window (i, j) took part in y[n, i, j, o] of every o, times W[p, q, c, o]:
            # its share is the sum over o of dy[n, i, j, o] W[p, q, c, o]. (N, H', W', O) times (O, C).
            share = dy @ W[p, q].T
            # Each window gives its share to the very cell it met: the forward's slice, so the filter is not turned.
            # For one (p, q) these cells are all different; for the next (p, q) some of them come again, so: +=.
            met = _met_by(dx_padded, p, q, rows, columns, stride)
            met += share

    # The rings of zeros were not part of x: nobody asks for their gradient.
    dx = dx_padded[:, padding : padding + H, padding : padding + width]
    return dx.copy()


def _met_by(x_padded, p, q, rows, columns, stride):
    """The cells that the filter's cell (p, q) meets in rows x columns windows, a view: (N, rows, columns, C)."""
    last_row, last_column = p + (rows - 1) * stride, q + (columns - 1) * stride
    return x_padded[:, p : last_row + 1 : stride, q : last_column + 1 : stride]
