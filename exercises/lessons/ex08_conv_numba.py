"""Convolution as loops, in numba"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.bench import rungs

FACTS = Facts(difficulty=2, minutes=45, builds_on=(6,), chapter="kernels")

INTRO = """\
Goal            Turn Python loops into fast machine code with numba, and see how fast the processor can be. In every
                iteration, Python looks up types and creates an object for each number. That takes a thousand cycles for
                one multiplication and one addition. In compiled loops, an operation is a single instruction.

Equations       y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p, j + q, c] W[p, q, c, o]            (N, H, W, O)
                This is exercise 6 with stride 1, and x is padded already. The seven loops may have any order. All are
                right, but not all are fast. One instruction can multiply and add 4 to 16 numbers at once, if they are
                neighbors in memory. The last index has its neighbors side by side: y[n, i, j, :] and W[p, q, c, :] are
                such rows. So o belongs innermost: add x[n, i + p, j + q, c] times a row of W to a row of y. With c
                innermost, all terms go into one sum in a fixed order. So each addition waits for the one before.
                The core's limit in operations per second is: numbers in a vector x 2 (multiply and add) x vectors per
                cycle x cycles per second. numpy_sat/RESULTS.md has measured rates of such loops and of faster kernels.

Worked example  An image of one row and one channel. The old y holds arbitrary numbers, here NaN:
                x = [1, 2, 3, 4]   W = [10, 1]   b = 100   y[0] = 112            Find y[1] and y[2].
                128 to 256 channels, 3 x 3, 8 images of 56 x 56 take 2 * 8 * 56 * 56 * 9 * 128 * 256 = 14.8e9
                operations. Python's loops reached 0.0054 GFLOP/s on the machine of RESULTS.md (1 GFLOP/s is 1e9
                operations per second): 46 minutes. How long is it at 1.2 GFLOP/s, at 44, at 250?

Your task       1. correlate: write plain loops over single numbers. Write the result to the argument y, and return
                   nothing. Trap: y holds arbitrary numbers before, so do not add to them. Trap: numba does not check
                   indices. An index out of range reads arbitrary memory without an error.

Given           @kernel passes your loops to numba. numba compiles loops, numbers, tuples and arrays. The check runs
                your loops as plain Python on small arrays. When they are right, it compiles them and draws them against
                your machine's limit. There is no cache.
"""

TIMED = True  # runner/speed.py times a right solution

IMPORTS = """\
import numba

# "contract" allows a * b + c to become one instruction. error_model="numpy" omits the zero check of every division.
kernel = numba.njit(error_model="numpy", fastmath={"contract"}, nogil=True)"""

# (N, H, W), (P, Q), C, O; H and W are those of y
SHAPES = [((2, 4, 3), (3, 2), 5, 6), ((2, 3, 3), (3, 3), 2, 2), ((1, 2, 4), (1, 3), 1, 3), ((2, 3, 2), (2, 1), 1, 2)]


def correlate_cases(rng):
    """Return cases with all sizes different, all sizes equal (only numbers show swapped indices), and one channel."""
    return [
        {
            "x": rng.standard_normal((N, H + P - 1, width + Q - 1, C)),
            "W": rng.standard_normal((P, Q, C, O)),
            "b": rng.standard_normal(O),
        }
        for (N, H, width), (P, Q), C, O in SHAPES
    ]


def into_garbage(correlate, case):
    """Return the result that correlate writes to a y full of NaN, or of 7 if there is one channel only."""
    x, W = case["x"], case["W"]
    (N, H, width, _), (P, Q, _, O) = x.shape, W.shape
    y = np.full((N, H - P + 1, width - Q + 1, O), np.nan if x.shape[3] > 1 else 7, x.dtype)
    if correlate(**case, y=y) is not None:
        raise TypeError("it should return nothing, and write its result to the argument y")
    return y


BIAS, PRODUCT = "= b[o]\n", "x[n, i + p, j + q, c] * W[p, q, c, o]"
MISTAKES = (
    Mistake(
        "P, Q, C, _ = W.shape", "P, Q, C, _ = W.shape; y = y.copy()", "the result is in a new array: write it to y"
    ),
    Mistake(
        PRODUCT,
        "x[n, min(i + q, x.shape[1] - 1), min(j + p, x.shape[2] - 1), c] * W[p, q, c, o]",
        "p and q are exchanged: p belongs to the row i, q to the column j",
    ),
    Mistake(PRODUCT, "x[n, i + q, j + p, c] * W[p, q, c, o]", "p and q are exchanged: p goes with i, q with j"),
    Mistake(PRODUCT, "x[n, i + p, j + q, c] * W[q, p, c, o]", "p and q are exchanged in W"),
    Mistake(BIAS, "+= b[o]\n", "`y` is not initialized, so old numbers stay in the sum: begin with =, not with +="),
    Mistake(BIAS, "= 0\n", "the bias `b` is missing"),
    Mistake(BIAS, "= P * Q * C * b[o]\n", "`b` is added to every term, P Q C times; add it once"),
    Mistake(BIAS, "= (P * Q * C + 1) * b[o]\n", "`b` is added again to every term"),
    Mistake(BIAS, "= C * b[o]\n", "`b` is added for every input channel; add it once"),
    Mistake(BIAS, "= P * Q * b[o]\n", "`b` is added for every filter cell; add it once"),
    Mistake(
        "P, Q, C, _ = W.shape",
        "P, Q, C, _ = W.shape; W, b = W.cumsum(axis=3), b.cumsum()",
        "the sum continues from one output channel to the next: start a new sum for each channel",
    ),
    Mistake(PRODUCT, "x[n, i + p, j + q, c] * W[-1 - p, -1 - q, c, o]", "`W` is rotated by half a turn"),
    *(
        Mistake(
            PRODUCT,
            f"({last}) * {PRODUCT}",
            f"the sum begins with `b` again at every {place}; only the last one counts",
        )
        for last, place in (
            ("p == P - 1", "row p of the filter"),
            ("p == P - 1 and q == Q - 1", "cell (p, q) of the filter"),
        )
    ),
    *(
        Mistake(BIAS, f"= (b[o] if {k} == 0 else y[{before}, o])\n", f"the sum runs on: begin it with `b` {place}")
        for k, before, place in (
            ("j", "n, i, j - 1", "for every pixel, also of one row"),
            ("i", "n, i - 1, j", "for every row i"),
            ("n", "n - 1, i, j", "for every image n"),
        )
    ),
    Mistake(PRODUCT, "x[n, i, j, c] * W[p, q, c, o]", "p and q are missing in the indices of x: i + p, j + q"),
    Mistake(PRODUCT, "x[n, i - p, j - q, c] * W[p, q, c, o]", "i - p, j - q where i + p, j + q belong"),
    Mistake(
        PRODUCT,
        "x[n, i + p - 1, j + q - 1, c] * W[p, q, c, o]",
        "x is padded already, so the indices are i + p, j + q, without - 1",
    ),
)

TASKS = (
    Task(
        rungs,
        "correlate",
        correlate_cases,
        ("y",),
        {
            "y": "y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p, j + q, c] W[p, q, c, o], "
            "for any old numbers in y",
        },
        drive=into_garbage,
        mistakes=MISTAKES,
    ),
)

HINTS = {
    "correlate": (
        "Along which arrays' neighbors in memory does each loop move? What must y hold before the first term?",
        "y[n, i, j, o] = b[o], then for every p, q, c: y[n, i, j, o] += x[n, i + p, j + q, c] W[p, q, c, o]",
        "x is (N, H + P - 1, W + Q - 1, C), the filter (P, Q, C, O), b is (O,), y is (N, H, W, O): i runs to H, j to "
        "W, p to P, q to Q.",
        "for n, i, j: for o: y[n, i, j, o] = b[o]; then for p, q, c, and innermost "
        "for o in range(O): y[n, i, j, o] += x[n, i + p, j + q, c] * W[p, q, c, o].",
    ),
}


def pencil():
    """Return the worked example of the page."""
    x, W = np.arange(1.0, 5).reshape(1, 1, 4, 1), np.array([10.0, 1]).reshape(1, 2, 1, 1)
    return [Example("correlate", {"x": x, "W": W, "b": np.array([100.0])})]
