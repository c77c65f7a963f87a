"""The attention penalty in one pass over the attention weights, forward and backward.

NumPy writes an array as large as the attention weights forward, and two backward.
"""

import numpy as np

from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, fma, load_first, repeat, store_first
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system.workspace import current


@checked(alpha="strided (T, B, L)", mask="strided (T, B)")
def missing(alpha, mask, target):
    """Compute target - sum over words t of mask_t alpha_t.

    Args:
        alpha: (T, B, L) attention weights.
        mask: (T, B) 1 at words, 0 at padding.
        target: a number, or (B, 1).
    Returns:
        (B, L).
    """
    _, B, L = alpha.shape
    result, targets = current().empty((B, L)), np.empty((B, 1), np.float32)
    targets[:] = target
    run(_missing, B, np.ascontiguousarray(alpha), np.ascontiguousarray(mask), targets, result)
    return result


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
def _missing(thread, counter, tasks, alpha, mask, targets, result):
    """Compute one caption per task."""
    T, B, L = alpha.shape
    for b in claim_tasks(thread, counter, tasks):
        for i in range(0, L, LANES):
            sums = repeat(np.float32(0))
            for t in range(T):
                sums = fma(repeat(mask[t, b]), load_first(alpha, (t * B + b) * L + i, L - i), sums)
            store_first(targets[b, 0] - sums, result, b * L + i, L - i)


@kernel
def _gradient(thread, counter, tasks, missing, mask, factor, dalpha):
    """Compute all captions of one word per task."""
    _, B, L = dalpha.shape
    for t in claim_tasks(thread, counter, tasks):
        for b in range(B):
            scale = factor * mask[t, b]
            for i in range(0, L, LANES):
                store_first(scale * load_first(missing, b * L + i, L - i), dalpha, (t * B + b) * L + i, L - i)
