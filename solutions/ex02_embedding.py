"""Solution 2: Words as vectors.

A one-hot vector times E is a sum in which all terms but one are zero, so it is a row of E, and nobody multiplies. The
backward pass follows from the product all the same: dE = one_hot^T dEy, and of that sum too only the ones are left.
Each place adds its gradient to the row of the word that stands there; a word that stands in two places gets two.
"""

import numpy as np

from numpy_sat.layers.embedding import EmbeddingCache


def one_hot(words, V):
    """Vectors that are 1 at their word and 0 elsewhere: one_hot(words, V) @ E == E[words].

    words: (...) integers in 0..V-1; V: how many words there are.
    Returns (..., V) float64. Raises IndexError for a word outside 0..V-1.
    """
    # The shape of words does not matter to a word, so let them be one after another.
    flat = words.reshape(-1)
    # -1 is no word. NumPy would count it from the end, and nobody would notice.
    outside = (flat < 0) | (flat >= V)
    if outside.any():
        raise IndexError(f"one_hot: a word must be in 0..{V - 1}, these are {flat.min()} to {flat.max()}")
    hot = np.zeros((flat.size, V))
    # Row 0 gets its one at column flat[0], row 1 at column flat[1]: the two lists of indices are read side by side.
    places = np.arange(flat.size)
    hot[places, flat] = 1
    return hot.reshape(*words.shape, V)


def embedding_forward(E, words):
    """Ey = E[words], the same as one_hot(words, V) @ E.

    E: (V, M) embedding; words: (...) integers in 0..V-1.
    Returns Ey: (..., M) and the cache. Raises IndexError for a word of V or more.
    """
    _, M = E.shape
    flat = words.reshape(-1)
    # Ey_nm = sum over v of y_nv E_vm, and y_nv is 0 unless v is the word at n: what is left is the word's row of E.
    rows = E[flat]  # (words, M), a copy: a list of indices never gives a view
    Ey = rows.reshape(*words.shape, M)
    return Ey, EmbeddingCache(words, E)


def embedding_backward(dEy, cache):
    """dEy: (..., M). Returns dE: (V, M); a word that occurs twice gathers both gradients."""
    words, E = cache
    _, M = E.shape
    # Both flattened in the same order, so that the n-th word and the n-th gradient belong together.
    flat, drows = words.reshape(-1), dEy.reshape(-1, M)
    # E_vm takes part in Ey_nm of every place n, there multiplied by y_nv: dE_vm = sum over n of y_nv dEy_nm.
    # y_nv is 1 where the word at n is v and 0 elsewhere: so each n has a term for one v only, its own word.
    dE = np.zeros_like(E)  # words that do not occur keep a gradient of zero
    for word, drow in zip(flat, drows, strict=True):
        dE[word] += drow
    # (dE[flat] += drows looks the same and is not: it reads all rows, adds, and writes all, so that of two additions to
    # one row the later overwrites the first. np.add.at does what this loop does.)
    return dE
