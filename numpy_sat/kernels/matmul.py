"""Matrix products for the decoder: the same weights for every word, sums that continue, all cores.

NumPy's product (BLAS) has three disadvantages here.

* It packs a matrix anew for every product. A decoder multiplies by the same weights at every word, so `pack` packs them
  once. 64 x 512 by 512 x 2048 takes 0.45 ms, with packing 0.86 ms, and 0.83 ms by BLAS on one thread.
* It cannot add to y during the product.
* It runs on one thread here (system/machine.py), and on some machines it runs the kernel of an older processor.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import simd, tile
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.panels import cut, cut_transposed
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import called, claim_tasks, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

CHUNK = 256  # terms per partial sum: this part of a panel stays in the cache, together with the rows of x
ROWS = 192  # rows of a task
TASKS = 8  # tasks of `multiply_transposed` at least, if the result has so many tiles
VECTORS = next(iter(tile.ROWS))  # vectors in a row of a panel
WIDTH = VECTORS * LANES
TILE_ROWS, TILE_COLUMNS = (0,) * tile.ROWS[VECTORS], (0,) * VECTORS
R = len(TILE_ROWS)
assert ROWS % R == 0  # a task must not begin in the middle of a tile


class Packed(NamedTuple):
    """A matrix (K, O) whose columns are cut into contiguous panels, with zeros after the last column."""

    panels: np.ndarray  # (ceil(O / WIDTH), K, WIDTH)
    bias: np.ndarray  # (ceil(O / WIDTH) * WIDTH,), added to every row of a product
    columns: int  # O


@checked(W="strided (K, O)", bias="optional strided (O,)")
def pack(W, bias=None, terms=0):
    """Pack a matrix for `multiply`.

    Args:
        W: (K, O), contiguous or the transpose of a contiguous matrix.
        bias: (O,) or None for no bias.
        terms: rows of the packed matrix, with zeros in those after row K; 0 for K rows. W is contiguous otherwise.
    Returns:
        Packed.
    """
    workspace = current()
    K, O = W.shape
    panels = workspace.empty((-(-O // WIDTH), terms or K, WIDTH))
    if W.flags.c_contiguous:
        cut(W, panels)
    else:
        cut_transposed(np.ascontiguousarray(W.T), panels)
    padded = workspace.empty((len(panels) * WIDTH,))
    padded[:O], padded[O:] = 0 if bias is None else bias, 0
    return Packed(panels, padded, O)


@checked(packed=("(panels, K, WIDTH)", "(panels * WIDTH,)"), x="strided (..., K)", y="optional out (..., packed[2])")
def multiply(x, packed, y=None):
    """Compute x W + bias, or add x W to y in place.

    Args:
        x: (..., K) contiguous.
        packed: W and bias, from `pack`.
        y: (..., O) contiguous, overwritten with y + x W; None for a new array.
    Returns:
        y: (..., O).
    Raises:
        ValueError: y is not contiguous.
    """
    add = y is not None
    if add and not y.flags.c_contiguous:
        raise ValueError("multiply: y must be contiguous to be written over")
    if not add:
        y = current().empty((*x.shape[:-1], packed.columns))
    K = x.shape[-1]
    _run(x, y.size // packed.columns, K, K, 1, packed, y, add)
    return y


@checked(x="strided (..., I)", d="strided (..., O)", y="optional out (I, O)")
def multiply_transposed(x, d, y=None):
    """Compute x^T d, the gradient of a weight matrix.

    Args:
        x: (..., I) contiguous.
        d: (..., O) contiguous.
        y: (I, O) contiguous, overwritten with the result; None for a new array.
    Returns:
        y: (I, O).
    """
    workspace = current()
    I, O = x.shape[-1], d.shape[-1]
    K, panels = d.size // O, -(-O // WIDTH)
    if y is None:
        y = workspace.empty((I, O))
    blocks = max(1, min(-(-TASKS // panels), I // R))
    rows = max(1, -(-I // (blocks * R))) * R
    with workspace.scratch():
        packed, no_bias = workspace.empty((machine.THREADS, CHUNK, WIDTH)), np.zeros(panels * WIDTH, np.float32)
        arrays = x.reshape(-1), d.reshape(-1), packed, no_bias, y.reshape(-1)
        run(_multiply_transposed, panels * -(-I // rows), TILE_ROWS, TILE_COLUMNS, rows, I, K, O, *arrays)
    return y


def _run(x, rows, K, row_step, term_step, packed, y, add):
    """Run the kernel of a product on a matrix x with `rows` rows and K terms.

    Term k of row m is x[m row_step + k term_step].
    """
    tasks = len(packed.panels) * -(-rows // ROWS)
    sizes = rows, K, row_step, term_step, packed.columns
    run(
        _multiply, tasks, TILE_ROWS, TILE_COLUMNS, *sizes, x.reshape(-1), packed.panels, packed.bias, y.reshape(-1), add
    )


@kernel
def _multiply(thread, counter, tasks, tile_rows, tile_columns, M, K, row_step, term_step, O, x, W, bias, y, add):
    """Compute ROWS rows of one panel of y per task."""
    blocks, steps = -(-M // ROWS), (row_step, term_step)
    for task in claim_tasks(thread, counter, tasks):
        panel, first = task // blocks, task % blocks * ROWS
        last, w0 = min(first + ROWS, M), panel * K * WIDTH
        multiply_rows(tile_rows, tile_columns, first, last, panel, K, steps, O, x, 0, W, w0, bias, y, 0, add)


@kernel
def _multiply_transposed(thread, counter, tasks, tile_rows, tile_columns, rows, I, K, O, x, d, packed, bias, y):
    """Compute `rows` rows of one panel of y = x^T d per task.

    Each task packs its part of d, CHUNK rows at a time, which stay in the cache. To pack all of d before the product
    would write it to memory and read it again.
    """
    blocks = -(-I // rows)
    for task in claim_tasks(thread, counter, tasks):
        panel, first = task // blocks, task % blocks * rows
        last, start = min(first + rows, I), panel * WIDTH
        for chunk in range(0, max(K, 1), CHUNK):
            terms = min(CHUNK, K - chunk)
            for k in range(terms):
                at, to = (chunk + k) * O + start, (thread * CHUNK + k) * WIDTH
                for o in range(0, WIDTH, LANES):
                    simd.store(simd.load_first(d, at + o, max(O - start - o, 0)), packed, to + o)
            multiply_rows(
                *(tile_rows, tile_columns, first, last, panel, terms, (1, I), O, x, chunk * I),
                *(packed, thread * CHUNK * WIDTH, bias, y, 0, chunk > 0),
            )


@called
def multiply_rows(tile_rows, tile_columns, first, last, panel, K, steps, O, x, x0, W, w0, bias, y, y0, add):
    """Compute the rows from `first` to `last` of one panel of y = x W + bias, or add x W to them.

    Args:
        tile_rows, tile_columns: TILE_ROWS and TILE_COLUMNS.
        first, last: the rows of x and y; both matrices begin at the flat indices x0 and y0.
        panel: number of the panel, which begins at the flat index w0 of W.
        K: number of terms.
        steps: distances in x from row to row and from term to term.
        O: columns of y.
        x, W, bias, y: contiguous arrays; W and bias as in Packed.
        add: True to add to y; the bias is not used then.
    """
    row_step, term_step = steps
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for chunk in range(0, max(K, 1), CHUNK):
        for m in range(first, last, len(tile_rows)):
            rows = tile.offsets(tile_rows, 0, min(len(tile_rows), last - m), row_step)
            sums = tile.zeros(rows, columns)
            for k in range(chunk, min(chunk + CHUNK, K)):
                x_at = x0 + m * row_step + k * term_step
                sums = tile.add_products(sums, rows, columns, x, x_at, W, w0 + k * WIDTH)
            if chunk == 0 and not add:
                sums = tile.add(sums, tile.load(tile_rows, columns, bias, panel * WIDTH))
            y_rows, y_at, width = tile.offsets(tile_rows, m, last, O), y0 + panel * WIDTH, O - panel * WIDTH
            if width >= WIDTH:
                if add or chunk > 0:
                    sums = tile.add(sums, tile.load(y_rows, columns, y, y_at))
                tile.store(sums, y_rows, columns, y, y_at)
            else:
                if add or chunk > 0:
                    sums = tile.add(sums, tile.load_within(y_rows, columns, y, y_at, width))
                tile.store_within(sums, y_rows, columns, y, y_at, width)
