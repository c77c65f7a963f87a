"""Batch normalization, with relu before or after it, in two passes over memory forward and two backward.

Forward, one pass computes sums and one writes y. Backward, one pass computes the sums dbeta and dgamma, and one writes
dx. With the gate of relu applied to dy, dx = a dy + b x + c with three coefficients per channel. After 2x2 max-pooling,
the same pass writes dx to the cells that won, and zeros to the others.
"""

import numpy as np

from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, fma, load, repeat, store, where_byte, where_positive
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system import ranks
from numpy_sat.system.workspace import current

EPSILON = 1e-5  # added to the variance
ROWS = 256  # rows of a task, and terms of a float32 sum: few enough for small rounding errors


@checked(x="strided (..., C)", where="0 not in rest")
def mean_and_variance(x):
    """Compute mean and variance of every channel of x: (..., C). Both are (C,) float32.

    The first row is subtracted before the squares are summed. Otherwise a mean far from 0 would cancel the digits of
    the variance.
    """
    workspace, rows = current(), _rows(x)
    with workspace.scratch():
        sums = workspace.empty((-(-len(rows) // ROWS), 2, rows.shape[1]))
        run(_sums, len(sums), rows, sums)
        first, second = sums.sum(axis=0, dtype=np.float64) / len(rows)
    return (rows[0] + first).astype(np.float32), (second - first * first).astype(np.float32)


@checked(x="strided (..., C)", gamma="strided (C,)", beta="strided (C,)", mean="strided (C,)", var="strided (C,)")
def normalize(x, gamma, beta, mean, var, lowest=-np.inf):
    """Compute normalize of layers/batch_norm.py, then max(y, lowest). Returns y: (..., C) and std: (C,)."""
    std = np.sqrt(var + np.float32(EPSILON))
    scale = gamma / std
    return affine(x, scale, beta - mean * scale, lowest), std


def batch_norm_backward(dy, cache):
    """Compute batch_norm_backward of layers/batch_norm.py; return dx: (..., C), dgamma and dbeta: (C,)."""
    return backward(dy, *cache)


@checked(x="strided (..., C)", scale="strided (C,)", shift="strided (C,)")
def affine(x, scale, shift, lowest):
    """Compute y = max(x scale + shift, lowest) of every channel.

    Args:
        x: (..., C).
        scale, shift: (C,).
        lowest: 0 for relu, -inf for no relu.
    Returns:
        y: (..., C).
    """
    workspace, rows = current(), _rows(x)
    y = workspace.empty(x.shape)
    coefficients = (np.ascontiguousarray(array, np.float32) for array in (scale, shift))
    run(_affine, -(-len(rows) // ROWS), rows, *coefficients, np.float32(lowest), y.reshape(rows.shape))
    return y


@checked(
    x="strided (..., C)",
    dy="strided (..., C)",
    gamma="strided (C,)",
    mean="strided (C,)",
    std="strided (C,)",
    y="optional strided (..., C)",
)
def backward(dy, x, gamma, mean, std, y=None):
    """Compute the gradients of x, gamma and beta.

    Args:
        dy: (..., C) gradient of the result.
        x: (..., C) input of the normalization.
        gamma, mean, std: (C,).
        y: (..., C) the result after relu, or None without relu. Then dy counts only where y > 0.
    Returns:
        dx: (..., C).
        dgamma, dbeta: (C,).
    """
    arrays, coefficients, dgamma, dbeta = _sums_and_coefficients(dy, x, gamma, mean, std, y)
    dx = current().empty(x.shape)
    run(_gradient, -(-len(arrays[1]) // ROWS), *arrays, *coefficients, dx.reshape(-1, x.shape[-1]))
    return dx, dgamma, dbeta


@checked(
    x="(N, rows // 2, columns // 2, C)",
    dy="strided (N, rows // 2, columns // 2, C)",
    gamma="strided (C,)",
    mean="strided (C,)",
    std="strided (C,)",
    y="strided (N, rows // 2, columns // 2, C)",
    winner="uint8 (N, rows // 2, columns // 2, C)",
    where="C % LANES == 0",
)
def pooled_backward(dy, x, gamma, mean, std, y, winner, rows, columns):
    """Compute the gradients of gamma and beta, and of the image before 2 x 2 max-pooling.

    Args:
        dy, x, gamma, mean, std, y: as in `backward`, for images of C channels; C is a multiple of LANES.
        winner: uint8 as in layers/pool.py.
        rows, columns: sides of the image before pooling.
    Returns:
        dx: (N, rows, columns, C).
        dgamma, dbeta: (C,).
    """
    arrays, coefficients, dgamma, dbeta = _sums_and_coefficients(dy, x, gamma, mean, std, y)
    N, C = len(x), x.shape[-1]
    dx = current().empty((N, rows, columns, C))
    dy, _, y, _ = arrays
    run(_pooled_gradient, N * -(-rows // 2), dy.reshape(x.shape), x, y.reshape(x.shape), winner, *coefficients, dx)
    return dx, dgamma, dbeta


def _sums_and_coefficients(dy, x, gamma, mean, std, y):
    """Compute what dx needs.

    Args:
        dy, x, gamma, mean, std, y: as in `backward`.
    Returns:
        arrays: dy, x and y as rows of C numbers, and True if y is not None.
        coefficients: a, b and c: (C,), so that dx = a dy + b x + c.
        dgamma, dbeta: (C,).
    """
    workspace, rows = current(), _rows(x)
    gated = y is not None
    arrays = _rows(dy), rows, _rows(y) if gated else rows, gated
    with workspace.scratch():
        sums = workspace.empty((-(-len(rows) // ROWS), 2, rows.shape[1]))
        run(_gradient_sums, len(sums), *arrays, np.ascontiguousarray(mean), sums)
        dbeta, product_sum = sums.sum(axis=0, dtype=np.float64)
    dgamma = product_sum / std
    a = gamma / std.astype(np.float64)
    # On several ranks, the mean and the variance depend on the whole batch, so b and c hold its sums.
    dbeta_sum, dgamma_sum = ranks.shared_mean(np.stack([dbeta, dgamma]))
    b = -a * dgamma_sum / (len(rows) * std)
    c = -a * dbeta_sum / len(rows) - b * mean
    coefficients = [array.astype(np.float32) for array in (a, b, c)]
    return arrays, coefficients, dgamma.astype(np.float32), dbeta.astype(np.float32)


def _rows(x):
    """Reshape x: (..., C) to contiguous rows of C numbers."""
    return np.ascontiguousarray(x).reshape(-1, x.shape[-1])


@kernel
def _sums(thread, counter, tasks, x, sums):
    """Sum ROWS rows of x and of x^2 per task, after subtracting the first row of x."""
    R, C = x.shape
    origin = x[0]
    for task in claim_tasks(thread, counter, tasks):
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
    """Compute ROWS rows of y per task."""
    R, C = x.shape
    for task in claim_tasks(thread, counter, tasks):
        for row in range(task * ROWS, min((task + 1) * ROWS, R)):
            for c in range(C):
                value = x[row, c] * scale[c] + shift[c]
                y[row, c] = value if value > lowest else lowest


@kernel
def _gradient_sums(thread, counter, tasks, dy, x, y, gated, mean, sums):
    """Sum ROWS rows of dy and of dy (x - mean) per task."""
    R, C = x.shape
    vectors = C // LANES * LANES
    for task in claim_tasks(thread, counter, tasks):
        first, last = task * ROWS, min((task + 1) * ROWS, R)
        for c in range(0, vectors, LANES):
            dy_sum, product_sum, center = repeat(np.float32(0)), repeat(np.float32(0)), load(mean, c)
            for row in range(first, last):
                d = load(dy, row * C + c)
                if gated:
                    d = where_positive(load(y, row * C + c), d)
                dy_sum = dy_sum + d
                product_sum = fma(d, load(x, row * C + c) - center, product_sum)
            store(dy_sum, sums, 2 * task * C + c)
            store(product_sum, sums, (2 * task + 1) * C + c)
        sums[task, :, vectors:] = 0
        for row in range(first, last):
            for c in range(vectors, C):
                d = dy[row, c] if not gated or y[row, c] > 0 else np.float32(0)
                sums[task, 0, c] += d
                sums[task, 1, c] += d * (x[row, c] - mean[c])


@kernel
def _gradient(thread, counter, tasks, dy, x, y, gated, a, b, c_, dx):
    """Compute ROWS rows of dx = a dy + b x + c per task."""
    R, C = x.shape
    for task in claim_tasks(thread, counter, tasks):
        for row in range(task * ROWS, min((task + 1) * ROWS, R)):
            for c in range(C):
                d = dy[row, c] if not gated or y[row, c] > 0 else np.float32(0)
                dx[row, c] = a[c] * d + b[c] * x[row, c] + c_[c]


@kernel
def _pooled_gradient(thread, counter, tasks, dy, x, y, winner, a, b, c_, dx):
    """Compute two rows of dx per task, or the last row of an odd number of rows."""
    _, rows, columns, C = dx.shape
    _, rows_out, columns_out, _ = y.shape
    per_image = -(-rows // 2)
    for task in claim_tasks(thread, counter, tasks):
        n, i = task // per_image, task % per_image
        if i >= rows_out or columns % 2:
            dx[n, 2 * i : 2 * i + 2] = 0
        for j in range(columns_out if i < rows_out else 0):
            at, top = ((n * rows_out + i) * columns_out + j) * C, ((n * rows + 2 * i) * columns + 2 * j) * C
            for c in range(0, C, LANES):
                d = where_positive(load(y, at + c), load(dy, at + c))
                gradient = fma(load(a, c), d, fma(load(b, c), load(x, at + c), load(c_, c)))
                for code in range(4):
                    cell = top + (code // 2 * columns + code % 2) * C + c
                    store(where_byte(winner, at + c, code, gradient), dx, cell)
