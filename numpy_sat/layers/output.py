"""The deep output layer (Xu et al. 2015, equation 7)."""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import linear


class OutputCache(NamedTuple):
    """Arrays that output_forward keeps for output_backward."""

    h: np.ndarray  # (..., S)
    z: np.ndarray  # (..., D)
    L_h: np.ndarray  # (S, M)
    L_z: np.ndarray  # (D, M)
    linear: linear.LinearCache


def output_forward(Ey, h, z, L_h, L_z, L_o, b_o):
    """Compute the logits of the next word (equation 7).

    Args:
        Ey: (..., M) embedding vectors of the previous words.
        h: (..., S) hidden states.
        z: (..., D) context vectors.
        L_h: (S, M) projection of the hidden state.
        L_z: (D, M) projection of the context vector.
        L_o: (M, V) output matrix.
        b_o: (V,) output biases.
    Returns:
        logits: (..., V) log p(y_t | a, y_1..t-1), up to a constant for each word position.
        cache: what output_backward needs.
    """
    # inner_t = E y_{t-1} + L_h h_t + L_z z_t
    inner = Ey + h @ L_h + z @ L_z  # (..., M)
    # (7) logits_t = L_o inner_t + b_o
    logits, cache_linear = linear.linear_forward(inner, L_o, b_o)  # (..., V)
    return logits, OutputCache(h, z, L_h, L_z, cache_linear)


def output_backward(dlogits, cache):
    """Compute the gradients of output_forward.

    Args:
        dlogits: (..., V) gradient of the logits.
        cache: from output_forward.
    Returns:
        dEy: (..., M).
        dh: (..., S).
        dz: (..., D).
        dL_h: (S, M).
        dL_z: (D, M).
        dL_o: (M, V).
        db_o: (V,).
    """
    h, z, L_h, L_z, cache_linear = cache
    # (7) back through the affine map. A sum passes its gradient to each summand, so dEy = dinner.
    dinner, dL_o, db_o = linear.linear_backward(dlogits, cache_linear)
    rows = dinner.reshape(-1, dinner.shape[-1])  # (R, M): all axes but the last
    # dz = dinner L_z^T;  dL_z = z^T dinner
    dz, dL_z = dinner @ L_z.T, z.reshape(-1, z.shape[-1]).T @ rows
    # dh = dinner L_h^T;  dL_h = h^T dinner
    dh, dL_h = dinner @ L_h.T, h.reshape(-1, h.shape[-1]).T @ rows
    return dinner, dh, dz, dL_h, dL_z, dL_o, db_o
