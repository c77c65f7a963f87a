"""Attention by dot products left out, for the recurrence: every word's context is the mean of the values."""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders.attentions import mean

attend_forward, attend_backward = mean.attend_forward, mean.attend_backward


class MeanCache(NamedTuple):
    locations: int
    abar: np.ndarray  # (N, D)
    W_v: np.ndarray


def keys_forward(params, a):
    """Compute the context of every word, the mean value abar W_v of every head.

    Args:
        params: arrays by name, of which W_v is read: (heads, D, A / heads).
        a: (N, L, D) annotations.
    Returns:
        values: (N, A), the heads side by side, in the place of keys.
        cache: what keys_backward needs.
    """
    abar, W_v = a.mean(axis=1), params["W_v"]
    values = (abar @ W_v).swapaxes(0, 1).reshape(len(a), -1)
    return values, MeanCache(a.shape[1], abar, W_v)


def keys_backward(dvalues, cache):
    """Compute the gradients of keys_forward. dvalues: (N, A). Returns da: (N, L, D) and grads: W_v."""
    locations, abar, W_v = cache
    dvalues = dvalues.reshape(len(abar), len(W_v), -1).swapaxes(0, 1)  # (heads, N, A / heads)
    dabar = (dvalues @ W_v.swapaxes(1, 2)).sum(axis=0)
    da = np.repeat(dabar[:, None] / locations, locations, axis=1)
    return da, {"W_v": abar.T @ dvalues}
