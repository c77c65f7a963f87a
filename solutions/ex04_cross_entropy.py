"""Solution 4: Softmax and cross-entropy.

Forward: scores become probabilities (softmax), a word costs - log p, a caption the sum of its words, a batch the mean
of its captions. Backward: the same chain from its end, one line a step. Two sums make it interesting, for both spread
what comes in over all scores: the one below the softmax's fraction, and the log of it in log p.

Nothing overflows, because exp is only taken of differences from the largest score: these are 0 or less.
"""

import numpy as np

from numpy_sat.layers import softmax
from numpy_sat.layers.losses import CrossEntropyCache
from numpy_sat.layers.softmax import SoftmaxCache


def softmax_forward(x):
    """p_i = exp(x_i) / sum_j exp(x_j) over the last axis; the maximum is taken off first, so exp cannot overflow.

    x: (..., K) scores. Returns p: (..., K), each row summing to 1, and the cache.
    """
    # exp(x_i - m) = exp(x_i) / exp(m): the factor 1 / exp(m) stands above and below the fraction, and cancels.
    # So any m will do. With the largest of the row every difference is <= 0, no exp is above 1, and one of them is 1:
    # the sum below lies between 1 and K.
    largest = x.max(axis=-1, keepdims=True)
    below = x - largest
    exp = np.exp(below)
    total = exp.sum(axis=-1, keepdims=True)
    p = exp / total
    return p, SoftmaxCache(p)


def softmax_backward(dp, cache):
    """dp: (..., K). Returns dx: (..., K), dx_i = p_i (dp_i - sum_j p_j dp_j)."""
    p = cache.p
    # p_j = exp(x_j) / total. A score x_i takes part in every p_j of its row:
    #   in p_i above the fraction, where it brings p_i;
    #   in every p_j, p_i too, through the total below, where it brings - p_j p_i.
    # So dp_j/dx_i = p_j (1 if i = j, else 0) - p_j p_i, and dx_i = p_i dp_i - sum over j of dp_j p_j p_i.
    above = p * dp
    # p_i does not depend on j and can stand before the sum: what is left of the sum is one number a row.
    through_total = above.sum(axis=-1, keepdims=True)
    return above - p * through_total


def log_sum_exp(x):
    """log sum_j exp(x_j) over the last axis; the maximum is taken off first, so exp cannot overflow. x: (..., K)."""
    # sum_j exp(x_j) = exp(m) sum_j exp(x_j - m), and the log of a product is the sum of the logs.
    # m is the largest of the row again; [..., None] gives it an axis of length 1 to meet the row.
    largest = x.max(axis=-1)
    exp = np.exp(x - largest[..., None])
    total = exp.sum(axis=-1)  # 1 or more, so its log is finite
    return largest + np.log(total)


def cross_entropy_forward(logits, targets, mask, smoothing=0.0):
    """Compute the mean over captions of the sum over words of - sum_k q_k log p_k, with p = softmax(logits).

    q is 1 at the target; with smoothing s it is 1 - s at the target plus s / V at every word (Szegedy et al. 2016).

    Args:
        logits: (T, B, V).
        targets: (T, B) integers.
        mask: (T, B) of the dtype of the logits, 1 at words, 0 at padding.
        smoothing: s, label smoothing, 0 to below 1.
    Returns:
        loss: a scalar, nats per caption.
        cache: what cross_entropy_backward needs.
    """
    _, B = targets.shape
    # log p_k = log (exp(logits_k) / total) = logits_k - log total: exact also where p_k itself would be 0.
    log_sum = softmax.log_sum_exp(logits)
    log_p = logits - log_sum[..., None]
    q = _wanted(logits, targets, smoothing)
    word = -(q * log_p).sum(axis=-1)
    # Padding costs nothing; captions are averaged, their words are not: a longer caption counts more.
    total = (word * mask).sum()
    loss = total / B
    return loss, CrossEntropyCache(logits, log_sum, targets, mask, smoothing)


def cross_entropy_backward(dloss, cache):
    """Compute the gradient of cross_entropy_forward: (p - q) / B of every word, 0 at padding.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from cross_entropy_forward.
    Returns:
        dlogits: (T, B, V).
    """
    logits, log_sum, targets, mask, smoothing = cache
    _, B = targets.shape
    log_p = logits - log_sum[..., None]
    q = _wanted(logits, targets, smoothing)
    # loss = (sum over words of mask word) / B
    dword = mask * (dloss / B)
    # word = - sum over k of q_k log p_k
    dlog_p = -q * dword[..., None]
    # log p_k = logits_k - log_sum, where log_sum is one number for all k: it gathers from all of them.
    dlog_sum = -dlog_p.sum(axis=-1, keepdims=True)
    # log_sum = log sum over j of exp(logits_j): its derivative by logits_k is exp(logits_k) / total = p_k.
    p = np.exp(log_p)
    dlogits = dlog_p + p * dlog_sum
    # Put in what they are: dlog_sum = dword, for q sums to 1. So dlogits = (p - q) dword: what the model believes less
    # what it should.
    return dlogits


def _wanted(logits, targets, smoothing):
    """q: (T, B, V), how the words should be distributed."""
    V = logits.shape[-1]
    q = np.full_like(logits, smoothing / V)
    at_target = np.arange(V) == targets[..., None]
    q[at_target] += 1 - smoothing
    return q
