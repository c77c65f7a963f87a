"""The token shift (layers/token_shift.py) in one pass over the words, in place.

A task computes one vector of components of all captions, so the gradients do not depend on the number of threads.
"""

import numpy as np

from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, fma, load_first, repeat, store_first
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system.workspace import current

WHERE = "S > 0 <= starts[0] and (starts[1:] - starts[:-1]).min(initial=0) == 0 and starts[-1] <= W"


@checked(words="out (W, S)", c="(S,)", starts="integer (ends,)", where=WHERE)
def shift(words, c, starts):
    """Add to each word c times the result of the word before it, in place.

    Args:
        words: (W, S) the words of all captions, one caption after the other.
        c: (S,) weights of the word before.
        starts: (B + 1,) int64, the number of words before each caption and after the last one.
    """
    run(_shift, -(-len(c) // LANES), c, starts, words)


@checked(dwords="out (W, S)", words="(W, S)", c="(S,)", starts="integer (ends,)", where=WHERE)
def shift_gradient(dwords, words, c, starts):
    """Compute the gradients of shift.

    Args:
        dwords: (W, S) gradient of the shifted words; overwritten with the gradient of the words before the shift.
        words: (W, S) the shifted words.
        c, starts: as for shift.
    Returns:
        dc: (S,).
    """
    dc = current().empty(c.shape)
    run(_shift_gradient, -(-len(c) // LANES), words, c, starts, dwords, dc)
    return dc


@kernel
def _shift(thread, counter, tasks, c, starts, words):
    """Shift LANES components of all captions per task."""
    S = c.size
    for task in claim_tasks(thread, counter, tasks):
        at, count = task * LANES, S - task * LANES
        weight = load_first(c, at, count)
        for b in range(starts.size - 1):
            total = repeat(np.float32(0))
            for row in range(starts[b], starts[b + 1]):
                # y_t = x_t + c y_{t-1}
                total = fma(weight, total, load_first(words, row * S + at, count))
                store_first(total, words, row * S + at, count)


@kernel
def _shift_gradient(thread, counter, tasks, words, c, starts, dwords, dc):
    """Compute the gradients of LANES components per task."""
    S = c.size
    for task in claim_tasks(thread, counter, tasks):
        at, count = task * LANES, S - task * LANES
        weight, sums = load_first(c, at, count), repeat(np.float32(0))
        for b in range(starts.size - 1):
            total = repeat(np.float32(0))
            for row in range(starts[b + 1] - 1, starts[b] - 1, -1):
                # gradient of c = sum of dx_{t+1} y_t
                sums = fma(total, load_first(words, row * S + at, count), sums)
                # gradient of y_t = term 1: directly + term 2: through y_{t+1}
                total = fma(weight, total, load_first(dwords, row * S + at, count))
                store_first(total, dwords, row * S + at, count)
        store_first(sums, dc, at, count)
