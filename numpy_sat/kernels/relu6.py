"""The backward pass of relu6 together with the gradient of the bias, in one pass over memory."""

import numpy as np

from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system.workspace import current

ROWS = 256  # rows of a task, and terms of a float32 sum: few enough for small rounding errors


@checked(dy="strided (..., O)", y="strided (..., O)")
def backward(dy, y):
    """Compute the backward pass through relu6, and the gradient of the bias before it.

    Args:
        dy: (..., O) gradient of y.
        y: (..., O) the result of relu6.
    Returns:
        dx: (..., O), dy where 0 < y < 6, else 0.
        db: (O,) the sum of dx over all but the last axis.
    """
    workspace = current()
    O = y.shape[-1]
    dx, rows = workspace.empty(y.shape), y.size // O
    with workspace.scratch():
        sums = workspace.empty((-(-rows // ROWS), O))
        matrices = (array.reshape(rows, O) for array in (np.ascontiguousarray(dy), np.ascontiguousarray(y), dx))
        run(_backward, len(sums), *matrices, sums)
        return dx, sums.sum(axis=0, dtype=np.float64).astype(np.float32)


@kernel
def _backward(thread, counter, tasks, dy, y, dx, sums):
    """Compute ROWS rows of dx and their sum per task."""
    rows, O = y.shape
    for task in claim_tasks(thread, counter, tasks):
        total = sums[task]
        total[:] = 0
        for row in range(task * ROWS, min((task + 1) * ROWS, rows)):
            for o in range(O):
                gradient = dy[row, o] if np.float32(0) < y[row, o] < np.float32(6) else np.float32(0)
                dx[row, o] = gradient
                total[o] += gradient
