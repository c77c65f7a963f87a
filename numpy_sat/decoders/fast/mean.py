"""Soft attention left out, for the fused recurrence: every word's context is the mean annotation."""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from numpy_sat.decoders.attentions import mean


class Attention(NamedTuple):
    """The context, which is the same for every word."""

    module: ModuleType  # of attentions/, mean or mean_value
    N: int  # images
    context: np.ndarray  # (N, size)
    cache: Any  # of the module's keys_forward

    @property
    def size(self):
        """The size of z."""
        return self.context.shape[1]


def start(params, a, words, modes=None):
    """Return the Attention. a: (N, L, D); words: (T, B); modes: not used."""
    return Attention(mean, len(a), *mean.keys_forward(params, a))


def attend_forward(attention, t, h, z, alpha):
    """Write z: (B, size) and alpha: (B, L) of word t."""
    z.reshape(attention.N, -1, attention.size)[:] = attention.context[:, None]
    alpha[:] = 1 / alpha.shape[1]


def start_backward(attention):
    """Return None: no gradient is summed over the words."""


def attend_backward(attention, sums, t, dz, alpha, dalpha, dh):
    """Do nothing: neither the hidden state nor alpha has a part in z."""


def gradients(attention, sums, h, dz, alpha):
    """Compute da: (N, L, D) and grads from dz: (T, B, size)."""
    dcontext = dz.sum(axis=0).reshape(attention.N, -1, attention.size).sum(axis=1)
    return attention.module.keys_backward(dcontext, attention.cache)
