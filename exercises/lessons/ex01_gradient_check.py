"""Gradients by measuring"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.check import gradcheck

FACTS = Facts(difficulty=1, minutes=30, chapter="measuring_gradients")

INTRO = """\
Goal            Measure a gradient: change one number a little, and compute the loss again. This is too slow for
                training, because it takes two losses per number. But it needs no algebra, so it makes no algebra
                mistakes. Every backward pass of this course is checked against it. So first make sure that the check
                itself is right.

Equations       forward difference   (f(x + d) - f(x)) / d               error about d / 2 times f''(x)
                central difference   (f(x + d) - f(x - d)) / (2 d)       error about d^2 / 6 times f'''(x)
                relative error       max |a - n| / (max |a| + max |n|)   a number; a: analytic, n: numerical gradient

Worked example  f(x) = x^3 at x = 2, where the slope is 12, with the huge step d = 1. f is 1, 8 and 27 at 1, 2 and 3.
                forward = 19   central = 13            With d = 0.1, central = 12.01. Find the forward difference.
                By how much does each error shrink when the step becomes ten times smaller?
                a = [3, -4]   n = [3, -2]   error = 2/7   Find it with [-3, 4] as n, and for a gradient twice too large.
                a = [0, 0]   n = [0, 5e-7]   error = 1       the largest value possible: a small gradient was forgotten

Your task       1. relative_error: compute the error of two whole arrays, not of each entry. If max |a| and max |n| are
                   both below TINY, return max |a - n|, because both arrays are zeros with rounding errors. Trap: a
                   distance is never negative, and NaN > 0.001 is False. A careless check accepts a NaN. Return np.inf
                   if an entry is NaN or infinite.
                2. numerical_gradient: loss() takes no arguments and reads x itself. So change x in place, one entry at
                   a time. Trap: 0.3 + 0.1 - 0.1 is 0.30000000000000004. So store the old number and restore it. The
                   check compares x to the last bit (`restored`).

Given           STEP is the size of the step. Below TINY, a gradient counts as zero. Empty arrays have no maximum,
                unless you give a start value: .max(initial=0).
"""

IMPORTS = """\
import numpy as np

from numpy_sat.check.gradcheck import STEP, TINY"""


def relative_error_cases(rng):
    """Return pairs with wrong entries, a flipped sign, both tiny, one tiny, a NaN, infinity, and empty arrays."""
    numeric = rng.uniform(-2, 2, (3, 4))
    numeric[2, 1], numeric[0, 3] = -4, 0.5
    analytic = numeric.copy()
    analytic[2, 1], analytic[0, 3] = -5.5, 1.5
    tiny = 0.9 * gradcheck.TINY
    return [
        {"analytic": analytic, "numeric": numeric},
        {"analytic": analytic[0], "numeric": -analytic[0]},
        {"analytic": np.array([3.0, 0.5]), "numeric": np.array([0.5, -3.0])},
        {"analytic": np.array([tiny, 0, 0]), "numeric": np.array([-tiny, 0, 0])},
        {"analytic": np.zeros(2), "numeric": np.array([0, 5e-7])},
        {"analytic": np.array([gradcheck.TINY, 0]), "numeric": np.zeros(2)},
        {"analytic": np.array([1, np.nan]), "numeric": np.ones(2)},
        {"analytic": np.array([[0.5, 2], [1, 1]]), "numeric": np.array([[np.nan, 2], [-3, 1]])},
        {"analytic": np.array([1, np.inf]), "numeric": np.ones(2)},
        {"analytic": np.ones(2), "numeric": np.array([-np.inf, 1])},
        {"analytic": np.empty((0, 3)), "numeric": np.empty((0, 3))},
    ]


def gradient_cases(rng):
    """Return losses with products of entries, and large steps.

    An entry that is not restored changes the gradients of the others. One x is not contiguous: reshaping it makes a
    copy, which the loss does not read.
    """
    return [
        {"f": _cubic, "x": rng.uniform(-1, 1, (2, 3)), "step": 0.3},
        {"f": _cubic, "x": np.array([2.0]), "step": 1.0},
        {"f": _waves, "x": rng.uniform(-1, 1, (4, 3)).T, "step": 0.1},
        {"f": _waves, "x": rng.uniform(-1, 1, 5)},
    ]


def _cubic(x):
    return float((x**3).sum() + (x[:-1] * x[1:] ** 2).sum() * x.sum())


def _waves(x):
    return float(np.sin(x + x.sum()).sum())


def drive(function, case):
    """Return the gradient, and a boolean array: True where x has its old value."""
    f, x = case["f"], case["x"]
    before, step = x.copy(), {name: case[name] for name in case if name == "step"}

    def loss():
        return f(x)

    gradient = function(loss, x, **step)
    return gradient, x == before


NO_ABS = "the absolute value is missing: a negative difference counts as zero"
QUOTIENT = "return worst if _are_tiny(largest) else worst / sum(largest)"
SIZES = "np.abs(analytic) + np.abs(numeric)"
OF_ENTRIES = (
    "the largest ratio of single entries: an entry near zero dominates it; divide the maxima over the whole arrays"
)
UNCHECKED = "a NaN must give inf: test np.isfinite(worst) first"
ERROR_MISTAKES = (
    *(
        Mistake(
            QUOTIENT,
            f"return worst if _are_tiny(largest) else float(np.max(np.abs(analytic - numeric) / ({sizes})))",
            OF_ENTRIES,
        )
        for sizes in (
            f"np.maximum(1e-8, {SIZES})",
            f"np.maximum(1e-12, {SIZES})",
            f"np.maximum(TINY, {SIZES})",
            f"{SIZES} + 1e-8",
            f"{SIZES} + 1e-12",
            "np.maximum(np.abs(analytic), np.abs(numeric))",
        )
    ),
    Mistake(
        QUOTIENT,
        "return worst if _are_tiny(largest) else "
        "np.linalg.norm(analytic - numeric) / (np.linalg.norm(analytic) + np.linalg.norm(numeric))",
        "norms where maxima belong: a single wrong entry hides among many right ones",
    ),
    Mistake(
        QUOTIENT,
        "return worst if _are_tiny(largest) else abs(analytic - numeric).mean() / sum(largest)",
        "the mean of |a - n| where its maximum belongs",
    ),
    Mistake(QUOTIENT, "return worst / sum(largest)", "two arrays below TINY need max |a - n| alone, not the ratio"),
    Mistake(QUOTIENT, "return worst / max(sum(largest), 1e-8)", "arrays below TINY need max |a - n|, not a ratio"),
    Mistake(
        QUOTIENT,
        "return worst if _are_tiny(largest) else worst / max(largest)",
        "the larger of max |a| and max |n| where their sum belongs",
    ),
    Mistake("if not np.isfinite(worst):", "if False:", UNCHECKED),
    Mistake("return np.inf", "return np.nan", UNCHECKED),
    Mistake("return np.inf", "return 0.0", UNCHECKED),
    Mistake("if not np.isfinite(worst):", "if np.isnan(analytic).any():", "a NaN in `numeric` must give inf, too"),
    Mistake(
        "if not np.isfinite(worst):",
        "if np.isnan(worst):",
        "only NaN is tested: inf divided by inf is NaN, so an infinite entry must give inf, too",
    ),
    Mistake(
        "worst, largest = _largest(analytic - numeric)",
        "worst, largest = float((analytic - numeric).max(initial=0))",
        NO_ABS,
    ),
    Mistake(
        "worst, largest = _largest(analytic - numeric)",
        "worst, largest = float((analytic - numeric).max(initial=-np.inf))",
        NO_ABS,
    ),
    Mistake(
        "return worst if _are_tiny(largest) else worst / sum(largest)",
        "return worst if _are_tiny(largest) else (np.abs(analytic - numeric) / (abs(analytic) + abs(numeric))).max()",
        "the largest ratio of single entries: an entry near zero dominates it; divide the maxima over the whole arrays",
    ),
    Mistake(
        "return worst if _are_tiny(largest) else worst / sum(largest)",
        "return worst if _are_tiny(largest) else worst / _largest(analytic + numeric)",
        "max |a + n|, where a and n may cancel, where max |a| + max |n| belongs",
    ),
    Mistake(
        "return worst if _are_tiny(largest) else worst / sum(largest)",
        "return worst if _are_tiny(largest) else worst / _largest(abs(analytic) + abs(numeric))",
        "the largest |a| + |n| of one entry, where max |a| + max |n| belongs, which may be of two entries",
    ),
)

MOVE = """\
        x[index] = value + step
        above = loss()
        x[index] = value - step
        below = loss()
        x[index] = value
        gradient[index] = (above - below) / (2 * step)"""
ADDED = "x is moved back by adding the step, which leaves a rounding error: store the old number and put it back"
GRADIENT_MISTAKES = (
    Mistake(
        MOVE,
        MOVE.replace("x[index] = value + step", "x[index] += step")
        .replace("x[index] = value - step", "x[index] -= 2 * step")
        .replace("x[index] = value\n", "x[index] += step\n"),
        ADDED,
        "restored",
    ),
    Mistake(MOVE, MOVE.replace("x[index] = value\n", "x[index] += step\n"), ADDED, "restored"),
    Mistake(
        MOVE,
        MOVE.replace("value - step", "value").replace("(2 * step)", "step"),
        "a one-sided difference, with an error of about step: use value - step as well, and divide by 2 step",
    ),
    Mistake(
        MOVE,
        MOVE.replace("value - step", "value"),
        "`below` is the loss at value, where the loss at value - step belongs",
    ),
    Mistake(
        MOVE,
        "        x += step\n        above = loss()\n        x -= 2 * step\n        below = loss()\n        x += step\n"
        "        gradient[index] = (above - below) / (2 * step)",
        "the whole of x is moved, where only one entry should move",
    ),
    Mistake(
        "for index in np.ndindex(x.shape):\n        value = x[index]\n",
        "for index in range(len(x)):\n        value = x[index].copy()\n",
        "a whole row of x is moved where only one entry should move",
    ),
    Mistake(
        "gradient = np.empty_like(x)\n    for index in np.ndindex(x.shape):\n        value = x[index]\n"
        + MOVE
        + "\n    return gradient",
        "gradient, before = np.empty_like(x), x.copy()\n    for index in np.ndindex(x.shape):\n"
        "        value = before[index]\n"
        + MOVE.replace("        x[index] = value\n", "")
        + "\n    x[...] = before\n    return gradient",
        "an entry stays at value - step while the next ones are moved: put it back before",
        "x",
    ),
    Mistake(
        "gradient = np.empty_like(x)",
        "gradient = np.empty_like(x); x = x.copy()",
        "a copy of x is moved: the loss reads the original, which does not change",
    ),
    Mistake(
        "gradient = np.empty_like(x)\n    for index in np.ndindex(x.shape):\n        value = x[index]\n"
        + MOVE
        + "\n    return gradient",
        "shape, x = x.shape, x.reshape(-1)\n    gradient = np.empty_like(x)\n    for index in np.ndindex(x.shape):\n"
        "        value = x[index]\n" + MOVE + "\n    return gradient.reshape(shape)",
        "reshape and ravel copy an x that is not contiguous: the loss then reads the original",
    ),
)

TASKS = (
    Task(
        gradcheck,
        "relative_error",
        relative_error_cases,
        ("error",),
        {
            "error": "error = max |a - n| / (max |a| + max |n|); where both are below TINY, max |a - n|; inf for NaN",
            "worst": "worst = max |a - n| over all entries",
            "largest": "largest = max |a| and max |n|, each over all entries",
        },
        mistakes=ERROR_MISTAKES,
    ),
    Task(
        gradcheck,
        "numerical_gradient",
        gradient_cases,
        ("gradient", "restored"),
        {
            "gradient": "gradient = (above - below) / (2 step), for one entry of x at a time",
            "restored": "x is restored to the last bit: the stored number is put back",
            "above": "above = the loss with this entry of x at value + step, the others unchanged",
            "below": "below = the loss with this entry of x at value - step, the others unchanged",
            "value": "value = the entry of x before it is moved",
            "x": "this entry of x is value + step for `above`, value - step for `below`, and then value again",
        },
        drive=drive,
        changes=("x",),
        mistakes=GRADIENT_MISTAKES,
        single=False,  # in float32 the difference is mostly rounding error
    ),
)

HINTS = {
    "relative_error": (
        "Which three maxima does it need? What should it return for two zero gradients, and for a NaN?",
        "error = max |a - n| / (max |a| + max |n|), each max over the whole array; "
        "max |a - n| alone where both sizes are below TINY; inf where max |a - n| is not finite",
        "analytic and numeric have the same shape, (...). Each maximum over it is one number, so the result is a "
        "float. Empty arrays, such as (0, 3), have no maximum without initial=0.",
        "worst = np.abs(analytic - numeric).max(initial=0), and the two sizes in the same way. First test "
        "np.isfinite(worst), then whether both sizes are < TINY, then divide.",
    ),
    "numerical_gradient": (
        "Which array does loss() read? What must it contain at the two calls, and before the next entry?",
        "for every index: gradient[index] = (loss with x[index] + step - loss with x[index] - step) / (2 step)",
        "gradient has the shape of x, whatever it is. index is a tuple with one number for each axis of x, so "
        "x[index] and gradient[index] are numbers.",
        "for index in np.ndindex(x.shape): value = x[index]; x[index] = value + step; above = loss(); the same with "
        "minus; x[index] = value.",
    ),
}


def pencil():
    """Return the worked example of the page."""

    def cube(x):
        return float((x**3).sum())

    a = np.array([3.0, -4])
    return [
        Example("relative_error", {"analytic": a, "numeric": np.array([3.0, -2])}),
        Example("relative_error", {"analytic": a, "numeric": -a}),
        Example("relative_error", {"analytic": np.zeros(2), "numeric": np.array([0, 5e-7])}),
        Example("numerical_gradient", {"f": cube, "x": np.array([2.0]), "step": 1.0}),
        Example("numerical_gradient", {"f": cube, "x": np.array([2.0]), "step": 0.1}),
    ]
