"""Max-pooling, one pass over the image forward and one back; the channels are the innermost, contiguous loop.

A convolution that is pooled 2 x 2 and rectified does both with its results still in the cache (`finish`): the image
before the pooling, four times as large, is never written. Its way back is one pass as well (`pool_relu_backward`).
(Four convolutions on 32 images of 112 x 112, three of them pooled, forward and back: 57 ms instead of 79.)
"""

import numpy as np

from numpy_sat.kernels import simd
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import inline, kernel, run, taken
from numpy_sat.system.workspace import current


def max_pool_forward(x, window, stride, padding=0):
    """Compute layers/pool.py's max_pool_forward. Returns y: (N, H', W', C) and the cache's fields."""
    y, winner = max_pool(x, window, stride, padding)
    return y, (winner, x.shape, window, stride, padding)


def max_pool_backward(dy, cache):
    """Compute layers/pool.py's max_pool_backward. Returns dx: (N, H, W, C)."""
    return max_pool_scatter(dy, *cache)


def max_pool(x, window, stride, padding):
    """Arguments and results as in layers/pool.py: y: (N, H', W', C) and winner, the same shape, uint8."""
    workspace = current()
    N, H, W, C = x.shape
    shape = N, *((size + 2 * padding - window) // stride + 1 for size in (H, W)), C
    y, winner = workspace.empty(shape), workspace.empty(shape, np.uint8)
    run(_max_pool, N * shape[1], np.ascontiguousarray(x), window, stride, padding, y, winner)
    return y, winner


def max_pool_scatter(dy, winner, x_shape, window, stride, padding):
    """dx: (N, H, W, C), in which every dy is added to the cell that won its window."""
    workspace = current()
    dx = workspace.empty(x_shape)
    run(_scatter, x_shape[0] * x_shape[1], np.ascontiguousarray(dy), winner, window, stride, padding, dx)
    return dx


def results(N, rows, columns, O, pool):
    """The arrays a convolution's results go to: y, its sides divided by pool, and winner, empty without pooling."""
    workspace = current()
    shape = N, rows // pool, columns // pool, O
    return workspace.empty(shape), workspace.empty(shape if pool == 2 else (0, 0, 0, 0), np.uint8)


@inline
def finish(x, x_at, x_row, x_cell, high, wide, pool, bias, least, y, winner, y_at, y_row, y_cell):
    """y = max(the largest of pool x pool cells of x + bias, least), for one vector of channels of high x wide cells.

    at, row, cell: flat index of the first cell, and from row to row and cell to cell; winner lies as y.
    """
    if pool == 1:
        for i in range(high):
            for j in range(wide):
                value = simd.load(x, x_at + i * x_row + j * x_cell)
                simd.store(simd.maximum(value + bias, least), y, y_at + i * y_row + j * y_cell)
        return
    for i in range(high // 2):
        for j in range(wide // 2):
            at, out = x_at + 2 * i * x_row + 2 * j * x_cell, y_at + i * y_row + j * y_cell
            best, where = simd.load(x, at), simd.repeat(np.float32(0))
            for code in range(1, 4):
                value = simd.load(x, at + code // 2 * x_row + code % 2 * x_cell)
                where = simd.where_larger(value, best, simd.repeat(np.float32(code)), where)
                best = simd.where_larger(value, best, value, best)
            simd.store(simd.maximum(best + bias, least), y, out)
            simd.store_bytes(where, winner, out)


def pool_relu_backward(dy, y, winner, rows, columns):
    """The way back through relu and 2 x 2 max-pooling in one pass.

    dy, y, winner: (N, H', W', O), O a multiple of LANES. Returns dx: (N, rows, columns, O) and db: (O,), its sum.
    """
    workspace = current()
    N, _, _, O = y.shape
    dx = workspace.empty((N, rows, columns, O))
    with workspace.scratch():
        sums = workspace.empty((N * -(-rows // 2), O))
        run(_pool_relu_backward, len(sums), np.ascontiguousarray(dy), y, winner, dx, sums)
        return dx, sums.sum(axis=0, dtype=np.float64).astype(np.float32)


@kernel
def _pool_relu_backward(thread, counter, tasks, dy, y, winner, dx, sums):
    """A task: two lines of dx, or the one left over."""
    N, rows, columns, O = dx.shape
    down, across = y.shape[1], y.shape[2]
    per_image = tasks // N
    for task in taken(thread, counter, tasks):
        n, i = task // per_image, task % per_image
        top, at = (n * rows + 2 * i) * columns * O, (n * down + i) * across * O
        if i >= down or columns % 2:
            dx[n, 2 * i : 2 * i + 2] = 0
        for o in range(0, O, LANES):
            total = simd.repeat(np.float32(0))
            for j in range(across if i < down else 0):
                here = at + j * O + o
                gradient = simd.where_positive(simd.load(y, here), simd.load(dy, here))
                total = total + gradient
                for code in range(4):
                    cell = top + (code // 2 * columns + 2 * j + code % 2) * O + o
                    simd.store(simd.where_byte(winner, here, code, gradient), dx, cell)
            simd.store(total, sums, task * O + o)


@kernel
def _max_pool(thread, counter, tasks, x, window, stride, padding, y, winner):
    """A task: one line of y."""
    _, H, W, C = x.shape
    _, rows, columns, _ = y.shape
    for task in taken(thread, counter, tasks):
        n, i = task // rows, task % rows
        top = i * stride - padding
        first = max(top, 0)
        for j in range(columns):
            left = j * stride - padding
            begin, end = max(left, 0), min(left + window, W)
            code = np.uint8((first - top) * window + begin - left)
            for c in range(C):
                y[n, i, j, c], winner[n, i, j, c] = x[n, first, begin, c], code
            for r in range(first, min(top + window, H)):
                for s in range(begin, end):
                    code = np.uint8((r - top) * window + s - left)
                    for c in range(C):
                        value, best = x[n, r, s, c], y[n, i, j, c]
                        y[n, i, j, c] = value if value > best else best
                        winner[n, i, j, c] = code if value > best else winner[n, i, j, c]


@kernel
def _scatter(thread, counter, tasks, dy, winner, window, stride, padding, dx):
    """A task: one line of dx, which gathers from the windows over it, in order."""
    _, rows, columns, C = dy.shape
    _, H, W, _ = dx.shape
    for task in taken(thread, counter, tasks):
        n, r = task // H, task % H
        dx[n, r] = 0
        for i in range(max(0, (r + padding - window) // stride + 1), min((r + padding) // stride + 1, rows)):
            for j in range(columns):
                left = j * stride - padding
                for s in range(max(left, 0), min(left + window, W)):
                    code = np.uint8((r - i * stride + padding) * window + s - left)
                    for c in range(C):
                        dx[n, r, s, c] += dy[n, i, j, c] if winner[n, i, j, c] == code else np.float32(0)
