"""Solution 35: GloVe.

The loss is a weighted least-squares fit. Its only product is w . w~, so each vector's gradient is the other vector
times a number. The backward pass goes from the loss to the squares, to the difference, and from there to each of the
four terms of the score.

Answers to the questions of the page:

1. db = [0.375, -0.3944] and dw = [[0.375, 0.375], [-1.1833, -0.3944]]. The second row is -0.39445 * [3, 1].
2. If the weight went on growing, pairs of very frequent words would outweigh all others, and such words say little. At
   X = 0 the weight is 0, and log X is -inf. Most of the V^2 pairs have no count, so leaving them out saves time, too.
3. dw = 0 and dw~ = 0, because each contains the other vector. So the vectors never move: start them from random
   numbers. The score is 0, so db = -4.3944, that is -log(81), with the weight 1 and 2 / P = 1.
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
    P, _ = w.shape

    # score_p = w_p . w~_p + b_p + b~_p, which should be log X_p
    products = w * w_tilde
    score = products.sum(axis=1) + b + b_tilde
    difference = score - np.log(counts)

    # f(X_p) = (X_p / x_max)^power below x_max, and 1 above
    weight = np.where(counts < largest, (counts / largest) ** power, 1).astype(w.dtype)

    # loss = mean over p of f(X_p) difference_p^2
    squares = difference**2
    loss = (weight * squares).sum() / P
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
    P, _ = w.shape

    # loss = sum of f(X_p) squares_p / P, so dsquares_p = f(X_p) dloss / P
    dsquares = weight * (dloss / P)

    # squares_p = difference_p^2, and difference_p = score_p - log X_p
    ddifference = 2 * difference * dsquares
    dscore = ddifference

    # score_p = w_p . w~_p + b_p + b~_p
    dproducts = dscore[:, None]  # the same for all M products of a pair
    dw = dproducts * w_tilde
    dw_tilde = dproducts * w
    db = dscore.copy()
    db_tilde = dscore.copy()
    return dw, dw_tilde, db, db_tilde
