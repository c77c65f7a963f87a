"""Compute logits without the deep output of equation 7: logits = L_o (L_h h_t) + b_o."""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import linear


class OutputCache(NamedTuple):
    """Arrays and the cache that output_forward keeps for output_backward."""

    Ey: np.ndarray  # (..., M)
    h: np.ndarray  # (..., S)
    z: np.ndarray  # (..., D)
    L_h: np.ndarray  # (S, M)
    linear: linear.LinearCache


def output_forward(Ey, h, z, L_h, L_o, b_o):
    """Compute the logits from the hidden state alone.

    Args:
        Ey: (..., M) embeddings of the previous words; only their shape is used.
        h: (..., S) hidden states.
        z: (..., D) contexts; only their shape is used.
        L_h: (S, M).
        L_o: (M, V).
        b_o: (V,).
    Returns:
        logits: (..., V).
        cache: what output_backward needs.
    """
    # logits = L_o (L_h h_t) + b_o
    logits, cache_linear = linear.linear_forward(h @ L_h, L_o, b_o)
    return logits, OutputCache(Ey, h, z, L_h, cache_linear)


def output_backward(dlogits, cache):
    """Compute the gradients of output_forward.

    Args:
        dlogits: (..., V).
        cache: from output_forward.
    Returns:
        dEy: (..., M) zeros.
        dh: (..., S).
        dz: (..., D) zeros.
        dL_h: (S, M).
        dL_o: (M, V).
        db_o: (V,).
    """
    Ey, h, z, L_h, cache_linear = cache
    # inner = L_h h_t
    dinner, dL_o, db_o = linear.linear_backward(dlogits, cache_linear)
    # dL_h = sum over words and captions of dinner h_t^T;  dh_t = L_h^T dinner
    dL_h = h.reshape(-1, h.shape[-1]).T @ dinner.reshape(-1, dinner.shape[-1])
    return np.zeros_like(Ey), dinner @ L_h.T, np.zeros_like(z), dL_h, dL_o, db_o
