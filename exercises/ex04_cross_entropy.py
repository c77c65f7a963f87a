"""Exercise 4: Softmax and log-sum-exp                                             (difficulty 2 of 3, about 40 minutes)

To learn: how scores become probabilities (of words here, of locations in exercise 11).

    softmax        p_i = exp(x_i) / sum over j of exp(x_j)
    its backward   dx_i = p_i (dp_i - sum over j of p_j dp_j)          each score affects every p of its row
    log sum exp    log_sum = log of sum over j of exp(x_j), so that log p_i = x_i - log_sum

exp(710) is infinite. Subtracting the same number from all scores of a row changes no p (why?). So subtract the row's
maximum. A p below 1e-324 is 0, and its log is infinite. So exercise 27 computes log p from log_sum, not from p.

Predict before you run: softmax of [0, 0] is [1/2, 1/2]; of [1000, 1000 + ln 3] it is [1/4, 3/4]. Of [0, ln 3, ln 4]?
Backward at p = [1/2, 1/2]: dp = [1, 0] gives dx = [1/4, -1/4]. What does dp = [7, 7] give, and why must it?

The cache is SoftmaxCache(p).
Run             python -m exercises check 4      python -m exercises hint 4
Read            exercises/chapters/softmax.md, the longer story
"""

import numpy as np

from numpy_sat.layers.softmax import SoftmaxCache


def softmax_forward(x):
    """Compute the softmax over the last axis, without overflow.

    p_i = exp(x_i) / sum_j exp(x_j)

    Args:
        x: (..., K) scores.
    Returns:
        p: (..., K) probabilities; each row sums to 1.
        cache: what softmax_backward needs.
    """
    raise NotImplementedError("exercise 4: softmax_forward")
    return p, SoftmaxCache(p)


def softmax_backward(dp, cache):
    """Compute the gradient of softmax_forward.

    Args:
        dp: (..., K) gradient of p.
        cache: from softmax_forward.
    Returns:
        dx: (..., K).
    """
    p = cache.p
    raise NotImplementedError("exercise 4: softmax_backward")


def log_sum_exp(x):
    """Compute log sum_j exp(x_j) over the last axis, without overflow.

    Args:
        x: (..., K) scores.
    Returns:
        (...) logarithms.
    """
    raise NotImplementedError("exercise 4: log_sum_exp")
