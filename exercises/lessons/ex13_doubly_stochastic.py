"""The doubly stochastic penalty"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import losses

FACTS = Facts(difficulty=2, minutes=40, builds_on=(28,), chapter="doubly_stochastic")

INTRO = """\
Goal            Make the attention cover the whole image. alpha_t is the attention map of word t, and it sums to 1 over
                the L locations. The attention penalty, the second term of the loss, asks that it also sum to 1 over the
                words. Then every location of the image gets the same total attention. (A matrix whose rows and columns
                sum to 1 is doubly stochastic.)

Equations       missing_bi  = aim_b - sum over t of mask_tb alpha_tbi                 (B, L)     aim_b: 1, or T_b / L
                (14, right)   penalty = scale * sum over b and i of missing_bi^2   a number   scale: 1 / B, or 1 / (B L)
                dalpha_tbi  = - 2 scale dpenalty missing_bi at words, 0 at padding    (T, B, L)
                mask_tb is 1 where caption b has a word t, and 0 at padding. normalisation="mean" divides by L as well.
                (So does the authors' code, which sums over captions.) With target="one", aim_b is 1. With "T/L", it is
                T_b / L, where T_b is the caption's number of words.

Worked example  One caption of three words, L = 4:
                maps = [[.1, .4, .2, .3], [.1, .1, .1, .7], [0, .4, .3, .3]]  missing = [.8, .1, .4, -.3]  penalty = .9
                1. For dpenalty = 1, find dalpha of each word. Why is it the same for all three?
                2. Which three maps are the worst of all? Their penalty is 7.
                3. Which are the best, and why is their penalty not 0?

Your task       1. doubly_stochastic_forward: compute the penalty, and missing and scale for the cache. Raise ValueError
                   for any other normalisation or target. Trap: alpha at padding is not 0, so multiply by the mask.
                2. doubly_stochastic_backward: compute dalpha. Trap: it is 0 at padding.

Given           NumPy is all you need. The cache DoublyStochasticCache(missing, mask, scale) is packed and unpacked for
                you. missing is (B, L), and scale is a number.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.losses import DoublyStochasticCache"""

CASES = [  # captions' words, T, L, options
    ((5, 2, 4), 5, 6, {}),
    ((2, 4), 4, 5, {"normalisation": "mean", "target": "T/L"}),
    ((3, 1, 2), 3, 3, {"normalisation": "mean", "target": "one"}),
    ((3,), 4, 2, {"normalisation": "sum", "target": "T/L"}),
]


def forward_cases(rng):
    """Return captions of different lengths, with attention also at padding, for all four options."""
    cases = []
    for lengths, T, L, options in CASES:
        alpha = rng.dirichlet(np.ones(L), (T, len(lengths)))
        mask = (np.arange(T)[:, None] < lengths).astype(float)
        cases.append({"alpha": alpha, "mask": mask, **options})
    return cases


def backward_cases(rng):
    """Return a random dpenalty for each forward case."""
    forwards = [losses.doubly_stochastic_forward(**inputs) for inputs in forward_cases(rng)]
    return [{"dpenalty": rng.standard_normal(), "cache": cache} for _, cache in forwards]


UNKNOWN = {"alpha": np.full((2, 1, 4), 0.25), "mask": np.ones((2, 1))}

WORDS_SQUARED = "each word is squared by itself; the square belongs outside of the sum over words"
FORWARD_MISTAKES = (
    Mistake("(missing * missing).sum()", "((1 - alpha) ** 2 * mask[..., None]).sum()", WORDS_SQUARED),
    Mistake("(missing * missing).sum()", "((1 - alpha * mask[..., None]) ** 2).sum()", WORDS_SQUARED),
    Mistake("(missing * missing).sum()", "(alpha * alpha * mask[..., None]).sum()", WORDS_SQUARED),
    Mistake("(missing * missing).sum()", "np.abs(missing).sum()", "absolute values where squares belong"),
    Mistake(
        "(missing * missing).sum()", "missing.sum() ** 2", "the square of the sum where the sum of squares belongs"
    ),
    Mistake(
        "mask.sum(axis=0)[:, None] / L", "len(mask) / L", "T is the caption's own number of words, not the longest's"
    ),
    Mistake(
        "(missing * missing).sum()",
        "((aim - alpha) ** 2 * mask[..., None]).sum()",
        "squared before the sum over words: square what is missing after the sum over all words",
    ),
    Mistake(
        "missing = aim - (alpha * mask[..., None]).sum(axis=0)",
        "missing = np.maximum(aim - (alpha * mask[..., None]).sum(axis=0), 0)",
        "a location with too much attention counts as well: missing may be negative",
    ),
    Mistake(
        "* (missing * missing).sum()", "* np.sqrt((missing * missing).sum())", "the sum of the squares has no root"
    ),
)

TASKS = (
    Task(
        losses,
        "doubly_stochastic_forward",
        forward_cases,
        ("penalty", "cache"),
        {
            "penalty": "(14) penalty = scale * sum over b and i of missing_bi^2",
            "missing": "missing_bi = aim_b - sum over t of mask_tb alpha_tbi",
            "aim": "aim_b is 1, or T_b / L with the caption's own number of words, T_b = sum over t of mask_tb",
            "scale": 'scale = 1 / B for the "sum" over locations, 1 / (B L) for their "mean"',
            "B": "alpha is (T, B, L)",
            "L": "alpha is (T, B, L)",
            "cache": "the cache is DoublyStochasticCache(missing, mask, scale)",
        },
        refused=({**UNKNOWN, "normalisation": "max"}, {**UNKNOWN, "target": "T"}),
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        losses,
        "doubly_stochastic_backward",
        backward_cases,
        ("dalpha",),
        {"dalpha": "dalpha_tbi = dpenalty * scale * (-2 missing_bi) * mask_tb"},
    ),
)

HINTS = {
    "doubly_stochastic_forward": (
        "The sum runs over the words of one caption, at one location. Which axis is that? What must the sum exclude?",
        "missing_bi = aim_b - sum over t of mask_tb alpha_tbi;  penalty = scale * sum over b and i of missing_bi^2",
        "alpha is (T, B, L). mask is (T, B), as (T, B, 1). The sum over T leaves missing, (B, L). penalty is one "
        "number.",
        "mask is (T, B) and alpha (T, B, L): mask[..., None] is broadcast over the locations. Then .sum(axis=0).",
    ),
    "doubly_stochastic_backward": (
        "Which of the squares contains alpha_tbi, and with which sign? Does the result depend on t?",
        "d missing_bi^2 / d missing_bi = 2 missing_bi;  d missing_bi / d alpha_tbi = -mask_tb",
        "dalpha is (T, B, L). missing is (B, L), broadcast over T; mask[..., None] is (T, B, 1), broadcast over L.",
        "missing (B, L) times mask[..., None] (T, B, 1) is (T, B, L): every word of a caption has the same row.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    alpha = np.array([[0.1, 0.4, 0.2, 0.3], [0.1, 0.1, 0.1, 0.7], [0, 0.4, 0.3, 0.3]])[:, None]
    inputs = {"alpha": alpha, "mask": np.ones((3, 1))}
    _, cache = losses.doubly_stochastic_forward(**inputs)
    gradient = {"dpenalty": 1.0, "cache": cache}
    return [Example("doubly_stochastic_forward", inputs), Example("doubly_stochastic_backward", gradient)]
