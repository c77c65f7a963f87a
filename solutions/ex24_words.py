"""Solution 24: Neighbors of a word.

A cosine is the dot product of two vectors that are divided by their lengths.

Let a be a direction of length 1. The sum of squares of the vectors along a is

    sum over v of ((E_v - mean) . a)^2 = a^T C a     with C = (E - mean)^T (E - mean)

At its maximum over all a, the gradient 2 C a is parallel to a. Otherwise a rotation of a would increase the sum. So
C a = c a: the axes are eigenvectors of C, and the eigenvalue c = a^T C a is the sum of squares along the axis. The
singular value decomposition E - mean = U diag(s) axes gives the same axes, because C = axes^T diag(s^2) axes.

Answers to the questions of the page:

1. The cosine with I is 3/5, with live -3/5 and with in -4/5.
2. nearest(E, 5, 2) is France and Rome, [6, 3]. Paris has the same cosine as Rome, and the smaller number comes first.
3. x = [-5, 0, 5] along the first axis. Axis 2 is perpendicular to it, [-0.6, 0.8] or its opposite, with share 0.
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
    # |E_v| = sqrt(sum over m of E_vm^2), and the same for the query
    lengths = np.sqrt((E * E).sum(axis=1))
    length = np.sqrt((query * query).sum())
    # Divide by the lengths. A zero vector stays zero, and so do its dot products.
    lengths[lengths == 0] = 1
    directions = E / lengths[:, None]
    direction = query / length if length > 0 else query
    # cos_v = (E_v / |E_v|) . (query / |query|)
    return directions @ direction


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
    V = len(E)
    # NumPy would count -1 from the end without an error, so check the range first.
    if word < 0 or word >= V:
        raise IndexError(f"nearest: a word must be in 0..{V - 1}, this is {word}")
    cosines = cosine_similarity(E, E[word])
    # Exclude the word by its number. It need not be the first: twice its vector also has the cosine 1.
    others = [other for other in range(V) if other != word]
    # Sort by decreasing cosine, and equal cosines by increasing number.
    others.sort(key=lambda other: (-cosines[other], other))
    words = np.array(others[:k], np.intp)
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
    V, M = E.shape
    if k < 1 or k > V or k > M:
        raise ValueError(f"principal_axes: k must be in 1..{min(V, M)} for E {E.shape}, this is {k}")
    centered = E - E.mean(axis=0)
    # C_mn = sum over v of centered_vm centered_vn, so the sum of squares along a is a^T C a
    C = centered.T @ centered
    # The eigenvectors of a symmetric matrix are orthogonal. NumPy returns them as columns, by increasing eigenvalue.
    eigenvalues, eigenvectors = np.linalg.eigh(C)
    squares = eigenvalues[::-1]
    axes = eigenvectors.T[::-1][:k].copy()
    for axis in axes:
        # Choose the sign so that the number with the largest absolute value is positive.
        largest = axis[np.abs(axis).argmax()]
        if largest < 0:
            axis *= -1
    # share_j = squares_j / sum of all squared distances. A rotation of the axes does not change this sum.
    total = (centered * centered).sum()
    shares = squares[:k] / total if total > 0 else np.zeros_like(squares[:k])
    return axes, shares


def project(E, axes):
    """Compute the coordinates of vectors along axes, from their mean: x_vj = (E_v - mean) . axis_j.

    Args:
        E: (V, M) vectors.
        axes: (k, M) axes.
    Returns:
        x: (V, k) coordinates.
    """
    # x_vj = (E_v - mean) . axis_j
    mean = E.mean(axis=0)
    centered = E - mean
    x = np.empty((len(E), len(axes)), E.dtype)
    for j, axis in enumerate(axes):
        x[:, j] = centered @ axis
    return x
