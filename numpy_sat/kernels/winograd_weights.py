"""The weight gradient of a 3x3 convolution: Winograd's minimal filtering, transposed.

    dW = G^T [(A dY A^T) * (B^T X B)] G,  summed over tiles

Here a tile of dY takes the place of the filter. The sum over tiles is a matrix product at each of the 36 points, and
its terms are the tiles. Eight images of 224 x 224 with 64 to 64 channels take 42 ms. The direct sum takes 88 ms.

With few channels, a task transforms a group of tiles and multiplies them, so its points stay in the cache. It adds to
its sums at all 36 points, which are four times as large as W. With many channels they do not fit into the cache. Then
one kernel writes the points of some hundred tiles to memory. A task of another kernel computes the product at one point
for some channels of x. 512 to 512 channels at 28 x 28, batch size 8, take 30 ms instead of 38 on two Intel Xeon cores
(2026-12-01).
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import matmul, points, simd, tile, winograd
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import claim_tasks, inline, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

LINE, RESULTS = winograd.F4, (0,) * 4
MANY = 128 * 192  # pairs of channels from which the points of the tiles go to memory
# For points in the cache:
BLOCK = 64  # channels of x in a task
TILES = 48  # tiles that are transformed before they are multiplied
TASKS = 8  # approximate number of tasks; more threads than this are idle
# For points in memory:
MEMORY_TILES = 384  # tiles whose points are in memory at a time
TASK_TILES, TASK_CHANNELS = 12, 192  # tiles that a task transforms, and channels of x that it multiplies
TERMS = 128  # tiles per partial sum: this part of a panel stays in the cache
WIDTH = matmul.WIDTH  # columns of a panel in memory
APART = (TERMS + 2) * matmul.R  # distance of packed tiles of V, with a gap as in matmul.py


class Scratch(NamedTuple):
    """The scratch memory, as in winograd.Scratch.

    The points of tiles that stay in the cache have a first axis of one item per thread, those in memory one of 1.
    """

    V: np.ndarray  # (threads, n^2, TILES x BLOCK) or (1, n^2, tiles x C): points of the pixels
    Z: np.ndarray  # (threads, n^2, TILES x O) or (1, n^2, tiles x O): points of the gradients, in panels
    patch: np.ndarray  # (threads, n, n, channels)
    square: np.ndarray  # (threads, n^2 LANES)
    patch_dy: np.ndarray  # (threads, m, m, O): gradients at the edge of an image, with zeros outside


@checked(
    x="(N, height, width, C)",
    dy="(N, height + 2 * padding - 2, width + 2 * padding - 2, O)",
    where="N and C % LANES == O % LANES == 0",
)
def weight_gradient(x, dy, padding):
    """Compute the gradient of the filters W of a 3x3 convolution of stride 1.

    The points of the tiles stay in the cache or go to memory, see MANY. Every sum has a fixed order, so the result does
    not depend on the number of threads.

    Args:
        x: (N, H, W, C) images; C is a multiple of LANES.
        dy: (N, H', W', O) gradient of the result; O is a multiple of LANES.
        padding: rings of zeros around each image.
    Returns:
        dW: (3, 3, C, O).
    """
    workspace = current()
    (N, rows, columns, O), C, m = dy.shape, x.shape[3], len(RESULTS)
    dW, tiles = workspace.empty((3, 3, C, O)), winograd.tiles_of(N, rows, columns, m)
    with workspace.scratch():
        square = workspace.empty((machine.THREADS, len(LINE) ** 2 * LANES))
        patch_dy = workspace.empty((machine.THREADS, m, m, O))
        products = _products_in_memory if C * O >= MANY and O % WIDTH == 0 else _products_in_cache
        M = products(x, dy, padding, tiles, square, patch_dy)
        run(_gather_filters, M.shape[2] * -(-C // winograd.CHUNK), LINE, M, dW, square)
    return dW


def _products_in_cache(x, dy, padding, tiles, square, patch_dy):
    """Sum the products over tiles whose points stay in the cache.

    A task computes some channels of x for a part of the tiles. The number of parts does not depend on the number of
    threads.

    Args:
        x, dy, padding: as for weight_gradient.
        tiles: number of tiles.
        square, patch_dy: as in Scratch.
    Returns:
        M: (parts, n^2, panels, C, columns of a panel). Their sum over the parts is the sum over all tiles.
    """
    workspace = current()
    O, C, n = dy.shape[3], x.shape[3], len(LINE)
    block, shape = min(C, BLOCK), tile.shape(O)
    blocks, panel = -(-C // block), len(shape[1]) * LANES
    parts = max(1, min(TASKS // blocks, tiles // TILES))
    M = workspace.empty((parts, n * n, O // panel, C, panel))
    V = workspace.empty((machine.THREADS, n * n, TILES * block + winograd.APART))
    Z = workspace.empty((machine.THREADS, n * n, TILES * O + winograd.APART))
    scratch = Scratch(V, Z, workspace.empty((machine.THREADS, n, n, block)), square, patch_dy)
    run(_add_tiles, parts * blocks, LINE, RESULTS, shape, padding, tiles, block, x, dy, M, scratch)
    return M


def _products_in_memory(x, dy, padding, tiles, square, patch_dy):
    """Sum the products over tiles whose points go to memory. Arguments and result are those of _products_in_cache."""
    workspace = current()
    O, C, n = dy.shape[3], x.shape[3], len(LINE)
    group = min(tiles, MEMORY_TILES)
    M = workspace.empty((1, n * n, O // WIDTH, C, WIDTH))
    V, Z = (workspace.empty((1, n * n, group * channels + winograd.APART)) for channels in (C, O))
    scratch = Scratch(V, Z, workspace.empty((machine.THREADS, n, n, C)), square, patch_dy)
    packed = workspace.empty((machine.THREADS, TASK_CHANNELS // matmul.R * APART))
    no_bias = np.zeros(WIDTH, np.float32)
    for first in range(0, tiles, group):
        last = min(first + group, tiles)
        tasks = -(-(last - first) // TASK_TILES)
        run(_transform, tasks, LINE, RESULTS, padding, first, last, group, x, dy, scratch)
        tasks = n * n * -(-C // TASK_CHANNELS)
        sizes = matmul.TILE_ROWS, matmul.TILE_COLUMNS, group, last - first
        run(_multiply_points, tasks, *sizes, V, Z, packed, no_bias, M, first > 0)
    return M


@kernel
def _add_tiles(thread, counter, tasks, line, results, shape, padding, tiles, block, x, dy, M, scratch):
    """Sum the products of a part of the tiles, for `block` channels of x and all channels of dy, per task."""
    m = len(results)
    _, rows, columns, _ = dy.shape
    C, parts, panel = x.shape[3], len(M), M.shape[4]
    blocks = tasks // parts
    V, Z, patch, square, _ = scratch
    pixel_scratch = winograd.Scratch(V, V, patch, square)
    v0, z0 = thread * V[0].size, thread * Z[0].size
    for task in claim_tasks(thread, counter, tasks):
        part, channel = task // blocks, task % blocks * block
        channels = min(block, C - channel)
        begin, end = part * tiles // parts, (part + 1) * tiles // parts
        for first in range(begin, end, TILES):
            last = min(first + TILES, end)
            for t in range(first, last):
                image, i, j = winograd.place_of(t, rows, columns, m)
                corner, v_at = (image, i - padding, j - padding), v0 + (t - first) * block
                winograd.transform_pixels(thread, line, x, corner, channel, channels, pixel_scratch, v_at)
                z_at = z0 + (t - first) * panel
                _transform_gradients(thread, line, results, dy, (image, i, j), panel, TILES * panel, scratch, z_at)
            _multiply(thread, shape, part, channel, channels, block, last - first, first == begin, M, scratch)


@kernel
def _transform(thread, counter, tasks, line, results, padding, first, last, group, x, dy, scratch):
    """Compute the points of pixels and gradients: TASK_TILES of the tiles from `first` to `last` per task."""
    _, rows, columns, _ = dy.shape
    V, _, patch, square, _ = scratch
    C, pixel_scratch = x.shape[3], winograd.Scratch(V, V, patch, square)
    for task in claim_tasks(thread, counter, tasks):
        begin = first + task * TASK_TILES
        for t in range(begin, min(begin + TASK_TILES, last)):
            image, i, j = winograd.place_of(t, rows, columns, len(results))
            corner, v_at, z_at = (image, i - padding, j - padding), (t - first) * C, (t - first) * WIDTH
            winograd.transform_pixels(thread, line, x, corner, 0, C, pixel_scratch, v_at)
            _transform_gradients(thread, line, results, dy, (image, i, j), WIDTH, group * WIDTH, scratch, z_at)


@kernel
def _multiply_points(thread, counter, tasks, tile_rows, tile_columns, group, tiles, V, Z, packed, no_bias, M, add):
    """Compute M[0, k] = V[k]^T Z[k] at one point k, for some channels of x and all of dy per task, or add it.

    Each task packs its part of V into tiles, TERMS rows at a time, as in matmul.py.
    """
    _, count, panels, C, _ = M.shape
    blocks, x0, steps = tasks // count, thread * packed.shape[1], (1, matmul.R, APART // matmul.R)
    for task in claim_tasks(thread, counter, tasks):
        k, first = task // blocks, task % blocks * TASK_CHANNELS
        last = min(first + TASK_CHANNELS, C)
        for t in range(0, tiles, TERMS):
            terms, v_at, adds = min(TERMS, tiles - t), k * V.shape[2] + t * C, add or t > 0
            matmul.pack_columns(matmul.R, APART, first, last, terms, V, v_at, C, packed, x0)
            for p in range(panels):
                z_at, m_at = k * Z.shape[2] + (p * group + t) * WIDTH, ((k * panels + p) * C + first) * WIDTH
                matmul.multiply_rows(
                    *(tile_rows, tile_columns, 0, last - first, 0, terms, steps, WIDTH, packed, x0),
                    *(Z, z_at, no_bias, M, m_at, adds),
                )


@inline
def _transform_gradients(thread, line, results, dy, corner, panel, apart, scratch, z_at):
    """Compute A dY A^T of the m x m gradients at `corner`, for all channels.

    Point k is written to row k of Z. Its first panel begins z_at numbers after the start of the first row, and panels
    are `apart` numbers apart.
    """
    n, m = len(line), len(results)
    _, H, W, O = dy.shape
    _, Z, _, square, patch = scratch
    image, top, left = corner
    point, square_at = Z.shape[2], thread * square.shape[1]
    source, at, row = dy, ((image * H + top) * W + left) * O, W * O
    if top + m > H or left + m > W:
        winograd.cut_out(thread, dy, corner, 0, O, patch)
        source, at, row = patch, thread * patch[0].size, m * O
    for o in range(0, O, LANES):
        for j in range(m):
            column = simd.load_line(results, source, at + j * O + o, row)
            simd.store_line(points.gradient_to_points(column), square, square_at + j * LANES, m * LANES)
        at_panel = z_at + o // panel * apart + o % panel
        for i in range(n):
            row_of_vectors = simd.load_line(results, square, square_at + i * m * LANES, LANES)
            simd.store_line(points.gradient_to_points(row_of_vectors), Z, at_panel + i * n * point, point)


@inline
def _multiply(thread, shape, part, channel, channels, block, tile_count, overwrite, M, scratch):
    """Compute V[k]^T Z[k] at every point k for a group of tiles, and write it over M[part, k] or add it there."""
    tile_rows, tile_columns = shape
    V, Z, _, _, _ = scratch
    _, count, panels, C, panel = M.shape
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for k in range(count):
        for p in range(panels):
            v_at, z_at = (thread * count + k) * V.shape[2], (thread * count + k) * Z.shape[2] + p * TILES * panel
            m_at = (((part * count + k) * panels + p) * C + channel) * panel
            for c in range(0, channels, len(tile_rows)):
                rows, m_rows = tile.offsets(tile_rows, c, channels, 1), tile.offsets(tile_rows, c, channels, panel)
                sums = tile.zeros(rows, columns)
                for t in range(tile_count):
                    sums = tile.add_products(sums, rows, columns, V, v_at + t * block, Z, z_at + t * panel)
                if not overwrite:
                    sums = tile.add(sums, tile.load(m_rows, columns, M, m_at))
                tile.store(sums, m_rows, columns, M, m_at)


@kernel
def _gather_filters(thread, counter, tasks, line, M, dW, square):
    """Compute dW = G^T (sum of the parts of M) G: one panel of some input channels per task."""
    n = len(line)
    parts, _, panels, C, panel = M.shape
    O, point, square_at = panels * panel, panels * C * panel, thread * square.shape[1]
    for task in claim_tasks(thread, counter, tasks):
        p, first = task % panels, task // panels * winograd.CHUNK
        for c in range(first, min(first + winograd.CHUNK, C)):
            for o in range(0, panel, LANES):
                at = (p * C + c) * panel + o
                for k in range(n * n):
                    total = simd.load(M, at + k * point)
                    for part in range(1, parts):
                        total = total + simd.load(M, at + (part * n * n + k) * point)
                    simd.store(total, square, square_at + k * LANES)
                for j in range(n):
                    column = simd.load_line(line, square, square_at + j * LANES, n * LANES)
                    simd.store_line(points.filter_from_points(column), square, square_at + j * LANES, n * LANES)
                for i in range(3):
                    row = simd.load_line(line, square, square_at + i * n * LANES, LANES)
                    at_dW = (i * 3 * C + c) * O + p * panel + o
                    simd.store_line(points.filter_from_points(row), dW, at_dW, C * O)
