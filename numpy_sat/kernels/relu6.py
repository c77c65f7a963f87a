"""relu6, in place, and its way back with the sum that a bias's gradient is, each one pass over memory."""

import numpy as np

from numpy_sat.kernels.simd import LANES, load_first, maximum, minimum, repeat, store_first
from numpy_sat.kernels.threads import kernel, run, taken
from numpy_sat.system.workspace import current

NUMBERS = 1 << 15  # of a task: 128 KiB
ROWS = 256  # of a task: few enough that a float32 sum over them loses nothing that matters


def bound(x):
    """x = min(max(x, 0), 6), in place. x: any shape, contiguous. Returns x."""
    flat = x.reshape(-1)
    run(_bound, -(-flat.size // NUMBERS), flat)
    return x


def backward(dy, y):
    """dx = dy where 0 < y < 6, else 0, and db, its sum over all but the last axis. dy, y: (..., O). Returns both."""
    workspace = current()
    O = y.shape[-1]
    dx, rows = workspace.empty(y.shape), y.size // O
    with workspace.scratch():
        sums = workspace.empty((-(-rows // ROWS), O))
        of_rows = (array.reshape(rows, O) for array in (np.ascontiguousarray(dy), np.ascontiguousarray(y), dx))
        run(_backward, len(sums), *of_rows, sums)
        return dx, sums.sum(axis=0, dtype=np.float64).astype(np.float32)


@kernel
def _bound(thread, counter, tasks, x):
    zero, six = repeat(np.float32(0)), repeat(np.float32(6))
    for task in taken(thread, counter, tasks):
        end = min((task + 1) * NUMBERS, x.size)
        for k in range(task * NUMBERS, end, LANES):
            store_first(minimum(maximum(load_first(x, k, end - k), zero), six), x, k, end - k)


@kernel
def _backward(thread, counter, tasks, dy, y, dx, sums):
    rows, O = y.shape
    for task in taken(thread, counter, tasks):
        total = sums[task]
        total[:] = 0
        for row in range(task * ROWS, min((task + 1) * ROWS, rows)):
            for o in range(O):
                gradient = dy[row, o] if np.float32(0) < y[row, o] < np.float32(6) else np.float32(0)
                dx[row, o] = gradient
                total[o] += gradient
