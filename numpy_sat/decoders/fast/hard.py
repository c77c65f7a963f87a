"""Hard attention for the fused recurrence: soft attention's kernel, then the mode's choice of one annotation."""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders.fast import soft
from numpy_sat.system.workspace import current


class Attention(NamedTuple):
    """Arrays that are the same for every word, and the choices of all modes."""

    soft: soft.Attention
    modes: list  # the mode of each word, see attentions/hard.py
    weights: np.ndarray  # (T, B, L), of the annotations in z
    s: np.ndarray  # (T, B) the locations
    expected: np.ndarray  # (T, B) bool, which words get the expected context

    @property
    def size(self):
        """The size of z."""
        return self.soft.size


def start(params, a, words, modes):
    """Return the Attention. a: (N, L, D); words: (T, B); modes: one per word."""
    weights = current().empty((*words.shape, a.shape[1]))
    of_soft = soft.start(params, a, words)
    return Attention(of_soft, modes, weights, np.empty(words.shape, int), np.empty(words.shape, bool))


def attend_forward(attention, t, h, z, alpha):
    """Compute equations 4 to 6 of word t. h: (B, S). Writes z: (B, size) and alpha: (B, L)."""
    soft.attend_forward(attention.soft, t, h, z, alpha)
    attention.weights[t], attention.s[t], cache = attention.modes[t](alpha)
    attention.expected[t] = cache.expected
    # z holds the expected context: z_t = a at s_t elsewhere
    sampled, a = np.flatnonzero(~cache.expected), attention.soft.a
    z[sampled] = a[sampled // (len(z) // len(a)), attention.s[t, sampled]]


def start_backward(attention):
    """Return the Sums before the last word."""
    return soft.start_backward(attention.soft)


def attend_backward(attention, sums, t, dz, alpha, dalpha, dh):
    """Compute the gradients of word t. dz: (B, size); dalpha: (B, L). Adds to the sums and to dh: (B, S)."""
    # A sampled location passes no gradient from z to alpha.
    dz_expected = np.where(attention.expected[t][:, None], dz, 0)
    soft.attend_backward(attention.soft, sums, t, dz_expected, alpha, dalpha, dh)


def gradients(attention, sums, h, dz, alpha):
    """Compute what soft.gradients computes. alpha: not used, for z has other weights."""
    return soft.gradients(attention.soft, sums, h, dz, attention.weights)
