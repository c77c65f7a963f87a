"""Soft attention left out, for the recurrence: every word's context is the mean annotation."""

from typing import NamedTuple

import numpy as np


class MeanCache(NamedTuple):
    locations: int


class AttendCache(NamedTuple):
    N: int  # images


def keys_forward(params, a):
    """Compute the context of every word, abar = the mean of a over locations.

    Args:
        params: not used.
        a: (N, L, D) annotations.
    Returns:
        abar: (N, D), in the place of keys.
        cache: what keys_backward needs.
    """
    return a.mean(axis=1), MeanCache(a.shape[1])


def keys_backward(dabar, cache):
    """Compute the gradients of keys_forward. Returns da: (N, L, D) and no grads."""
    return np.repeat(dabar[:, None] / cache.locations, cache.locations, axis=1), {}


def attend_forward(params, a, abar, h, mode=None):
    """Give every caption of an image that image's mean.

    Args:
        params: not used.
        a: (N, L, D) annotations.
        abar: (N, D), of keys_forward.
        h: (B, S) hidden states before the word.
        mode: not used.
    Returns:
        z: (B, D) contexts.
        alpha: (B, L), 1 / L everywhere.
        cache: what attend_backward needs.
    """
    N, L, _ = a.shape
    z = np.repeat(abar, len(h) // N, axis=0)
    return z, np.full((len(h), L), 1 / L, a.dtype), AttendCache(N)


def attend_backward(dz, dalpha, cache):
    """Compute the gradients of attend_forward. dz: (B, D); dalpha: (B, L), not used, for alpha is constant.

    Returns:
        da: 0, for a is read through the mean alone.
        dabar: (N, D).
        dh: 0.
        grads: empty.
    """
    return 0, dz.reshape(cache.N, -1, dz.shape[1]).sum(axis=1), 0, {}
