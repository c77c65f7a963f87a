"""The decoder of show_tell.py, fused.

Only the hidden state has to wait for the word before. E y W_x of all words comes before the loop, the gradients of the
weights and of E y after it. The loop has one product and one kernel (kernels/lstm.py).
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders import show_tell
from numpy_sat.kernels import elementwise, lstm
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.system.workspace import current


class Cache(NamedTuple):
    """Arrays have a row per word and caption: (T, B, ...)."""

    params: dict
    picture: show_tell.PictureCache
    words: np.ndarray
    mask_h: np.ndarray
    Ey: np.ndarray
    h: np.ndarray  # (T + 1, B, S), the hidden state after the image first
    c: np.ndarray  # (T + 1, B, S)
    ifog: np.ndarray
    tanh_c: np.ndarray
    dropped: np.ndarray  # h after dropout


def decode_forward(params, a, words, mask_h):
    """Compute what show_tell.decode_forward computes."""
    empty = current().empty
    h_0, c_0, cache_image = show_tell.picture_forward(params, a)  # (10)
    (T, B), S = words.shape, h_0.shape[1]
    Ey = params["E"][words]  # (11)
    affine = multiply(Ey, pack(params["W_x"], params["b"]))
    W_hh = pack(params["W_hh"])
    h, c = empty((T + 1, B, S)), empty((T + 1, B, S))
    h[0], c[0] = (np.repeat(x, B // len(a), axis=0) for x in (h_0, c_0))
    ifog, tanh_c = empty(affine.shape), empty((T, B, S))
    for t in range(T):
        multiply(h[t], W_hh, affine[t])
        lstm.gates(affine[t], c[t], h[t + 1], c[t + 1], ifog[t], tanh_c[t])
    dropped = np.multiply(h[1:], mask_h, out=empty(mask_h.shape))
    logits = multiply(dropped, pack(params["L_o"], params["b_o"]))  # (12)
    return logits, Cache(params, cache_image, words, mask_h, Ey, h, c, ifog, tanh_c, dropped)


def decode_backward(dlogits, cache):
    """Compute what show_tell.decode_backward computes."""
    empty, params, (T, B, S) = current().empty, cache.params, cache.tanh_c.shape
    dh, dc, daffine = empty((T + 1, B, S)), empty((B, S)), empty(cache.ifog.shape)
    dh[:], dc[:] = 0, 0
    # h_t: term 1: through the output
    multiply(dlogits, pack(params["L_o"].T), dh[1:])
    dh[1:] *= cache.mask_h
    W_hh = pack(params["W_hh"].T)
    for t in reversed(range(T)):
        lstm.gates_backward(dh[t + 1], dc, cache.c[t], cache.ifog[t], cache.tanh_c[t], daffine[t])
        # h_{t-1}: term 2: through the LSTM
        multiply(daffine[t], W_hh, dh[t])

    N = len(cache.picture.linear.x)
    # weights: term 1: through the image's step
    da, grads = show_tell.picture_backward(*(d.reshape(N, -1, S).sum(axis=1) for d in (dh[0], dc)), cache.picture)
    # term 2: through the words
    grads["W_x"] += multiply_transposed(cache.Ey, daffine)
    grads["W_hh"] += multiply_transposed(cache.h[:-1], daffine)
    grads["b"] += elementwise.column_sums(daffine)
    grads["L_o"] = multiply_transposed(cache.dropped, dlogits)
    grads["b_o"] = elementwise.column_sums(dlogits)
    dEy = multiply(daffine, pack(params["W_x"].T))
    grads["E"] = np.zeros_like(params["E"])
    elementwise.add_rows(dEy.reshape(-1, dEy.shape[2]), cache.words.ravel(), grads["E"])
    return da, grads
