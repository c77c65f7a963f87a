"""Solution 2: Words as vectors.

A one-hot vector times E is a sum with a single nonzero term, so the product is a row of E. Indexing gives the same row
without a multiplication. The backward pass follows from the product: dE = one_hot^T dEy. In this sum, too, only the
terms with a 1 remain. Each position adds its gradient to the row of its word. A word that occurs twice receives two
gradients.

Answers to the questions of the page:

The rows of dE for I and in are [4, 4], like that of live. The rows of Rome, Paris, Italy and France are [1, 1]. In the
second sum, the terms of the positions whose word is v remain. There may be any number of them, also none.
dE = [[0, 1], [0, 0], [11, 10]]   Row 1 is zero, because word 1 does not occur.
"""

import numpy as np

from numpy_sat.layers.embedding import EmbeddingCache


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
    # Each word gets its vector independently of the others, so work on a flat list of words.
    flat = words.reshape(-1)
    # NumPy would count -1 from the end without an error, so check the range first.
    outside = (flat < 0) | (flat >= V)
    if outside.any():
        raise IndexError(f"one_hot: a word must be in 0..{V - 1}, these are {flat.min()} to {flat.max()}")
    hot = np.zeros((flat.size, V))
    # hot[n, flat[n]] = 1: row 0 has its 1 in column flat[0], row 1 in column flat[1]. NumPy pairs the two index arrays.
    places = np.arange(flat.size)
    hot[places, flat] = 1
    return hot.reshape(*words.shape, V)


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
    _, M = E.shape
    flat = words.reshape(-1)
    # Ey_nm = sum over v of y_nv E_vm. y_nv is 1 at the word of position n and 0 elsewhere, so Ey_n is a row of E.
    rows = E[flat]  # (words, M), a copy: indexing with an array never gives a view
    Ey = rows.reshape(*words.shape, M)
    return Ey, EmbeddingCache(words, E)


def embedding_backward(dEy, cache):
    """Compute the gradient of the embedding matrix.

    Args:
        dEy: (..., M) gradient of the embedding vectors.
        cache: from embedding_forward.
    Returns:
        dE: (V, M); a word that occurs several times receives the sum of its gradients.
    """
    words, E = cache
    _, M = E.shape
    # Flatten both in the same order, so that the n-th gradient belongs to the n-th word.
    flat, drows = words.reshape(-1), dEy.reshape(-1, M)
    # dE_vm = sum over n of y_nv dEy_nm, because E_vm appears in Ey_nm of every position n with the factor y_nv.
    # y_nv is 1 only if v is the word of position n. So position n adds one term, to the row of its own word.
    dE = np.zeros_like(E)  # the gradient of a word that does not occur stays zero
    for word, drow in zip(flat, drows, strict=True):
        dE[word] += drow
    # dE[flat] += drows would be wrong. It reads all rows, adds, and writes all rows. If a word occurs twice, the second
    # write overwrites the first. np.add.at(dE, flat, drows) is equivalent to this loop.
    return dE
