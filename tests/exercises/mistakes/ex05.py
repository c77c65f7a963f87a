"""Typical mistakes in exercise 5."""

from .patterns import OVERWRITTEN
from .record import Mistake

# Long parts of the solution that a mistake replaces as a whole.
TOURNAMENT = """\
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
"""
POOL_SCATTER = """\
    for p in range(window):
        for q in range(window):
            # share = dy in the windows whose cell (p, q) won, 0 in the others.
            is_winner = winner == p * window + q
            share = dy * is_winner
            # dx_padded[n, i s + p, j s + q, c] += share[n, i, j, c]. The slice is a view of the forward's cells, so
            # the sum is written to dx_padded. A cell can win as (0, 2) of one window and as (0, 0) of the next: so add.
            cells = _cells(dx_padded, p, q, rows, columns, stride)
            cells += share
"""
SWAPPED = r"transpos|swap|exchang|q \* window|column \* window|other order|each other's place"

MISTAKES = [
    Mistake(
        5,
        "relu_forward",
        "y = x.copy()\n    y[x < 0] = 0",
        "x[x < 0] = 0\n    y = x",
        "",
        r"chang|overwr|in place|alter|modif",
        "sets the negative numbers of the caller's x to zero in place",
    ),
    Mistake(
        5,
        "relu_backward",
        "passed = cache.y > 0",
        "passed = cache.y >= 0",
        "dx",
        r">=|y > 0|x > 0|everywhere|(passed|slope|mask).*(missing|forgotten)",
        "uses the mask y >= 0, which is true everywhere",
    ),
    Mistake(
        5,
        "max_pool_forward",
        "np.full((N, H + 2 * padding, width + 2 * padding, C), -np.inf, x.dtype)",
        "np.zeros((N, H + 2 * padding, width + 2 * padding, C), x.dtype)",
        "x_padded",
        r"inf|padd.*\b(0|zeros?)\b|\b(0|zeros?)\b.*padd",
        "pads with zeros, which are larger than negative cells",
    ),
    Mistake(
        5,
        "max_pool_forward",
        TOURNAMENT,
        """\
    y = np.empty((N, rows, columns, C), x.dtype)
    winner = np.empty((N, rows, columns, C), np.uint8)
    for i in range(rows):
        for j in range(columns):
            patch = x_padded[:, i : i + window, j : j + window].reshape(N, window * window, C)
            y[:, i, j] = patch.max(axis=1)
            winner[:, i, j] = patch.argmax(axis=1)
""",
        "y or cells",
        r"stride|\bi s\b",
        "starts window (i, j) at row i instead of i * stride",
    ),
    Mistake(
        5,
        "max_pool_backward",
        POOL_SCATTER,
        """\
    for n, i, j, c in np.ndindex(dy.shape):
        p, q = divmod(int(winner[n, i, j, c]), window)
        dx_padded[n, i * stride + p, j * stride + q, c] = dy[n, i, j, c]
""",
        "dx_padded or cells or dx",
        OVERWRITTEN,
        "uses = instead of +=, so that the last of the overlapping windows wins",
    ),
    Mistake(
        5,
        "max_pool_backward",
        "is_winner = winner == p * window + q",
        "is_winner = winner == q * window + p",
        "cells or dx_padded",
        SWAPPED + r"|p \* window \+ q",
        "decodes the winner's number as q * window + p",
    ),
]
