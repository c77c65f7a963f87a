"""Words as vectors: row y of E is what a one-hot vector for word y would pick by a matrix product."""

from typing import NamedTuple

import numpy as np


class EmbeddingCache(NamedTuple):
    words: np.ndarray
    E: np.ndarray


def one_hot(words, V):
    """Vectors that are 1 at their word and 0 elsewhere: one_hot(words, V) @ E == E[words].

    words: (...) integers in 0..V-1; V: how many words there are.
    Returns (..., V) float64. Raises IndexError for a word outside 0..V-1.
    """
    hot = words[..., None] == np.arange(V)
    if not hot.any(axis=-1).all():
        raise IndexError(f"one_hot: a word must be in 0..{V - 1}, these are {words.min()} to {words.max()}")
    return hot.astype(np.float64)


def embedding_forward(E, words):
    """Ey = E[words], the same as one_hot(words, V) @ E.

    E: (V, M) embedding; words: (...) integers in 0..V-1.
    Returns Ey: (..., M) and the cache. Raises IndexError for a word of V or more.
    """
    return E[words], EmbeddingCache(words, E)


def embedding_backward(dEy, cache):
    """dEy: (..., M). Returns dE: (V, M); a word that occurs twice gathers both gradients."""
    words, E = cache
    dE = np.zeros_like(E)
    np.add.at(dE, words.ravel(), dEy.reshape(-1, E.shape[1]))
    return dE
