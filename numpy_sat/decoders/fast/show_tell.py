"""Compute the decoder of show_tell.py with fused kernels.

Only the hidden state depends on the previous word. E y W_x of all words is computed before the loop over words, and the
gradients of the weights and of E y after it. The loop has one product and one kernel (kernels/lstm.py).
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders import show_tell
from numpy_sat.kernels import elementwise, lstm
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.system.workspace import current


class Cache(NamedTuple):
    """Arrays and caches that decode_forward keeps for decode_backward."""

    params: dict
    picture: show_tell.PictureCache
    words: np.ndarray  # (T, B)
    mask_h: np.ndarray  # (T, B, S)
    Ey: np.ndarray  # (T, B, M)
    h: np.ndarray  # (T + 1, B, S), the hidden state after the image first
    c: np.ndarray  # (T + 1, B, S)
    ifog: np.ndarray  # (T, B, 4S) gates
    tanh_c: np.ndarray  # (T, B, S)
    dropped: np.ndarray  # (T, B, S) hidden states after dropout


def decode_forward(params, a, words, mask_h):
    """Compute the logits of whole captions. Arguments and results are those of show_tell.decode_forward."""
    empty = current().empty
    # (10) h, c = LSTM(W_I abar + b_I), once per image
    h_0, c_0, cache_image = show_tell.picture_forward(params, a)
    (T, B), S = words.shape, h_0.shape[1]
    # (11) x_t = E y_t
    Ey = params["E"][words]
    # affine_t = W_x x_t + W_hh h_{t-1} + b: first the terms of x_t and b, of all words
    affine = multiply(Ey, pack(params["W_x"], params["b"]))
    W_hh = pack(params["W_hh"])
    h, c = empty((T + 1, B, S)), empty((T + 1, B, S))
    h[0], c[0] = (np.repeat(x, B // len(a), axis=0) for x in (h_0, c_0))
    ifog, tanh_c = empty(affine.shape), empty((T, B, S))
    for t in range(T):
        multiply(h[t], W_hh, affine[t])
        lstm.gates(affine[t], c[t], h[t + 1], c[t + 1], ifog[t], tanh_c[t])
    dropped = np.multiply(h[1:], mask_h, out=empty(mask_h.shape))
    # (12) logits_t = L_o h_t + b_o, with h_t after dropout
    logits = multiply(dropped, pack(params["L_o"], params["b_o"]))
    return logits, Cache(params, cache_image, words, mask_h, Ey, h, c, ifog, tanh_c, dropped)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward. Arguments and results are those of show_tell.decode_backward."""
    empty, params, (T, B, S) = current().empty, cache.params, cache.tanh_c.shape
    dh, dc, daffine = empty((T + 1, B, S)), empty((B, S)), empty(cache.ifog.shape)
    dh[:], dc[:] = 0, 0
    # (12) gradient of h_t: term 1: through the output
    multiply(dlogits, pack(params["L_o"].T), dh[1:])
    dh[1:] *= cache.mask_h
    W_hh = pack(params["W_hh"].T)
    for t in reversed(range(T)):
        lstm.gates_backward(dh[t + 1], dc, cache.c[t], cache.ifog[t], cache.tanh_c[t], daffine[t])
        # gradient of h_{t-1}: term 2: through the LSTM of the next word
        multiply(daffine[t], W_hh, dh[t])

    N = len(cache.picture.linear.x)
    # (10) gradients of W_x, W_hh and b: term 1: through the image
    da, grads = show_tell.picture_backward(*(d.reshape(N, -1, S).sum(axis=1) for d in (dh[0], dc)), cache.picture)
    # term 2: through the words
    grads["W_x"] += multiply_transposed(cache.Ey, daffine)
    grads["W_hh"] += multiply_transposed(cache.h[:-1], daffine)
    grads["b"] += elementwise.column_sums(daffine)
    # (12) logits_t = L_o h_t + b_o
    grads["L_o"] = multiply_transposed(cache.dropped, dlogits)
    grads["b_o"] = elementwise.column_sums(dlogits)
    # (11) x_t = E y_t
    dEy = multiply(daffine, pack(params["W_x"].T))
    grads["E"] = np.zeros_like(params["E"])
    elementwise.add_rows(dEy.reshape(-1, dEy.shape[2]), cache.words.ravel(), grads["E"])
    return da, grads
