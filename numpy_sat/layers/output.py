"""The deep output layer, Xu et al. equation 7."""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import linear


class OutputCache(NamedTuple):
    h: np.ndarray
    z: np.ndarray
    L_h: np.ndarray
    L_z: np.ndarray
    linear: linear.LinearCache


def output_forward(Ey, h, z, L_h, L_z, L_o, b_o):
    """(7) logits = L_o (E y_{t-1} + L_h h_t + L_z z_t) + b_o, the log of p(y_t | a, y_1..t-1) up to a constant.

    Ey: (..., M) the word before; h: (..., S); z: (..., D); L_h: (S, M); L_z: (D, M); L_o: (M, V); b_o: (V,).
    Returns logits: (..., V) and the cache.
    """
    inner = Ey + h @ L_h + z @ L_z
    logits, cache_linear = linear.linear_forward(inner, L_o, b_o)
    return logits, OutputCache(h, z, L_h, L_z, cache_linear)


def output_backward(dlogits, cache):
    """dlogits: (..., V). Returns dEy, dh, dz, dL_h, dL_z, dL_o, db_o, each of its array's shape."""
    h, z, L_h, L_z, cache_linear = cache
    dinner, dL_o, db_o = linear.linear_backward(dlogits, cache_linear)
    rows = dinner.reshape(-1, dinner.shape[-1])
    dz, dL_z = dinner @ L_z.T, z.reshape(-1, z.shape[-1]).T @ rows
    dh, dL_h = dinner @ L_h.T, h.reshape(-1, h.shape[-1]).T @ rows
    return dinner, dh, dz, dL_h, dL_z, dL_o, db_o
