"""Solution 27: Cross-entropy with label smoothing.

Forward: a word costs - log p, a caption costs the sum over its words, and a batch costs the mean over its captions.
Backward: the same steps in reverse order. The logarithm of the sum in log p distributes a gradient over all scores.

Nothing overflows, because log p is a difference of two finite numbers, the score and the log of the sum.

Answers to the questions of the page:

With s = 0.3, dlogits = [-0.3, 0.15, 0.15]
If the padding were counted, the loss would be 3 ln V. Label smoothing changes nothing here: all words cost ln V, so any
mean of their costs is ln V, too.
"""

import numpy as np

from numpy_sat.layers import softmax
from numpy_sat.layers.losses import CrossEntropyCache


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
    # log_sum = log sum over j of exp(logits_j). Its derivative with respect to logits_k is exp(logits_k) / total = p_k.
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
