"""Batch normalisation, with relu before or behind it, in as few passes over memory as there can be: two each way.

Forward: one to sum, one to write. Back: one for the two sums dbeta and dgamma, one to write dx, which is, with relu's
gate on dy, a dy + b x + c with three numbers a channel.
"""

import numpy as np

from numpy_sat.kernels.threads import kernel, run, taken
from numpy_sat.system.workspace import current

EPSILON = 1e-5  # added to the variance
ROWS = 256  # of a task: few enough that a float32 sum over them loses nothing that matters


def mean_and_variance(x):
    """Compute mean and variance of every channel of x: (..., C). Returns (C,) and (C,) float32.

    Sums of squares are taken from the first row's values, or a mean far from 0 would swallow the variance.
    """
    workspace, rows = current(), _rows(x)
    with workspace.scratch():
        sums = workspace.empty((-(-len(rows) // ROWS), 2, rows.shape[1]))
        run(_sums, len(sums), rows, sums)
        first, second = sums.sum(axis=0, dtype=np.float64) / len(rows)
    return (rows[0] + first).astype(np.float32), (second - first * first).astype(np.float32)


def normalize(x, gamma, beta, mean, var, lowest=-np.inf):
    """Compute layers/batch_norm.py's normalize, then max(y, lowest). Returns y: (..., C) and std: (C,)."""
    std = np.sqrt(var + np.float32(EPSILON))
    scale = gamma / std
    return affine(x, scale, beta - mean * scale, lowest), std


def batch_norm_backward(dy, cache):
    """Compute layers/batch_norm.py's batch_norm_backward. Returns dx: (..., C), dgamma, dbeta: (C,)."""
    return backward(dy, *cache)


def affine(x, scale, shift, lowest):
    """y = max(x scale + shift, lowest). x: (..., C); scale, shift: (C,); lowest: 0 for relu, -inf for none."""
    workspace, rows = current(), _rows(x)
    y = workspace.empty(x.shape)
    numbers = (np.ascontiguousarray(array, np.float32) for array in (scale, shift))
    run(_affine, -(-len(rows) // ROWS), rows, *numbers, np.float32(lowest), y.reshape(rows.shape))
    return y


def backward(dy, x, gamma, mean, std, y=None):
    """Compute dx: (..., C), dgamma, dbeta: (C,). With relu's output y, dy counts only where y is above 0."""
    workspace, rows = current(), _rows(x)
    gated = y is not None
    dy, y = _rows(dy), _rows(y) if gated else rows
    dx = workspace.empty(x.shape)
    with workspace.scratch():
        sums = workspace.empty((-(-len(rows) // ROWS), 2, rows.shape[1]))
        run(_gradient_sums, len(sums), dy, rows, y, gated, mean, sums)
        dbeta, centred = sums.sum(axis=0, dtype=np.float64)
    dgamma = centred / std
    a = gamma / std.astype(np.float64)
    b = -a * dgamma / (len(rows) * std)
    c = -a * dbeta / len(rows) - b * mean
    numbers = (array.astype(np.float32) for array in (a, b, c))
    run(_gradient, -(-len(rows) // ROWS), dy, rows, y, gated, *numbers, dx.reshape(rows.shape))
    return dx, dgamma.astype(np.float32), dbeta.astype(np.float32)


def _rows(x):
    return np.ascontiguousarray(x).reshape(-1, x.shape[-1])


@kernel
def _sums(thread, counter, tasks, x, sums):
    R, C = x.shape
    origin = x[0]
    for task in taken(thread, counter, tasks):
        first, second = sums[task, 0], sums[task, 1]
        first[:] = 0
        second[:] = 0
        for row in range(task * ROWS, min((task + 1) * ROWS, R)):
            for c in range(C):
                value = x[row, c] - origin[c]
                first[c] += value
                second[c] += value * value


@kernel
def _affine(thread, counter, tasks, x, scale, shift, lowest, y):
    R, C = x.shape
    for task in taken(thread, counter, tasks):
        for row in range(task * ROWS, min((task + 1) * ROWS, R)):
            for c in range(C):
                value = x[row, c] * scale[c] + shift[c]
                y[row, c] = value if value > lowest else lowest


@kernel
def _gradient_sums(thread, counter, tasks, dy, x, y, gated, mean, sums):
    R, C = x.shape
    for task in taken(thread, counter, tasks):
        of_dy, centred = sums[task, 0], sums[task, 1]
        of_dy[:] = 0
        centred[:] = 0
        for row in range(task * ROWS, min((task + 1) * ROWS, R)):
            for c in range(C):
                d = dy[row, c] if not gated or y[row, c] > 0 else np.float32(0)
                of_dy[c] += d
                centred[c] += d * (x[row, c] - mean[c])


@kernel
def _gradient(thread, counter, tasks, dy, x, y, gated, a, b, c_, dx):
    R, C = x.shape
    for task in taken(thread, counter, tasks):
        for row in range(task * ROWS, min((task + 1) * ROWS, R)):
            for c in range(C):
                d = dy[row, c] if not gated or y[row, c] > 0 else np.float32(0)
                dx[row, c] = a[c] * d + b[c] * x[row, c] + c_[c]
