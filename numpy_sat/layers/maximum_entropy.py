"""The logits of a maximum-entropy language model over detected words that are not yet said (after Fang et al. 2014).

P(w | history, V~) ~ exp(sum_k lambda_k f_k(w, history, V~)), where V~ holds the detected words not yet said. Features:

    unigram, n-gram+   the history and w form the n-gram (n <= 4), and w is in V~
    unigram, n-gram-   the same, and w is not in V~
    attribute          w is in V~
    score              log p of w's detector, if w is in V~
    end                w is <end>, and V~ is empty
"""

from typing import NamedTuple

import numpy as np


class Ngrams(NamedTuple):
    """The n-gram features that fire: F triples of a position, a feature and the word that completes the n-gram."""

    position: np.ndarray  # (F,) integers from 0 to P - 1
    feature: np.ndarray  # (F,) integers from 0 to K - 1
    word: np.ndarray  # (F,) integers from 0 to V - 1


class EntropyCache(NamedTuple):
    """Arrays that maximum_entropy_forward keeps for maximum_entropy_backward."""

    ngrams: Ngrams
    log_p: np.ndarray  # (P, V)
    detected: np.ndarray  # (P, V) bool
    end: int
    K: int


def maximum_entropy_forward(unigram, ngram, evidence, ngrams, log_p, detected, end):
    """Compute the logits of every word at P positions: the sums of the weights of the features that fire.

    Args:
        unigram: (2, V) weights of the words; row 1 for words in V~, row 0 for the others.
        ngram: (2, K) weights of the n-grams with n from 2 to 4, with the same rows.
        evidence: (3,) weights of attribute, score and end.
        ngrams: Ngrams that fire.
        log_p: (P, V) log p of the words' detectors, constants.
        detected: (P, V) bool, True for the words of V~.
        end: number of the word <end>.
    Returns:
        logits: (P, V).
        cache: what maximum_entropy_backward needs.
    """
    attribute, score, end_weight = evidence
    # attribute and score fire for words of V~ only
    logits = np.where(detected, unigram[1] + attribute + score * log_p, unigram[0])
    logits[:, end] += end_weight * ~detected.any(axis=1)
    weights = ngram[detected[ngrams.position, ngrams.word].astype(int), ngrams.feature]
    places = ngrams.position * logits.shape[1] + ngrams.word
    logits += np.bincount(places, weights, logits.size).reshape(logits.shape)
    return logits, EntropyCache(ngrams, log_p, detected, end, ngram.shape[1])


def maximum_entropy_backward(dlogits, cache):
    """Compute the gradients of maximum_entropy_forward. The gradient of a weight adds up dlogits where it fires.

    Args:
        dlogits: (P, V).
        cache: from maximum_entropy_forward.
    Returns:
        dunigram: (2, V).
        dngram: (2, K).
        devidence: (3,).
    """
    ngrams, log_p, detected, end, K = cache
    inside = dlogits * detected
    dunigram = np.stack([(dlogits - inside).sum(axis=0), inside.sum(axis=0)])
    devidence = [inside.sum(), (inside * log_p).sum(), dlogits[~detected.any(axis=1), end].sum()]
    fired = dlogits[ngrams.position, ngrams.word]
    rows = detected[ngrams.position, ngrams.word].astype(int) * K + ngrams.feature
    dngram = np.bincount(rows, fired, 2 * K).reshape(2, K)
    return dunigram, dngram.astype(dlogits.dtype), np.array(devidence, dlogits.dtype)
