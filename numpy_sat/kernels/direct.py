"""Convolution as its definition has it, with the sums kept in registers: any filter, any stride, any channels.

Forward, the rows of a tile are neighbouring pixels of the output and its vectors output channels; a term is one
number of each pixel's window. A line of a window is one run of Q C numbers, in x as in W. In the weights' gradient
the rows are numbers of that run, and a term is one pixel of a line of dy. (Forward, 64 to 64 channels at 224 x 224:
404 GFLOP/s; loops that numba vectorises by itself: 110. Both of the definition's operations; see `python -m
numpy_sat.bench`.)
"""

import numpy as np

from numpy_sat.kernels import pool as pooling
from numpy_sat.kernels import simd, tile
from numpy_sat.kernels.panels import cut
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import inline, kernel, run, taken
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

CHUNK = 192  # terms that are summed before they join the total: a longer float32 sum would lose more to rounding
WEIGHT_TASKS = 8


def correlate(x, W, bias, stride, lowest, pool):
    """sum over p, q, c of x[n, i s + p, j s + q, c] W[p, q, c, o]; max-pooled pool x pool; max(that + bias, lowest).

    x: (N, Hp, Wp, C), padded already; W: (P, Q, C, O), O a multiple of LANES; lowest: 0 for relu, -inf for none.
    Returns y: (N, H', W', O) and winner, uint8 of the same shape where pool is 2.
    """
    workspace = current()
    N, height, width, C = x.shape
    P, Q, _, O = W.shape
    rows, columns = (height - P) // stride + 1, (width - Q) // stride + 1
    y, winner = pooling.results(N, rows, columns, O, pool)
    tile_rows, tile_columns = tile.shape(O)
    panel = len(tile_columns) * LANES
    with workspace.scratch():
        panels = workspace.empty((O // panel, P, Q * C, panel))
        cut(W.reshape(-1, O), panels.reshape(O // panel, -1, panel))
        lines = workspace.empty((machine.THREADS, pool, columns, O))
        numbers = stride, stride * C, rows, np.float32(lowest), pool
        run(_correlate, N * (rows // pool), tile_rows, tile_columns, *numbers, x, panels, bias, y, winner, lines)
    return y, winner


def weight_gradient(x, dy, W_shape, stride):
    """dW[p, q, c, o] = sum over n, i, j of x[n, i s + p, j s + q, c] dy[n, i, j, o].

    x: (N, Hp, Wp, C), padded already; dy: (N, H', W', O), O a multiple of LANES. Returns dW: (P, Q, C, O).
    A task owns one p and a part of the lines; the parts are added in order, whatever the number of threads.
    """
    workspace = current()
    P, Q, C, O = W_shape
    lines = dy.shape[0] * dy.shape[1]
    dW = workspace.empty(W_shape)
    parts = max(1, min(WEIGHT_TASKS // P, lines))
    tile_rows, tile_columns = tile.shape(O)
    with workspace.scratch():
        sums = workspace.empty((parts, P, Q * C, O))
        sums[:] = 0
        run(_weight_gradient, parts * P, parts, tile_rows, tile_columns, x, dy, stride, stride * C, sums)
        np.sum(sums, axis=0, out=dW.reshape(P, Q * C, O))
    return dW


@kernel
def _correlate(
    thread, counter, tasks, tile_rows, tile_columns, stride, step, H, lowest, pool, x, W, bias, y, winner, lines
):
    """A task: as many lines as are pooled into one."""
    _, Hp, Wp, C = x.shape
    _, _, width, O = lines.shape
    out = H // pool
    l0, least = thread * lines[0].size, simd.repeat(lowest)
    for task in taken(thread, counter, tasks):
        for k in range(pool):
            x_at = (task // out * Hp + (task % out * pool + k) * stride) * Wp * C
            _line(tile_rows, tile_columns, x, x_at, Wp * C, step, W, lines, l0 + k * width * O, width)
        for o in range(0, O, LANES):
            at, columns = task * (width // pool) * O + o, width // pool * pool
            pooling.finish(
                *(lines, l0 + o, width * O, O, pool, columns, pool, simd.load(bias, o), least),
                *(y, winner, at, 0, O),
            )


@inline
def _line(tile_rows, tile_columns, x, x_line, x_step, step, W, lines, l_at, width):
    """One line of sums. Short windows are summed in one go, long ones line by line and chunk by chunk."""
    panels, P, Q_C, panel = W.shape
    O = panels * panel
    lines_at_once = P if P * Q_C <= CHUNK else 1
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for k in range(panels):
        for j in range(0, width, len(tile_rows)):
            rows, l_rows = tile.offsets(tile_rows, j, width, step), tile.offsets(tile_rows, j, width, O)
            for first in range(0, P, lines_at_once):
                for chunk in range(0, Q_C, CHUNK):
                    end = min(chunk + CHUNK, Q_C)
                    sums = tile.zeros(rows, columns)
                    for p in range(first, first + lines_at_once):
                        x_at, w_at = x_line + p * x_step, (k * P + p) * Q_C * panel
                        for r in range(chunk, end):
                            sums = tile.add_products(sums, rows, columns, x, x_at + r, W, w_at + r * panel)
                    if first + chunk:
                        sums = tile.add(sums, tile.load(l_rows, columns, lines, l_at + k * panel))
                    tile.store(sums, l_rows, columns, lines, l_at + k * panel)


@kernel
def _weight_gradient(thread, counter, tasks, parts, tile_rows, tile_columns, x, dy, stride, step, dW):
    _, Hp, Wp, C = x.shape
    N, H, width, O = dy.shape
    _, P, Q_C, _ = dW.shape
    panel = len(tile_columns) * LANES
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for task in taken(thread, counter, tasks):
        part, p = task // P, task % P
        for line in range(part * N * H // parts, (part + 1) * N * H // parts):
            x_line = (line // H * Hp + line % H * stride + p) * Wp * C
            for o in range(0, O, panel):
                for r in range(0, Q_C, len(tile_rows)):
                    rows, sum_rows = tile.offsets(tile_rows, r, Q_C, 1), tile.offsets(tile_rows, r, Q_C, O)
                    sums = tile.zeros(rows, columns)
                    for j in range(width):
                        sums = tile.add_products(
                            sums, rows, columns, x, x_line + j * step, dy, (line * width + j) * O + o
                        )
                    at = (part * P + p) * Q_C * O + o
                    tile.store(tile.add(sums, tile.load(sum_rows, columns, dW, at)), sum_rows, columns, dW, at)
