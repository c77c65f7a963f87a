"""The gradient of the attention penalty in one pass over the attention weights. NumPy writes two such arrays."""

import numpy as np

from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, load_first, store_first
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system.workspace import current


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
def _gradient(thread, counter, tasks, missing, mask, factor, dalpha):
    """Compute all captions of one word per task."""
    _, B, L = dalpha.shape
    for t in claim_tasks(thread, counter, tasks):
        for b in range(B):
            scale = factor * mask[t, b]
            for i in range(0, L, LANES):
                store_first(scale * load_first(missing, b * L + i, L - i), dalpha, (t * B + b) * L + i, L - i)
