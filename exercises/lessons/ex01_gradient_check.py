"""Gradients by measuring"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.check import gradcheck

INTRO = """\
To learn: a gradient can be measured. Move one number a little, ask the loss again, and see how it answers. That takes
two losses a number, so nobody trains by it; but it needs no algebra, and so makes none of algebra's mistakes. Every
backward pass of this course is held to it. So let us first make sure of the ruler.

    forward difference   (f(x + d) - f(x)) / d             wrong by about d / 2 times f''(x)
    central difference   (f(x + d) - f(x - d)) / (2 d)     wrong by about d^2 / 6 times f'''(x): this one is ours

    relative error       max |a - n| / (max |a| + max |n|)        a: analytic gradient, n: numerical one

Predict before you run: f(x) = x^3 at x = 2, where the slope is 12, with the huge step 1: f is 1, 8, 27 at 1, 2, 3.
Forward difference: 19. Central difference: 13. And with the step 0.1? (Central: 12.01; find the forward one.)
By how much does each error shrink when the step becomes ten times smaller?
Relative error of [3, -4] and [3, -2]: 2 / (4 + 3) = 2/7. Of [3, -4] and [-3, 4]? Of a gradient twice too large?
Of [0, 0] and [0, 0.0000005], a small gradient that somebody forgot? (1, the largest there is.)

Three things to mind:
- loss() takes no arguments: it looks at x itself. So x is moved in place, one entry at a time, and put back exactly.
  0.3 + 0.1 - 0.1 is 0.30000000000000004, so keep the old number. The check looks at the last bit (`restored`).
- A distance is never negative, and NaN > 0.001 is false: a check that forgets either passes what is broken.
- Both gradients below TINY are two zeros with rounding errors: their ratio says nothing, so compare max |a - n|.
  Empty arrays have no maximum, unless it is told where to begin: .max(initial=0)."""

IMPORTS = """\
import numpy as np

from numpy_sat.check.gradcheck import STEP, TINY"""


def relative_error_cases(rng):
    """Two wrong entries, too small and too large; a flipped sign; both tiny; one tiny; not a number; nothing at all."""
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
        {"analytic": np.empty((0, 3)), "numeric": np.empty((0, 3))},
    ]


def gradient_cases(rng):
    """Losses in which the entries meet, with large steps: what is moved and not put back shows in the others' slopes.

    In the last one x is not contiguous: a reshaped x would be a copy, which the loss does not read.
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
    """The gradient, and whether every entry of x is what it was."""
    f, x = case["f"], case["x"]
    before, step = x.copy(), {name: case[name] for name in case if name == "step"}

    def loss():
        return f(x)

    gradient = function(loss, x, **step)
    return gradient, x == before


NO_ABS = "it is without the absolute value: a negative difference counts as none"
ERROR_MISTAKES = (
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
        "the largest of the entries' own ratios: an entry that is nearly zero decides; divide the two maxima",
    ),
    Mistake(
        "return worst if _are_tiny(largest) else worst / sum(largest)",
        "return worst if _are_tiny(largest) else worst / _largest(analytic + numeric)",
        "the largest of |a + n|, which may cancel, in the place of max |a| + max |n|",
    ),
    Mistake(
        "return worst if _are_tiny(largest) else worst / sum(largest)",
        "return worst if _are_tiny(largest) else worst / _largest(abs(analytic) + abs(numeric))",
        "the largest of |a| + |n|, of one entry, in the place of max |a| + max |n|, which may be of two",
    ),
)

MOVE = """\
        x[index] = value + step
        above = loss()
        x[index] = value - step
        below = loss()
        x[index] = value
        gradient[index] = (above - below) / (2 * step)"""
GRADIENT_MISTAKES = (
    Mistake(
        MOVE,
        MOVE.replace("value - step", "value").replace("(2 * step)", "step"),
        "a one-sided difference, off by about step: go to value - step as well, and divide by 2 step",
    ),
    Mistake(
        MOVE,
        MOVE.replace("value - step", "value"),
        "`below` is taken at value, not at value - step",
    ),
    Mistake(
        MOVE,
        "        x += step\n        above = loss()\n        x -= 2 * step\n        below = loss()\n        x += step\n"
        "        gradient[index] = (above - below) / (2 * step)",
        "the whole of x is moved, where one entry should be",
    ),
    Mistake(
        "gradient = np.empty_like(x)",
        "gradient = np.empty_like(x); x = x.copy()",
        "a copy of x is moved: the loss reads the original, which stays where it is",
    ),
    Mistake(
        "gradient = np.empty_like(x)\n    for index in np.ndindex(x.shape):\n        value = x[index]\n"
        + MOVE
        + "\n    return gradient",
        "shape, x = x.shape, x.reshape(-1)\n    gradient = np.empty_like(x)\n    for index in np.ndindex(x.shape):\n"
        "        value = x[index]\n" + MOVE + "\n    return gradient.reshape(shape)",
        "reshape and ravel copy where x does not lie in memory row by row: the loss then reads the original",
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
            "gradient": "gradient = (above - below) / (2 step), an entry of x at a time",
            "restored": "x is afterwards what it was before, to the last bit: the number that was kept is put back",
            "above": "above = the loss with this entry of x at value + step, the others where they were",
            "below": "below = the loss with this entry of x at value - step, the others where they were",
            "value": "value = the entry of x before it is moved",
            "x": "this entry of x is value + step for `above`, value - step for `below`, and then value again",
        },
        drive=drive,
        changes=("x",),
        mistakes=GRADIENT_MISTAKES,
        single=False,  # with float32 the difference is mostly rounding
    ),
)

HINTS = {
    "relative_error": (
        "Which three maxima does it take? What should it say of two gradients that are zero, and what of a NaN?",
        "error = max |a - n| / (max |a| + max |n|), each max over the whole array; "
        "max |a - n| alone where both sizes are below TINY; inf where max |a - n| is not finite",
        "worst = np.abs(analytic - numeric).max(initial=0), the two sizes alike. First ask np.isfinite(worst), then "
        "whether both sizes are < TINY, then divide.",
    ),
    "numerical_gradient": (
        "Which array does loss() read? What must it be at the two calls, and when you go on to the next entry?",
        "for every index: gradient[index] = (loss with x[index] + step - loss with x[index] - step) / (2 step)",
        "for index in np.ndindex(x.shape): value = x[index]; x[index] = value + step; above = loss(); the same with "
        "minus; x[index] = value.",
    ),
}
