"""The sums of the attention penalty and its gradient, each in one pass over the attention weights.

NumPy writes arrays as large as the attention weights for both.
"""

import numpy as np

from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, load_first, repeat, store_first
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system.workspace import current

CAPTIONS = 8  # captions of a task of `sums_over_words`


@checked(alpha="strided (T, B, L)", mask="strided (T, B)")
def sums_over_words(alpha, mask):
    """Compute the sums of mask_t alpha_t over the words t.

    Args:
        alpha: (T, B, L) attention weights.
        mask: (T, B).
    Returns:
        (B, L).
    """
    _, B, L = alpha.shape
    sums = current().empty((B, L))
    run(_sums_over_words, -(-B // CAPTIONS), np.ascontiguousarray(alpha), np.ascontiguousarray(mask), sums)
    return sums


def doubly_stochastic_backward(dpenalty, cache):
    """Compute doubly_stochastic_backward of layers/losses.py; return dalpha: (T, B, L)."""
    missing, mask, scale = cache
    return gradient(missing, mask, -2 * scale * dpenalty)


@checked(missing="strided (B, L)", mask="strided (T, B)")
def gradient(missing, mask, factor):
    """Compute factor * missing * mask_t for every word t.

    Args:
        missing: (B, L).
        mask: (T, B).
        factor: a number.
    Returns:
        (T, B, L).
    """
    dalpha = current().empty((*mask.shape, missing.shape[1]))
    run(_gradient, len(mask), np.ascontiguousarray(missing), np.ascontiguousarray(mask), np.float32(factor), dalpha)
    return dalpha


@kernel
def _sums_over_words(thread, counter, tasks, alpha, mask, sums):
    """Compute CAPTIONS captions per task."""
    T, B, L = alpha.shape
    for task in claim_tasks(thread, counter, tasks):
        for b in range(task * CAPTIONS, min((task + 1) * CAPTIONS, B)):
            for i in range(0, L, LANES):
                total = repeat(np.float32(0))
                for t in range(T):
                    total = total + mask[t, b] * load_first(alpha, (t * B + b) * L + i, L - i)
                store_first(total, sums, b * L + i, L - i)


@kernel
def _gradient(thread, counter, tasks, missing, mask, factor, dalpha):
    """Compute all captions of one word per task."""
    _, B, L = dalpha.shape
    for t in claim_tasks(thread, counter, tasks):
        for b in range(B):
            scale = factor * mask[t, b]
            for i in range(0, L, LANES):
                store_first(scale * load_first(missing, b * L + i, L - i), dalpha, (t * B + b) * L + i, L - i)
