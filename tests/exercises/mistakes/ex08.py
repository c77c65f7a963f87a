"""Typical mistakes in exercise 8."""

from .patterns import BIAS_TIMES
from .record import Mistake

# Long parts of the solution that a mistake replaces as a whole.
CORRELATE_LOOPS = """\
                # y[n, i, j, o] = b[o]. y arrives uninitialized, so assign the bias before adding.
                for o in range(O):
                    y[n, i, j, o] = b[o]
                # Add all terms of this row of y. The window of (i, j) begins at cell (i, j) of the padded image.
                for p in range(P):
                    for q in range(Q):
                        for c in range(C):
                            # One number of the image appears in all O results, each with its own weight.
                            pixel = x[n, i + p, j + q, c]
                            # y[n, i, j, o] += x[n, i + p, j + q, c] W[p, q, c, o]. The compiler vectorizes this loop.
                            for o in range(O):
                                y[n, i, j, o] += pixel * W[p, q, c, o]"""

MISTAKES = [
    Mistake(
        8,
        "correlate",
        "y[n, i, j, o] = b[o]\n",
        "y[n, i, j, o] += b[o]\n",
        "y",
        r"garbage|held|NaN|nan\b|initiali|uninit",
        "adds to the old values of y",
    ),
    Mistake(
        8,
        "correlate",
        CORRELATE_LOOPS,
        """\
                total = 0.0
                for o in range(O):
                    total += b[o]
                    for p in range(P):
                        for q in range(Q):
                            for c in range(C):
                                total += x[n, i + p, j + q, c] * W[p, q, c, o]
                    y[n, i, j, o] = total""",
        "y",
        r"next|reset|goes on|anew|running|cumul|output channel",
        "does not reset the running sum for each output channel",
    ),
    Mistake(
        8,
        "correlate",
        CORRELATE_LOOPS,
        """\
                for o in range(O):
                    s = 0.0
                    for p in range(P):
                        for q in range(Q):
                            for c in range(C):
                                s += x[n, i + p, j + q, c] * W[p, q, c, o] + b[o]
                    y[n, i, j, o] = s""",
        "y",
        BIAS_TIMES,
        "adds the bias for every term, P Q C times",
    ),
    Mistake(
        8,
        "correlate",
        "pixel = x[n, i + p, j + q, c]",
        "pixel = x[n, i + p - 1, j + q - 1, c]",
        "y",
        r"- 1|padded|negative|wrap|border|begins|(one|1) (row|cell)",
        "starts one row and column too early, as if x were not padded; -1 wraps around",
    ),
    Mistake(
        8,
        "correlate",
        "pixel * W[p, q, c, o]",
        "pixel * W[p, q, o, c]",
        "y",
        r"transpos|swap|exchang|o, c|order|each other's place",
        "swaps the last two indices of W",
    ),
    Mistake(
        8,
        "correlate",
        "for i in range(H):\n            for j in range(width):",
        "for i in range(H - P + 1):\n            for j in range(width - Q + 1):",
        "y",
        r"H - P|\brows?\b|bounds|not (all )?(written|filled)|NaN|nan\b",
        "computes the range from y's H, so that the last rows and columns are not written",
    ),
]
