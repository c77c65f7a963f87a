"""The weight gradient of a 3x3 convolution: Winograd's minimal filtering, transposed.

    dW = G^T [(A dY A^T) * (B^T X B)] G,  summed over tiles

Here a tile of dY takes the place of the filter. The sum over tiles is a matrix product at each of the 36 points, and
its terms are the tiles. Eight images of 224 x 224 with 64 to 64 channels take 42 ms. The direct sum takes 88 ms.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import points, simd, tile, winograd
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import claim_tasks, inline, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

LINE, RESULTS = winograd.F4, (0,) * 4
BLOCK = 64  # channels of x in a task
TILES = 48  # tiles that are transformed before they are multiplied
TASKS = 8  # approximate number of tasks; more threads than this are idle


class Scratch(NamedTuple):
    """The scratch memory of all threads as in winograd.Scratch; the first axis is the thread."""

    V: np.ndarray  # (threads, n^2, TILES x BLOCK): points of the pixels
    Z: np.ndarray  # (threads, n^2, TILES x O): points of the gradients, in panels
    patch: np.ndarray  # (threads, n, n, BLOCK)
    square: np.ndarray  # (threads, n^2 LANES)
    patch_dy: np.ndarray  # (threads, m, m, O): gradients at the edge of an image, with zeros outside


@checked(
    x="(N, height, width, C)",
    dy="(N, height + 2 * padding - 2, width + 2 * padding - 2, O)",
    where="C % LANES == O % LANES == 0",
)
def weight_gradient(x, dy, padding):
    """Compute the gradient of the filters W of a 3x3 convolution of stride 1.

    A task computes some channels of x for a part of the tiles. The sums of the parts are added in order. The number of
    parts does not depend on the number of threads, so neither does the result.

    Args:
        x: (N, H, W, C) images; C is a multiple of LANES.
        dy: (N, H', W', O) gradient of the result; O is a multiple of LANES.
        padding: rings of zeros around each image.
    Returns:
        dW: (3, 3, C, O).
    """
    workspace = current()
    N, rows, columns, O = dy.shape
    C, n, m = x.shape[3], len(LINE), len(RESULTS)
    dW = workspace.empty((3, 3, C, O))
    block, tiles = min(C, BLOCK), winograd.tiles_of(N, rows, columns, m)
    blocks = -(-C // block)
    parts = max(1, min(TASKS // blocks, tiles // TILES))
    shape = tile.shape(O)
    panel = len(shape[1]) * LANES
    with workspace.scratch():
        M = workspace.empty((parts, n * n, O // panel, C, panel))
        scratch = Scratch(
            V=workspace.empty((machine.THREADS, n * n, TILES * block + winograd.APART)),
            Z=workspace.empty((machine.THREADS, n * n, TILES * O + winograd.APART)),
            patch=workspace.empty((machine.THREADS, n, n, block)),
            square=workspace.empty((machine.THREADS, n * n * LANES)),
            patch_dy=workspace.empty((machine.THREADS, m, m, O)),
        )
        run(_weight_gradient, parts * blocks, LINE, RESULTS, shape, padding, block, x, dy, M, scratch)
        run(_gather_filters, C, LINE, M, dW, scratch.square)
    return dW


@kernel
def _weight_gradient(thread, counter, tasks, line, results, shape, padding, block, x, dy, M, scratch):
    """Sum the products of a part of the tiles, for `block` channels of x and all channels of dy, per task."""
    m = len(results)
    N, rows, columns, _ = dy.shape
    C = x.shape[3]
    tiles_down, tiles_across = -(-rows // m), -(-columns // m)
    blocks, tiles = -(-C // block), N * tiles_down * tiles_across
    parts = tasks // blocks
    V, _, patch, square, _ = scratch
    pixel_scratch = winograd.Scratch(V, V, patch, square)
    v0 = thread * V[0].size
    for task in claim_tasks(thread, counter, tasks):
        part, channel = task // blocks, task % blocks * block
        channels = min(block, C - channel)
        begin, end = part * tiles // parts, (part + 1) * tiles // parts
        for first in range(begin, end, TILES):
            last = min(first + TILES, end)
            for t in range(first, last):
                image, i, j = t // (tiles_down * tiles_across), t // tiles_across % tiles_down * m, t % tiles_across * m
                corner = image, i - padding, j - padding
                winograd.transform_pixels(
                    thread, line, x, corner, channel, channels, pixel_scratch, v0 + (t - first) * block
                )
                _transform_gradients(thread, line, results, dy, (image, i, j), t - first, M.shape[4], scratch)
            _multiply(thread, shape, part, channel, channels, block, last - first, first == begin, M, scratch)


@inline
def _transform_gradients(thread, line, results, dy, corner, t, panel, scratch):
    """Compute A dY A^T of the m x m gradients at `corner`, tile t of the group, for all channels."""
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
        z_at = thread * Z[0].size + (o // panel * TILES + t) * panel + o % panel
        for i in range(n):
            row_of_vectors = simd.load_line(results, square, square_at + i * m * LANES, LANES)
            simd.store_line(points.gradient_to_points(row_of_vectors), Z, z_at + i * n * point, point)


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
    """Compute dW = G^T (sum of the parts of M) G, one input channel per task."""
    n = len(line)
    parts, _, panels, C, panel = M.shape
    O, point, square_at = panels * panel, panels * C * panel, thread * square.shape[1]
    for c in claim_tasks(thread, counter, tasks):
        for o in range(0, O, LANES):
            at = (o // panel * C + c) * panel + o % panel
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
                simd.store_line(points.filter_from_points(row), dW, (i * 3 * C + c) * O + o, C * O)
