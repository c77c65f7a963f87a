"""Exercise 27: Cross-entropy with label smoothing           (difficulty 2 of 3, about 40 minutes; builds on exercise 4)

Goal            Compute what a caption costs. This is the loss that trains the captioner, and its gradient is where
                every backward pass starts.

Equations       a word          word_tb = - sum over k of q_k log p_k                (T, B)      p = softmax(logits)
                its target      q_k = 1 at the target word, 0 elsewhere              (T, B, V)
                smoothing s     q_k = 1 - s at the target, plus s / V at every word  (T, B, V)
                (14, left)      loss = sum over t, b of mask_tb word_tb / B    a number: sum over words, mean over B
                backward        dlogits = (p - q) mask dloss / B                     (T, B, V): predicted minus target p
                (14) is an equation of Xu et al. 2015. Its left term is this loss, its right term the penalty of
                exercise 13.

Worked example  One caption of one word, s = 0:
                p = [1/2, 1/4, 1/4]   target = 0   dlogits = [-1/2, 1/4, 1/4]              Find dlogits for s = 0.3.
                With equal logits, every p is 1 / V and a word costs ln V, which is 7.82 for V = 2500. If your training
                starts far above, look for a mistake. Two captions, of 3 words and of 1, with equal logits: loss = 2 ln
                V. What would it be if the padding were counted (T = 3)? What does label smoothing change here?

Your task       1. cross_entropy_forward: compute the loss, and log_sum for the cache. Trap: a p may be 0, and log 0 is
                   infinite. So compute log p_k = logits_k - log_sum. Trap: divide by B, the number of captions, not of
                   words.
                2. cross_entropy_backward: compute dlogits. Trap: it is 0 at padding, and label smoothing changes it
                   too. Trap: dlogits has the dtype of logits, float32 in training. A comparison times a number is
                   float64: use astype(logits.dtype).

Given           You may use softmax.log_sum_exp and softmax.softmax_forward, which returns p and a cache (exercise 4).
                mask is 1.0 at words and 0.0 at padding. The cache is packed and unpacked for you; log_sum is (T, B),
                the log of the sum of exp(logits) over the words.

Run             python -m exercises check 27   python -m exercises hint 27   python -m exercises check 27 --pencil
Read            exercises/chapters/softmax.md: the longer story, with figures
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
