"""Put a frame of equal cells around images (layers/frame.py), on all cores. NumPy copies on one core."""

import numpy as np

from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, load, load_first, repeat, store, store_first
from numpy_sat.kernels.threads import claim_tasks, inline, kernel, run
from numpy_sat.system.workspace import current

LINES = 16  # rows of the result in a task


@checked(x="strided (N, H, width, C)", where="min(*rows, *columns) >= 0")
def frame(x, rows, columns, value=0.0):
    """Compute frame of layers/frame.py; return y: (N, H', W', C)."""
    N, H, W, C = x.shape
    (top, bottom), (left, right) = rows, columns
    y = current().empty((N, top + H + bottom, left + W + right, C))
    run(_frame, -(-N * y.shape[1] // LINES), np.ascontiguousarray(x), top, left, np.float32(value), y)
    return y


@kernel
def _frame(thread, counter, tasks, x, top, left, value, y):
    """Compute LINES rows of y per task."""
    _, H, W, C = x.shape
    N, rows, columns, _ = y.shape
    for task in claim_tasks(thread, counter, tasks):
        for line in range(task * LINES, min((task + 1) * LINES, N * rows)):
            n, i, at = line // rows, line % rows - top, line * columns * C
            if i < 0 or i >= H:
                _fill(y, at, columns * C, value)
                continue
            _fill(y, at, left * C, value)
            at += left * C
            for k in range(0, W * C, LANES):
                x_at, count = (n * H + i) * W * C + k, W * C - k
                if count >= LANES:
                    store(load(x, x_at), y, at + k)
                else:
                    store_first(load_first(x, x_at, count), y, at + k, count)
            _fill(y, at + W * C, (columns - left - W) * C, value)


@inline
def _fill(y, at, count, value):
    """Set y.flat[at : at + count] to a value."""
    for k in range(0, count, LANES):
        store_first(repeat(value), y, at + k, count - k)
