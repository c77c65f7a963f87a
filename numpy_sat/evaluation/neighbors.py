"""What an embedding says of words: which of them point the same way, and a plane to draw them in.

Between one-hot vectors there is nothing to see, for any two are at a right angle. Rows of E that training has turned in
much the same direction do much the same in every product that E y takes part in.
"""

import numpy as np


def cosine_similarity(E, query):
    """cos_v = E_v . query / (|E_v| |query|): 1 for one direction, 0 for a right angle, -1 for opposite directions.

    E: (V, M) a vector a row; query: (M,) a vector.
    Returns cosines: (V,); where one of the two vectors is zero, and so has no direction, 0.
    """
    lengths = np.linalg.norm(E, axis=1) * np.linalg.norm(query)
    return E @ query / np.where(lengths > 0, lengths, 1)


def nearest(E, word, k):
    """The k words whose vectors have the largest cosine with that of one word, the nearest first, without itself.

    E: (V, M) embedding; word: an integer in 0..V-1; k: how many, all others where there are fewer.
    Returns words: (k,) integers, of equal cosines the smaller one first, and their cosines: (k,).
    Raises IndexError for a word outside 0..V-1.
    """
    if not 0 <= word < len(E):
        raise IndexError(f"nearest: a word must be in 0..{len(E) - 1}, this is {word}")
    cosines = cosine_similarity(E, E[word])
    order = np.argsort(-cosines, kind="stable")
    words = order[order != word][:k]
    return words, cosines[words]


def principal_axes(E, k):
    """The k directions in which vectors lie furthest apart, by singular values: their principal components.

    E - mean = U diag(s) axes. Along axis_j the squared distances from the mean sum to s_j^2; along no direction at a
    right angle to the axes before it is the sum larger. An axis and its opposite serve alike: the one is taken in which
    the number of largest absolute value is positive.
    E: (V, M) a vector a row; k: how many, at most V and M.
    Returns axes: (k, M), each of length 1 and at a right angle to the others, and shares: (k,), of the sum of all
    squared distances from the mean; 0 where that is 0. Raises ValueError for another k.
    """
    if not 1 <= k <= min(E.shape):
        raise ValueError(f"principal_axes: k must be in 1..{min(E.shape)} for E {E.shape}, this is {k}")
    centred = E - E.mean(axis=0)
    _, s, axes = np.linalg.svd(centred, full_matrices=False)
    squares = s**2
    shares = squares[:k] / (squares.sum() or 1)
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return (axes * np.sign(largest))[:k], shares


def project(E, axes):
    """Coordinates of vectors along axes, from their mean: x_vj = (E_v - mean) . axis_j.

    E: (V, M) a vector a row; axes: (k, M). Returns x: (V, k).
    """
    return (E - E.mean(axis=0)) @ axes.T
