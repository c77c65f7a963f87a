"""Mistakes that learners make in exercise 7."""

from .patterns import OVERWRITTEN, TURNED
from .record import Mistake

# Long pieces of the solution that a learner writes in another way altogether.
WEIGHT_LOOP = """\
    for p in range(P):
        for q in range(Q):
            # What W[p, q] met in every window, as in the forward: (N, H', W', C), then a row for each window.
            met = _met_by(x_padded, p, q, rows, columns, stride)
            met_rows = met.reshape(windows, C)
            # dW[p, q, c, o] = sum over windows of met[window, c] dy[window, o]: a matrix product.
            dW[p, q] = met_rows.T @ dy_rows
"""
SHARE_LOOP = """\
    for p in range(P):
        for q in range(Q):
            # The cell that W[p, q] met in window (i, j) took part in y[n, i, j, o] of every o, times W[p, q, c, o]:
            # its share is the sum over o of dy[n, i, j, o] W[p, q, c, o]. (N, H', W', O) times (O, C).
            share = dy @ W[p, q].T
            # Each window gives its share to the very cell it met: the forward's slice, so the filter is not turned.
            # For one (p, q) these cells are all different; for the next (p, q) some of them come again, so: +=.
            met = _met_by(dx_padded, p, q, rows, columns, stride)
            met += share
"""

MISTAKES = [
    # Exercise 7
    Mistake(
        7,
        "conv_parameter_gradients",
        "met = _met_by(x_padded, p, q, rows, columns, stride)\n            met_rows = met.reshape(windows, C)",
        "met_rows = x_padded[:, p : p + rows, q : q + columns].reshape(windows, C)",
        "dW",
        r"stride|\bi s\b",
        "forgets the stride: window (i, j) is taken from row i of the image",
    ),
    Mistake(
        7,
        "conv_parameter_gradients",
        WEIGHT_LOOP,
        """\
    for n in range(N):
        for i in range(rows):
            for j in range(columns):
                top, left = i * stride, j * stride
                patch = x_padded[n, top : top + P, left : left + Q]
                for o in range(O):
                    dW[..., o] = patch * dy[n, i, j, o]
""",
        "dW",
        OVERWRITTEN,
        "assigns dW of a window instead of adding: the last window alone counts",
    ),
    Mistake(
        7,
        "conv_parameter_gradients",
        "db = dy_rows.sum(axis=0)",
        "db = dy.sum(axis=(0, 2, 3))",
        "db",
        r"ax(is|es)|\(0, 2, 3\)|over n, j, o|channels are last|summed over",
        "sums db over axes (0, 2, 3), as for channels that come first",
    ),
    Mistake(
        7,
        "conv_input_gradient",
        "dx_padded[:, padding : padding + H, padding : padding + width]",
        "dx_padded[:, padding:-padding, padding:-padding]",
        "dx",
        r"-padding|empty|padding.*\b0\b|\b0\b.*padding",
        "cuts off the rings with padding:-padding, which is empty for padding 0",
    ),
    Mistake(
        7,
        "conv_input_gradient",
        SHARE_LOOP,
        """\
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            g = np.einsum("no,pqco->npqc", dy[:, i, j], W)
            dx_padded[:, top : top + P, left : left + Q] = g
""",
        "dx_padded or cells or dx",
        OVERWRITTEN,
        "= where += belongs: of windows that overlap, the last one wins",
    ),
    Mistake(
        7,
        "conv_input_gradient",
        SHARE_LOOP,
        """\
    spread = np.zeros((N, H + 2 * padding + P - 1, width + 2 * padding + Q - 1, dy.shape[3]), dy.dtype)
    spread[:, P - 1 : P - 1 + rows * stride : stride, Q - 1 : Q - 1 + columns * stride : stride] = dy
    for p in range(P):
        for q in range(Q):
            around = spread[:, p : p + H + 2 * padding, q : q + width + 2 * padding]
            dx_padded += around @ W[p, q].T
""",
        "dx_padded or cells or dx",
        TURNED,
        "gathers from dy with a filter that is not turned",
    ),
]
