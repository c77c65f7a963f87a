"""3x3 convolution of stride 1 by Winograd's minimal filtering, both ways at once (Lavin and Gray 2016).

    Y = A^T [(G W G^T) * (B^T X B)] A

F(4x4, 3x3) makes a tile of 16 results of 6 x 6 pixels by 36 products for every pair of channels, where the sum itself
takes 144; F(2x2, 3x3) makes 4 of 4 x 4 by 16 where it takes 36. points.py has the transforms. Between them each of
the n^2 points is a matrix product: a task transforms a group of tiles, multiplies, and transforms back, so that V and
M stay in the cache (measured: 64 to 64 channels at 224 x 224 in 30 ms, 16 of them products, where the direct sum
takes 70). The way back through the input is the same with W turned by 180 degrees; for the weights see
winograd_weights.py.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import points, simd, tile
from numpy_sat.kernels import pool as pooling
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import inline, kernel, run, taken
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

F2, F4 = (0,) * 4, (0,) * 6  # a line's points; conv.py chooses
CHUNK = 32  # channels whose products are summed before they join the total, see points.py
# Floats between the end of one point's numbers and the next point's: a tile writes to all points at once, and addresses
# that are a power of two apart would share a few lines of the cache (measured: 45 ms instead of 30, as above).
APART = 5 * LANES


class Scratch(NamedTuple):
    """What each thread works in; the first axis is the thread."""

    V: np.ndarray  # (threads, n^2, tiles x channels): a group of tiles' points
    M: np.ndarray  # (threads, n^2, tiles x results): their products with the filters'
    patch: np.ndarray  # (threads, n, n, C): pixels at the edge of an image, with zeros outside
    square: np.ndarray  # (threads, n^2 LANES): a square of vectors between the transform of its columns and of its rows


def correlate(x, W, bias, padding, lowest, pool, line):
    """x, with `padding` rings of zeros, correlated with W; max-pooled pool x pool (1 or 2); max(that + bias, lowest).

    x: (N, H, W, C); W: (3, 3, C, O); bias: (O,); C, O: multiples of LANES; lowest: 0 for relu, -inf for none; line: F4
    or F2. Returns y: (N, H', W', O) and winner, uint8 of the same shape where pool is 2.
    """
    workspace = current()
    N, height, width, C = x.shape
    O, n = W.shape[3], len(line)
    rows, columns = height + 2 * padding - 2, width + 2 * padding - 2
    y, winner = pooling.results(N, rows, columns, O, pool)
    tiles = tiles_of(N, rows, columns, n - 2)
    group = _group(C, O, tiles)
    shape = tile.shape(O)
    panel = len(shape[1]) * LANES
    with workspace.scratch():
        U = workspace.empty((n * n, O // panel, C, panel))
        scratch = Scratch(
            V=workspace.empty((machine.THREADS, n * n, group * C + APART)),
            M=workspace.empty((machine.THREADS, n * n, group * O + APART)),
            patch=workspace.empty((machine.THREADS, n, n, C)),
            square=workspace.empty((machine.THREADS, n * n * LANES)),
        )
        run(_transform_filters, C, line, W, U, scratch.square)
        sizes = rows, columns, padding, pool
        run(
            _correlate,
            -(-tiles // group),
            line,
            shape,
            group,
            sizes,
            np.float32(lowest),
            x,
            U,
            bias,
            y,
            winner,
            scratch,
        )
    return y, winner


def tiles_of(N, rows, columns, m):
    """How many tiles of m x m cover the results of N images."""
    return N * -(-rows // m) * -(-columns // m)


def _group(C, O, tiles):
    """Tiles of a task: more where filters are large, to read them less often; but every thread should get some."""
    group = 96 if C * O >= 512 * 512 else 48
    return max(12, min(group, -(-tiles // (machine.THREADS * 12)) * 12))


@kernel
def _transform_filters(thread, counter, tasks, line, W, U, square):
    """U = G W G^T, in panels as tiles read it. A task: an input channel."""
    n = len(line)
    _, _, C, O = W.shape
    _, panels, _, panel = U.shape
    point, here = panels * C * panel, thread * square.shape[1]
    for c in taken(thread, counter, tasks):
        for o in range(0, O, LANES):
            for q in range(3):
                column = simd.load_line((0, 0, 0), W, (q * C + c) * O + o, 3 * C * O)
                simd.store_line(points.filter_to_points(line, column), square, here + q * LANES, 3 * LANES)
            at = (o // panel * C + c) * panel + o % panel
            for i in range(n):
                row = simd.load_line((0, 0, 0), square, here + i * 3 * LANES, LANES)
                simd.store_line(points.filter_to_points(line, row), U, at + i * n * point, point)


@kernel
def _correlate(thread, counter, tasks, line, shape, group, sizes, lowest, x, U, bias, y, winner, scratch):
    """A task: a group of tiles."""
    n = len(line)
    m = n - 2
    rows, columns, padding, pool = sizes
    N, C, O = len(x), x.shape[3], bias.size
    down, across = -(-rows // m), -(-columns // m)
    V, M, _, square = scratch
    v0, m0, s0 = thread * V[0].size, thread * M[0].size, thread * square.shape[1]
    least = simd.repeat(lowest)
    for task in taken(thread, counter, tasks):
        first, last = task * group, min((task + 1) * group, N * down * across)
        for t in range(first, last):
            place = t // (down * across), t // across % down * m - padding, t % across * m - padding
            transform_pixels(thread, line, x, place, 0, C, scratch, v0 + (t - first) * C)
        _multiply(shape, last - first, U, V, v0, M, m0)
        for t in range(first, last):
            image, i, j = t // (down * across), t // across % down * m, t % across * m
            y_at = ((image * (rows // pool) + i // pool) * (columns // pool) + j // pool) * O
            for o in range(0, O, LANES):
                _transform_back(line, M, m0 + (t - first) * O + o, square, s0)
                pooling.finish(
                    *(square, s0, n * LANES, LANES, min(m, rows - i), min(m, columns - j)),
                    *(pool, simd.load(bias, o), least, y, winner, y_at + o, columns // pool * O, O),
                )


@inline
def transform_pixels(thread, line, x, place, first, channels, scratch, v_at):
    """B^T X B of the n x n pixels from `place` on, for `channels` channels; point k goes to V, k points behind v_at."""
    n = len(line)
    _, H, W, C = x.shape
    V, _, patch, square = scratch
    image, top, left = place
    point, here = V.shape[2], thread * square.shape[1]
    source, at, row, pixel = x, ((image * H + top) * W + left) * C + first, W * C, C
    if not (0 <= top and top + n <= H and 0 <= left and left + n <= W):
        cut_out(x[image], top, left, first, channels, patch[thread])
        source, at, row, pixel = patch, thread * patch[0].size, n * patch.shape[3], patch.shape[3]
    for c in range(0, channels, LANES):
        for j in range(n):
            column = simd.load_line(line, source, at + j * pixel + c, row)
            simd.store_line(points.to_points(column), square, here + j * LANES, n * LANES)
        for i in range(n):
            row_of_vectors = simd.load_line(line, square, here + i * n * LANES, LANES)
            simd.store_line(points.to_points(row_of_vectors), V, v_at + i * n * point + c, point)


@kernel
def cut_out(x, top, left, first, channels, patch):
    """patch = the cells of one image x from (top, left) on, for `channels` channels, and zeros outside it."""
    n, H, W = patch.shape[0], x.shape[0], x.shape[1]
    for i in range(top, top + n):
        for j in range(left, left + n):
            if 0 <= i < H and 0 <= j < W:
                patch[i - top, j - left, :channels] = x[i, j, first : first + channels]
            else:
                patch[i - top, j - left, :channels] = 0


@inline
def _multiply(shape, used, U, V, v0, M, m0):
    """M[k] = V[k] U[k] at every point k, for the `used` tiles of a group; the sum over channels in chunks."""
    tile_rows, tile_columns = shape
    count, panels, C, panel = U.shape
    O = panels * panel
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for k in range(count):
        for p in range(panels):
            v_at, u_at, m_at = v0 + k * V.shape[2], (k * panels + p) * C * panel, m0 + k * M.shape[2] + p * panel
            for t in range(0, used, len(tile_rows)):
                rows, m_rows = tile.offsets(tile_rows, t, used, C), tile.offsets(tile_rows, t, used, O)
                for first in range(0, C, CHUNK):
                    sums = tile.zeros(rows, columns)
                    for c in range(first, min(first + CHUNK, C)):
                        sums = tile.add_products(sums, rows, columns, V, v_at + c, U, u_at + c * panel)
                    if first:
                        sums = tile.add(sums, tile.load(m_rows, columns, M, m_at))
                    tile.store(sums, m_rows, columns, M, m_at)


@inline
def _transform_back(line, M, at, square, here):
    """A^T M A of one tile and one vector of channels: m x m results in `square`, n vectors from row to row."""
    n, point = len(line), M.shape[2]
    for j in range(n):
        column = simd.load_line(line, M, at + j * point, n * point)
        simd.store_line(points.from_points(column), square, here + j * LANES, n * LANES)
    for i in range(n - 2):
        row = simd.load_line(line, square, here + i * n * LANES, LANES)
        simd.store_line(points.from_points(row), square, here + i * n * LANES, LANES)
