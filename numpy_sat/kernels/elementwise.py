"""Elementwise operations in one pass over memory: relu backward, tanh, sigmoid, column sums, updates of the optimisers.

Arithmetic is negligible here. The number of passes over memory decides the time, and NumPy needs several. Adam over 10
million parameters takes 5.7 ms instead of 33 ms. The gradient of relu with that of the bias, on 25 MB, takes 2.9 ms
instead of 6.6 ms.
"""

import numpy as np

from numpy_sat.kernels import functions
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, load_first, square_root, store_first
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


@checked(rows="strided (K, M)", numbers="strided integer (K,)", total="strided out (V, M)")
def add_rows(rows, numbers, total):
    """Add rows[k] to total[numbers[k]] for every k, in order.

    Args:
        rows: (K, M).
        numbers: (K,) int64 row numbers of total.
        total: (V, M), changed in place.
    """
    run(_add_rows, -(-rows.shape[1] // LANES), rows, numbers, total)


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


@checked(w="out (...)", g="strided (...)", m="out (...)", v="out (...)")
def adam(w, g, m, v, rate, beta1, beta2, epsilon, correction1, correction2):
    """Run adam_update of training/optimizers.py for one parameter in one pass.

    Args:
        w: the parameter, contiguous; changed in place.
        g: its gradient.
        m, v: running means of the gradient and of its square, contiguous; changed in place.
        rate, beta1, beta2, epsilon: as in adam_update.
        correction1, correction2: 1 - beta1^t and 1 - beta2^t.
    """
    numbers = (rate / correction1, 1 - beta1, 1 - beta2, 1 / correction2, epsilon)
    flat = (array.reshape(-1) for array in (w, g, m, v))
    run(_adam, -(-w.size // NUMBERS), *flat, *(np.float32(number) for number in numbers))


@checked(w="out (...)", g="strided (...)", v="out (...)")
def rmsprop(w, g, v, rate, decay, epsilon):
    """Run rmsprop_update of training/optimizers.py for one parameter in one pass.

    Args:
        w: the parameter, contiguous; changed in place.
        g: its gradient.
        v: running mean of the squared gradient, contiguous; changed in place.
        rate, decay, epsilon: as in rmsprop_update.
    """
    flat = (array.reshape(-1) for array in (w, g, v))
    run(_rmsprop, -(-w.size // NUMBERS), *flat, *(np.float32(number) for number in (rate, 1 - decay, epsilon)))


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
def _add_rows(thread, counter, tasks, rows, numbers, total):
    """Add one cache line of every row per task, so that no two threads add to the same number."""
    M = rows.shape[1]
    for task in claim_tasks(thread, counter, tasks):
        first = task * LANES
        for k in range(numbers.size):
            row = numbers[k]
            for m in range(first, min(first + LANES, M)):
                total[row, m] += rows[k, m]


@kernel
def _adam(thread, counter, tasks, w, g, m, v, step, one_minus_beta1, one_minus_beta2, inverse_correction2, epsilon):
    """Update NUMBERS numbers of w, m and v per task."""
    for task in claim_tasks(thread, counter, tasks):
        end = min((task + 1) * NUMBERS, w.size)
        for k in range(task * NUMBERS, end, LANES):
            count = end - k
            gradient, mean, square = load_first(g, k, count), load_first(m, k, count), load_first(v, k, count)
            mean = mean + one_minus_beta1 * (gradient - mean)
            square = square + one_minus_beta2 * (gradient * gradient - square)
            change = step * mean / (square_root(inverse_correction2 * square) + epsilon)
            store_first(mean, m, k, count)
            store_first(square, v, k, count)
            store_first(load_first(w, k, count) - change, w, k, count)


@kernel
def _rmsprop(thread, counter, tasks, w, g, v, rate, one_minus_decay, epsilon):
    """Update NUMBERS numbers of w and v per task."""
    for task in claim_tasks(thread, counter, tasks):
        end = min((task + 1) * NUMBERS, w.size)
        for k in range(task * NUMBERS, end, LANES):
            count = end - k
            gradient, square = load_first(g, k, count), load_first(v, k, count)
            square = square + one_minus_decay * (gradient * gradient - square)
            store_first(square, v, k, count)
            store_first(load_first(w, k, count) - rate * gradient / (square_root(square) + epsilon), w, k, count)
