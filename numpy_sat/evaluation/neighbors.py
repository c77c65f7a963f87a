"""Nearest neighbors in an embedding, and its principal axes.

One-hot vectors have no neighbors: any two are at a right angle. Training turns rows of E. Rows with nearly the same
direction have nearly the same effect in every product with E y.
"""

import numpy as np


def cosine_similarity(E, query):
    """Compute the cosine similarity of each row of E with a query vector.

    cos_v = E_v . query / (|E_v| |query|) is 1 for equal directions, 0 for a right angle and -1 for opposite directions.

    Args:
        E: (V, M) vectors.
        query: (M,) vector.
    Returns:
        cosines: (V,); 0 if one of the two vectors is zero and so has no direction.
    """
    lengths = np.linalg.norm(E, axis=1) * np.linalg.norm(query)
    return E @ query / np.where(lengths > 0, lengths, 1)


def nearest(E, word, k):
    """Find the k nearest neighbors of a word: the vectors with the largest cosine similarity.

    Args:
        E: (V, M) embedding.
        word: an integer in 0..V-1.
        k: number of neighbors.
    Returns:
        words: (min(k, V-1),) integers, the nearest first, without the word itself; of equal cosines the smaller first.
        cosines: (min(k, V-1),) their cosines.
    Raises:
        IndexError: the word is outside 0..V-1.
    """
    if not 0 <= word < len(E):
        raise IndexError(f"nearest: a word must be in 0..{len(E) - 1}, this is {word}")
    cosines = cosine_similarity(E, E[word])
    order = np.argsort(-cosines, kind="stable")
    words = order[order != word][:k]
    return words, cosines[words]


def analogy(E, a, b, c, k):
    """Find the k words nearest to E_b - E_a + E_c: what is to c as b is to a (Mikolov et al. 2013).

    Args:
        E: (V, M) embedding.
        a, b, c: integers in 0..V-1.
        k: number of words.
    Returns:
        words: (min(k, V-3),) integers, the nearest first, without a, b and c.
        cosines: (min(k, V-3),) their cosines with E_b - E_a + E_c.
    """
    cosines = cosine_similarity(E, E[b] - E[a] + E[c])
    order = np.argsort(-cosines, kind="stable")
    words = order[~np.isin(order, (a, b, c))][:k]
    return words, cosines[words]


def principal_axes(E, k):
    """Compute the first k principal axes of vectors by singular value decomposition.

    E - mean = U diag(s) axes. Along axis_j the squared distances from the mean sum to s_j^2. No other direction at a
    right angle to the earlier axes has a larger sum. The sign of an axis is arbitrary: here the number with the largest
    absolute value is positive.

    Args:
        E: (V, M) vectors.
        k: number of axes, at most V and M.
    Returns:
        axes: (k, M), each of length 1 and at a right angle to the others.
        shares: (k,) share of each axis in the sum of all squared distances from the mean; 0 if that sum is 0.
    Raises:
        ValueError: k is not in 1..min(V, M).
    """
    if not 1 <= k <= min(E.shape):
        raise ValueError(f"principal_axes: k must be in 1..{min(E.shape)} for E {E.shape}, this is {k}")
    centered = E - E.mean(axis=0)
    _, s, axes = np.linalg.svd(centered, full_matrices=False)
    squares = s**2
    shares = squares[:k] / (squares.sum() or 1)
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return (axes * np.sign(largest))[:k], shares


def project(E, axes):
    """Compute the coordinates of vectors along axes, from their mean: x_vj = (E_v - mean) . axis_j.

    Args:
        E: (V, M) vectors.
        axes: (k, M) axes.
    Returns:
        x: (V, k) coordinates.
    """
    return (E - E.mean(axis=0)) @ axes.T
