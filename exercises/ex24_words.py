"""Exercise 24: Neighbours of a word.

To learn: how one sees what an embedding has learned: which words have become alike, and how hundreds of dimensions
are drawn in two.

The slides: "I live in Rome / Paris / Italy / France" has 7 words, so one-hot words have length 7, and the cosine of
any two different ones is 0. one_hot @ E == E[index] gives each word a row of E instead, and rows may be alike:

    cos_v = E_v . q / (|E_v| |q|)        q: the vector asked about. 1: the same direction; 0: a right angle

It asks for directions alone: a vector and its double have cosine 1. The nearest words are those of largest cosine.

To draw words, look along the directions in which they lie furthest apart, seen from their mean:

    E - mean = U diag(s) axes            singular values s_1 >= s_2 >= ..., rows of axes of length 1
    share_j  = s_j^2 / sum of all s^2    how much of the words' squared distances from the mean axis_j shows
    x_vj     = (E_v - mean) . axis_j     where word v is drawn

-axis_j would do as well as axis_j. So that an image is the same every time, take the one in which the number of
largest absolute value is positive.

Predict before you run. The seven words, with M = 2: I [0, 2], live [0, -1], in [-1, 0], Rome [4, 3], Paris [8, 6],
Italy [3, 4], France [6, 8], numbered 0 to 6.
  1. Of Rome: the cosine with Paris is 1, with Italy 24/25. With I, live and in?
  2. nearest(E, 3, 2) is Paris and Italy, [4, 5], for of equal cosines the smaller number comes first. And of Italy?
  3. Only the points [1, 1], [5, 4], [9, 7]: mean [5, 4], first axis [0.8, 0.6], its share 1. What is x? And axis 2?

np.linalg.norm and np.linalg.svd may be used, np.linalg.eigh too. nearest may call cosine_similarity of this file.
A zero vector has no direction: its cosine with any other is 0. Nothing here is trained, so there are no caches.
Then look at an E that was: python -m numpy_sat.words RUN
"""

import numpy as np


def cosine_similarity(E, query):
    """cos_v = E_v . query / (|E_v| |query|): 1 for one direction, 0 for a right angle, -1 for opposite directions.

    E: (V, M) a vector a row; query: (M,) a vector.
    Returns cosines: (V,); where one of the two vectors is zero, and so has no direction, 0.
    """
    raise NotImplementedError("exercise 24: cosine_similarity")


def nearest(E, word, k):
    """The k words whose vectors have the largest cosine with that of one word, the nearest first, without itself.

    E: (V, M) embedding; word: an integer in 0..V-1; k: how many, all others where there are fewer.
    Returns words: (k,) integers, of equal cosines the smaller one first, and their cosines: (k,).
    Raises IndexError for a word outside 0..V-1.
    """
    raise NotImplementedError("exercise 24: nearest")


def principal_axes(E, k):
    """The k directions in which vectors lie furthest apart, by singular values: their principal components.

    E - mean = U diag(s) axes. Along axis_j the squared distances from the mean sum to s_j^2; along no direction at a
    right angle to the axes before it is the sum larger. An axis and its opposite serve alike: the one is taken in which
    the number of largest absolute value is positive.
    E: (V, M) a vector a row; k: how many, at most V and M.
    Returns axes: (k, M), each of length 1 and at a right angle to the others, and shares: (k,), of the sum of all
    squared distances from the mean; 0 where that is 0. Raises ValueError for another k.
    """
    raise NotImplementedError("exercise 24: principal_axes")


def project(E, axes):
    """Coordinates of vectors along axes, from their mean: x_vj = (E_v - mean) . axis_j.

    E: (V, M) a vector a row; axes: (k, M). Returns x: (V, k).
    """
    raise NotImplementedError("exercise 24: project")
