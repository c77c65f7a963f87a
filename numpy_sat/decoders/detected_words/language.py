"""The maximum-entropy language model, which writes a caption from detected words (after Fang et al. 2014).

P(y_t | y_{t-1}, ..., V~_t) is a softmax over sums of weights (layers/maximum_entropy.py). V~_t holds the detected words
that y_1, ..., y_{t-1} have not said. In decoding, a caption must say a share of the detected words before it ends.

The n-grams are the most frequent ones of the training captions. An n-gram is a row of four word numbers; n-grams with
n < 4 begin with NONE.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data.vocabulary import END, START
from numpy_sat.layers import maximum_entropy

N = 4  # words of the longest n-gram
NONE = -1  # in place of the words that a shorter n-gram does not have
COVERAGE = 1 / 3  # share of the detected words that a caption says before it ends; most human captions say more
TOO_EARLY = 30.0  # subtracted from the logit of <end> before that; finite, because a caption must end after max_words
WEIGHTS = ("unigram", "ngram", "evidence")  # names of the parameters that are trained


class State(NamedTuple):
    """The state of decoding between two words, for B captions."""

    history: np.ndarray  # (B, N - 1) the last words, the latest one last
    detected: np.ndarray  # (B, V) bool, the words of V~
    log_p: np.ndarray  # (B, V) log p of the words' detectors
    unsaid: np.ndarray  # (B,) largest number of words in V~ with which a caption may end


def init_params(V, K, log_frequencies, dtype=np.float32):
    """Return the initial weights. With them, the model writes words by their frequencies.

    Args:
        V: vocabulary size.
        K: number of n-grams.
        log_frequencies: (V,) log frequencies of the words.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name. All n-grams are empty until they are counted.
    """
    unigram = np.broadcast_to(np.asarray(log_frequencies), (2, V)).astype(dtype)
    return {
        **{"unigram": unigram, "ngram": np.zeros((2, K), dtype), "evidence": np.zeros(3, dtype)},
        "ngrams": np.full((K, N), NONE, np.int32),
    }


def count_ngrams(captions: Iterable[Sequence[int]], K: int) -> np.ndarray:
    """Return the K most frequent n-grams of captions with n from 2 to N.

    Args:
        captions: word numbers of each caption, with <end>.
        K: number of n-grams.
    Returns:
        (K, N) int32, sorted. If there are fewer, the first rows are empty: all NONE.
    """
    padded = [(*(N - 1) * (START,), *caption) for caption in captions]
    longest = np.array([caption[k : k + N] for caption in padded for k in range(len(caption) - N + 1)])
    ngrams, counts = [], []
    for n in range(2, N + 1):
        shorter = longest.copy()
        shorter[:, : N - n] = NONE
        distinct, counts_of_n = np.unique(shorter, axis=0, return_counts=True)
        ngrams.append(distinct)
        counts.append(counts_of_n)
    ngrams, counts = np.concatenate(ngrams), np.concatenate(counts)
    most = ngrams[np.argsort(-counts, kind="stable")[:K]]
    empty = np.full((K - len(most), N), NONE)
    return np.concatenate([empty, most[np.lexsort(most.T[::-1])]]).astype(np.int32)


def active_ngrams(ngrams, histories, V):
    """Return the n-grams that some word completes at each position.

    Args:
        ngrams: (K, N) sorted n-grams.
        histories: (P, N - 1) words before each position.
        V: vocabulary size.
    Returns:
        maximum_entropy.Ngrams.
    """
    starts, pairs = _numbers(ngrams[:, :-1], V), []
    for n in range(2, N + 1):
        shorter = histories.copy()
        shorter[:, : N - n] = NONE
        # The n-grams that begin with the same words stand side by side.
        numbers = _numbers(shorter, V)
        first, counts = np.searchsorted(starts, numbers), np.searchsorted(starts, numbers, "right")
        counts = counts - first
        positions = np.repeat(np.arange(len(histories)), counts)
        offsets = np.arange(len(positions)) - np.repeat(counts.cumsum() - counts, counts)
        pairs.append((positions, np.repeat(first, counts) + offsets))
    positions, features = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
    return maximum_entropy.Ngrams(positions, features, ngrams[features, -1].astype(np.int64))


def _numbers(words, V):
    """Return one number for the words of each row, in the order of sorted rows. words: (P, N - 1)."""
    numbers = np.zeros(len(words), np.int64)
    for column in words.T:
        numbers = numbers * (V + 1) + (column - NONE)
    return numbers


def decode_forward(params, log_p, detected, words):
    """Predict every word of whole captions from the words before it and the detected words not yet said.

    Args:
        params: arrays by name.
        log_p: (N, V) log p of the words' detectors.
        detected: (N, V) bool, the detected words.
        words: (T, B) integers y_0 = <start>, y_1, ...; B / N consecutive captions belong to each image.
    Returns:
        logits: (T, B, V).
        cache: what decode_backward needs.
    """
    (T, B), V = words.shape, log_p.shape[1]
    captions_per_image = B // len(log_p)
    history = (words[..., None] == np.arange(V)).cumsum(axis=0) > 0
    remaining = np.repeat(detected, captions_per_image, axis=0) & ~history
    padded = np.concatenate([np.full((N - 2, B), START), words])
    histories = np.stack([padded[k : k + T] for k in range(N - 1)], axis=-1)
    log_p = np.broadcast_to(np.repeat(log_p, captions_per_image, axis=0), (T, B, V))
    logits, cache = _logits(params, histories.reshape(T * B, -1), log_p.reshape(T * B, V), remaining.reshape(T * B, V))
    return logits.reshape(T, B, V), cache


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward. The detectors are constants.

    Args:
        dlogits: (T, B, V).
        cache: from decode_forward.
    Returns:
        Gradients by name.
    """
    dweights = maximum_entropy.maximum_entropy_backward(dlogits.reshape(-1, dlogits.shape[-1]), cache)
    return dict(zip(WEIGHTS, dweights, strict=True))


def begin(log_p, detected):
    """Return the State before the first word, with one caption per image.

    Args:
        log_p: (N, V) log p of the words' detectors.
        detected: (N, V) bool, the detected words.
    """
    unsaid = np.floor((1 - COVERAGE) * detected.sum(axis=1))
    return State(np.full((len(log_p), N - 1), START), detected, log_p, unsaid)


def step(params, state, words):
    """Advance by one word and predict the next one. <end> is unlikely as long as too few detected words are said.

    Args:
        params: arrays by name.
        state: State.
        words: (B,) integers, the previous words.
    Returns:
        logits: (B, V).
        state: State after these words.
    """
    history = np.concatenate([state.history[:, 1:], words[:, None]], axis=1)
    detected = state.detected.copy()
    detected[np.arange(len(words)), words] = False  # a word leaves V~ when it is said
    logits, _ = _logits(params, history, state.log_p, detected)
    logits[detected.sum(axis=1) > state.unsaid, END] -= TOO_EARLY
    return logits, State(history, detected, state.log_p, state.unsaid)


def _logits(params, histories, log_p, detected):
    ngrams = active_ngrams(params["ngrams"], histories, log_p.shape[1])
    weights = (params[name] for name in WEIGHTS)
    return maximum_entropy.maximum_entropy_forward(*weights, ngrams, log_p, detected, END)
