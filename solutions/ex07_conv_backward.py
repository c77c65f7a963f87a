"""Solution 7: Convolution, backward.

    y[n, i, j, o] = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]

A number of x, W or b affects the loss through every y that contains it. Its gradient is the sum, over these y, of dy
times the number's factor there:

b[o] appears in y[n, i, j, o] of every n, i, j, with the factor 1.
W[p, q, c, o] appears in the same y, with the factor x_padded[n, i s + p, j s + q, c].
x_padded[n, r, k, c] appears in y[n, i, j, o] of every o and of every window (i, j) that covers it. Such a window has a
cell (p, q) of the filter with i s + p = r and j s + q = k. The factor there is W[p, q, c, o].

The forward pass is P Q matrix products, y += cells(p, q) W[p, q]. Each has the gradients of exercise 3: cells^T dy for
W[p, q], and dy W[p, q]^T for the cells.

Answers to the questions of the page:

db = 1111; dW[1, 0] = 4*1 + 5*10 + 7*100 + 8*1000 = 8754
dx[2, 2] = 10000   Only dy[1, 1] reaches this corner, through W[1, 1] = 10.
The cells dx[0, 2] and dx[2, 0] are 0: only the windows of dy[0, 1] and dy[1, 0] cover them, with the weights W[0, 1]
and W[1, 0], which are 0.
"""

import numpy as np


def conv_parameter_gradients(dy, cache):
    """Compute dW and db without dx. The first layer needs only these: its inputs are the images.

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

    # Use one row for each window, as in exercise 3. W and b are the same for every image and position.
    dy_rows = dy.reshape(windows, O)

    # db[o] = sum over windows of dy[window, o]
    db = dy_rows.sum(axis=0)

    # The factors of W in the forward pass: x_padded, zeros included.
    x_padded = np.zeros((N, H + 2 * padding, width + 2 * padding, C), x.dtype)
    x_padded[:, padding : padding + H, padding : padding + width] = x

    dW = np.zeros((P, Q, C, O), W.dtype)
    for p in range(P):
        for q in range(Q):
            # The factors of W[p, q] in all windows, (N, H', W', C), as one row for each window.
            cells = _cells_under(x_padded, p, q, rows, columns, stride)
            cell_rows = cells.reshape(windows, C)
            # dW[p, q, c, o] = sum over windows of cells[window, c] dy[window, o]: a matrix product.
            dW[p, q] = cell_rows.T @ dy_rows
    return dW, db


def conv_input_gradient(dy, cache):
    """Compute dx without dW and db.

    For all p, q, i, j: dx_padded[n, i s + p, j s + q, c] += sum over o of dy[n, i, j, o] W[p, q, c, o]

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

    # dx_padded has the shape of x_padded. Cells that no window covers keep a gradient of 0.
    dx_padded = np.zeros((N, H + 2 * padding, width + 2 * padding, C), dy.dtype)
    for p in range(P):
        for q in range(Q):
            # share[n, i, j, c] = sum over o of dy[n, i, j, o] W[p, q, c, o]: (N, H', W', O) times (O, C).
            # The cell under W[p, q] in window (i, j) appears in y[n, i, j, o] of every o with the factor W[p, q, c, o].
            share = dy @ W[p, q].T
            # dx_padded[n, i s + p, j s + q, c] += share[n, i, j, c]. This is the forward's slice, so the filter is not
            # flipped. One (p, q) reaches different cells, but the next may reach some of them again: so add.
            cells = _cells_under(dx_padded, p, q, rows, columns, stride)
            cells += share

    # Remove the padding, which is not part of x.
    dx = dx_padded[:, padding : padding + H, padding : padding + width]
    return dx.copy()


def _cells_under(x_padded, p, q, rows, columns, stride):
    """Return a view of the cells under the filter's cell (p, q) in rows x columns windows, (N, rows, columns, C)."""
    last_row, last_column = p + (rows - 1) * stride, q + (columns - 1) * stride
    return x_padded[:, p : last_row + 1 : stride, q : last_column + 1 : stride]
