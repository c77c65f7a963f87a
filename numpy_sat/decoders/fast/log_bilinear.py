"""Compute the decoder of log_bilinear.py with the products of kernels/matmul.py."""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders import log_bilinear
from numpy_sat.kernels import elementwise
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.system.workspace import current


class Cache(NamedTuple):
    """Arrays that decode_forward keeps for decode_backward."""

    params: dict
    locations: int  # L
    abar: np.ndarray  # (N, D)
    windows: np.ndarray  # (T, B, n - 1)
    Ey: np.ndarray  # (T, B, (n - 1) M) embeddings of the previous words, side by side
    mask_r: np.ndarray  # (T, B, M)
    dropped: np.ndarray  # (T, B, M) r_hat after dropout


def decode_forward(params, a, words, mask_r):
    """Compute the logits of whole captions. Arguments and results are those of log_bilinear.decode_forward."""
    C, abar, windows = params["C"], a.mean(axis=1), log_bilinear.windows(words)
    Ey = params["E"][windows].reshape(*words.shape, -1)
    # r_hat_t = term 1: C_m abar + term 2: sum_i C_i E y_{t-i}
    r_hat = current().empty(mask_r.shape)
    r_hat[:] = np.repeat(abar @ params["C_m"], words.shape[1] // len(a), axis=0)
    multiply(Ey, pack(C.reshape(-1, C.shape[2])), r_hat)
    r_hat *= mask_r
    # logits_t = E r_hat_t + b_o
    logits = multiply(r_hat, pack(params["E"].T, params["b_o"]))
    return logits, Cache(params, a.shape[1], abar, windows, Ey, mask_r, r_hat)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward. Arguments and results are those of log_bilinear.decode_backward."""
    E, C, C_m, abar = cache.params["E"], cache.params["C"], cache.params["C_m"], cache.abar
    M, N = C.shape[2], len(abar)
    # logits_t = E r_hat_t + b_o, with r_hat after dropout
    dr_hat = multiply(dlogits, pack(E))
    dr_hat *= cache.mask_r
    # gradient of C_m abar: each word of each caption of the image adds a term
    dimage_terms = dr_hat.sum(axis=0).reshape(N, -1, M).sum(axis=1)
    dEy = multiply(dr_hat, pack(C.reshape(-1, M).T))
    grads = {
        "E": multiply_transposed(dlogits, cache.dropped),  # gradient of E: term 1: through the output
        "C": multiply_transposed(cache.Ey, dr_hat).reshape(C.shape),
        "C_m": abar.T @ dimage_terms,
        "b_o": elementwise.column_sums(dlogits),
    }
    # gradient of E: term 2: through the windows
    elementwise.add_rows(dEy.reshape(-1, M), cache.windows.ravel(), grads["E"])
    dabar = dimage_terms @ C_m.T
    # abar = sum_i a_i / L: each location gets the share 1 / L
    da = np.repeat(dabar[:, None] / cache.locations, cache.locations, axis=1)
    return da, grads
