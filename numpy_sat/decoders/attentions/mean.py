"""Replace soft attention in the recurrence: the context of every word is the mean annotation."""

from typing import NamedTuple

import numpy as np


class MeanCache(NamedTuple):
    """The number of locations, for keys_backward."""

    locations: int  # L


class AttendCache(NamedTuple):
    """The number of images, for attend_backward."""

    N: int  # images


def keys_forward(params, a):
    """Compute the context of every word, abar = sum_i a_i / L.

    Args:
        params: not used.
        a: (N, L, D) annotations.
    Returns:
        abar: (N, D) mean annotations, used as keys.
        cache: what keys_backward needs.
    """
    return a.mean(axis=1), MeanCache(a.shape[1])


def keys_backward(dabar, cache):
    """Compute the gradients of keys_forward.

    Args:
        dabar: (N, D).
        cache: from keys_forward.
    Returns:
        da: (N, L, D).
        grads: empty.
    """
    # abar = sum_i a_i / L: each location gets the share 1 / L
    return np.repeat(dabar[:, None] / cache.locations, cache.locations, axis=1), {}


def attend_forward(params, a, abar, h, mode=None):
    """Return the mean annotation of its image as the context of every caption.

    Args:
        params: not used.
        a: (N, L, D) annotations.
        abar: (N, D), from keys_forward.
        h: (B, S) hidden states before the word.
        mode: not used.
    Returns:
        z: (B, D) contexts.
        alpha: (B, L) attention weights, all 1 / L.
        cache: what attend_backward needs.
    """
    N, L, _ = a.shape
    z = np.repeat(abar, len(h) // N, axis=0)
    return z, np.full((len(h), L), 1 / L, a.dtype), AttendCache(N)


def weights(alpha, cache):
    """Return the weights of the locations in the contexts.

    Args:
        alpha: (B, L) attention weights, from attend_forward.
        cache: from attend_forward.
    Returns:
        (heads, B, L) weights: alpha, as one head.
    """
    return alpha[None]


def attend_backward(dz, dalpha, cache):
    """Compute the gradients of attend_forward.

    Args:
        dz: (B, D).
        dalpha: (B, L); not used, because alpha is constant.
        cache: from attend_forward.
    Returns:
        da: 0; a takes part through its mean alone.
        dabar: (N, D).
        dh: 0.
        grads: empty.
    """
    # gradient of abar: each caption of the image adds a term
    return 0, dz.reshape(cache.N, -1, dz.shape[1]).sum(axis=1), 0, {}
