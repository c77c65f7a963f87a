"""Solution 4: Softmax and log-sum-exp.

Forward: softmax turns scores into probabilities. Backward: the same steps in reverse order. The denominator of the
softmax distributes a gradient over all scores of a row.

Nothing overflows, because exp is applied only to differences from the largest score. These are at most 0.

Answers to the questions of the page:

p = [1/8, 3/8, 1/2]   log_sum = ln 8, about 2.0794
dx = [0, 0]   A change of x leaves the sum of p at 1. So if all entries of dp are equal, the loss does not change.
Subtracting c from all scores divides each exp(x) and their sum by exp(c), so p stays.
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
    # exp(x_i - m) = exp(x_i) / exp(m). The factor 1 / exp(m) is in the numerator and the denominator, and cancels.
    # So any m gives the same p. With m = the row's maximum, every difference is <= 0 and no exp exceeds 1. One of them
    # is exactly 1, so the sum lies between 1 and K.
    largest = x.max(axis=-1, keepdims=True)
    difference = x - largest
    exp = np.exp(difference)
    # p_i = exp(x_i - m) / sum over j of exp(x_j - m)
    total = exp.sum(axis=-1, keepdims=True)
    p = exp / total
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
    # p_j = exp(x_j) / total. The score x_i affects every p_j of its row in two ways:
    #   through the numerator of p_i, with the derivative p_i;
    #   through the total in every p_j, p_i included, with the derivative - p_j p_i.
    # So the derivative of p_j by x_i is p_j (1 if i = j, else 0) - p_j p_i.
    # term 1: through the numerator, p_i dp_i
    through_numerator = p * dp
    # term 2: through the total, - p_i sum over j of p_j dp_j. The sum is one number for each row.
    through_total = through_numerator.sum(axis=-1, keepdims=True)
    # dx_i = p_i dp_i - p_i sum over j of p_j dp_j
    return through_numerator - p * through_total


def log_sum_exp(x):
    """Compute log sum_j exp(x_j) over the last axis, without overflow.

    Args:
        x: (..., K) scores.
    Returns:
        (...) logarithms.
    """
    # sum_j exp(x_j) = exp(m) sum_j exp(x_j - m), and the log of a product is the sum of the logs.
    # m is the row's maximum again. [..., None] adds an axis of length 1, so that it broadcasts over the row.
    largest = x.max(axis=-1)
    exp = np.exp(x - largest[..., None])
    total = exp.sum(axis=-1)  # at least 1, so its log is finite
    # log_sum = m + log sum_j exp(x_j - m)
    return largest + np.log(total)
