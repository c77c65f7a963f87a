"""Provide hard attention for the fused recurrence: the kernel of soft attention, then one annotation per word."""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders.fast import soft
from numpy_sat.system.workspace import current


class Attention(NamedTuple):
    """The arrays that all words share, and the results of the modes."""

    soft: soft.Attention
    modes: list  # the mode of each word (see attentions/hard.py)
    weights: np.ndarray  # (T, B, L) weights of the annotations in z
    s: np.ndarray  # (T, B) locations
    expected: np.ndarray  # (T, B) bool, True where z is the expected context

    @property
    def size(self):
        """Return the size of z."""
        return self.soft.size


def start(params, a, words, modes):
    """Return the Attention of a batch.

    Args:
        params: arrays by name, those of soft attention.
        a: (N, L, D) annotations.
        words: (T, B) integers; only their shape is used.
        modes: T modes, one per word.
    """
    weights = current().empty((*words.shape, a.shape[1]))
    s, expected = np.empty(words.shape, int), np.empty(words.shape, bool)
    return Attention(soft.start(params, a, words), modes, weights, s, expected)


def attend_forward(attention, t, h, z, alpha):
    """Compute equations 4 to 6 for word t.

    Args:
        attention: Attention.
        t: index of the word.
        h: (B, S) hidden states before the word.
        z: (B, size) output array for the contexts.
        alpha: (B, L) output array for the probabilities of the locations.
    """
    soft.attend_forward(attention.soft, t, h, z, alpha)
    attention.weights[t], attention.s[t], cache = attention.modes[t](alpha)
    attention.expected[t] = cache.expected
    # The kernel wrote the expected context. Elsewhere z_t = a at s_t.
    sampled, a = np.flatnonzero(~cache.expected), attention.soft.a
    z[sampled] = a[sampled // (len(z) // len(a)), attention.s[t, sampled]]


def start_backward(attention):
    """Return empty Sums."""
    return soft.start_backward(attention.soft)


def attend_backward(attention, sums, t, dz, alpha, dalpha, dh):
    """Compute the gradients of word t.

    Args:
        attention: Attention.
        sums, t: as in soft.attend_backward.
        dz: (B, size).
        alpha: (B, L) probabilities of the locations.
        dalpha: (B, L).
        dh: (B, S) gradient of h_{t-1}; the term through the attention is added in place.
    """
    # A sampled location passes no gradient from z to alpha.
    dz_expected = np.where(attention.expected[t][:, None], dz, 0)
    soft.attend_backward(attention.soft, sums, t, dz_expected, alpha, dalpha, dh)


def gradients(attention, sums, h, dz, alpha, da_location):
    """Compute the gradients that are sums over all words.

    Args:
        attention, sums, h, dz, da_location: as in soft.gradients.
        alpha: not used; attention.weights are the weights of the annotations in z.
    Returns:
        da, grads: as in soft.gradients.
    """
    return soft.gradients(attention.soft, sums, h, dz, attention.weights, da_location)
