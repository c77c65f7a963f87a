"""3x3 convolution of stride 1 by Winograd's minimal filtering in both directions (Lavin and Gray 2016).

    Y = A^T [(G W G^T) * (B^T X B)] A

F(4x4, 3x3) computes a tile of 16 results from 6 x 6 pixels. It needs 36 products for each pair of channels, where the
direct sum needs 144. F(2x2, 3x3) computes 4 results from 4 x 4 pixels with 16 products, where the direct sum needs 36.
The transforms are in points.py.

Between the transforms, each of the n^2 points is a matrix product. A task transforms a group of tiles, multiplies, and
transforms back, so V and M stay in the cache. 64 to 64 channels at 224 x 224 take 30 ms, 16 ms of them in the products.
The direct sum takes 70 ms. The gradient of the input is the same convolution with W turned by 180 degrees. The gradient
of the weights is in winograd_weights.py.

The transformed filters U are up to four times as large as W. Many tiles share them, so one kernel transforms all
filters first. With few tiles, to write U to memory and to read it again would take longer than the products. Then a
task transforms all tiles, and the filters of its panels chunk by chunk, so U stays in the cache. One image of 14 x 14
with 512 to 512 channels takes 1.7 ms instead of 3.1 on two Intel Xeon cores (2026-12-01).
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import points, simd, tile
from numpy_sat.kernels import pool as pooling
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import claim_tasks, inline, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

F2, F4 = (0,) * 4, (0,) * 6  # tuples with one item for each point of a one-dimensional transform
CHUNK = 32  # channels per partial sum, see points.py
FEW_TILES = 72  # up to this number of tiles, a task transforms its filters itself
# Unused floats after the numbers of each point. A tile is written to all points at once. Addresses a power of two apart
# would share few cache lines. Without the gap, 64 to 64 channels at 224 x 224 take 45 ms instead of 30.
APART = 5 * LANES
# A result of more numbers than this does not fit into the caches. Then its cache lines are prefetched. A convolution
# from 128 to 256 channels at 56 x 56, batch size 8, takes 0.88 of the time on two Intel Xeon cores (2026-12-01).
FAR = 1 << 22


class Scratch(NamedTuple):
    """The scratch memory of all threads; the first axis is the thread."""

    V: np.ndarray  # (threads, n^2, tiles x C): points of a group of tiles
    M: np.ndarray  # (threads, n^2, tiles x O): products of V with the points of the filters
    patch: np.ndarray  # (threads, n, n, C): pixels at the edge of an image, with zeros outside
    square: np.ndarray  # (threads, n^2 LANES): n x n vectors whose columns are transformed, but not yet their rows


@checked(
    x="(N, height, width, C)",
    W="(3, 3, C, O)",
    bias="(O,)",
    where="C % LANES == O % LANES == 0 <= padding and pool in (1, 2) and min(height, width) + 2 * padding >= 3",
)
def correlate(x, W, bias, padding, lowest, pool, line):
    """Compute max(pool(x correlated with W) + bias, lowest).

    Args:
        x: (N, H, W, C) images; C is a multiple of LANES.
        W: (3, 3, C, O) filters; O is a multiple of LANES.
        bias: (O,).
        padding: rings of zeros around each image.
        lowest: 0 for relu, -inf for no relu.
        pool: side of the pooling windows, 1 (no pooling) or 2.
        line: F2 or F4, the algorithm.
    Returns:
        y: (N, H', W', O).
        winner: uint8 as in layers/pool.py, the shape of y if pool is 2; otherwise empty.
    """
    workspace = current()
    N, height, width, C = x.shape
    O, n = W.shape[3], len(line)
    rows, columns = height + 2 * padding - 2, width + 2 * padding - 2
    y, winner = pooling.results(N, rows, columns, O, pool)
    tiles, shape = tiles_of(N, rows, columns, n - 2), tile.shape(O)
    panel = len(shape[1]) * LANES
    is_few = tiles <= FEW_TILES
    group, width_of_M = (tiles, panel) if is_few else (_group(C, O, tiles), O)
    sizes, lowest = (rows, columns, padding, pool), np.float32(lowest)
    with workspace.scratch():
        scratch = Scratch(
            V=workspace.empty((machine.THREADS, n * n, group * C + APART)),
            M=workspace.empty((machine.THREADS, n * n, group * width_of_M + APART)),
            patch=workspace.empty((machine.THREADS, n, n, C)),
            square=workspace.empty((machine.THREADS, n * n * LANES)),
        )
        if is_few:
            U = workspace.empty((machine.THREADS, n * n, CHUNK * panel + APART))
            tasks = min(machine.THREADS, O // panel)
            run(_correlate_few, tasks, line, shape, tiles, sizes, lowest, x, W, U, bias, y, winner, scratch)
        else:
            U = workspace.empty((n * n, O // panel, C, panel))
            run(_transform_filters, O // panel * -(-C // CHUNK), line, W, U, scratch.square)
            tasks = -(-tiles // group)
            run(_correlate, tasks, line, shape, tiles, group, sizes, lowest, x, U, bias, y, winner, scratch)
    return y, winner


def tiles_of(N, rows, columns, m):
    """Return the number of tiles of m x m results of N images."""
    return N * -(-rows // m) * -(-columns // m)


def _group(C, O, tiles):
    """Return the number of tiles in a task.

    Large filters get larger tasks, so that they are read less often. But every thread should get a task.
    """
    group = 96 if C * O >= 512 * 512 else 48
    return max(12, min(group, -(-tiles // (machine.THREADS * 12)) * 12))


@kernel
def _transform_filters(thread, counter, tasks, line, W, U, square):
    """Compute U = G W G^T in the panels that tiles read: one panel of some input channels per task.

    A task writes a contiguous part of each point. With one input channel per task, each task writes to all panels. Then
    512 to 512 channels take 2.4 ms instead of 1.1 on two Intel Xeon cores (2026-12-01).
    """
    _, _, C, O = W.shape
    _, panels, _, panel = U.shape
    for task in claim_tasks(thread, counter, tasks):
        p, first = task % panels, task // panels * CHUNK
        for c in range(first, min(first + CHUNK, C)):
            for o in range(0, panel, LANES):
                w_at, u_at = c * O + p * panel + o, (p * C + c) * panel + o
                _filters_to_points(line, W, w_at, U, u_at, panels * C * panel, square, thread * square.shape[1])


@inline
def _filters_to_points(line, W, w_at, U, u_at, point, square, square_at):
    """Compute G W G^T of the LANES filters at w_at. Point k is written to U.flat[u_at + k point]."""
    n, cell = len(line), W.shape[2] * W.shape[3]
    for q in range(3):
        column = simd.load_line((0, 0, 0), W, w_at + q * cell, 3 * cell)
        simd.store_line(points.filter_to_points(line, column), square, square_at + q * LANES, 3 * LANES)
    for i in range(n):
        row = simd.load_line((0, 0, 0), square, square_at + i * 3 * LANES, LANES)
        simd.store_line(points.filter_to_points(line, row), U, u_at + i * n * point, point)


@kernel
def _correlate(thread, counter, tasks, line, shape, tiles, group, sizes, lowest, x, U, bias, y, winner, scratch):
    """Compute a group of tiles per task."""
    V, M, _, _ = scratch
    v0, m0 = thread * V[0].size, thread * M[0].size
    for task in claim_tasks(thread, counter, tasks):
        first, last = task * group, min((task + 1) * group, tiles)
        _transform_tiles(thread, line, sizes, x, first, last, scratch, v0)
        _multiply(shape, last - first, U, V, v0, M, m0)
        _finish_tiles(thread, line, sizes, lowest, first, last, 0, bias.size, bias, y, winner, scratch)


@kernel
def _correlate_few(thread, counter, tasks, line, shape, tiles, sizes, lowest, x, W, U, bias, y, winner, scratch):
    """Compute some panels of all tiles per task."""
    tile_rows, tile_columns = shape
    V, M, _, square = scratch
    C, O, panel = x.shape[3], bias.size, len(tile_columns) * LANES
    panels, v0, m0, u0 = O // panel, thread * V[0].size, thread * M[0].size, thread * U[0].size
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for task in claim_tasks(thread, counter, tasks):
        _transform_tiles(thread, line, sizes, x, 0, tiles, scratch, v0)
        for p in range(task * panels // tasks, (task + 1) * panels // tasks):
            for first in range(0, C, CHUNK):
                terms = min(CHUNK, C - first)
                for c in range(terms):
                    for o in range(0, panel, LANES):
                        w_at, u_at = (first + c) * O + p * panel + o, u0 + c * panel + o
                        _filters_to_points(line, W, w_at, U, u_at, U.shape[2], square, thread * square.shape[1])
                for k in range(len(line) ** 2):
                    v_at, u_at, m_at = v0 + k * V.shape[2] + first, u0 + k * U.shape[2], m0 + k * M.shape[2]
                    for t in range(0, tiles, len(tile_rows)):
                        rows, m_rows = tile.offsets(tile_rows, t, tiles, C), tile.offsets(tile_rows, t, tiles, panel)
                        _add_chunk(rows, m_rows, columns, terms, V, v_at, U, u_at, M, m_at, first > 0)
            _finish_tiles(thread, line, sizes, lowest, 0, tiles, p * panel, panel, bias, y, winner, scratch)


@inline
def place_of(t, rows, columns, m):
    """Return the image of tile t, and the row and column of its first result among rows x columns results."""
    tiles_down, tiles_across = -(-rows // m), -(-columns // m)
    return t // (tiles_down * tiles_across), t // tiles_across % tiles_down * m, t % tiles_across * m


@inline
def _transform_tiles(thread, line, sizes, x, first, last, scratch, v0):
    """Compute the points V of the tiles from `first` to `last`."""
    rows, columns, padding, _ = sizes
    C = x.shape[3]
    for t in range(first, last):
        image, i, j = place_of(t, rows, columns, len(line) - 2)
        transform_pixels(thread, line, x, (image, i - padding, j - padding), 0, C, scratch, v0 + (t - first) * C)


@inline
def transform_pixels(thread, line, x, corner, first, channels, scratch, v_at):
    """Compute B^T X B of the n x n pixels at `corner`, for `channels` channels from channel `first` on.

    Point k is written to row k of the thread's V, v_at numbers after the start of the first row.
    """
    n = len(line)
    _, H, W, C = x.shape
    V, _, patch, square = scratch
    image, top, left = corner
    point, square_at = V.shape[2], thread * square.shape[1]
    source, at, row, pixel = x, ((image * H + top) * W + left) * C + first, W * C, C
    if not (0 <= top and top + n <= H and 0 <= left and left + n <= W):
        cut_out(thread, x, corner, first, channels, patch)
        source, at, row, pixel = patch, thread * patch[0].size, n * patch.shape[3], patch.shape[3]
    for c in range(0, channels, LANES):
        for j in range(n):
            column = simd.load_line(line, source, at + j * pixel + c, row)
            simd.store_line(points.to_points(column), square, square_at + j * LANES, n * LANES)
        for i in range(n):
            row_of_vectors = simd.load_line(line, square, square_at + i * n * LANES, LANES)
            simd.store_line(points.to_points(row_of_vectors), V, v_at + i * n * point + c, point)


@kernel
def cut_out(thread, x, corner, first, channels, patch):
    """Copy the n x n cells of x at `corner` into the thread's patch, with zeros outside the image.

    The loops over vectors are compiled in a tenth of the time that numba needs for assignments of slices.
    """
    image, top, left = corner
    _, n, _, width = patch.shape
    _, H, W, C = x.shape
    zero = simd.repeat(np.float32(0))
    for cell in range(n * n):
        i, j, at = top + cell // n, left + cell % n, (thread * n * n + cell) * width
        is_inside, x_at = 0 <= i < H and 0 <= j < W, ((image * H + i) * W + j) * C + first
        for c in range(0, channels, LANES):
            simd.store(simd.load(x, x_at + c) if is_inside else zero, patch, at + c)


@inline
def _multiply(shape, tile_count, U, V, v0, M, m0):
    """Compute M[k] = V[k] U[k] at every point k for a group of tiles. The sum over channels is split into chunks.

    The kernel prefetches the next panel of U, a part of it before each chunk. With it, the convolutions of VGG-16 take
    0.90 of the time on two Intel Xeon cores (2026-12-01).
    """
    tile_rows, tile_columns = shape
    count, panels, C, panel = U.shape
    O = panels * panel
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    lines = min(CHUNK, C) * panel // (LANES * -(-tile_count // len(tile_rows)))  # cache lines to prefetch
    for k in range(count):
        for p in range(panels):
            v_at, u_at, m_at = v0 + k * V.shape[2], (k * panels + p) * C * panel, m0 + k * M.shape[2] + p * panel
            ahead = u_at + C * panel
            for t in range(0, tile_count, len(tile_rows)):
                rows, m_rows = tile.offsets(tile_rows, t, tile_count, C), tile.offsets(tile_rows, t, tile_count, O)
                for first in range(0, C, CHUNK):
                    for line in range(lines):
                        simd.prefetch(U, ahead + line * LANES)
                    ahead += lines * LANES
                    terms, u_first = min(CHUNK, C - first), u_at + first * panel
                    _add_chunk(rows, m_rows, columns, terms, V, v_at + first, U, u_first, M, m_at, first > 0)


@inline
def _add_chunk(rows, m_rows, columns, terms, V, v_at, U, u_at, M, m_at, add):
    """Compute the sum over some channels for one tile of M, and add it to M or write it over M."""
    sums = tile.zeros(rows, columns)
    for c in range(terms):
        sums = tile.add_products(sums, rows, columns, V, v_at + c, U, u_at + c * len(columns) * LANES)
    if add:
        sums = tile.add(sums, tile.load(m_rows, columns, M, m_at))
    tile.store(sums, m_rows, columns, M, m_at)


@inline
def _finish_tiles(thread, line, sizes, lowest, first, last, channel, channels, bias, y, winner, scratch):
    """Compute y of the tiles from `first` to `last` and of `channels` channels from number `channel` on, from M."""
    rows, columns, _, pool = sizes
    n, O = len(line), bias.size
    _, M, _, square = scratch
    m, m0, square_at, lower = n - 2, thread * M[0].size, thread * square.shape[1], simd.repeat(lowest)
    for t in range(first, last):
        image, i, j = place_of(t, rows, columns, m)
        y_at = ((image * (rows // pool) + i // pool) * (columns // pool) + j // pool) * O + channel
        for r in range(min(m, rows - i) // pool if y.size > FAR else 0):
            for c in range(0, min(m, columns - j) // pool * O, O):
                for o in range(0, channels, LANES):
                    simd.prefetch_to_write(y, y_at + r * (columns // pool) * O + c + o)
        for o in range(0, channels, LANES):
            _transform_back(line, M, m0 + (t - first) * channels + o, square, square_at)
            pooling.finish(
                *(square, square_at, n * LANES, LANES, min(m, rows - i), min(m, columns - j)),
                *(pool, simd.load(bias, channel + o), lower, y, winner, y_at + o, columns // pool * O, O),
            )


@inline
def _transform_back(line, M, at, square, square_at):
    """Compute A^T M A of one tile and one vector of channels.

    The m x m results are written to `square`. Its rows lie n vectors apart.
    """
    n, point = len(line), M.shape[2]
    for j in range(n):
        column = simd.load_line(line, M, at + j * point, n * point)
        simd.store_line(points.from_points(column), square, square_at + j * LANES, n * LANES)
    for i in range(n - 2):
        row = simd.load_line(line, square, square_at + i * n * LANES, LANES)
        simd.store_line(points.from_points(row), square, square_at + i * n * LANES, LANES)
