"""Exercise 24: Neighbors of a word                          (difficulty 1 of 3, about 45 minutes; builds on exercise 2)

Goal            See what an embedding has learned. Which words have similar vectors? And how do you draw hundreds of
                dimensions in two? One-hot vectors of two words always have cosine 0. Rows of E can be similar.

Equations       cos_v    = E_v . q / (|E_v| |q|)         (V,)     1: the same direction, 0: a right angle, -1: opposite
                E - mean = U diag(s) axes                (k, M) axes   s_1 >= s_2 >= ...; rows of length 1
                share_j  = s_j^2 / sum of all s^2        (k,)     share of the variance along axis j
                x_vj     = (E_v - mean) . axis_j         (V, k)   coordinates of word v in the figure
                The principal axes are the directions of the largest variance around the mean. -axis_j is an axis as
                well. To get the same figure every time, make the number of largest absolute value in each axis
                positive.

Worked example  Seven words, numbered 0 to 6, with M = 2: I, live, in, Rome, Paris, Italy, France.
                E = [[0, 2], [0, -1], [-1, 0], [4, 3], [8, 6], [3, 4], [6, 8]]
                1. The cosine of Rome with Paris is 1, with Italy 24/25. Find those with I, live and in.
                2. nearest(E, 3, 2) is Paris and Italy, [4, 5]. Find nearest(E, 5, 2).
                3. Only the points [1, 1], [5, 4], [9, 7]: mean [5, 4], first axis [0.8, 0.6] with share 1. Find x and
                   axis 2.

Your task       1. cosine_similarity: compare one query with all rows. Trap: a zero vector has no direction. Its cosine
                   is 0.
                2. nearest: return words and cosines, the nearest first, without the word itself. Trap: of equal
                   cosines, the smaller number comes first. It may call cosine_similarity of this file.
                3. principal_axes: return axes and shares. Trap: subtract the mean first. If all rows are equal, the
                   shares are 0, and the axes those of np.linalg.svd.
                4. project: return the coordinates x.

Given           You may use np.linalg.norm, np.linalg.svd and np.linalg.eigh. Nothing here is trained, so there are no
                caches. Then look at the E of a trained model: python -m numpy_sat.words RUN

Run             python -m exercises check 24   python -m exercises hint 24   python -m exercises check 24 --pencil
Read            exercises/chapters/word_vectors.md: the longer story, with figures
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
    raise NotImplementedError("exercise 24: cosine_similarity")


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
    raise NotImplementedError("exercise 24: nearest")


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
    raise NotImplementedError("exercise 24: principal_axes")


def project(E, axes):
    """Compute the coordinates of vectors along axes, from their mean: x_vj = (E_v - mean) . axis_j.

    Args:
        E: (V, M) vectors.
        axes: (k, M) axes.
    Returns:
        x: (V, k) coordinates.
    """
    raise NotImplementedError("exercise 24: project")
