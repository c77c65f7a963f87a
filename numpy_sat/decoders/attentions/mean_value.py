"""Replace dot-product attention in the recurrence: the context of every word is the mean of the values."""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders.attentions import mean

attend_forward, attend_backward, weights = mean.attend_forward, mean.attend_backward, mean.weights


class MeanCache(NamedTuple):
    """Arrays that keys_forward keeps for keys_backward."""

    locations: int  # L
    abar: np.ndarray  # (N, D)
    W_v: np.ndarray  # (heads, D, A / heads)


def keys_forward(params, a):
    """Compute the context of every word, the mean value abar W_v of every head.

    Args:
        params: arrays by name: W_v (heads, D, A / heads).
        a: (N, L, D) annotations.
    Returns:
        values: (N, A) mean values, the heads side by side, used as keys.
        cache: what keys_backward needs.
    """
    abar, W_v = a.mean(axis=1), params["W_v"]
    values = (abar @ W_v).swapaxes(0, 1).reshape(len(a), -1)
    return values, MeanCache(a.shape[1], abar, W_v)


def keys_backward(dvalues, cache):
    """Compute the gradients of keys_forward.

    Args:
        dvalues: (N, A).
        cache: from keys_forward.
    Returns:
        da: (N, L, D).
        grads: W_v by name.
    """
    locations, abar, W_v = cache
    dvalues = dvalues.reshape(len(abar), len(W_v), -1).swapaxes(0, 1)  # (heads, N, A / heads)
    # dabar = sum over heads of dvalues W_v^T
    dabar = (dvalues @ W_v.swapaxes(1, 2)).sum(axis=0)
    # abar = sum_i a_i / L: each location gets the share 1 / L
    da = np.repeat(dabar[:, None] / locations, locations, axis=1)
    # dW_v = sum over images of abar^T dvalues
    return da, {"W_v": abar.T @ dvalues}
