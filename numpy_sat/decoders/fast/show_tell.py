"""Compute the decoder of show_tell.py with fused kernels.

Only the hidden state depends on the previous word. E y W_x of all words is computed before the loop over words, and the
gradients of the weights and of E y after it. lstm_sequence.py has the loop.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders import show_tell
from numpy_sat.decoders.fast import lstm_sequence
from numpy_sat.kernels import elementwise
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.system.workspace import current


class Cache(NamedTuple):
    """Arrays and caches that decode_forward keeps for decode_backward."""

    params: dict
    picture: show_tell.PictureCache
    words: np.ndarray  # (T, B)
    mask_h: np.ndarray  # (T, B, S)
    Ey: np.ndarray  # (T, B, M)
    lstm: lstm_sequence.Cache
    dropped: np.ndarray  # (T, B, S) hidden states after dropout


def decode_forward(params, a, words, mask_h):
    """Compute the logits of whole captions. Arguments and results are those of show_tell.decode_forward."""
    # (10) h, c = LSTM(W_I abar + b_I), once per image
    *states, cache_image = show_tell.picture_forward(params, a)
    h_0, c_0 = (np.repeat(x, words.shape[1] // len(a), axis=0) for x in states)
    # (11) x_t = E y_t
    Ey = params["E"][words]
    # (12) h_t = LSTM(x_t), with the terms of x_t and b of all words first
    h, cache_lstm = lstm_sequence.forward(multiply(Ey, pack(params["W_x"], params["b"])), h_0, c_0, params["W_hh"])
    dropped = np.multiply(h, mask_h, out=current().empty(mask_h.shape))
    # (12) logits_t = L_o h_t + b_o, with h_t after dropout
    logits = multiply(dropped, pack(params["L_o"], params["b_o"]))
    return logits, Cache(params, cache_image, words, mask_h, Ey, cache_lstm, dropped)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward. Arguments and results are those of show_tell.decode_backward."""
    params, (T, B, S), N = cache.params, cache.mask_h.shape, len(cache.picture.linear.x)
    dh = current().empty((T + 1, B, S))
    dh[:] = 0
    # (12) gradient of h_t: term 1: through the output; lstm_sequence adds term 2: through the next word
    multiply(dlogits, pack(params["L_o"].T), dh[1:])
    dh[1:] *= cache.mask_h
    daffine, *dstates, dW_hh = lstm_sequence.backward(dh, cache.lstm)

    # (10) gradients of W_x, W_hh and b: term 1: through the image
    da, grads = show_tell.picture_backward(*(d.reshape(N, -1, S).sum(axis=1) for d in dstates), cache.picture)
    # term 2: through the words
    grads["W_x"] += multiply_transposed(cache.Ey, daffine)
    grads["W_hh"] += dW_hh
    grads["b"] += elementwise.column_sums(daffine)
    # (12) logits_t = L_o h_t + b_o
    grads["L_o"] = multiply_transposed(cache.dropped, dlogits)
    grads["b_o"] = elementwise.column_sums(dlogits)
    # (11) x_t = E y_t
    dEy = multiply(daffine, pack(params["W_x"].T))
    grads["E"] = np.zeros_like(params["E"])
    elementwise.add_rows(dEy.reshape(-1, dEy.shape[2]), cache.words.ravel(), grads["E"])
    return da, grads
