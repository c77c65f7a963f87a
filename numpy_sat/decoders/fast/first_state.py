"""Compute the first hidden and cell states from the mean annotation, on all cores (attend_tell.first_state_forward)."""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import elementwise
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack


class Cache(NamedTuple):
    """Arrays that `forward` keeps for `backward`."""

    params: dict
    locations: int  # L
    abar: np.ndarray  # (N, D) mean annotations
    states: dict  # h_0 and c_0 by name: (N, S)


def forward(params, a):
    """Compute h_0 = tanh(W_h0 abar + b_h0) and c_0 = tanh(W_c0 abar + b_c0).

    Args:
        params: arrays by name: W_h0, b_h0, W_c0 and b_c0.
        a: (N, L, D) annotations.
    Returns:
        h_0, c_0: (N, S) first hidden and cell states.
        cache: what `backward` needs.
    """
    abar = elementwise.means(a)
    states = {
        name: elementwise.tanh(multiply(abar, pack(params[f"W_{name}"], params[f"b_{name}"]))) for name in ("h0", "c0")
    }
    return *states.values(), Cache(params, a.shape[1], abar, states)


def backward(dh_0, dc_0, cache):
    """Compute the gradients of `forward`.

    Args:
        dh_0, dc_0: (N, S) gradients of h_0 and c_0.
        cache: from `forward`.
    Returns:
        da: (N, D) gradient of the annotation vector of a location, the same for all L locations.
        grads: W_h0, b_h0, W_c0 and b_c0 by name.
    """
    grads, dabar = {}, None
    for name, dstate in (("h0", dh_0), ("c0", dc_0)):
        # tanh' = 1 - tanh^2
        daffine = dstate * (1 - cache.states[name] ** 2)
        grads[f"W_{name}"], grads[f"b_{name}"] = multiply_transposed(cache.abar, daffine), daffine.sum(axis=0)
        # gradient of abar = term 1: through h_0 + term 2: through c_0
        dabar = multiply(daffine, pack(cache.params[f"W_{name}"].T), dabar)
    # abar = sum_i a_i / L, so da_i = dabar / L
    dabar /= cache.locations
    return dabar, grads
