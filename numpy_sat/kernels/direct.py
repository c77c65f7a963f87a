"""Convolution by its definition, with the sums in registers: any filter, any stride, any number of channels.

Forward, the rows of a tile are neighboring pixels of the output, and its vectors are output channels. A term is one
number of the window of each pixel. A row of a window is one run of Q C numbers, in x and in W. In the gradient of the
weights, the rows of a tile are numbers of that run. A term is one pixel of a row of dy.

With 64 to 64 channels at 224 x 224, the forward pass reaches 404 GFLOP/s. Loops that numba vectorizes automatically
reach 110. `python -m numpy_sat.bench --group conv` measures both.
"""

import numpy as np

from numpy_sat.kernels import pool as pooling
from numpy_sat.kernels import simd, tile
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.panels import cut
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import claim_tasks, inline, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

CHUNK = 192  # terms per partial sum: longer float32 sums have larger rounding errors
WEIGHT_TASKS = 8  # tasks of the weights' gradient: a constant, so that the sums do not depend on the number of threads
SMALL = 1 << 13  # numbers in filters whose gradients fit into the first-level cache


@checked(
    x="(N, height, width, C)",
    W="(P, Q, C, O)",
    bias="(O,)",
    where="O % LANES == 0 < stride and pool in (1, 2) and P <= height and Q <= width",
)
def correlate(x, W, bias, stride, lowest, pool):
    """Compute max(pool(x correlated with W) + bias, lowest).

    The correlation is the sum over p, q, c of x[n, i s + p, j s + q, c] W[p, q, c, o].

    Args:
        x: (N, Hp, Wp, C) images, padding included.
        W: (P, Q, C, O) filters; O is a multiple of LANES.
        bias: (O,).
        stride: s.
        lowest: 0 for relu, -inf for no relu.
        pool: side of the pooling windows, 1 (no pooling) or 2.
    Returns:
        y: (N, H', W', O).
        winner: uint8 as in layers/pool.py, the shape of y if pool is 2; otherwise empty.
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


@checked(
    x="(N, height, width, C)",
    W_shape="tuple (P, Q, C, O)",
    dy="(N, (height - P) // stride + 1, (width - Q) // stride + 1, O)",
    where="O % LANES == 0",
)
def weight_gradient(x, dy, W_shape, stride):
    """Compute dW[p, q, c, o] = sum over n, i, j of x[n, i s + p, j s + q, c] dy[n, i, j, o].

    A task computes all p of small filters, or one p of large ones, for a part of the rows of dy. The parts are added in
    order, so the result does not depend on the number of threads.

    Args:
        x: (N, Hp, Wp, C) images, padding included.
        dy: (N, H', W', O) gradient of the result; O is a multiple of LANES.
        W_shape: (P, Q, C, O).
        stride: s.
    Returns:
        dW: (P, Q, C, O).
    """
    workspace = current()
    P, Q, C, O = W_shape
    lines = dy.shape[0] * dy.shape[1]
    dW = workspace.empty(W_shape)
    task_rows = P if P * Q * C * O <= SMALL else 1  # all rows of the filters share one pass over dy
    parts = max(1, min(WEIGHT_TASKS * task_rows // P, lines))
    tile_rows, tile_columns = _weight_tile(Q * C, O)
    with workspace.scratch():
        sums = workspace.empty((parts, P, Q * C, O))
        sums[:] = 0
        sizes = task_rows, stride, stride * C
        run(_weight_gradient, parts * P // task_rows, tile_rows, tile_columns, sizes, x, dy, sums)
        np.sum(sums, axis=0, out=dW.reshape(P, Q * C, O))
    return dW


def _weight_tile(Q_C, O):
    """Return the shape of the tiles of the weights' gradient.

    For a first layer of three channels, a row of the filters has 9 numbers. Then a tile has 9 rows, not 6 or 8.
    """
    if Q_C > 9:
        return tile.shape(O)
    vectors = 2 if LANES != 8 and O // LANES % 2 == 0 else 1  # AVX2 has fewer registers, see tile.ROWS
    return (0,) * Q_C, (0,) * vectors


@kernel
def _correlate(
    thread, counter, tasks, tile_rows, tile_columns, stride, step, H, lowest, pool, x, W, bias, y, winner, lines
):
    """Compute the rows that are pooled into one row of y, per task."""
    _, Hp, Wp, C = x.shape
    _, _, width, O = lines.shape
    H_out = H // pool
    l0, lower = thread * lines[0].size, simd.repeat(lowest)
    for task in claim_tasks(thread, counter, tasks):
        for k in range(pool):
            x_at = (task // H_out * Hp + (task % H_out * pool + k) * stride) * Wp * C
            _line(tile_rows, tile_columns, x, x_at, Wp * C, step, W, lines, l0 + k * width * O, width)
        for j in range(width // pool):
            for o in range(0, O, LANES):
                at, y_at = l0 + j * pool * O + o, (task * (width // pool) + j) * O + o
                pooling.finish(
                    *(lines, at, width * O, O, pool, pool, pool, simd.load(bias, o), lower),
                    *(y, winner, y_at, 0, O),
                )


@inline
def _line(tile_rows, tile_columns, x, x_line, x_step, step, W, lines, l_at, width):
    """Compute one row of sums. Short windows are summed at once, long ones row by row and chunk by chunk."""
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
def _weight_gradient(thread, counter, tasks, tile_rows, tile_columns, sizes, x, dy, dW):
    """Compute the gradients of some rows of the filters from a part of the rows of dy, per task."""
    _, Hp, Wp, C = x.shape
    N, H, width, O = dy.shape
    parts, P, Q_C, _ = dW.shape
    task_rows, stride, step = sizes
    panel = len(tile_columns) * LANES
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for task in claim_tasks(thread, counter, tasks):
        part, first = task // (P // task_rows), task % (P // task_rows) * task_rows
        for line in range(part * N * H // parts, (part + 1) * N * H // parts):
            for p in range(first, first + task_rows):
                x_line = (line // H * Hp + line % H * stride + p) * Wp * C
                for o in range(0, O, panel):
                    for r in range(0, Q_C, len(tile_rows)):
                        rows, sum_rows = tile.offsets(tile_rows, r, Q_C, 1), tile.offsets(tile_rows, r, Q_C, O)
                        sums = tile.zeros(rows, columns)
                        for j in range(width):
                            dy_at = (line * width + j) * O + o
                            sums = tile.add_products(sums, rows, columns, x, x_line + j * step, dy, dy_at)
                        at = (part * P + p) * Q_C * O + o
                        tile.store(tile.add(sums, tile.load(sum_rows, columns, dW, at)), sum_rows, columns, dW, at)
