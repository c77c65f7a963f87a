"""The output layer without equation 7's deep output: logits = L_o (L_h h_t) + b_o."""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import linear


class OutputCache(NamedTuple):
    Ey: np.ndarray
    h: np.ndarray
    z: np.ndarray
    L_h: np.ndarray
    linear: linear.LinearCache


def output_forward(Ey, h, z, L_h, L_o, b_o):
    """Compute the logits from the hidden state alone.

    Args:
        Ey: (..., M) the word before; only its shape is used.
        h: (..., S) hidden states.
        z: (..., D) contexts; only their shape is used.
        L_h: (S, M).
        L_o: (M, V).
        b_o: (V,).
    Returns:
        logits: (..., V).
        cache: what output_backward needs.
    """
    logits, cache_linear = linear.linear_forward(h @ L_h, L_o, b_o)
    return logits, OutputCache(Ey, h, z, L_h, cache_linear)


def output_backward(dlogits, cache):
    """Compute the gradients of output_forward. Returns dEy, dh, dz, dL_h, dL_o, db_o; dEy and dz are zero."""
    Ey, h, z, L_h, cache_linear = cache
    dinner, dL_o, db_o = linear.linear_backward(dlogits, cache_linear)
    dL_h = h.reshape(-1, h.shape[-1]).T @ dinner.reshape(-1, dinner.shape[-1])
    return np.zeros_like(Ey), dinner @ L_h.T, np.zeros_like(z), dL_h, dL_o, db_o
