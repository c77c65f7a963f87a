"""Soft attention for the fused recurrence, with the kernel of kernels/attention.py.

The kernel takes whole vectors, so D and A are padded with zeros: z_t has `size` numbers.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import attention as kernel
from numpy_sat.kernels import elementwise
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.kernels.panels import filled
from numpy_sat.system.workspace import current


class Attention(NamedTuple):
    """Arrays that are the same for every word, and the queries of all words."""

    sizes: tuple  # D, A, without padding
    size: int  # of z
    W_h: np.ndarray  # (S, A)
    packed: tuple  # W_h and b_a, packed
    v: np.ndarray
    W_a: np.ndarray
    a: np.ndarray  # (N, L, D)
    keys: np.ndarray  # (N, L, A), without b_a
    query: np.ndarray  # (T, B, A), with b_a


class Sums(NamedTuple):
    """Gradients that are summed over the words."""

    W_h: tuple  # transposed and packed
    dkeys: np.ndarray
    dv: np.ndarray  # (N, A)
    dquery: np.ndarray  # (T, B, A)


def start(params, a, words, modes=None):
    """Return the Attention. a: (N, L, D); words: (T, B); modes: not used."""
    sizes, a, W_a = (a.shape[2], len(params["v"])), filled(a, 2), filled(filled(params["W_a"], 0), 1)
    keys = multiply(a, pack(W_a))
    W_h, b_a, v = filled(params["W_h"], 1), filled(params["b_a"], 0), filled(params["v"], 0)
    query = current().empty((*words.shape, len(v)))
    return Attention(sizes, len(W_a), W_h, pack(W_h, b_a), v, W_a, a, keys, query)


def attend_forward(attention, t, h, z, alpha):
    """Compute equations 4 to 6 of word t. h: (B, S). Writes z: (B, size) and alpha: (B, L)."""
    query = attention.query[t]
    query[:] = multiply(h, attention.packed)
    kernel.attend(attention.keys, query, attention.v, attention.a, z, alpha)


def start_backward(attention):
    """Return the Sums before the last word."""
    empty = current().empty
    dkeys, dv = empty(attention.keys.shape), empty((len(attention.a), len(attention.v)))
    dkeys[:], dv[:] = 0, 0
    return Sums(pack(attention.W_h.T), dkeys, dv, empty(attention.query.shape))


def attend_backward(attention, sums, t, dz, alpha, dalpha, dh):
    """Compute the gradients of word t. dz: (B, size); dalpha: (B, L). Adds to the sums and to dh: (B, S)."""
    query, dquery = attention.query[t], sums.dquery[t]
    kernel.attend_backward(
        *(dz, dalpha, attention.keys, query, attention.v, attention.a, alpha, sums.dkeys, sums.dv, dquery)
    )
    multiply(dquery, sums.W_h, dh)


def gradients(attention, sums, h, dz, alpha):
    """Compute the gradients that need all words.

    Args:
        h: (T, B, S) hidden states before each word.
        dz: (T, B, size).
        alpha: (T, B, L) the weights of the annotations in z.
    Returns:
        da: (N, L, D).
        grads: W_h, b_a, W_a, v.
    """
    D, A = attention.sizes
    grads = {
        "W_h": multiply_transposed(h, sums.dquery)[:, :A],
        "b_a": elementwise.column_sums(sums.dquery)[:A],
        "W_a": multiply_transposed(attention.a, sums.dkeys)[:D, :A],
        "v": sums.dv.sum(axis=0)[:A],
    }
    # a: term 1: through the contexts; term 2: through the keys
    da = kernel.annotation_gradient(alpha, dz, len(attention.a))
    multiply(sums.dkeys, pack(attention.W_a.T), da)
    return da[..., :D], grads
