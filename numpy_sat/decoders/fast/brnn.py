"""Compute the decoder of brnn.py with packed weights.

Only the hidden state depends on the previous word. E y W_hx of all words is computed before the loop over words. The
gradients of the weights and of E y are computed after it. The loop has one product and the relu.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import elementwise
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.system.workspace import current


class Cache(NamedTuple):
    """Arrays that decode_forward keeps for decode_backward."""

    params: dict
    a: np.ndarray  # (N, L, D)
    words: np.ndarray  # (T, B)
    mask_h: np.ndarray  # (T, B, S)
    Ey: np.ndarray  # (T, B, M)
    h: np.ndarray  # (T + 1, B, S), zeros first
    dropped: np.ndarray  # (T, B, S) hidden states after dropout


def decode_forward(params, a, words, mask_h):
    """Compute the logits of whole captions. Arguments and results are those of brnn.decode_forward."""
    empty, (T, B), S = current().empty, words.shape, len(params["W_hh"])
    # u_t = W_hx E y_{t-1} + b_h, and b_v in the first step
    Ey = params["E"][words]
    u = multiply(Ey, pack(params["W_hx"], params["b_h"]))
    u[0] += np.repeat(a.mean(axis=1) @ params["W_hi"], B // len(a), axis=0)
    # h_t = relu(u_t + W_hh h_{t-1})
    h, W_hh = empty((T + 1, B, S)), pack(params["W_hh"])
    h[0] = 0
    for t in range(T):
        multiply(h[t], W_hh, u[t])
        np.maximum(u[t], 0, out=h[t + 1])
    dropped = np.multiply(h[1:], mask_h, out=empty(mask_h.shape))
    # logits_t = W_oh h_t + b_o, with h_t after dropout
    logits = multiply(dropped, pack(params["W_oh"], params["b_o"]))
    return logits, Cache(params, a, words, mask_h, Ey, h, dropped)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward. Arguments and results are those of brnn.decode_backward."""
    params, (N, L, _), (T, B, S) = cache.params, cache.a.shape, cache.mask_h.shape
    # gradient of h_t: term 1: through the output
    dh = multiply(dlogits, pack(params["W_oh"].T))
    dh *= cache.mask_h
    du, W_hh = current().empty((T, B, S)), pack(params["W_hh"].T)
    for t in reversed(range(T)):
        np.multiply(dh[t], cache.h[t + 1] > 0, out=du[t])
        if t:
            # gradient of h_{t-1}: term 2: through the next step
            multiply(du[t], W_hh, dh[t - 1])
    dEy = multiply(du, pack(params["W_hx"].T))
    grads = {
        # logits_t = W_oh h_t + b_o
        "W_oh": multiply_transposed(cache.dropped, dlogits),
        "b_o": elementwise.column_sums(dlogits),
        # u_t = W_hx E y_{t-1} + b_h + W_hh h_{t-1}
        "W_hx": multiply_transposed(cache.Ey, du),
        "W_hh": multiply_transposed(cache.h[:-1], du),
        "b_h": elementwise.column_sums(du),
        "E": np.zeros_like(params["E"]),
    }
    elementwise.add_rows(dEy.reshape(-1, dEy.shape[2]), cache.words.ravel(), grads["E"])
    # b_v = W_hi abar, in the first step only
    db_v = du[0].reshape(N, -1, S).sum(axis=1)
    grads["W_hi"] = cache.a.mean(axis=1).T @ db_v
    da = np.repeat((db_v @ params["W_hi"].T)[:, None] / L, L, axis=1)
    return da, grads
