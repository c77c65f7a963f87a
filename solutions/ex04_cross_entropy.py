"""Solution 4: Softmax and cross-entropy.

Forward: softmax turns scores into probabilities. A word costs - log p, a caption costs the sum over its words, and a
batch costs the mean over its captions. Backward: the same steps in reverse order. Two of them distribute a gradient
over all scores of a row: the denominator of the softmax, and its logarithm in log p.

Nothing overflows, because exp is applied only to differences from the largest score. These are at most 0.
"""

import numpy as np

from numpy_sat.layers import softmax
from numpy_sat.layers.losses import CrossEntropyCache
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


def cross_entropy_forward(logits, targets, mask, smoothing=0.0):
    """Compute the cross-entropy of captions, with label smoothing (Szegedy et al. 2016).

    The loss of a word is - sum_k q_k log p_k, with p = softmax(logits). Without smoothing, q is 1 at the target and 0
    elsewhere. Label smoothing s changes q to 1 - s at the target, plus s / V at every word of the vocabulary. The loss
    sums over the words of a caption and averages over captions.

    Args:
        logits: (T, B, V) scores of all words at every position.
        targets: (T, B) integers, the correct words.
        mask: (T, B) of the dtype of the logits, 1 at words, 0 at padding.
        smoothing: s, label smoothing, 0 to below 1.
    Returns:
        loss: a scalar, nats per caption.
        cache: what cross_entropy_backward needs.
    """
    _, B = targets.shape
    # log p_k = log (exp(logits_k) / total) = logits_k - log total. This is exact even where p_k underflows to 0.
    log_sum = softmax.log_sum_exp(logits)
    log_p = logits - log_sum[..., None]
    q = _target_distribution(logits, targets, smoothing)
    # word_tb = - sum over k of q_k log p_k
    word = -(q * log_p).sum(axis=-1)
    # (14) loss = sum over t and b of mask_tb word_tb / B. The mask removes padding. The sum over words and the mean
    # over captions give a longer caption more weight.
    total = (word * mask).sum()
    loss = total / B
    return loss, CrossEntropyCache(logits, log_sum, targets, mask, smoothing)


def cross_entropy_backward(dloss, cache):
    """Compute the gradient of cross_entropy_forward: (p - q) / B at every word, 0 at padding.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from cross_entropy_forward.
    Returns:
        dlogits: (T, B, V).
    """
    logits, log_sum, targets, mask, smoothing = cache
    _, B = targets.shape
    log_p = logits - log_sum[..., None]
    q = _target_distribution(logits, targets, smoothing)
    # loss = (sum over words of mask word) / B, so dword = mask dloss / B
    dword = mask * (dloss / B)
    # word = - sum over k of q_k log p_k, so dlog_p_k = - q_k dword
    dlog_p = -q * dword[..., None]
    # log p_k = logits_k - log_sum. All k share log_sum, so dlog_sum = - sum over k of dlog_p_k.
    dlog_sum = -dlog_p.sum(axis=-1, keepdims=True)
    # log_sum = log sum over j of exp(logits_j). Its derivative by logits_k is exp(logits_k) / total = p_k.
    p = np.exp(log_p)
    # dlogits_k = dlog_p_k + p_k dlog_sum
    # term 1: through logits_k in log p_k, dlog_p_k
    # term 2: through log_sum, p_k dlog_sum
    dlogits = dlog_p + p * dlog_sum
    # q sums to 1, so dlog_sum = dword. Substitute both: dlogits = (p - q) dword, the predicted minus the target
    # distribution.
    return dlogits


def _target_distribution(logits, targets, smoothing):
    """Return q, (T, B, V): the target distribution of every word, with label smoothing."""
    V = logits.shape[-1]
    q = np.full_like(logits, smoothing / V)
    # q_k = s / V + (1 - s) (1 if k is the target, else 0)
    at_target = np.arange(V) == targets[..., None]
    q[at_target] += 1 - smoothing
    return q
