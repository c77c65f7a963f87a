"""The decoder of log_bilinear.py, with the products of kernels/matmul.py."""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders import log_bilinear
from numpy_sat.kernels import elementwise
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.system.workspace import current


class Cache(NamedTuple):
    params: dict
    locations: int
    abar: np.ndarray  # (N, D)
    windows: np.ndarray  # (T, B, n - 1)
    Ey: np.ndarray  # (T, B, (n - 1) M), the vectors side by side
    mask_r: np.ndarray
    dropped: np.ndarray  # r_hat after dropout


def decode_forward(params, a, words, mask_r):
    """Compute what log_bilinear.decode_forward computes."""
    C, abar, windows = params["C"], a.mean(axis=1), log_bilinear.windows(words)
    Ey = params["E"][windows].reshape(*words.shape, -1)
    r_hat = current().empty(mask_r.shape)
    r_hat[:] = np.repeat(abar @ params["C_m"], words.shape[1] // len(a), axis=0)
    multiply(Ey, pack(C.reshape(-1, C.shape[2])), r_hat)
    r_hat *= mask_r
    logits = multiply(r_hat, pack(params["E"].T, params["b_o"]))
    return logits, Cache(params, a.shape[1], abar, windows, Ey, mask_r, r_hat)


def decode_backward(dlogits, cache):
    """Compute what log_bilinear.decode_backward computes."""
    E, C, C_m, abar = cache.params["E"], cache.params["C"], cache.params["C_m"], cache.abar
    M, N = C.shape[2], len(abar)
    dr_hat = multiply(dlogits, pack(E))
    dr_hat *= cache.mask_r
    dof_image = dr_hat.sum(axis=0).reshape(N, -1, M).sum(axis=1)
    dEy = multiply(dr_hat, pack(C.reshape(-1, M).T))
    grads = {
        "E": multiply_transposed(dlogits, cache.dropped),  # term 1: through the output
        "C": multiply_transposed(cache.Ey, dr_hat).reshape(C.shape),
        "C_m": abar.T @ dof_image,
        "b_o": elementwise.column_sums(dlogits),
    }
    # E: term 2: through the windows
    elementwise.add_rows(dEy.reshape(-1, M), cache.windows.ravel(), grads["E"])
    dabar = dof_image @ C_m.T
    da = np.repeat(dabar[:, None] / cache.locations, cache.locations, axis=1)
    return da, grads
