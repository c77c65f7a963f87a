"""Solution 6: Convolution, forward.

    y[n, i, j, o] = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]

Sums may be done in any order. Take the one over p, q last: for a fixed cell (p, q) of the filter, what is left,

    sum over c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o],

is the affine map of exercise 3, without b: its rows are the windows (n, i, j), its weights the (C, O) of W[p, q]. So
a convolution is P Q matrix products, each of the image seen from another cell of the filter, and a loop of P Q
turns.
"""

import numpy as np

from numpy_sat.layers import conv
from numpy_sat.layers.conv import ConvCache


def conv_forward(x, W, b, stride=1, padding=0):
    """Correlate images with filters.

    y[n, i, j, o] = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]

    Args:
        x: (N, H, W, C) images.
        W: (P, Q, C, O) filters of P x Q cells.
        b: (O,) biases.
        stride: s, cells from one window to the next.
        padding: rings of zeros around each image.
    Returns:
        y: (N, H', W', O) with H' = (H + 2 padding - P) // s + 1.
        cache: what conv_backward needs.
    Raises:
        ValueError: channels or dtypes differ, or the filter is larger than the padded image.
    """
    conv.check_arguments(x, W, b, stride, padding)
    N, H, width, C = x.shape
    P, Q, _, O = W.shape

    # Cell (r, k) of x is cell (r + padding, k + padding) of x_padded. Images and channels get no ring.
    x_padded = np.zeros((N, H + 2 * padding, width + 2 * padding, C), x.dtype)
    x_padded[:, padding : padding + H, padding : padding + width] = x

    # The first window begins at row 0 of x_padded, the last possible one at H + 2 padding - P. Between the two there
    # is a window every s rows: (H + 2 padding - P) // s more. A rest that is shorter than s is seen by none.
    rows = (H + 2 * padding - P) // stride + 1
    columns = (width + 2 * padding - Q) // stride + 1

    # b[o] is in the sum once, not once for every cell of the filter.
    y = np.zeros((N, rows, columns, O), x.dtype)
    y += b

    for p in range(P):
        for q in range(Q):
            # In window (i, j) the filter's cell (p, q) lies on row i s + p: in all, on rows p, p + s, p + 2 s, ... up
            # to the last window's; columns alike.
            last_row, last_column = p + (rows - 1) * stride, q + (columns - 1) * stride
            met = x_padded[:, p : last_row + 1 : stride, q : last_column + 1 : stride]  # (N, H', W', C)
            # Its term of every y, summed over c: (N, H', W', C) times (C, O).
            term = met @ W[p, q]
            y += term
    return y, ConvCache(x, W, stride, padding)
