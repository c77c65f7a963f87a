"""Replace soft attention in the fused recurrence: the context of every word is the mean annotation."""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from numpy_sat.decoders.attentions import mean


class Attention(NamedTuple):
    """The context, which all words share."""

    module: ModuleType  # attentions/mean.py or attentions/mean_value.py
    N: int  # images
    context: np.ndarray  # (N, size)
    cache: Any  # cache of the module's keys_forward

    @property
    def size(self):
        """Return the size of z."""
        return self.context.shape[1]


def start(params, a, words, modes=None):
    """Return the Attention of a batch.

    Args:
        params, words, modes: not used.
        a: (N, L, D) annotations.
    """
    return Attention(mean, len(a), *mean.keys_forward(params, a))


def attend_forward(attention, t, h, z, alpha):
    """Set the contexts and attention weights of word t.

    Args:
        attention: Attention.
        t, h: not used.
        z: (B, size) output array for the contexts.
        alpha: (B, L) output array for the attention weights.
    """
    z.reshape(attention.N, -1, attention.size)[:] = attention.context[:, None]
    alpha[:] = 1 / alpha.shape[1]


def start_backward(attention):
    """Return None: there are no sums over words."""


def attend_backward(attention, sums, t, dz, alpha, dalpha, dh):
    """Do nothing: z depends neither on the hidden state nor on alpha."""


def gradients(attention, sums, h, dz, alpha, da_location):
    """Compute the gradients that are sums over all words.

    Args:
        attention: Attention.
        sums, h, alpha: not used.
        dz: (T, B, size).
        da_location: (N, D) gradient of every annotation of an image, through h_0 and c_0.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    # gradient of the context: each word of each caption of the image adds a term
    dcontext = dz.sum(axis=0).reshape(attention.N, -1, attention.size).sum(axis=1)
    da, grads = attention.module.keys_backward(dcontext, attention.cache)
    da += da_location[:, None]
    return da, grads
