"""Provide soft attention for the fused recurrence, with the kernel of kernels/attention.py.

The kernel processes whole SIMD vectors, so D and A are padded with zeros. z_t has `size` numbers.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import attention as kernel
from numpy_sat.kernels import elementwise
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.kernels.panels import filled
from numpy_sat.kernels.simd import LANES
from numpy_sat.system.workspace import current


class Attention(NamedTuple):
    """The arrays that all words share, and the queries of all words."""

    sizes: tuple  # D and A without padding
    size: int  # size of z
    W_h: np.ndarray  # (S, A)
    packed: tuple  # W_h and b_a packed
    v: np.ndarray
    W_a: np.ndarray
    a: np.ndarray  # (N, L, D)
    exp_keys: np.ndarray  # (N, L, A) exp(2 W_a a)
    query: np.ndarray  # (T, B, A), with b_a


class Sums(NamedTuple):
    """Gradients that are sums over words."""

    W_h: tuple  # W_h transposed and packed
    dkeys: np.ndarray
    dv: np.ndarray  # (N, A)
    dquery: np.ndarray  # (T, B, A)


def start(params, a, words, modes=None):
    """Return the Attention of a batch.

    Args:
        params: arrays by name: W_a, b_a, W_h and v.
        a: (N, L, D) annotations.
        words: (T, B) integers; only their shape is used.
        modes: not used.
    """
    sizes, a, W_a = (a.shape[2], len(params["v"])), _padded(a), filled(filled(params["W_a"], 0), 1)
    exp_keys = multiply(a, pack(W_a))
    kernel.exponentials(exp_keys)
    W_h, b_a, v = filled(params["W_h"], 1), filled(params["b_a"], 0), filled(params["v"], 0)
    query = current().empty((*words.shape, len(v)))
    return Attention(sizes, len(W_a), W_h, pack(W_h, b_a), v, W_a, a, exp_keys, query)


def _padded(a):
    """Return a: (N, L, D), contiguous, with zeros appended up to a multiple of LANES, as `filled` but on all cores."""
    zeros = np.zeros((a.shape[1], -a.shape[2] % LANES), np.float32)
    return elementwise.with_columns(a, zeros) if zeros.size else np.ascontiguousarray(a)


def attend_forward(attention, t, h, z, alpha):
    """Compute equations 4 to 6 for word t.

    Args:
        attention: Attention.
        t: index of the word.
        h: (B, S) hidden states before the word.
        z: (B, size) output array for the contexts.
        alpha: (B, L) output array for the attention weights.
    """
    query = attention.query[t]
    query[:] = multiply(h, attention.packed)
    kernel.attend(attention.exp_keys, query, attention.v, attention.a, z, alpha)


def start_backward(attention):
    """Return empty Sums."""
    empty = current().empty
    dkeys, dv = empty(attention.exp_keys.shape), empty((len(attention.a), len(attention.v)))
    return Sums(pack(attention.W_h.T), dkeys, dv, empty(attention.query.shape))


def attend_backward(attention, sums, t, dz, alpha, dalpha, dh):
    """Compute the gradients of word t.

    Args:
        attention: Attention.
        sums: Sums; the last word sets the sums, and the other words add their terms.
        t: index of the word; the words come from last to first.
        dz: (B, size).
        alpha: (B, L) attention weights.
        dalpha: (B, L).
        dh: (B, S) gradient of h_{t-1}; the term through the attention is added in place.
    """
    query, dquery, add = attention.query[t], sums.dquery[t], t < len(attention.query) - 1
    kernel.attend_backward(
        *(dz, dalpha, attention.exp_keys, query, attention.v, attention.a, alpha, sums.dkeys, sums.dv, dquery, add)
    )
    multiply(dquery, sums.W_h, dh)


def gradients(attention, sums, h, dz, alpha, da_location):
    """Compute the gradients that are sums over all words.

    Args:
        attention: Attention.
        sums: Sums.
        h: (T, B, S) hidden states before each word.
        dz: (T, B, size).
        alpha: (T, B, L) weights of the annotations in z.
        da_location: (N, D) gradient of every annotation of an image, through h_0 and c_0.
    Returns:
        da: (N, L, D).
        grads: W_h, b_a, W_a and v by name.
    """
    D, A = attention.sizes
    grads = {
        "W_h": multiply_transposed(h, sums.dquery)[:, :A],
        "b_a": elementwise.column_sums(sums.dquery)[:A],
        "W_a": multiply_transposed(attention.a, sums.dkeys)[:D, :A],
        "v": sums.dv.sum(axis=0)[:A],
    }
    # gradient of a: term 1: through the contexts + term 2: through h_0 and c_0
    da = kernel.annotation_gradient(alpha, dz, filled(da_location, 1))
    # term 3: through the keys
    multiply(sums.dkeys, pack(attention.W_a.T), da)
    return da[..., :D], grads
