"""The doubly stochastic penalty"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.layers import losses

INTRO = """\
To learn: a loss may ask for more than right words. alpha_t says how the model divides its look at word t over the L
locations, and sums to 1 over them. The penalty asks that it also sum to 1 over the words: by the end of a caption,
every location should have been looked at alike. (Rows and columns that sum to 1: "doubly stochastic".)

    (14, right)   penalty of a caption = sum over i of (1 - sum over t of alpha_ti)^2

The slides: lay the maps of all words over each other; what a location then lacks to 1 is squared.

A batch: mask_tb is 1 where caption b has a word t, and 0 at padding, which takes no part. The penalty is the mean
over the B captions. Two options: normalisation="mean" also divides by L, as the authors' code; target="T/L" asks for
(words of the caption) / L in place of 1, for T words have only T to give to the L locations.

Predict before you run, by hand, for one caption of three words and L = 4:
  1. The maps are [.1 .4 .2 .3], [.1 .1 .1 .7], [.0 .4 .3 .3]. What does each location lack, and what is the penalty?
  2. Which three maps are the worst of all, and what do they cost?
  3. Which are the best, and why do they still cost something?
  4. For dpenalty = 1, what is dalpha of each word in 1? Why is it the same for all three?
(1: lacking are [.8 .1 .4 -.3], and the penalty is 0.9. 2: they cost 7; find the maps, and do 3 and 4 yourself.)

The cache is DoublyStochasticCache(missing, mask, scale): what the locations lack, (B, L); the mask; and what the sum
of all squares is multiplied by, 1 / B or 1 / (B L).

NumPy is all you need."""

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
    """Captions of unlike lengths, with attention at their padding as well, under all four options."""
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

FORWARD_MISTAKES = (
    Mistake(
        "mask.sum(axis=0)[:, None] / L", "len(mask) / L", "T is the caption's own number of words, not the longest's"
    ),
    Mistake(
        "(missing * missing).sum()",
        "((aim - alpha) ** 2 * mask[..., None]).sum()",
        "squared first and then summed over words: what is missing after all words is squared",
    ),
    Mistake(
        "missing = aim - (alpha * mask[..., None]).sum(axis=0)",
        "missing = np.maximum(aim - (alpha * mask[..., None]).sum(axis=0), 0)",
        "a location that was looked at too much counts as well: missing may be below 0",
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
            "missing": "missing_bi = target - sum over t of mask_tb alpha_tbi",
            "aim": "the target is 1, or the caption's own number of words, sum over t of mask_tb, over L",
            "scale": 'scale = 1 / B for the "sum" over locations, 1 / (B L) for their "mean"',
            "B": "alpha is (T, B, L)",
            "L": "alpha is (T, B, L)",
            "cache": "the cache keeps missing, mask, scale",
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
        "The sum runs over the words of one caption, at one location. Which axis is that? And what must not be in it?",
        "missing_bi = target - sum over t of mask_tb alpha_tbi;  penalty = scale * sum over b and i of missing_bi^2",
        "mask is (T, B) and alpha (T, B, L): mask[..., None] stretches over the locations. Then .sum(axis=0).",
    ),
    "doubly_stochastic_backward": (
        "In which of the squares does alpha_tbi take part, and with which sign? Does t matter at all?",
        "d missing_bi^2 / d missing_bi = 2 missing_bi;  d missing_bi / d alpha_tbi = -mask_tb",
        "missing (B, L) times mask[..., None] (T, B, 1) gives (T, B, L): every word of a caption gets the same row.",
    ),
}
