"""Exercise 27: Cross-entropy with label smoothing           (difficulty 2 of 3, about 40 minutes; builds on exercise 4)

To learn: what a wrong word costs. This is the loss that trains the captioner.

    a word         word_tb = - sum over k of q_k log p_k           q: 1 at the target, 0 elsewhere
                   label smoothing s: q is 1 - s at the target, plus s / V at every word
    a batch        (14) loss = sum over t and b of mask_tb word_tb / B         a sum over words, a mean over captions
    its backward   dlogits = (p - q) mask / B dloss                the predicted minus the target distribution

A p below 1e-324 is 0, and its log is infinite. So compute log p_k = logits_k - log_sum, not the log of p.

Predict before you run: With equal logits, every p is 1 / V and a word costs ln V, which is 7.82 for V = 2500. If your
training starts far above, look for a mistake. Two captions, of 3 words and of 1, equal logits: the loss is 2 ln V. What
would it be if the padding were counted (T = 3)? What does label smoothing change here?
p = [1/2, 1/4, 1/4], target 0, one caption of one word: dlogits = [-1/2, 1/4, 1/4]. And with label smoothing s = 0.3?

logits are (T, B, V), targets and mask (T, B). mask is 1.0 at words and 0.0 at padding. The loss is a mean over
captions, not over words. The cache is CrossEntropyCache(logits, log_sum, targets, mask, smoothing), where log_sum is
(T, B). You may call softmax.log_sum_exp and softmax.softmax_forward.
Run             python -m exercises check 27      python -m exercises hint 27
Read            exercises/chapters/softmax.md, the longer story
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
    raise NotImplementedError("exercise 27: cross_entropy_forward")
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
    raise NotImplementedError("exercise 27: cross_entropy_backward")
