"""Compute a sequence of LSTM steps whose inputs are known: one product and one kernel (kernels/lstm.py) per step.

The caller computes the terms W_x x_t + b of all steps before the loop, in one product.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import lstm
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.system.workspace import current


class Cache(NamedTuple):
    """Arrays that forward keeps for backward."""

    W_hh: np.ndarray  # (S, 4S)
    h: np.ndarray  # (T + 1, B, S), the hidden state before the first step first
    c: np.ndarray  # (T + 1, B, S)
    ifog: np.ndarray  # (T, B, 4S) gates
    tanh_c: np.ndarray  # (T, B, S)


def forward(affine, h_0, c_0, W_hh):
    """Compute T steps.

    Args:
        affine: (T, B, 4S) W_x x_t + b of all steps, overwritten.
        h_0, c_0: (B, S) hidden and cell states before the first step.
        W_hh: (S, 4S) weights of the hidden state.
    Returns:
        h: (T, B, S) hidden states after each step.
        cache: what backward needs.
    """
    empty, T, (B, S) = current().empty, len(affine), h_0.shape
    h, c = empty((T + 1, B, S)), empty((T + 1, B, S))
    h[0], c[0] = h_0, c_0
    ifog, tanh_c, packed = empty(affine.shape), empty((T, B, S)), pack(W_hh)
    for t in range(T):
        multiply(h[t], packed, affine[t])
        lstm.gates(affine[t], c[t], h[t + 1], c[t + 1], ifog[t], tanh_c[t])
    return h[1:], Cache(W_hh, h, c, ifog, tanh_c)


def backward(dh, cache):
    """Compute the gradients of `forward`.

    Args:
        dh: (T + 1, B, S) gradients of the hidden states, the one before the first step first; overwritten.
        cache: from forward.
    Returns:
        daffine: (T, B, 4S).
        dh_0, dc_0: (B, S).
        dW_hh: (S, 4S).
    """
    empty = current().empty
    daffine, dc, packed = empty(cache.ifog.shape), empty(cache.tanh_c.shape[1:]), pack(cache.W_hh.T)
    dc[:] = 0
    for t in reversed(range(len(daffine))):
        lstm.gates_backward(dh[t + 1], dc, cache.c[t], cache.ifog[t], cache.tanh_c[t], daffine[t])
        # gradient of h_{t-1}: through the LSTM of the next step
        multiply(daffine[t], packed, dh[t])
    return daffine, dh[0], dc, multiply_transposed(cache.h[:-1], daffine)
