"""Kernels that run once for all parameters of a model: the norm of the gradients, and the updates of the optimizers.

A model has dozens of small arrays, and one run for each would cost more time in Python than in the kernel. Each pass
over memory does all of the arithmetic, of which NumPy needs several. Adam over 10 million parameters takes 5.7 ms
instead of 33 ms.

A kernel cannot take any number of arrays. It gets a table with their addresses.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from numpy_sat.kernels.simd import LANES, load_first, repeat, square_root, store_first, total
from numpy_sat.kernels.threads import claim_tasks, inline, kernel, run

NUMBERS = 1 << 15  # numbers of a task: 128 KiB of each array
FLOAT32 = np.dtype(np.float32)
FIRST, SIZE, ADDRESSES = range(3)  # columns of a table: first task of a row, numbers in each of its arrays, addresses


def norm(arrays):
    """Return the joint Euclidean norm of some contiguous arrays."""
    tasks, table = _table([(array,) for array in arrays])
    sums = np.zeros(tasks, np.float32)
    run(_sums_of_squares, tasks, table, sums)
    return math.sqrt(sums.sum(dtype=np.float64))


def scale(arrays, factor):
    """Multiply all numbers of some contiguous arrays by a factor, in place."""
    tasks, table = _table([(array,) for array in arrays])
    run(_scale, tasks, table, np.float32(factor))


def adam(rows, rate, beta1, beta2, epsilon, correction1, correction2):
    """Run adam_update of training/optimizers.py in one pass.

    Args:
        rows: a list of (w, m, v, g), one for each parameter: the parameter, the running means of the gradient and of
            its square, and the gradient. All are contiguous. w, m and v are changed in place.
        rate, beta1, beta2, epsilon: as in adam_update.
        correction1, correction2: 1 - beta1^t and 1 - beta2^t.
    """
    numbers = (rate / correction1, 1 - beta1, 1 - beta2, 1 / correction2, epsilon)
    run(_adam, *_table(rows), *(np.float32(number) for number in numbers))


def rmsprop(rows, rate, decay, epsilon):
    """Run rmsprop_update of training/optimizers.py in one pass.

    Args:
        rows: a list of (w, v, g), one for each parameter: the parameter, the running mean of the squared gradient, and
            the gradient. All are contiguous. w and v are changed in place.
        rate, decay, epsilon: as in rmsprop_update.
    """
    run(_rmsprop, *_table(rows), *(np.float32(number) for number in (rate, 1 - decay, epsilon)))


def _table(rows):
    """Return the number of tasks, and the table of some tuples of arrays of one shape each.

    Raises:
        ValueError: arrays are not of the same shape, float32, contiguous and writeable.
    """
    tasks, lines = 0, []
    for arrays in rows:
        size, shape = arrays[0].size, arrays[0].shape
        for array in arrays:
            if array.dtype != FLOAT32 or array.shape != shape or not array.flags.carray:
                kind = f"{array.dtype} of shape {array.shape}"
                raise ValueError(f"updates: contiguous writeable float32 of shape {shape} is required, not {kind}")
        lines.append((tasks, size, *(_address(array.ravel()) for array in arrays)))
        tasks += -(-size // NUMBERS)
    return tasks, np.array(lines, np.int64)


@kernel
def _address(array):
    """Return the address of the first number. `ctypes.data` takes six times as long."""
    return array.ctypes.data


@inline
def _part(task, table):
    """Return the row of a task in the table, and the first and the last number (excluded) of the task."""
    row = 0
    while row + 1 < len(table) and table[row + 1, FIRST] <= task:
        row += 1
    first = (task - table[row, FIRST]) * NUMBERS
    return row, first, min(first + NUMBERS, table[row, SIZE])


@intrinsic
def _array(typingctx, table, row, number):
    """Return array `number` of a row of the table.

    numba's carray needs a count of references, which kernels do not have (threads.py).

    Args:
        table: (rows, columns) int64, from `_table`.
        row, number: the row, and the number of the array in it, from 0.
    """

    def build(context, builder, sig, args):
        table, row, number = args
        model, item_size = context.data_model_manager[sig.args[0]], context.get_constant(types.intp, 4)
        columns = builder.extract_value(model.get(builder, table, "shape"), 1)
        line = builder.gep(model.get(builder, table, "data"), [builder.mul(row, columns)])
        size = builder.load(builder.gep(line, [ir.Constant(row.type, SIZE)]))
        address = builder.load(builder.gep(line, [builder.add(number, ir.Constant(number.type, ADDRESSES))]))
        array = context.make_array(sig.return_type)(context, builder)
        data = builder.inttoptr(address, ir.FloatType().as_pointer())
        populate_array(array, data, shape=[size], strides=[item_size], itemsize=item_size, meminfo=None)
        return array._getvalue()

    return types.Array(types.float32, 1, "C")(types.Array(types.int64, 2, "C"), types.int64, types.int64), build


@kernel
def _sums_of_squares(thread, counter, tasks, table, sums):
    """Sum the squares of NUMBERS numbers per task."""
    for task in claim_tasks(thread, counter, tasks):
        row, first, last = _part(task, table)
        x, squares = _array(table, row, 0), repeat(np.float32(0))
        for k in range(first, last, LANES):
            value = load_first(x, k, last - k)
            squares = squares + value * value
        sums[task] = total(squares)


@kernel
def _scale(thread, counter, tasks, table, factor):
    """Scale NUMBERS numbers per task."""
    for task in claim_tasks(thread, counter, tasks):
        row, first, last = _part(task, table)
        x = _array(table, row, 0)
        for k in range(first, last, LANES):
            store_first(factor * load_first(x, k, last - k), x, k, last - k)


@kernel
def _adam(thread, counter, tasks, table, step, one_minus_beta1, one_minus_beta2, inverse_correction2, epsilon):
    """Update NUMBERS numbers of w, m and v per task."""
    for task in claim_tasks(thread, counter, tasks):
        row, first, last = _part(task, table)
        w, m, v, g = _array(table, row, 0), _array(table, row, 1), _array(table, row, 2), _array(table, row, 3)
        for k in range(first, last, LANES):
            count = last - k
            gradient, mean, square = load_first(g, k, count), load_first(m, k, count), load_first(v, k, count)
            mean = mean + one_minus_beta1 * (gradient - mean)
            square = square + one_minus_beta2 * (gradient * gradient - square)
            change = step * mean / (square_root(inverse_correction2 * square) + epsilon)
            store_first(mean, m, k, count)
            store_first(square, v, k, count)
            store_first(load_first(w, k, count) - change, w, k, count)


@kernel
def _rmsprop(thread, counter, tasks, table, rate, one_minus_decay, epsilon):
    """Update NUMBERS numbers of w and v per task."""
    for task in claim_tasks(thread, counter, tasks):
        row, first, last = _part(task, table)
        w, v, g = _array(table, row, 0), _array(table, row, 1), _array(table, row, 2)
        for k in range(first, last, LANES):
            count = last - k
            gradient, square = load_first(g, k, count), load_first(v, k, count)
            square = square + one_minus_decay * (gradient * gradient - square)
            store_first(square, v, k, count)
            store_first(load_first(w, k, count) - rate * gradient / (square_root(square) + epsilon), w, k, count)
