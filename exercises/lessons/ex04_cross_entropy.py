"""Softmax and log-sum-exp"""

import numpy as np

from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import softmax

FACTS = Facts(difficulty=2, minutes=40, chapter="softmax")

INTRO = """\
Goal            Turn scores into probabilities: of words here, of locations in exercise 28. A score may be any number,
                and exp(710) is already infinite. So you also learn to compute a softmax that never overflows.

Equations       softmax        p_i = exp(x_i) / sum over j of exp(x_j)           (..., K)   each row sums to 1
                its backward   dx_i = p_i (dp_i - sum over j of p_j dp_j)        (..., K)
                log sum exp    log_sum = log of sum over j of exp(x_j)           (...)      so log p_i = x_i - log_sum
                Subtracting the same number from all scores of a row changes no p (why?). So subtract the row's maximum
                first. A p below 1e-324 is 0, and its log is infinite. So exercise 27 computes log p from log_sum, not
                from p.

Worked example  x = [0, 0]   p = [1/2, 1/2]           x = [1000, 1000 + ln 3]   p = [1/4, 3/4]
                x = [0, ln 3, ln 4]                   Find p. What is log_sum?
                p = [1/2, 1/2]   dp = [1, 0]   dx = [1/4, -1/4]
                p = [1/2, 1/2]   dp = [7, 7]          Find dx. Why must it be so?

Your task       1. softmax_forward: compute p over the last axis. Trap: each row has its own maximum and its own sum.
                2. softmax_backward: compute dx. Each score affects every p of its row, so dx_i has two terms.
                3. log_sum_exp: compute the log of the sum. It must be finite wherever the scores are finite.

Given           NumPy is all you need. With keepdims=True, a maximum or sum keeps its axis, with length 1, and
                broadcasts to the rows. The cache SoftmaxCache(p) is packed and unpacked for you.
"""

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
        "x, exp and p are (..., K). The largest number and the sum of a row need the shape (..., 1), so that they "
        "broadcast along the row.",
        "x.max(axis=-1, keepdims=True) and exp.sum(axis=-1, keepdims=True): with keepdims they broadcast to rows.",
    ),
    "softmax_backward": (
        "If x_i grows, what happens to p_i, and what to all the others?",
        "dp_j/dx_i = p_j (1 if i = j, else 0) - p_j p_i, so dx_i = p_i dp_i - p_i sum over j of p_j dp_j",
        "dp, p and dx are (..., K). The sum over j of p_j dp_j is one number for each row, (..., 1).",
        "p * (dp - (p * dp).sum(axis=-1, keepdims=True)): the sum is one number for each row.",
    ),
    "log_sum_exp": (
        "exp(x_j) = exp(m) exp(x_j - m): what becomes of the factor exp(m) under the logarithm?",
        "log_sum = m + log of the sum over j of exp(x_j - m), where m is the largest x_j of the row",
        "x is (..., K), and the result is (...): one number for each row. The largest number is needed as (..., 1) "
        "inside exp, and as (...) outside.",
        "m = x.max(axis=-1) has one axis less than x: x - m[..., None] adds it again.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    x = np.log([1.0, 3, 4])
    cache = softmax.SoftmaxCache(np.array([0.5, 0.5]))
    return [
        Example("softmax_forward", {"x": np.zeros(2)}),
        Example("softmax_forward", {"x": 1000 + np.log([1.0, 3])}),
        Example("softmax_forward", {"x": x}),
        Example("softmax_backward", {"dp": np.array([1.0, 0]), "cache": cache}),
        Example("softmax_backward", {"dp": np.array([7.0, 7]), "cache": cache}),
        Example("log_sum_exp", {"x": x}),
    ]
