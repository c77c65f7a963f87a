"""Softmax and log-sum-exp"""

import numpy as np

from exercises.judging.judge import Task
from exercises.lessons import Facts
from numpy_sat.layers import softmax

FACTS = Facts(difficulty=2, minutes=40, chapter="softmax")

INTRO = """\
To learn: how scores become probabilities (of words here, of locations in exercise 11).

    softmax        p_i = exp(x_i) / sum over j of exp(x_j)
    its backward   dx_i = p_i (dp_i - sum over j of p_j dp_j)          each score affects every p of its row
    log sum exp    log_sum = log of sum over j of exp(x_j), so that log p_i = x_i - log_sum

exp(710) is infinite. Subtracting the same number from all scores of a row changes no p (why?). So subtract the row's
maximum. A p below 1e-324 is 0, and its log is infinite. So exercise 27 computes log p from log_sum, not from p.

Predict before you run: softmax of [0, 0] is [1/2, 1/2]; of [1000, 1000 + ln 3] it is [1/4, 3/4]. Of [0, ln 3, ln 4]?
Backward at p = [1/2, 1/2]: dp = [1, 0] gives dx = [1/4, -1/4]. What does dp = [7, 7] give, and why must it?

The cache is SoftmaxCache(p)."""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.softmax import SoftmaxCache"""


def score_cases(rng):
    """Return cases of ordinary scores, a square array, large scores whose exp overflows, and equal scores."""
    large = rng.standard_normal((4, 5)) + np.array([[1000], [-1000], [0], [900]])
    large[3] = [-1000, -1001, 1000, -1000, -999]
    return [{"x": 2 * rng.standard_normal(shape)} for shape in ((2, 3, 5), (4, 4))] + [{"x": large}, {"x": np.ones(6)}]


def softmax_backward_cases(rng):
    """Return a random dp for each forward case."""
    cases = []
    for inputs in score_cases(rng):
        p, cache = softmax.softmax_forward(**inputs)
        cases.append({"dp": rng.standard_normal(p.shape), "cache": cache})
    return cases


TASKS = (
    Task(
        softmax,
        "softmax_forward",
        score_cases,
        ("p", "cache"),
        {
            "p": "p_i = exp_i / sum over j of exp_j, j over the last axis",
            "exp": "exp_i = exp(x_i - the largest of its row)",
            "cache": "the cache is SoftmaxCache(p)",
        },
    ),
    Task(
        softmax,
        "softmax_backward",
        softmax_backward_cases,
        ("dx",),
        {"dx": "dx_i = p_i (dp_i - sum over j of p_j dp_j)"},
    ),
    Task(
        softmax,
        "log_sum_exp",
        score_cases,
        ("log_sum",),
        {
            "log_sum": "log_sum = largest + log of the sum over j of exp(x_j - largest)",
            "largest": "largest = the largest score of each row",
        },
    ),
)

HINTS = {
    "softmax_forward": (
        "Which number of a row can be subtracted without changing p? Along which axis do the p sum to 1?",
        "p_i = exp(x_i - m) / sum over j of exp(x_j - m), where m is the largest x_j of the row",
        "x.max(axis=-1, keepdims=True) and exp.sum(axis=-1, keepdims=True): with keepdims they broadcast to rows.",
    ),
    "softmax_backward": (
        "If x_i grows, what happens to p_i, and what to all the others?",
        "dp_j/dx_i = p_j (1 if i = j, else 0) - p_j p_i, so dx_i = p_i dp_i - p_i sum over j of p_j dp_j",
        "p * (dp - (p * dp).sum(axis=-1, keepdims=True)): the sum is one number for each row.",
    ),
    "log_sum_exp": (
        "exp(x_j) = exp(m) exp(x_j - m): what becomes of the factor exp(m) under the logarithm?",
        "log_sum = m + log of the sum over j of exp(x_j - m), where m is the largest x_j of the row",
        "m = x.max(axis=-1) has one axis less than x: x - m[..., None] adds it again.",
    ),
}
