"""Layer normalization in one pass over memory, forward and backward.

NumPy makes ten passes. Here a vector stays in the first cache while its mean and variance are computed. The backward
pass computes x_hat a second time, and can add its result to the gradient of the residual sum around the layer.
"""

import numpy as np

from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, fma, load_first, repeat, store_first, total
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system.workspace import current

EPSILON = 1e-5
ROWS = 64  # vectors of a task


@checked(x="strided (..., S)", gamma="(S,)", beta="(S,)", where="S > 0")
def layer_norm_forward(x, gamma, beta):
    """Compute layer_norm_forward of layers/layer_norm.py; return y and the fields of its cache."""
    empty, S = current().empty, x.shape[-1]
    x = np.ascontiguousarray(x)
    y, mean, std = empty(x.shape), empty((*x.shape[:-1], 1)), empty((*x.shape[:-1], 1))
    rows = x.size // S
    run(
        *(_forward, -(-rows // ROWS), x.reshape(rows, S), gamma, beta),
        *(np.float32(EPSILON), y.reshape(rows, S), mean.reshape(rows), std.reshape(rows)),
    )
    return y, (x, gamma, mean, std)


@checked(
    dy="strided (..., S)",
    cache=("(..., S)", "(S,)", "(..., 1)", "(..., 1)"),
    dx="optional out (..., S)",
    where="S > 0",
)
def layer_norm_backward(dy, cache, dx=None):
    """Compute layer_norm_backward of layers/layer_norm.py.

    Args:
        dy, cache: as for the layer.
        dx: (..., S) array to which the gradient of x is added in place; None for a new array.
    Returns:
        dx, dgamma, dbeta: as the layer returns them.
    """
    workspace = current()
    x, gamma, mean, std = cache
    S, add = x.shape[-1], dx is not None
    rows = x.size // S
    if not add:
        dx = workspace.empty(x.shape)
    dy = np.ascontiguousarray(dy)
    with workspace.scratch():
        sums = workspace.empty((-(-rows // ROWS), 2, S))
        arrays = (array.reshape(rows, S) for array in (dy, x))
        run(
            *(_backward, len(sums), *arrays, gamma, mean.reshape(rows), std.reshape(rows)),
            *(dx.reshape(rows, S), add, sums),
        )
        dgamma, dbeta = sums.sum(axis=0, dtype=np.float64).astype(np.float32)
    return dx, dgamma, dbeta


@kernel
def _forward(thread, counter, tasks, x, gamma, beta, epsilon, y, mean, std):
    """Normalize ROWS vectors per task."""
    rows, S = x.shape
    for task in claim_tasks(thread, counter, tasks):
        for row in range(task * ROWS, min((task + 1) * ROWS, rows)):
            at, sums, full = row * S, repeat(np.float32(0)), S // LANES * LANES
            for c in range(0, S, LANES):
                sums = sums + load_first(x, at + c, S - c)
            m = total(sums) / np.float32(S)
            squares = repeat(np.float32(0))
            for c in range(0, full, LANES):
                difference = load_first(x, at + c, LANES) - m
                squares = fma(difference, difference, squares)
            variance = total(squares)
            for c in range(full, S):
                variance += (x[row, c] - m) * (x[row, c] - m)
            deviation = np.sqrt(variance / np.float32(S) + epsilon)
            mean[row], std[row] = m, deviation
            scale = np.float32(1) / deviation
            for c in range(0, S, LANES):
                count = S - c
                x_hat = (load_first(x, at + c, count) - m) * scale
                store_first(fma(x_hat, load_first(gamma, c, count), load_first(beta, c, count)), y, at + c, count)


@kernel
def _backward(thread, counter, tasks, dy, x, gamma, mean, std, dx, add, sums):
    """Compute the gradients of ROWS vectors per task, and their terms of dgamma and dbeta."""
    rows, S = x.shape
    for task in claim_tasks(thread, counter, tasks):
        dgamma_at, dbeta_at = task * 2 * S, (task * 2 + 1) * S
        sums[task] = 0
        for row in range(task * ROWS, min((task + 1) * ROWS, rows)):
            at, m, scale = row * S, mean[row], np.float32(1) / std[row]
            plain, weighted = repeat(np.float32(0)), repeat(np.float32(0))
            for c in range(0, S, LANES):
                count = S - c
                d, x_hat = load_first(dy, at + c, count), (load_first(x, at + c, count) - m) * scale
                store_first(fma(d, x_hat, load_first(sums, dgamma_at + c, count)), sums, dgamma_at + c, count)
                store_first(d + load_first(sums, dbeta_at + c, count), sums, dbeta_at + c, count)
                dx_hat = d * load_first(gamma, c, count)
                plain, weighted = plain + dx_hat, fma(dx_hat, x_hat, weighted)
            plain_mean, weighted_mean = total(plain) / np.float32(S), total(weighted) / np.float32(S)
            for c in range(0, S, LANES):
                count = S - c
                x_hat = (load_first(x, at + c, count) - m) * scale
                dx_hat = load_first(dy, at + c, count) * load_first(gamma, c, count)
                result = (dx_hat - plain_mean - x_hat * weighted_mean) * scale
                if add:
                    result = result + load_first(dx, at + c, count)
                store_first(result, dx, at + c, count)
