"""Compute the decoder of visual_memory.py with fused kernels.

The terms of E y and of the image in both LSTMs are computed before the loop over words. Those of the image are computed
once per caption. lstm_sequence.py has the loop.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders.fast import lstm_sequence
from numpy_sat.kernels import elementwise
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.system.workspace import current


class Cache(NamedTuple):
    """Arrays and caches that decode_forward keeps for decode_backward."""

    params: dict
    a: np.ndarray  # (N, L, D)
    words: np.ndarray  # (T, B)
    mask: np.ndarray  # (T, B, 2S)
    Ey: np.ndarray  # (T, B, M)
    u: np.ndarray  # (T, B, S)
    language: lstm_sequence.Cache
    memory: lstm_sequence.Cache
    dropped: np.ndarray  # (T, B, 2S) states after dropout


def decode_forward(params, a, words, mask):
    """Compute logits and reconstructions. Arguments and results are those of visual_memory.decode_forward."""
    Ey, V = params["E"][words], a.mean(axis=1)
    M = Ey.shape[2]
    zeros = np.zeros((words.shape[1], len(params["W_ss"])), np.float32)
    # s_t = LSTM([E y_{t-1}, V], s_{t-1})
    affine = multiply(Ey, pack(params["W_xs"][:M], params["b_s"]))
    affine += np.repeat(V @ params["W_xs"][M:], words.shape[1] // len(a), axis=0)
    s, cache_s = lstm_sequence.forward(affine, zeros, zeros, params["W_ss"])
    # u_t = LSTM(E y_{t-1}, u_{t-1})
    u, cache_u = lstm_sequence.forward(multiply(Ey, pack(params["W_xu"], params["b_u"])), zeros, zeros, params["W_uu"])
    # V_tilde_t = W_r u_t + b_r
    V_tilde = multiply(u, pack(params["W_r"], params["b_r"]))
    # logits_t = L_o [s_t, u_t] + b_o, with both states after dropout
    dropped = np.concatenate([s, u], axis=-1, out=current().empty(mask.shape))
    dropped *= mask
    logits = multiply(dropped, pack(params["L_o"], params["b_o"]))
    return logits, V_tilde, Cache(params, a, words, mask, Ey, u, cache_s, cache_u, dropped)


def decode_backward(dlogits, dV_tilde, cache):
    """Compute the gradients of decode_forward. Arguments and results are those of visual_memory.decode_backward."""
    params, (N, L, _), (T, B, S), M = cache.params, cache.a.shape, cache.u.shape, cache.Ey.shape[2]
    # logits_t = L_o [s_t, u_t] + b_o
    dstates = multiply(dlogits, pack(params["L_o"].T))
    dstates *= cache.mask
    ds, du = current().empty((T + 1, B, S)), current().empty((T + 1, B, S))
    ds[0], ds[1:], du[0], du[1:] = 0, dstates[..., :S], 0, dstates[..., S:]
    # V_tilde_t = W_r u_t + b_r
    multiply(dV_tilde, pack(params["W_r"].T), du[1:])
    daffine_s, _, _, dW_ss = lstm_sequence.backward(ds, cache.language)
    daffine_u, _, _, dW_uu = lstm_sequence.backward(du, cache.memory)
    # gradient of E y = term 1: through the language state + term 2: through the memory
    dEy = multiply(daffine_s, pack(params["W_xs"][:M].T))
    multiply(daffine_u, pack(params["W_xu"].T), dEy)
    # the image adds the same term to every word of every caption
    dimage = daffine_s.sum(axis=0).reshape(N, -1, 4 * S).sum(axis=1)
    grads = {
        "W_xs": np.concatenate([multiply_transposed(cache.Ey, daffine_s), cache.a.mean(axis=1).T @ dimage]),
        **{"W_ss": dW_ss, "b_s": elementwise.column_sums(daffine_s)},
        **{"W_xu": multiply_transposed(cache.Ey, daffine_u), "W_uu": dW_uu, "b_u": elementwise.column_sums(daffine_u)},
        **{"W_r": multiply_transposed(cache.u, dV_tilde), "b_r": elementwise.column_sums(dV_tilde)},
        **{"L_o": multiply_transposed(cache.dropped, dlogits), "b_o": elementwise.column_sums(dlogits)},
        "E": np.zeros_like(params["E"]),
    }
    elementwise.add_rows(dEy.reshape(-1, M), cache.words.ravel(), grads["E"])
    # V = sum_i a_i / L
    return np.repeat((dimage @ params["W_xs"][M:].T)[:, None] / L, L, axis=1), grads
