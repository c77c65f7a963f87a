"""Typical mistakes in exercise 6."""

from .patterns import BIAS_TIMES, OVERWRITTEN, TURNED
from .record import Mistake

# Long parts of the solution that a mistake replaces as a whole.
BIAS_FIRST = """\
    y = np.zeros((N, rows, columns, O), x.dtype)
    y += b

"""
CELL_LOOP = """\
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
"""

MISTAKES = [
    Mistake(
        6,
        "conv_forward",
        CELL_LOOP,
        """\
    for i in range(rows):
        for j in range(columns):
            patch = x_padded[:, i : i + P, j : j + Q]
            y[:, i, j] += np.tensordot(patch, W, axes=3)
""",
        "y",
        r"stride|\bi s\b",
        "starts window (i, j) at row i instead of i * stride",
    ),
    Mistake(
        6,
        "conv_forward",
        BIAS_FIRST + CELL_LOOP,
        """\
    y = np.zeros((N, rows, columns, O), x.dtype)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            for o in range(O):
                patch = x_padded[:, top : top + P, left : left + Q, 0]
                y[:, i, j, o] = (patch * W[:, :, 0, o]).sum(axis=(1, 2)) + b[o]
""",
        "y",
        r"channel|over c\b",
        "convolves only the first channel instead of summing over all",
    ),
    Mistake(
        6,
        "conv_forward",
        BIAS_FIRST + CELL_LOOP,
        """\
    y = np.zeros((N, rows, columns, O), x.dtype)
    for n in range(N):
        for i in range(rows):
            for j in range(columns):
                a = x_padded[n, i * stride : i * stride + P, j * stride : j * stride + Q]
                for o in range(O):
                    s = a * W[..., o] + b[o]
                    y[n, i, j, o] = s.sum()
""",
        "y",
        BIAS_TIMES,
        "adds the bias inside the sum, which adds it P Q C times",
    ),
    Mistake(
        6,
        "conv_forward",
        BIAS_FIRST + CELL_LOOP,
        """\
    seen = np.lib.stride_tricks.sliding_window_view(x_padded, (P, Q), axis=(1, 2))[:, ::stride, ::stride]
    col = seen.reshape(N * rows * columns, P * Q * C)
    y = (col @ W.reshape(P * Q * C, O) + b).reshape(N, rows, columns, O)
""",
        "y",
        r"order|C, P, Q|c, p, q|reshape|transpos|axes",
        "flattens windows as (C, P, Q) but filters as (P, Q, C)",
    ),
    Mistake(
        6,
        "conv_forward",
        "term = cells @ W[p, q]",
        'term = np.einsum("nijc,co->nijo", cells, W[P - 1 - p, Q - 1 - q])',
        "y",
        TURNED,
        "rotates the filter by half a turn, as in a true convolution",
    ),
    Mistake(
        6,
        "conv_forward",
        "            term = cells @ W[p, q]\n            y += term\n",
        "            y = cells @ W[p, q]\n",
        "y",
        OVERWRITTEN,
        "overwrites y for each filter cell, so that only the last cell counts, without b",
    ),
]
