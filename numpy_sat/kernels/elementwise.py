"""Elementwise operations in one pass over memory: relu backward, tanh, sigmoid, products, sums, rows of a matrix.

Arithmetic is negligible here. The number of passes over memory decides the time, and NumPy needs several. The gradient
of relu with that of the bias, on 25 MB, takes 2.9 ms instead of 6.6 ms.
"""

import numpy as np

from numpy_sat.kernels import functions
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, load_first, repeat, store_first
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system.workspace import current

ROWS = 256  # rows of a task, and terms of a float32 sum: few enough for small rounding errors
TANH, SIGMOID = 0, 1
NUMBERS = 1 << 15  # numbers of a task: 128 KiB of each array


@checked(dy="strided (..., O)", y="strided (..., O)")
def relu_backward(dy, y):
    """Compute the backward pass through relu, and the gradient of the bias before it.

    Args:
        dy: (..., O) gradient of y.
        y: (..., O) the result of relu.
    Returns:
        dx: (..., O), dy where y > 0, else 0.
        db: (O,) the sum of dx over all but the last axis.
    """
    workspace = current()
    O = y.shape[-1]
    dy = np.ascontiguousarray(dy)
    dx = workspace.empty(y.shape)
    rows = y.size // O
    with workspace.scratch():
        sums = workspace.empty((-(-rows // ROWS), O))
        run(_relu_backward, len(sums), dy.reshape(rows, O), y.reshape(rows, O), dx.reshape(rows, O), sums)
        return dx, sums.sum(axis=0, dtype=np.float64).astype(np.float32)


@checked(x="strided (..., O)")
def column_sums(x):
    """Compute the sum of x: (..., O) over all but the last axis. Returns (O,)."""
    workspace = current()
    rows = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
    with workspace.scratch():
        sums = workspace.empty((-(-len(rows) // ROWS), rows.shape[1]))
        run(_column_sums, len(sums), rows, sums)
        return sums.sum(axis=0, dtype=np.float64).astype(np.float32)


@checked(rows="strided (K, M)", numbers="strided integer (K,)", total="out (V, M)")
def add_rows(rows, numbers, total):
    """Add rows[k] to total[numbers[k]] for every k, in order.

    Args:
        rows: (K, M).
        numbers: (K,) int64 row numbers of total.
        total: (V, M), changed in place.
    Raises:
        IndexError: a number is not in 0..V-1.
    """
    _check_rows("add_rows", numbers, len(total))
    run(_add_rows, -(-rows.shape[1] // LANES), rows, numbers, total, True)


@checked(rows="(K, M)", numbers="strided integer (K,)")
def sums_of_rows(rows, numbers, V):
    """Return (V, M), whose row v is the sum of rows[k] over all k with numbers[k] == v.

    Args:
        rows: (K, M).
        numbers: (K,) int64 row numbers, less than V.
        V: number of sums.
    Raises:
        IndexError: a number is not in 0..V-1.
    """
    _check_rows("sums_of_rows", numbers, V)
    total = current().empty((V, rows.shape[1]))
    run(_add_rows, -(-rows.shape[1] // LANES), rows, numbers, total, False)
    return total


def _check_rows(label, numbers, V):
    """Raise IndexError if a row number is not in 0..V-1."""
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < V:
        raise IndexError(
            f"{label}: rows must be from 0 to {V - 1}, but they are from {numbers.min()} to {numbers.max()}"
        )


@checked(E="strided (V, M)", numbers="strided integer (...)")
def take_rows(E, numbers):
    """Return E[numbers].

    Args:
        E: (V, M).
        numbers: (...) int64.
    Returns:
        (..., M).
    Raises:
        IndexError: a number is not in 0..V-1.
    """
    _check_rows("take_rows", numbers, len(E))
    rows = current().empty((*numbers.shape, E.shape[1]))
    E, numbers = np.ascontiguousarray(E), np.ascontiguousarray(numbers).reshape(-1)
    run(_take_rows, -(-numbers.size // ROWS), E, numbers, rows.reshape(-1))
    return rows


@checked(x="strided (N, L, D)", columns="strided (L, P)")
def with_columns(x, columns):
    """Append the same columns to every x[n].

    Args:
        x: (N, L, D).
        columns: (L, P).
    Returns:
        (N, L, D + P).
    """
    N, L, D = x.shape
    y = current().empty((N, L, D + columns.shape[1]))
    run(_with_columns, N, np.ascontiguousarray(x), np.ascontiguousarray(columns), y)
    return y


@checked(x="strided (N, L, D)")
def means(x):
    """Return the means of x: (N, L, D) over the second axis, (N, D)."""
    y = current().empty((len(x), x.shape[2]))
    run(_means, len(x), np.ascontiguousarray(x), y)
    return y


@checked(x="strided (...)", y="strided (...)", z="out (...)")
def product(x, y, z):
    """Compute the elementwise product x y, write it to z: (...), and return z."""
    x, y = (np.ascontiguousarray(array).reshape(-1) for array in (x, y))
    run(_product, -(-x.size // NUMBERS), x, y, z.reshape(-1))
    return z


@checked(x="strided (...)")
def tanh(x):
    """Compute tanh of every number of x, see functions.py. Returns y in the shape of x."""
    return _apply_to_all(x, TANH)


@checked(x="strided (...)")
def sigmoid(x):
    """Compute 1 / (1 + exp(-x)) of every number of x, see functions.py. Returns y in the shape of x."""
    return _apply_to_all(x, SIGMOID)


def tanh_forward(x):
    """Compute tanh_forward of layers/activations.py; return y and the fields of its cache."""
    y = tanh(x)
    return y, (y,)


def sigmoid_forward(x):
    """Compute sigmoid_forward of layers/activations.py; return y and the fields of its cache."""
    y = sigmoid(x)
    return y, (y,)


def _apply_to_all(x, function):
    """Apply TANH or SIGMOID to every number of x."""
    y = np.empty(x.shape, np.float32)
    run(_apply, -(-x.size // NUMBERS), function, np.ascontiguousarray(x).reshape(-1), y.reshape(-1))
    return y


@kernel
def _relu_backward(thread, counter, tasks, dy, y, dx, sums):
    """Compute ROWS rows of dx and their sum per task."""
    rows, O = y.shape
    for task in claim_tasks(thread, counter, tasks):
        total = sums[task]
        total[:] = 0
        for row in range(task * ROWS, min((task + 1) * ROWS, rows)):
            for o in range(O):
                value = dy[row, o] if y[row, o] > 0 else np.float32(0)
                dx[row, o] = value
                total[o] += value


@kernel
def _apply(thread, counter, tasks, function, x, y):
    """Compute NUMBERS numbers of y per task."""
    for task in claim_tasks(thread, counter, tasks):
        end = min((task + 1) * NUMBERS, x.size)
        for k in range(task * NUMBERS, end, LANES):
            value = load_first(x, k, end - k)
            value = functions.tanh(value) if function == TANH else functions.sigmoid(value)
            store_first(value, y, k, end - k)


@kernel
def _column_sums(thread, counter, tasks, x, sums):
    """Sum ROWS rows of x per task."""
    rows, O = x.shape
    for task in claim_tasks(thread, counter, tasks):
        total = sums[task]
        total[:] = 0
        for row in range(task * ROWS, min((task + 1) * ROWS, rows)):
            for o in range(O):
                total[o] += x[row, o]


@kernel
def _add_rows(thread, counter, tasks, rows, numbers, total, add):
    """Add one cache line of every row per task, so that no two threads add to the same number."""
    V, M = total.shape
    for task in claim_tasks(thread, counter, tasks):
        first = task * LANES
        if not add:
            for row in range(V):
                store_first(repeat(np.float32(0)), total, row * M + first, M - first)
        for k in range(numbers.size):
            row = numbers[k]
            for m in range(first, min(first + LANES, M)):
                total[row, m] += rows[k, m]


@kernel
def _take_rows(thread, counter, tasks, E, numbers, rows):
    """Copy ROWS rows of E per task."""
    M = E.shape[1]
    for task in claim_tasks(thread, counter, tasks):
        for k in range(task * ROWS, min((task + 1) * ROWS, numbers.size)):
            for m in range(0, M, LANES):
                store_first(load_first(E, numbers[k] * M + m, M - m), rows, k * M + m, M - m)


@kernel
def _with_columns(thread, counter, tasks, x, columns, y):
    """Compute y[n] per task."""
    (_, L, D), P = x.shape, columns.shape[1]
    for n in claim_tasks(thread, counter, tasks):
        for i in range(L):
            at = (n * L + i) * (D + P)
            for d in range(0, D, LANES):
                store_first(load_first(x, (n * L + i) * D + d, D - d), y, at + d, D - d)
            for p in range(0, P, LANES):
                store_first(load_first(columns, i * P + p, P - p), y, at + D + p, P - p)


@kernel
def _means(thread, counter, tasks, x, y):
    """Compute the means of x[n] per task."""
    _, L, D = x.shape
    for n in claim_tasks(thread, counter, tasks):
        sums = y[n]
        sums[:] = 0
        for i in range(L):
            for d in range(D):
                sums[d] += x[n, i, d]
        for d in range(D):
            sums[d] /= np.float32(L)


@kernel
def _product(thread, counter, tasks, x, y, z):
    """Compute NUMBERS numbers of z per task."""
    for task in claim_tasks(thread, counter, tasks):
        end = min((task + 1) * NUMBERS, x.size)
        for k in range(task * NUMBERS, end, LANES):
            store_first(load_first(x, k, end - k) * load_first(y, k, end - k), z, k, end - k)
