"""Matrix products for the decoder: the same weights for every word, sums that continue, all cores.

NumPy's product (BLAS) has three disadvantages here.

* It packs a matrix anew for every product. A decoder multiplies by the same weights at every word, so `pack` packs them
  once. 64 x 512 by 512 x 2048 takes 0.45 ms, with packing 0.86 ms, and 0.83 ms by BLAS on one thread.
* It cannot add to y during the product.
* It runs on one thread here (system/machine.py), and on some machines it runs the kernel of an older processor.
"""

import functools
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
# A panel has 64 columns with vectors of 16 numbers, and 16 with shorter ones (tile.ROWS). Every panel reads x again, so
# narrow panels read it four times as often. Their tasks are small enough that x stays in the cache.
NARROW = LANES < 16
ROWS = 96 if NARROW else 192  # rows of a task
MAX_ROWS, MAX_COLUMNS = 384, 256  # of a task of `multiply_transposed`
VECTORS = next(iter(tile.ROWS))  # vectors in a row of a panel
WIDTH = VECTORS * LANES
TILE_ROWS, TILE_COLUMNS = (0,) * tile.ROWS[VECTORS], (0,) * VECTORS
R = len(TILE_ROWS)
assert ROWS % R == 0  # a task must not begin in the middle of a tile
# Distance of packed tiles of x. The gap keeps tiles out of the same cache lines, and holds what the last store of a
# tile writes beyond it.
APART = CHUNK * R + 2 * R


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


@checked(
    packed=("(panels, K, WIDTH)", "(panels * WIDTH,)"),
    x="strided (..., K)",
    y="optional out (..., packed[2])",
    base="optional strided (..., packed[2])",
)
def multiply(x, packed, y=None, base=None):
    """Compute base + x W + bias in a new array, or add x W to y in place.

    Args:
        x: (..., K) contiguous.
        packed: W and bias, from `pack`.
        y: (..., O) contiguous, overwritten with y + x W; None for a new array.
        base: (..., O), only for a new array; None for 0.
    Returns:
        y: (..., O).
    Raises:
        ValueError: y is not contiguous, or both y and base are arrays.
    """
    add = y is not None
    if add and base is not None:
        raise ValueError("multiply: y and base must not both be given")
    if add and not y.flags.c_contiguous:
        raise ValueError("multiply: y must be contiguous to be written over")
    if not add:
        y = current().empty((*x.shape[:-1], packed.columns))
    has_base = base is not None
    K, rows, panels = x.shape[-1], y.size // packed.columns, len(packed.panels)
    blocks = -(-rows // ROWS)
    strip = _strip(blocks, panels, 4 * K * WIDTH, machine.THREADS, machine.cache_size())
    sizes = TILE_ROWS, TILE_COLUMNS, strip, rows, K, packed.columns
    base = base.reshape(-1) if has_base else packed.bias[:0]
    arrays = x.reshape(-1), packed.panels, packed.bias, base, y.reshape(-1)
    run(_multiply, blocks * -(-panels // strip), *sizes, *arrays, has_base, add or has_base)
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
    rows, strip = _task_size(I, panels, machine.THREADS)
    # Packing x costs less than it saves if a task has at least 128 columns. If more than two tasks read the same rows
    # of x, and there are enough chunks for all threads, one kernel packs x for all of them. 1280 x 512 and 1280 x 2048
    # take 0.92 of the time on two Intel Xeon cores (2026-12-01).
    tiled = strip * WIDTH >= 128
    shared = tiled and strip * 2 < panels and K > 3 * CHUNK
    chunks, apart = -(-K // CHUNK), -(-(I if shared else rows) // R) * APART
    x, d, y_flat = x.reshape(-1), d.reshape(-1), y.reshape(-1)
    with workspace.scratch():
        tiles = workspace.empty(((chunks if shared else machine.THREADS) * apart if tiled else 0,))
        packed, no_bias = workspace.empty((machine.THREADS, strip, CHUNK, WIDTH)), np.zeros(panels * WIDTH, np.float32)
        if shared:
            run(_pack_tiles, chunks, apart, I, K, x, tiles)
        tasks = -(-panels // strip) * -(-I // rows)
        sizes = rows, tiled, shared, apart, I, K, O
        run(_multiply_transposed, tasks, TILE_ROWS, TILE_COLUMNS, *sizes, x, d, tiles, packed, no_bias, y_flat)
    return y


def _is_balanced(tasks, threads):
    """Return True if so many tasks keep all threads busy until the end, or nearly."""
    return tasks >= 8 * threads or (tasks >= 2 * threads and tasks % threads == 0)


@functools.cache
def _task_size(I, panels, threads):
    """Return the size of a task of `multiply_transposed`.

    A task packs its part of d and reads its part of x. So tasks are as large and as square as _is_balanced permits. The
    size does not change the results: each number of y is the sum of the same terms in the same order.

    Args:
        I: rows of the result.
        panels: panels of the result.
        threads: number of threads.
    Returns:
        rows: rows of a task, a multiple of R.
        strip: panels of a task.
    """
    blocks, strips = max(1, -(-I // MAX_ROWS)), max(1, -(-panels * WIDTH // MAX_COLUMNS))
    while not _is_balanced(blocks * strips, threads) and (blocks < I // R or strips < panels):
        if strips >= panels or (blocks < I // R and I * strips > panels * WIDTH * blocks):
            blocks += 1
        else:
            strips += 1
    return max(1, -(-I // (blocks * R))) * R, max(1, -(-panels // strips))


@functools.cache
def _strip(blocks, panels, panel_bytes, threads, cache):
    """Return the number of panels of a task of `multiply`.

    A task reads its rows of x once for all of its panels. Its panels fill at most a quarter of the second-level cache.
    If possible, there are enough tasks for all threads.

    Args:
        blocks: number of blocks of ROWS rows.
        panels: number of panels.
        panel_bytes: bytes of a panel.
        threads: number of threads.
        cache: bytes of the second-level cache.
    Returns:
        The number of panels, at least 1.
    """
    strips = max(1, min(panels, -(-panels * panel_bytes // (cache // 4))))
    while strips < panels and not _is_balanced(blocks * strips, threads):
        strips += 1
    return max(1, -(-panels // strips))


@kernel
def _multiply(
    thread,
    counter,
    tasks,
    tile_rows,
    tile_columns,
    strip,
    M,
    K,
    O,
    x,
    W,
    bias,
    base,
    y,
    has_base,
    add,
):
    """Compute ROWS rows of `strip` panels of y per task."""
    panels, steps = -(-O // WIDTH), (K, 1, K)
    blocks, strips = -(-M // ROWS), -(-panels // strip)
    for task in claim_tasks(thread, counter, tasks):
        # Consecutive tasks share rows of x if panels are narrow, else panels of W.
        part, block = (task % strips, task // strips) if NARROW else (task // blocks, task % blocks)
        first, first_panel = block * ROWS, part * strip
        last, last_panel = min(first + ROWS, M), min(first_panel + strip, panels)
        if has_base:
            for row in range(first, last):
                for c in range(first_panel * WIDTH, min(last_panel * WIDTH, O), LANES):
                    value = simd.load_first(base, row * O + c, O - c) + simd.load(bias, c)
                    simd.store_first(value, y, row * O + c, O - c)
        for panel in range(first_panel, last_panel):
            w0 = panel * K * WIDTH
            multiply_rows(tile_rows, tile_columns, first, last, panel, K, steps, O, x, 0, W, w0, bias, y, 0, add)


@kernel
def _pack_tiles(thread, counter, tasks, apart, I, K, x, tiles):
    """Pack CHUNK rows of x: (K, I) per task. The R numbers of every term of a tile follow each other."""
    for chunk in claim_tasks(thread, counter, tasks):
        first = chunk * CHUNK
        pack_columns(R, APART, 0, I, min(CHUNK, K - first), x, first * I, I, tiles, chunk * apart)


@kernel
def _multiply_transposed(
    thread, counter, tasks, tile_rows, tile_columns, rows, tiled, shared, apart, I, K, O, x, d, tiles, packed, bias, y
):
    """Compute `rows` rows of some panels of y = x^T d per task.

    Each task packs its part of d, CHUNK rows at a time, which stay in the cache. To pack all of d before the product
    would write it to memory and read it again. If `tiled` is True, x is packed too, by the task or, if `shared` is
    True, by _pack_tiles. `apart` is the distance of the packed chunks of x, or of the threads' memory for them.
    """
    blocks, strip, panels = -(-I // rows), packed.shape[1], -(-O // WIDTH)
    w0, source, steps = thread * packed[0].size, x, (1, I, 1)
    if tiled:
        source, steps = tiles, (1, R, APART // R)
    for task in claim_tasks(thread, counter, tasks):
        first, first_panel = task % blocks * rows, task // blocks * strip
        last, last_panel = min(first + rows, I), min(first_panel + strip, panels)
        columns = first_panel * WIDTH, min(last_panel * WIDTH, O)
        for chunk in range(0, max(K, 1), CHUNK):
            terms, x0 = min(CHUNK, K - chunk), chunk * I
            pack_columns(WIDTH, CHUNK * WIDTH, *columns, terms, d, chunk * O, O, packed, w0)
            if shared:
                x0 = chunk // CHUNK * apart
            elif tiled:
                pack_columns(R, APART, first, last, terms, x, x0, I, tiles, thread * apart)
                x0 = thread * apart - first * steps[2]  # multiply_rows counts rows from row 0 of y
            for panel in range(first_panel, last_panel):
                w_at = w0 + (panel - first_panel) * CHUNK * WIDTH
                multiply_rows(
                    *(tile_rows, tile_columns, first, last, panel, terms, steps, O, source, x0),
                    *(packed, w_at, bias, y, 0, chunk > 0),
                )


@called
def pack_columns(width, apart, first, last, terms, x, x0, step, packed, at):
    """Copy the columns from `first` to `last` of a matrix into panels.

    Args:
        width: columns of a panel.
        apart: distance of panels. If a panel is not whole vectors, the last one is written beyond its end.
        first, last: columns of x. The last panel ends with zeros.
        terms: number of rows.
        x: flat matrix, whose first row begins at index x0; rows are `step` apart.
        packed: flat array of the panels, the first of which begins at index `at`.
    """
    for k in range(terms):
        to = at + k * width
        for column in range(first, last, width):
            for c in range(0, width, LANES):
                simd.store(simd.load_first(x, x0 + k * step + column + c, max(last - column - c, 0)), packed, to + c)
            to += apart


@called
def multiply_rows(tile_rows, tile_columns, first, last, panel, K, steps, O, x, x0, W, w0, bias, y, y0, add):
    """Compute the rows from `first` to `last` of one panel of y = x W + bias, or add x W to them.

    Args:
        tile_rows, tile_columns: TILE_ROWS and TILE_COLUMNS.
        first, last: the rows of x and y; both matrices begin at the flat indices x0 and y0.
        panel: number of the panel, which begins at the flat index w0 of W.
        K: number of terms.
        steps: (row_step, term_step, tile_step). Term k of row m + r, in the tile that begins at row m, is
            x[x0 + m tile_step + r row_step + k term_step]. tile_step is row_step, unless x is packed into tiles.
        O: columns of y.
        x, W, bias, y: contiguous arrays; W and bias as in Packed.
        add: True to add to y; the bias is not used then.
    """
    row_step, term_step, tile_step = steps
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for chunk in range(0, max(K, 1), CHUNK):
        for m in range(first, last, len(tile_rows)):
            rows = tile.offsets(tile_rows, 0, min(len(tile_rows), last - m), row_step)
            y_rows, y_at, width = tile.offsets(tile_rows, m, last, O), y0 + panel * WIDTH, O - panel * WIDTH
            tile.prefetch_to_write(y_rows, columns, y, y_at)
            sums = tile.zeros(rows, columns)
            for k in range(chunk, min(chunk + CHUNK, K)):
                x_at = x0 + m * tile_step + k * term_step
                sums = tile.add_products(sums, rows, columns, x, x_at, W, w0 + k * WIDTH)
            if chunk == 0 and not add:
                sums = tile.add(sums, tile.load(tile_rows, columns, bias, panel * WIDTH))
            if width >= WIDTH:
                if add or chunk > 0:
                    sums = tile.add(sums, tile.load(y_rows, columns, y, y_at))
                tile.store(sums, y_rows, columns, y, y_at)
            else:
                if add or chunk > 0:
                    sums = tile.add(sums, tile.load_within(y_rows, columns, y, y_at, width))
                tile.store_within(sums, y_rows, columns, y, y_at, width)
