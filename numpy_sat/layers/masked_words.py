"""The loss of hidden words alone (Devlin et al. 2018, arXiv 1810.04805, section 3.1).

The model sees most words of a caption, so predicting those is no task. The loss counts the chosen words only.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import softmax


class MaskedWordsCache(NamedTuple):
    """Arrays that masked_words_forward keeps for masked_words_backward. C words are chosen."""

    log_p: np.ndarray  # (C, V) log p of all words at the chosen places
    targets: np.ndarray  # (T, B)
    choice: np.ndarray  # (T, B)


def masked_words_forward(logits, targets, choice):
    """Compute the mean of -log p over the chosen words.

    The softmax over the vocabulary is computed at the chosen places only, which are few.

    Args:
        logits: (T, B, V) scores of all words at every place.
        targets: (T, B) integers, the words before some were hidden.
        choice: (T, B) True at the C chosen words, at least one.
    Returns:
        loss: a scalar, nats per chosen word.
        cache: what masked_words_backward needs.
    """
    # log p = log softmax(logits) at the chosen places, (C, V)
    log_p = softmax.log_softmax(logits[choice])
    # loss = - sum over the chosen words of log p(y) / C
    own = targets[choice]
    loss = -log_p[np.arange(len(own)), own].mean()
    return loss, MaskedWordsCache(log_p, targets, choice)


def masked_words_backward(dloss, cache):
    """Compute the gradient of masked_words_forward: (p - onehot) / C at the chosen words, 0 at all others.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from masked_words_forward.
    Returns:
        dlogits: (T, B, V).
    """
    log_p, targets, choice = cache
    own = targets[choice]
    # d(- log p(y)) / dlogits = p - onehot, where onehot is 1 at y
    difference = np.exp(log_p)
    difference[np.arange(len(own)), own] -= 1
    # each of the C chosen words has the weight 1 / C
    dlogits = np.zeros((*choice.shape, log_p.shape[1]), log_p.dtype)
    dlogits[choice] = difference * (dloss / len(own))
    return dlogits
