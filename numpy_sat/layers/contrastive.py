"""The contrastive loss of Oscar (Li et al. 2020): do the tags belong to the image and its caption?

    s_b = w . h_b + b_c                              h_b is the vector of [CLS]
    p_b = sigm(s_b)                                  the probability that the tags are the image's own
    L_C = - 1/B sum_b [y_b log p_b + (1 - y_b) log(1 - p_b)]

y_b is 1 for own tags, and 0 for polluted ones, which are those of another image.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import activations, noisy_or


class ContrastiveCache(NamedTuple):
    """Arrays that contrastive_forward keeps for contrastive_backward."""

    h: np.ndarray  # (B, S)
    w: np.ndarray  # (S,)
    s: np.ndarray  # (B,)
    y: np.ndarray  # (B,)


def contrastive_forward(h, w, b_c, y):
    """Compute the binary cross-entropy of B sequences.

    Args:
        h: (B, S) vectors of [CLS].
        w: (S,) weights of the score.
        b_c: (1,) bias of the score.
        y: (B,) 1 for own tags, 0 for polluted ones.
    Returns:
        loss: a scalar, nats per sequence.
        cache: what contrastive_backward needs.
    """
    # s_b = w . h_b + b_c
    s = h @ w + b_c
    # log p = - softplus(-s) and log(1 - p) = - softplus(s), which never overflow
    loss = (y * noisy_or.softplus(-s) + (1 - y) * noisy_or.softplus(s)).mean()
    return loss, ContrastiveCache(h, w, s, y)


def contrastive_backward(dloss, cache):
    """Compute the gradients of contrastive_forward.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from contrastive_forward.
    Returns:
        dh: (B, S).
        dw: (S,).
        db_c: (1,).
    """
    h, w, s, y = cache
    # ds_b = (p_b - y_b) dloss / B
    p, _ = activations.sigmoid_forward(s)
    ds = (p - y) * (dloss / len(y))
    return ds[:, None] * w, h.T @ ds, ds.sum(keepdims=True)
