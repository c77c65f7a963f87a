"""Exercise 35: GloVe                                        (difficulty 1 of 3, about 40 minutes; builds on exercise 2)

Goal            Learn word vectors from counts. GloVe (Pennington, Socher and Manning 2014) first counts how often the
                word j occurs near the word i. Then it fits the logarithm of each count by a product of two vectors and
                two biases. Skip-gram reads the text pair by pair; GloVe reads it once, to count.

Equations       difference_p = w_p . w~_p + b_p + b~_p - log X_p                                        (P,)
                f(X_p)       = min(1, X_p / x_max)^power                                                (P,)
                loss         = mean over the P pairs of f(X_p) difference_p^2                           a number
                dscore_p     = 2 f(X_p) difference_p dloss / P                                          (P,)
                dw_p         = dscore_p w~_p    dw~_p = dscore_p w_p                                    (P, M) each
                db_p         = dscore_p         db~_p = dscore_p                                        (P,) each
                A pair p is two words i and j with the count X_p = X_ij, above 0. w_p and b_p belong to i, w~_p
                (`w_tilde`) and b~_p to j. The weight f grows with the count up to x_max (`largest`), and is 1 above.

Worked example  Two pairs, M = 2, x_max = 16, power = 3/4, all biases 0:
                w = [[1, 2], [1, 1]]   w_tilde = [[1, 1], [3, 1]]   counts = [1, 81]   weight = [0.125, 1]
                difference = [3, -0.3944], because log(81) = 4.3944. The loss is (9/8 + 0.1556) / 2: loss = 0.6403
                1. For dloss = 1, find db and dw.
                2. Why does f not grow above x_max? And why is there no pair with X = 0?
                3. If all w and w~ are 0 at the start, what are dw and dw~? What is db of the second pair?

Your task       1. glove_forward: compute the loss, and difference and weight for the cache.
                   Trap: the weight has the exponent, and it stops at 1.
                2. glove_backward: compute the four gradients. Trap: dw contains w~, and dw~ contains w.

Given           NumPy is all you need. The cache GloveCache(w, w_tilde, difference, weight) is packed and unpacked for
                you. A word is part of many pairs; the caller looks up its rows and adds their gradients. After the
                exercise, train the vectors: python -m numpy_sat.words RUN --vectors glove

Run             python -m exercises check 35   python -m exercises hint 35   python -m exercises check 35 --pencil
Read            exercises/chapters/word_vectors.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.layers.glove import GloveCache


def glove_forward(w, w_tilde, b, b_tilde, counts, largest=100.0, power=0.75):
    """Compute the mean over P pairs of words of f(X_ij) (w_i . w~_j + b_i + b~_j - log X_ij)^2.

    The weight is f(X) = min(1, X / x_max)^power. So frequent pairs do not dominate, and rare ones count little.

    Args:
        w: (P, M) vectors of the words i.
        w_tilde: (P, M) context vectors of the words j.
        b: (P,) biases of the words i.
        b_tilde: (P,) biases of the words j.
        counts: (P,) X_ij, how often j occurs near i, above 0.
        largest: x_max.
        power: exponent of the weight.
    Returns:
        loss: a scalar.
        cache: what glove_backward needs.
    """
    raise NotImplementedError("exercise 35: glove_forward")
    return loss, GloveCache(w, w_tilde, difference, weight)


def glove_backward(dloss, cache):
    """Compute the gradients of glove_forward.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from glove_forward.
    Returns:
        dw: (P, M).
        dw_tilde: (P, M).
        db: (P,).
        db_tilde: (P,).
    """
    w, w_tilde, difference, weight = cache
    raise NotImplementedError("exercise 35: glove_backward")
