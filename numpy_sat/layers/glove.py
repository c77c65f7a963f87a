"""The loss of GloVe (Pennington, Socher and Manning 2014): a weighted least-squares fit of log co-occurrence counts."""

from typing import NamedTuple

import numpy as np


class GloveCache(NamedTuple):
    """Arrays that glove_forward keeps for glove_backward."""

    w: np.ndarray  # (P, M)
    w_tilde: np.ndarray  # (P, M)
    difference: np.ndarray  # (P,)
    weight: np.ndarray  # (P,)


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
    # w_i . w~_j + b_i + b~_j - log X_ij
    difference = (w * w_tilde).sum(axis=1) + b + b_tilde - np.log(counts)
    weight = np.minimum(1, counts / largest) ** power
    return (weight * difference * difference).mean(), GloveCache(w, w_tilde, difference, weight)


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
    # The gradient of w_i . w~_j + b_i + b~_j is 2 f(X_ij) difference / P
    dscore = (2 * dloss / len(w)) * weight * difference
    return dscore[:, None] * w_tilde, dscore[:, None] * w, dscore, dscore.copy()
