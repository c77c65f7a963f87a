"""How the decoder of attend_tell_fused.py looks: by the MLP score, in the kernel of kernels/attention.py.

The kernel takes whole vectors, so D and A are filled up with zeros: z_t has `size` numbers here.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import attention, elementwise
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.kernels.panels import filled


class Look(NamedTuple):
    sizes: tuple  # D, A
    size: int  # of z
    W_query: np.ndarray  # (S, A)
    b_query: np.ndarray  # (A,), b_a
    v: np.ndarray
    W_a: np.ndarray
    a: np.ndarray  # (N, L, D)
    keys: np.ndarray  # (N, L, A), without b_a


class Sums(NamedTuple):
    """What gathers gradients from word to word."""

    dkeys: np.ndarray
    dv: np.ndarray  # (N, A)


def look(params, a, words, workspace):
    """What stays the same from word to word. a: (N, L, D) contiguous; words: (T, B)."""
    sizes, a, W_a = (a.shape[2], len(params["v"])), filled(a, 2), filled(filled(params["W_a"], 0), 1)
    keys = multiply(a, pack(W_a))
    W_query, b_query, v = filled(params["W_h"], 1), filled(params["b_a"], 0), filled(params["v"], 0)
    return Look(sizes, len(W_a), W_query, b_query, v, W_a, a, keys)


def attend(look, t, query, z, alpha, workspace):
    """(4) (5) (6) of word t. query: (B, A). Writes z: (B, size) and alpha: (B, L)."""
    attention.attend(look.keys, query, look.v, look.a, z, alpha)


def sums(look, workspace):
    """The Sums before the last word."""
    dkeys, dv = workspace.empty(look.keys.shape), workspace.empty((len(look.a), len(look.v)))
    dkeys[:], dv[:] = 0, 0
    return Sums(dkeys, dv)


def attend_backward(look, sums, t, query, dz, alpha, dalpha, dquery, workspace):
    """dz: (B, size); dalpha: (B, L). Adds to the sums and writes dquery: (B, A)."""
    attention.attend_backward(dz, dalpha, look.keys, query, look.v, look.a, alpha, *sums, dquery)


def gradients(look, sums, h, query, dz, alpha, dquery, workspace):
    """h: (T, B, S) before each word, and so on, of all words. Returns da: (N, L, D) and grads by name."""
    D, A = look.sizes
    grads = {
        "W_h": multiply_transposed(h, dquery)[:, :A],
        "b_a": elementwise.column_sums(dquery)[:A],
        "W_a": multiply_transposed(look.a, sums.dkeys)[:D, :A],
        "v": sums.dv.sum(axis=0)[:A],
    }
    da = attention.annotation_gradient(alpha, dz, len(look.a))
    multiply(sums.dkeys, pack(look.W_a.T), da)
    return da[..., :D], grads
