"""Exercise 40: Hidden words                         (difficulty 2 of 3, about 50 minutes; builds on exercises 4 and 27)

Goal            Train a model to fill gaps, as BERT does (Devlin et al. 2018). A model that predicts the next word may
                see the words before it only. A model that predicts hidden words may use both sides. VLP (Zhou et al.
                2020) trains a captioner in this way.

Equations       count  = rate times the words of the caption, rounded, at least 1 and at most MOST = 3     (B,)
                choice: the count words of each caption with the smallest uniform numbers                  (T, B)
                kind   = another uniform number for each place                                             (T, B)
                hidden = [MASK] at a chosen word if kind < 0.8; another word if 0.8 <= kind < 0.9; else the word itself
                loss   = mean over the C chosen words of - log p(word), p = softmax(logits)                a number
                dlogits = dloss (p - onehot) / C at the chosen words, 0 elsewhere    onehot: 1 at the word, else 0

Worked example  A caption of five words, rate 0.4, so count = 2:
                uniform = [0.7, 0.2, 0.9, 0.4, 0.1]   choice = [0, 1, 0, 0, 1]
                Three chosen words of a vocabulary of V = 5 words, where the number 5 is [MASK]:
                words = [3, 4, 3]   kind = [0.5, 0.85, 0.95]   others = [4, 3, 4]   hidden = [5, 3, 3]
                Two chosen words of three, for which p is [1/2, 1/4, 1/4] and [1/8, 3/4, 1/8], with the targets 0 and 1:
                loss = 0.4904, half of ln 2 + ln(4/3). At the first of them, dlogits is [-1/4, 1/8, 1/8].
                1. Find choice for the rate 0.15, and how many words are chosen of 30 words.
                2. Find hidden for kind = [0.8, 0.97, 0.05]
                   Find dlogits at the second chosen word and at the word that is not chosen.
                3. Why do some chosen words stay, and why does the loss count them, but not the other words?

Your task       1. choose: call rng.random(real.shape) once, and return the choice. Trap: padding is never chosen.
                2. hide: call rng.random(words.shape), then rng.integers(len(SPECIALS), V, words.shape) for the other
                   words. Call each once, in this order, so that the check can compare.
                3. masked_words_forward: compute the loss. Trap: it is a mean over chosen words, not over captions.
                4. masked_words_backward: compute dlogits.

Given           MOST is 3, MASKED is 0.8, REPLACED is 0.1. Words below len(SPECIALS) are <start>, <end> and <unk>.
                np.rint(x) rounds. x.argsort(axis=0).argsort(axis=0) gives each number its rank in its column.
                softmax.log_softmax(x) uses the last axis. x[choice] are the rows of x at the chosen places, (C, ...).
                The cache MaskedWordsCache(log_p, targets, choice), with log_p: (C, V), is packed and unpacked for you.

Run             python -m exercises check 40   python -m exercises hint 40   python -m exercises check 40 --pencil
Read            exercises/chapters/attention_to_transformers.md: the longer story, with figures
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
    raise NotImplementedError("exercise 40: choose")


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
    raise NotImplementedError("exercise 40: hide")


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
    raise NotImplementedError("exercise 40: masked_words_forward")
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
    raise NotImplementedError("exercise 40: masked_words_backward")
