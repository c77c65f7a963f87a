"""Matrix products, where NumPy's would not do: the same weights with every word, sums that go on, all cores.

BLAS lays a matrix out anew for every product; a decoder multiplies by the same weights at every word, so they are
laid out once, by `pack`. (64 x 512 by 512 x 2048: 0.45 ms, with packing 0.86, by BLAS on one thread 0.83.) BLAS
cannot add to y on the way, runs on one thread here (see machine.py), and on some machines is told to run an older
processor's kernel.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import tile
from numpy_sat.kernels.panels import cut, cut_transposed
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import kernel, run, taken
from numpy_sat.system.workspace import current

CHUNK = 256  # terms that are summed before they join the total: so much of a panel stays in the cache beside the rows
ROWS = 192  # of a task
VECTORS = next(iter(tile.ROWS))  # of a panel
WIDTH = VECTORS * LANES
TILE_ROWS, TILE_COLUMNS = (0,) * tile.ROWS[VECTORS], (0,) * VECTORS
R = len(TILE_ROWS)
assert ROWS % R == 0  # or a task would begin in the middle of a tile


class Packed(NamedTuple):
    """A matrix (K, O), its columns cut into panels, each contiguous; zeros behind the last column."""

    panels: np.ndarray  # (ceil(O / WIDTH), K, WIDTH)
    bias: np.ndarray  # (ceil(O / WIDTH) * WIDTH,), added to every row of a product
    columns: int  # O


def pack(W, bias=None):
    """W: (K, O), also a transposed one; bias: (O,), none if not given. Returns them Packed."""
    workspace = current()
    K, O = W.shape
    panels = workspace.empty((-(-O // WIDTH), K, WIDTH))
    if W.flags.c_contiguous:
        cut(W, panels)
    else:
        cut_transposed(np.ascontiguousarray(W.T), panels)
    padded = workspace.empty((len(panels) * WIDTH,))
    padded[:O], padded[O:] = 0 if bias is None else bias, 0
    return Packed(panels, padded, O)


def multiply(x, packed, y=None):
    """x W + bias, or, where y is given, y + x W, written over y. x: (..., K) contiguous. Returns (..., O)."""
    add = y is not None
    if add and not y.flags.c_contiguous:
        raise ValueError("multiply: y must be contiguous to be written over")
    if not add:
        y = current().empty((*x.shape[:-1], packed.columns))
    K = x.shape[-1]
    _run(x, y.size // packed.columns, K, K, 1, packed, y, add)
    return y


def multiply_transposed(x, d):
    """x^T d, as a weight's gradient is. x: (..., I); d: (..., O), contiguous. Returns (I, O)."""
    workspace = current()
    I, O = x.shape[-1], d.shape[-1]
    K = d.size // O
    y = workspace.empty((I, O))
    with workspace.scratch():
        turned = workspace.empty((-(-I // R), K, R))
        run(_pack_for_rows, -(-K // CHUNK), x.reshape(K, I), turned)
        _run(turned, I, K, 1, R, pack(d.reshape(K, O)), y, add=False)
    return y


def _run(x, rows, K, row_step, term_step, packed, y, add):
    tasks = len(packed.panels) * -(-rows // ROWS)
    sizes = rows, K, row_step, term_step, packed.columns
    run(
        _multiply, tasks, TILE_ROWS, TILE_COLUMNS, *sizes, x.reshape(-1), packed.panels, packed.bias, y.reshape(-1), add
    )


@kernel
def _multiply(thread, counter, tasks, tile_rows, tile_columns, M, K, row_step, term_step, O, x, W, bias, y, add):
    """A task: ROWS rows of one panel of y. The first of R rows from m begins at x[m K], in x as it is and packed."""
    blocks = -(-M // ROWS)
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for task in taken(thread, counter, tasks):
        panel, first = task // blocks, task % blocks * ROWS
        for chunk in range(0, max(K, 1), CHUNK):
            for m in range(first, min(first + ROWS, M), len(tile_rows)):
                rows = tile.offsets(tile_rows, 0, min(len(tile_rows), M - m), row_step)
                sums = tile.zeros(rows, columns)
                for k in range(chunk, min(chunk + CHUNK, K)):
                    w_at = (panel * K + k) * WIDTH
                    sums = tile.add_products(sums, rows, columns, x, m * K + k * term_step, W, w_at)
                if chunk == 0 and not add:
                    sums = tile.add(sums, tile.load(tile_rows, columns, bias, panel * WIDTH))
                y_rows, y_at, width = tile.offsets(tile_rows, m, M, O), panel * WIDTH, O - panel * WIDTH
                if width >= WIDTH:
                    if add or chunk > 0:
                        sums = tile.add(sums, tile.load(y_rows, columns, y, y_at))
                    tile.store(sums, y_rows, columns, y, y_at)
                else:
                    if add or chunk > 0:
                        sums = tile.add(sums, tile.load_within(y_rows, columns, y, y_at, width))
                    tile.store_within(sums, y_rows, columns, y, y_at, width)


@kernel
def _pack_for_rows(thread, counter, tasks, x, turned):
    """Columns of x: (K, I) to rows of a tile: (I / R, K, R). A task: CHUNK rows of x."""
    K, I = x.shape
    rows = turned.shape[2]
    for task in taken(thread, counter, tasks):
        for i in range(0, I, rows):
            for k in range(task * CHUNK, min((task + 1) * CHUNK, K)):
                for r in range(min(rows, I - i)):
                    turned[i // rows, k, r] = x[k, i + r]
