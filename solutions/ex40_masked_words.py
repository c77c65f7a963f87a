"""Solution 40: Hidden words.

The ranks of uniform numbers choose a fixed number of words, each word with the same probability. A second uniform
number decides what the model sees in their place. The loss reads the logits at the chosen places alone, so its gradient
is 0 at all others.

Answers to the questions of the page:

1. choice = [0, 0, 0, 0, 1], since 0.15 times 5 is 0.75, which rounds to 1. Of 30 words, 3 are chosen: 4.5 exceeds MOST.
2. hidden = [4, 4, 5]. 0.8 is not below MASKED, so the first one is replaced, and the second one stays. At the second
   chosen word, dlogits is [1/16, -1/8, 1/16]. At the third word, it is [0, 0, 0]: this word is not chosen.
3. At inference, most places of a sentence have no [MASK]. If only [MASK] were predicted, the model could ignore its own
   word everywhere else. A chosen word that stays or is replaced keeps it from trusting the word that it sees. The words
   that are not chosen stand in the input: a model that copies them has no loss there, and learns nothing.
"""

import numpy as np

from numpy_sat.data.vocabulary import SPECIALS
from numpy_sat.decoders.masking import MASKED, MOST, REPLACED
from numpy_sat.layers import softmax
from numpy_sat.layers.masked_words import MaskedWordsCache


def choose(rng, real, rate):
    """Choose words of each caption: a share of them, at least one and at most MOST.

    Args:
        rng: numpy Generator.
        real: (T, B) 1 at words, 0 at padding.
        rate: share of the words.
    Returns:
        (T, B) True at the chosen words.
    """
    # a uniform number for each word; 2 at padding, which is larger than all of them
    numbers = np.where(real > 0, rng.random(real.shape), 2.0)

    # order: 0 for the smallest number of a caption, 1 for the next one, ... The first argsort gives the place of each
    # rank, and the second one the rank of each place.
    order = numbers.argsort(axis=0).argsort(axis=0)

    # count = rate times the words of the caption, rounded, at least 1 and at most MOST: (B,)
    words_of_caption = real.sum(axis=0)
    count = np.clip(np.rint(rate * words_of_caption), 1, MOST)
    return order < count


def hide(rng, words, choice, V):
    """Replace most of the chosen words.

    Args:
        rng: numpy Generator.
        words: (T, B) integers.
        choice: (T, B) True at the chosen words.
        V: vocabulary size, which is the number of [MASK].
    Returns:
        (T, B) integers up to V.
    """
    kind = rng.random(words.shape)
    others = rng.integers(len(SPECIALS), V, words.shape)

    # kind < 0.8: the word becomes [MASK]
    becomes_mask = choice & (kind < MASKED)
    hidden = np.where(becomes_mask, V, words)

    # 0.8 <= kind < 0.9: the word becomes another word. Otherwise it stays.
    is_replaced = choice & (kind >= MASKED) & (kind < MASKED + REPLACED)
    return np.where(is_replaced, others, hidden)


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
    # log p = log softmax(logits), at the C chosen places alone: (C, V)
    log_p = softmax.log_softmax(logits[choice])

    # log p of the true word at each of these places: (C,)
    own = targets[choice]
    log_p_own = log_p[np.arange(len(own)), own]

    # loss = - sum over the chosen words of log p(word) / C
    loss = -log_p_own.mean()
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
    C, V = log_p.shape

    # loss = - sum of log p(word) / C, so each log p(word) has the gradient - dloss / C
    weight = dloss / C

    # log p(word) = logit of the word - log of the sum of all exp(logits), so d(- log p(word)) / dlogits = p - onehot
    difference = np.exp(log_p)
    difference[np.arange(C), own] -= 1

    # the loss does not read the logits at other places
    dlogits = np.zeros((*choice.shape, V), log_p.dtype)
    dlogits[choice] = difference * weight
    return dlogits
