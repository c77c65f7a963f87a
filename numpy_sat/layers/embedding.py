"""Words as vectors: row y of E is what a one-hot vector for word y would pick by a matrix product."""

from typing import NamedTuple

import numpy as np


class EmbeddingCache(NamedTuple):
    words: np.ndarray
    E: np.ndarray


def embedding_forward(E, words):
    """Ey = E[words], the same as one_hot(words) @ E.

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
