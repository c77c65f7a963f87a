"""Typical mistakes in exercise 7."""

from .patterns import OVERWRITTEN, TURNED
from .record import Mistake

# Long parts of the solution that a mistake replaces as a whole.
WEIGHT_LOOP = """\
    for p in range(P):
        for q in range(Q):
            # The factors of W[p, q] in all windows, (N, H', W', C), as one row for each window.
            cells = _cells_under(x_padded, p, q, rows, columns, stride)
            cell_rows = cells.reshape(windows, C)
            # dW[p, q, c, o] = sum over windows of cells[window, c] dy[window, o]: a matrix product.
            dW[p, q] = cell_rows.T @ dy_rows
"""
SHARE_LOOP = """\
    for p in range(P):
        for q in range(Q):
            # share[n, i, j, c] = sum over o of dy[n, i, j, o] W[p, q, c, o]: (N, H', W', O) times (O, C).
            # The cell under W[p, q] in window (i, j) appears in y[n, i, j, o] of every o with the factor W[p, q, c, o].
            share = dy @ W[p, q].T
            # dx_padded[n, i s + p, j s + q, c] += share[n, i, j, c]. This is the forward's slice, so the filter is not
            # flipped. One (p, q) reaches different cells, but the next may reach some of them again: so add.
            cells = _cells_under(dx_padded, p, q, rows, columns, stride)
            cells += share
"""

MISTAKES = [
    Mistake(
        7,
        "conv_parameter_gradients",
        """\
            cells = _cells_under(x_padded, p, q, rows, columns, stride)
            cell_rows = cells.reshape(windows, C)
""",
        """\
            cell_rows = x_padded[:, p : p + rows, q : q + columns].reshape(windows, C)
""",
        "dW",
        r"stride|\bi s\b",
        "forgets the stride: starts window (i, j) at row i of the image",
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
        "assigns the dW of each window instead of adding, so that only the last window counts",
    ),
    Mistake(
        7,
        "conv_parameter_gradients",
        "db = dy_rows.sum(axis=0)",
        "db = dy.sum(axis=(0, 2, 3))",
        "db",
        r"ax(is|es)|\(0, 2, 3\)|over n, j, o|channels are last|summed over",
        "sums db over axes (0, 2, 3), as if channels were the second axis",
    ),
    Mistake(
        7,
        "conv_input_gradient",
        "dx_padded[:, padding : padding + H, padding : padding + width]",
        "dx_padded[:, padding:-padding, padding:-padding]",
        "dx",
        r"-padding|empty|padding.*\b0\b|\b0\b.*padding",
        "removes the padding with padding:-padding, which is empty for padding 0",
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
        "uses = instead of +=, so that the last of the overlapping windows wins",
    ),
    Mistake(
        7,
        "conv_input_gradient",
        SHARE_LOOP,
        """\
    dilated = np.zeros((N, H + 2 * padding + P - 1, width + 2 * padding + Q - 1, dy.shape[3]), dy.dtype)
    dilated[:, P - 1 : P - 1 + rows * stride : stride, Q - 1 : Q - 1 + columns * stride : stride] = dy
    for p in range(P):
        for q in range(Q):
            cells = dilated[:, p : p + H + 2 * padding, q : q + width + 2 * padding]
            dx_padded += cells @ W[p, q].T
""",
        "dx_padded or cells or dx",
        TURNED,
        "gathers from dy without rotating the filter",
    ),
]
