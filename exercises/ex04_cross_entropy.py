"""Exercise 4: Softmax and log-sum-exp                                             (difficulty 2 of 3, about 40 minutes)

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

Run             python -m exercises check 4   python -m exercises hint 4   python -m exercises check 4 --pencil
Read            exercises/chapters/softmax.md: the longer story, with figures
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
