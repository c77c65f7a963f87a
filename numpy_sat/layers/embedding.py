"""Word embedding: row y of E is the vector of word y, the product of its one-hot vector and E."""

from typing import NamedTuple

import numpy as np


class EmbeddingCache(NamedTuple):
    """Arrays that embedding_forward keeps for embedding_backward."""

    words: np.ndarray  # (...)
    E: np.ndarray  # (V, M)


def one_hot(words, V):
    """Return one-hot vectors: 1 at the index of the word, 0 elsewhere.

    The product with an embedding matrix selects its rows: one_hot(words, V) @ E == E[words].

    Args:
        words: (...) integers in 0..V-1.
        V: vocabulary size.
    Returns:
        (..., V) float64.
    Raises:
        IndexError: a word is outside 0..V-1.
    """
    hot = words[..., None] == np.arange(V)
    if not hot.any(axis=-1).all():
        raise IndexError(f"one_hot: a word must be in 0..{V - 1}, these are {words.min()} to {words.max()}")
    return hot.astype(np.float64)


def embedding_forward(E, words):
    """Look up the embedding vectors of words, which equals one_hot(words, V) @ E.

    Args:
        E: (V, M) embedding matrix.
        words: (...) integers in 0..V-1.
    Returns:
        Ey: (..., M) embedding vectors.
        cache: what embedding_backward needs.
    Raises:
        IndexError: a word is V or more.
    """
    return E[words], EmbeddingCache(words, E)


def embedding_backward(dEy, cache):
    """Compute the gradient of the embedding matrix.

    Args:
        dEy: (..., M) gradient of the embedding vectors.
        cache: from embedding_forward.
    Returns:
        dE: (V, M); a word that occurs several times receives the sum of its gradients.
    """
    words, E = cache
    dE = np.zeros_like(E)
    # dE_v = sum of dEy_n over all positions n whose word is v
    np.add.at(dE, words.ravel(), dEy.reshape(-1, E.shape[1]))
    return dE
