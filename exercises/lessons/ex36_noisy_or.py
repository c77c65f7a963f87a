"""Noisy-OR in logarithms"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import noisy_or

FACTS = Facts(difficulty=2, minutes=60, builds_on=(4,), chapter="six_ways")

INTRO = """\
Goal            Detect the words of an image, and learn where they are, from labels without places, after Fang et al.
                (2014). A word fits an image if it fits at least one location. The labels only say which words the
                captions have. 1 - p loses its digits if p is nearly 0 or 1, so everything is computed in logarithms.

Equations       p_j        = sigm(z_j)                              for each image, location j and word     (N, L, V)
                p          = 1 - product over j of (1 - p_j)        noisy-OR: at least one location         (N, V)
                log(1 - p) = - sum over j of softplus(z_j),         softplus(x) = log(1 + exp(x))
                log p      = log(1 - exp(log(1 - p)))
                d log p / d z_j = p_j (1 - p) / p                   d log(1 - p) / d z_j = - p_j
                The base rate r of a word is the share of images whose captions have it. With the bias of r, the
                noisy-OR of L equal locations is r: (1 - p_j)^L = 1 - r, and bias = log(p_j / (1 - p_j))    (V,)

Worked example  One word at three locations, p_j = [1/2, 1/5, 3/4]:
                z = [[[0], [-ln 4], [ln 3]]]   p = 0.9   log_not_p = -2.3026   log_p = -0.1054
                For the gradient 1 of log(1 - p), dz = [-0.5, -0.2, -0.75]
                1. Find dz for the gradient 1 of log p. Why is it so much smaller?
                2. For r = 0.75 and L = 2, p_j = 1/2, so the bias is 0. Find the bias for r = 0.19 and L = 2.
                3. With the bias 0 and L = 64, p = 1 - 2^-64 for every word. How large are the gradients of the words
                   that the captions have, and those of all other words?

Your task       1. noisy_or_forward: compute log p and log(1 - p). Trap: 1 - p_j rounds to 1 for a z_j of -40, and to 0
                   for one of 40. The check has logits from -200 to 200.
                2. noisy_or_backward: compute dz, the sum of two terms. Trap: you divide by p, and
                   1 - exp(log_not_p) can round to 0. Subtract log p in the exponent instead.
                3. bias_of_rate: compute the biases that start each word at its base rate.

Given           softplus(x)        log(1 + exp(x)) without overflow
                np.expm1(x)        exp(x) - 1, exact also for tiny x         np.log1p(x)        log(1 + x), the same
                log sigm(x) = -softplus(-x). The cache NoisyOrCache(z, log_p, log_not_p) is packed and unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.noisy_or import NoisyOrCache, softplus"""

SIZES = [(2, 5, 3), (3, 3, 3), (1, 1, 4), (4, 2, 2)]  # N, L, V
EXTREMES = (-200.0, -40.0, 40.0, 200.0)
RATES = [(np.array([0.18, 0.5, 0.9]), 144), (np.array([1e-6, 0.999, 0.03, 0.3]), 3), (np.array([0.5, 0.2]), 1)]


def forward_cases(rng):
    """Return random logits of several sizes, and extreme ones."""
    cases = [{"z": 2 * rng.standard_normal(size)} for size in SIZES]
    extreme = np.array(EXTREMES) + rng.standard_normal((2, 3, len(EXTREMES)))
    return [*cases, {"z": extreme}]


def backward_cases(rng):
    """Return random gradients for each forward case."""
    cases = []
    for inputs in forward_cases(rng):
        log_p, _, cache = noisy_or.noisy_or_forward(**inputs)
        dlog_p, dlog_not_p = rng.standard_normal((2, *log_p.shape))
        cases.append({"dlog_p": dlog_p, "dlog_not_p": dlog_not_p, "cache": cache})
    return cases


def bias_cases(rng):
    """Return fixed base rates, and random ones."""
    return [*({"rate": rate, "L": L} for rate, L in RATES), {"rate": rng.uniform(0.1, 0.9, 5), "L": 6}]


SUM, LOG_P = "softplus(z).sum(axis=1)", "np.log(-np.expm1(log_not_p))"
FORWARD_MISTAKES = (
    Mistake(LOG_P, "np.log(1 - np.exp(log_not_p))", "1 - exp loses the digits of a small p: use np.expm1"),
    Mistake(
        "log_not_p = -np.maximum(softplus(z).sum(axis=1), np.finfo(z.dtype).tiny)",
        "log_not_p = np.log(np.prod(1 - 1 / (1 + np.exp(-z)), axis=1))",
        "the logarithm of a product that underflows or rounds to 1: sum the logarithms, -softplus(z)",
    ),
    Mistake(
        "log_not_p = -np.maximum(softplus(z).sum(axis=1), np.finfo(z.dtype).tiny)",
        "log_not_p = np.log(1 - 1 / (1 + np.exp(-z))).sum(axis=1)",
        "1 - p_j loses its digits: log(1 - p_j) is -softplus(z_j)",
    ),
    Mistake(
        "softplus(z).sum(axis=1)",
        "-np.log(1 - 1 / (1 + np.exp(-z))).sum(axis=1)",
        "1 - p_j loses its digits: log(1 - p_j) is -softplus(z_j)",
    ),
    Mistake(
        "-np.maximum(softplus(z).sum(axis=1), np.finfo(z.dtype).tiny)",
        "np.minimum(softplus(z).sum(axis=1), -np.finfo(z.dtype).tiny)",
        "the minus is missing: log(1 - p) is below 0",
    ),
    Mistake(
        "log_not_p = -np.maximum(softplus(z).sum(axis=1), np.finfo(z.dtype).tiny)",
        "log_not_p = -np.log(1 + np.exp(z)).sum(axis=1)",
        "log(1 + exp(z)) rounds to 0 for a z of -40: softplus does not",
    ),
    Mistake(
        LOG_P,
        "-softplus(-z).sum(axis=1)",
        "the logarithm of the product of all p_j: one location is enough",
    ),
    Mistake(LOG_P, "-log_not_p", "the minus stands before the logarithm: log p is that of 1 - exp(log(1 - p))"),
    Mistake(LOG_P, "np.log1p(-np.exp(log_not_p))", "the digits of a small p are lost: use np.expm1"),
    Mistake(LOG_P, "-softplus(-z.sum(axis=1))", "the sigmoid of the sum of the logits where noisy-OR belongs"),
    Mistake(LOG_P, "-softplus(-z.max(axis=1))", "only the best location counts: noisy-OR takes all of them"),
    Mistake(
        "softplus(z).sum(axis=1)",
        "softplus(-z).sum(axis=1)",
        "the sign of `z` is flipped: log(1 - p_j) is -softplus(z_j)",
    ),
)

SHARE = "np.exp(log_p_j + (log_not_p - log_p)[:, None])"
BACKWARD_MISTAKES = (
    Mistake(SHARE, "np.exp(log_p_j)", "the factor (1 - p) / p of the slope of log p is missing"),
    Mistake(SHARE, "np.exp(log_p_j + log_not_p[:, None])", "the slope of p where that of log p belongs: divide by p"),
    Mistake(
        SHARE,
        "np.exp(-softplus(z)) * 1",
        "1 - p_j, the slope of log p_j, where the slope of log p belongs",
        "share",
    ),
    Mistake(SHARE, "np.exp(log_p_j + (log_p - log_not_p)[:, None])", "p / (1 - p) where (1 - p) / p belongs"),
    Mistake(
        SHARE,
        "np.exp(log_p_j + (log_not_p - log_p)[:, None] - softplus(z))",
        "p_j (1 - p_j) where p_j belongs: one factor 1 - p_j is in 1 - p already",
    ),
)

BIAS = "return np.log(-np.expm1(log_not_p_j)) - log_not_p_j"
BIAS_MISTAKES = (
    Mistake(
        BIAS, "return np.log(rate / (1 - rate))", "the logit of the base rate itself: L locations share it", "bias"
    ),
    Mistake(
        BIAS, "return np.log(rate / L) - np.log1p(-rate / L)", "p_j is not rate / L: (1 - p_j)^L = 1 - rate", "bias"
    ),
    Mistake(BIAS, "return np.log(-np.expm1(log_not_p_j))", "log p_j where the logit belongs", "bias"),
    Mistake(BIAS, "return -np.expm1(log_not_p_j)", "p_j where its logit belongs", "bias"),
    Mistake(BIAS, "return log_not_p_j - np.log(-np.expm1(log_not_p_j))", "the sign of the logit is flipped", "bias"),
    Mistake("np.log1p(-rate) / L", "np.log(rate) / L", "the L-th root of r where that of 1 - r belongs"),
)

TASKS = (
    Task(
        noisy_or,
        "noisy_or_forward",
        forward_cases,
        ("log_p", "log_not_p", "cache"),
        {
            "log_not_p": "log(1 - p) = - sum over locations j of softplus(z_j)",
            "log_p": "log p = log(1 - exp(log(1 - p))), with np.expm1",
            "cache": "the cache is NoisyOrCache(z, log_p, log_not_p)",
        },
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        noisy_or,
        "noisy_or_backward",
        backward_cases,
        ("dz",),
        {
            "log_p_j": "log p_j = -softplus(-z_j)",
            "share": "term 1: d log p / d z_j = p_j (1 - p) / p = exp(log p_j + log(1 - p) - log p)",
            "dz": "dz_j = dlog_p p_j (1 - p) / p - dlog_not_p p_j",
        },
        mistakes=BACKWARD_MISTAKES,
    ),
    Task(
        noisy_or,
        "bias_of_rate",
        bias_cases,
        ("bias",),
        {
            "log_not_p_j": "log(1 - p_j) = log(1 - r) / L, because (1 - p_j)^L = 1 - r",
            "bias": "bias = log p_j - log(1 - p_j)",
        },
        mistakes=BIAS_MISTAKES,
    ),
)

HINTS = {
    "noisy_or_forward": (
        "What is the logarithm of a product? What is log(1 - sigm(z)), written with softplus?",
        "log(1 - p) = - sum over j of softplus(z_j);  log p = log(1 - exp(log(1 - p)))",
        "z is (N, L, V). The sum over locations, axis 1, leaves (N, V), as log_p and log_not_p.",
        "log_not_p = -softplus(z).sum(axis=1); log_p = np.log(-np.expm1(log_not_p)).",
    ),
    "noisy_or_backward": (
        "How does log(1 - p) change with one logit? How does log p change with log(1 - p)?",
        "dz_j = dlog_p p_j (1 - p) / p - dlog_not_p p_j",
        "dz is (N, L, V), as z. dlog_p, dlog_not_p, log_p and log_not_p are (N, V), as (N, 1, V) beside z.",
        "log_p_j = -softplus(-z); term 1 is dlog_p[:, None] * np.exp(log_p_j + (log_not_p - log_p)[:, None]); term 2 "
        "is -dlog_not_p[:, None] * np.exp(log_p_j).",
    ),
    "bias_of_rate": (
        "All L locations have the same p_j. What is 1 - p, the probability that none of them fits?",
        "(1 - p_j)^L = 1 - r, so log(1 - p_j) = log(1 - r) / L;  bias = log p_j - log(1 - p_j)",
        "rate is (V,), L is one number. The result is (V,).",
        "log_not_p_j = np.log1p(-rate) / L; np.log(-np.expm1(log_not_p_j)) is log p_j.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    z = np.array([[[0.0], [-np.log(4)], [np.log(3)]]])
    _, _, cache = noisy_or.noisy_or_forward(z)
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    return [
        Example("noisy_or_forward", {"z": z}),
        Example("noisy_or_backward", {"dlog_p": zero, "dlog_not_p": one, "cache": cache}),
        Example("noisy_or_backward", {"dlog_p": one, "dlog_not_p": zero, "cache": cache}),
        Example("bias_of_rate", {"rate": np.array([0.75, 0.19]), "L": 2}),
    ]
