"""Solution 6: Convolution, forward.

    y[n, i, j, o] = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]

The order of the sums is free, so sum over p and q last. For a fixed cell (p, q) of the filter, the inner sum

    sum over c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]

is the affine map of exercise 3 without b. Its rows are the windows (n, i, j), and its weights are W[p, q], (C, O). So a
convolution is a loop over P Q matrix products. Each of them reads the image shifted by (p, q).

Answers to the questions of the page:

The windows begin at the cells (-1, -1), (-1, 1), (1, -1) and (1, 1) of the image; -1 is the padding.
y = [[110, 130], [170, 195]]
"""

import numpy as np

from numpy_sat.layers import conv
from numpy_sat.layers.conv import ConvCache


def conv_forward(x, W, b, stride=1, padding=0):
    """Correlate images with filters.

    y[n, i, j, o] = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]

    Args:
        x: (N, H, W, C) images.
        W: (P, Q, C, O) filters of P x Q pixels.
        b: (O,) biases.
        stride: s, pixels from one window to the next.
        padding: width in pixels of the border of zeros around each image.
    Returns:
        y: (N, H', W', O) with H' = (H + 2 padding - P) // s + 1, and W' likewise.
        cache: what conv_backward needs.
    Raises:
        ValueError: channels or dtypes differ, or the filter is larger than the padded image.
    """
    conv.check_arguments(x, W, b, stride, padding)
    N, H, width, C = x.shape
    P, Q, _, O = W.shape

    # Cell (r, k) of x is cell (r + padding, k + padding) of x_padded. Only rows and columns are padded.
    x_padded = np.zeros((N, H + 2 * padding, width + 2 * padding, C), x.dtype)
    x_padded[:, padding : padding + H, padding : padding + width] = x

    # The first window begins at row 0 of x_padded, the last possible one at H + 2 padding - P. After the first there
    # is a window every s rows, so (H + 2 padding - P) // s more. No window covers a remainder shorter than s.
    rows = (H + 2 * padding - P) // stride + 1
    columns = (width + 2 * padding - Q) // stride + 1

    # Add b[o] once, outside the loop over the cells of the filter.
    y = np.zeros((N, rows, columns, O), x.dtype)
    y += b

    for p in range(P):
        for q in range(Q):
            # In window (i, j) the filter's cell (p, q) lies on row i s + p. In all windows these are the rows p, p + s,
            # p + 2 s, ... up to the last window's. The same holds for columns.
            last_row, last_column = p + (rows - 1) * stride, q + (columns - 1) * stride
            cells = x_padded[:, p : last_row + 1 : stride, q : last_column + 1 : stride]  # (N, H', W', C)
            # term[n, i, j, o] = sum over c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]: (N, H', W', C) times
            # (C, O).
            term = cells @ W[p, q]
            y += term
    return y, ConvCache(x, W, stride, padding)
