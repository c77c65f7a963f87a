"""Convolution as loops, in numba"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.bench import rungs

INTRO = """\
To learn: what a processor could do in the time that one turn of a Python loop takes, and how to let it.

    y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p, j + q, c] W[p, q, c, o]

The convolution of exercise 6 with stride 1; x comes padded already, y is given and written to: it holds garbage
before, and nothing is returned. Write plain loops over single numbers. `@kernel` hands them to numba, which compiles
them when they are first called with arrays; the check runs your loops as plain Python, on small arrays.

Seven loops may stand in any order, and every order is right. Not every order is fast:

  * Python, at every turn, looks up types, makes an object of each number and frees it: a thousand cycles for one
    multiplication and one addition. Compiled loops know the types beforehand: an operation is an instruction.
  * One instruction can multiply and add 4 to 16 numbers at once, a vector, if they lie side by side. In memory the
    last index goes fastest: y[n, i, j, :] and W[p, q, c, :] are such rows. So o belongs innermost: a row of y gains
    x[n, i + p, j + q, c], one number, times a row of W, and no addition waits for another.
  * With c innermost all terms go into one sum, in a fixed order: each waits for the one before, a number at a time.

On one core of an AMD Zen 5 we measured 0.0054 GFLOP/s (1e9 operations a second) for Python's loops, 1.2 for numba's
with c innermost, 44 with o innermost. The limit is numbers in a vector x 2 (multiply and add) x vectors a cycle x
cycles a second, 250 a core; below it we stay since every multiply-add still loads twice and stores once. When the
check passes, `python -m exercises check 8` compiles your loops and draws them against your machine's limit.

Predict before you run: 128 to 256 channels, 3 x 3, 8 images of 56 x 56 are 2 * 8 * 56 * 56 * 9 * 128 * 256 = 14.8e9
operations. At 0.0054 GFLOP/s that takes 46 minutes. At 1.2, at 44, at 250? And a small one: an image of one row and
one channel, x = [1, 2, 3, 4], W = [10, 1], b = 100, y = [nan, nan, nan]. (y[0] is 100 + 10 + 2 = 112; the others?)

numba compiles loops, numbers, tuples and arrays. It does not check indices: one too many reads garbage, silently."""

TIMED = True  # once it is right: runner/speed.py

IMPORTS = """\
import numba

# "contract": a * b + c may become one instruction. error_model: no look at every division whether it is by zero.
kernel = numba.njit(error_model="numpy", fastmath={"contract"}, nogil=True)"""

# (N, H, W), (P, Q), C, O; of y, H and W
SHAPES = [((2, 4, 3), (3, 2), 5, 6), ((2, 3, 3), (3, 3), 2, 2), ((1, 2, 4), (1, 3), 1, 3)]


def correlate_cases(rng):
    """All dimensions different; then all square, where swapped indices show in the numbers only; then one channel."""
    return [
        {
            "x": rng.standard_normal((N, H + P - 1, width + Q - 1, C)),
            "W": rng.standard_normal((P, Q, C, O)),
            "b": rng.standard_normal(O),
        }
        for (N, H, width), (P, Q), C, O in SHAPES
    ]


def into_garbage(correlate, case):
    """What is written to a y full of NaN."""
    x, W = case["x"], case["W"]
    (N, H, width, _), (P, Q, _, O) = x.shape, W.shape
    y = np.full((N, H - P + 1, width - Q + 1, O), np.nan, x.dtype)
    if correlate(**case, y=y) is not None:
        raise TypeError("it should return nothing, and write its result to the y that it is given")
    return y


BIAS, PRODUCT = "= b[o]\n", "x[n, i + p, j + q, c] * W[p, q, c, o]"
MISTAKES = (
    Mistake(BIAS, "+= b[o]\n", "`y` held something before, which stays in the sum: begin with =, not with +="),
    Mistake(BIAS, "= 0\n", "the bias `b` is missing"),
    Mistake(BIAS, "= P * Q * C * b[o]\n", "`b` is added to every term, P Q C times, where once is right"),
    Mistake(BIAS, "= (P * Q * C + 1) * b[o]\n", "`b` is added to every term once more"),
    Mistake(BIAS, "= P * Q * b[o]\n", "`b` is added for every filter cell, where once is right"),
    Mistake(
        "P, Q, C, _ = W.shape",
        "P, Q, C, _ = W.shape; W, b = W.cumsum(axis=3), b.cumsum()",
        "the sum goes on from one output channel to the next, where each begins anew",
    ),
    Mistake(PRODUCT, "x[n, i + p, j + q, c] * W[-1 - p, -1 - q, c, o]", "`W` is turned by half a turn"),
    Mistake(PRODUCT, "x[n, i, j, c] * W[p, q, c, o]", "p and q are missing in the place in x: i + p, j + q"),
    Mistake(PRODUCT, "x[n, i - p, j - q, c] * W[p, q, c, o]", "i - p, j - q where i + p, j + q belong"),
    Mistake(PRODUCT, "x[n, i + p - 1, j + q - 1, c] * W[p, q, c, o]", "x is padded already: i + p, j + q, without - 1"),
)

TASKS = (
    Task(
        rungs,
        "correlate",
        correlate_cases,
        ("y",),
        {
            "y": "y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p, j + q, c] W[p, q, c, o], "
            "whatever y held before",
        },
        drive=into_garbage,
        mistakes=MISTAKES,
    ),
)

HINTS = {
    "correlate": (
        "Which array's neighbours in memory does each loop walk along? And what must y hold before the first term?",
        "y[n, i, j, o] = b[o], then for every p, q, c: y[n, i, j, o] += x[n, i + p, j + q, c] W[p, q, c, o]",
        "for n, i, j: for o: y[n, i, j, o] = b[o]; then for p, q, c, and innermost "
        "for o in range(O): y[n, i, j, o] += x[n, i + p, j + q, c] * W[p, q, c, o].",
    ),
}
