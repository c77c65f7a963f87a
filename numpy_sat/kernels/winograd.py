"""3x3 convolution by Winograd's minimal filtering (Winograd 1980; Lavin and Gray 2016).

Correlating a line of n = m + 2 numbers with a filter of 3 gives m results and costs 3 m products. It is also the
product of two polynomials, and polynomials can be multiplied point by point: evaluate both at n points, multiply the
n values, and interpolate: n products. For squares, both ways at once: F(4x4, 3x3) makes 16 results of a square of 6 x
6 by 36 products for every pair of channels where the sum itself takes 144, F(2x2, 3x3) makes 4 by 16 where it takes
36. Between the transforms, each of the n^2 points is a matrix product over channels.

    y = A^T [(G W G^T) * (B^T x B)] A         forward, and the input's gradient with W turned by 180 degrees
    dW = G^T [(A dy A^T) * (B^T x B)] G       the same read backwards

The points decide what rounding costs. The usual 0, 1, -1, 2, -2 and infinity lose 7 bits at 512 channels: an error of
1e-5 of the largest result. Points nearer to one another's inverses, 0, +-11/16, +-3/2, keep all the transforms'
numbers near 1: 3e-6, and 1e-6 when the sum over channels starts afresh every CHUNK channels.
"""

import numpy as np

from numpy_sat import machine
from numpy_sat.kernels import pool as pooling
from numpy_sat.kernels import simd, tile
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import inline, kernel, run, take

POINTS = 6  # F4: of the two, the faster one for every layer measured
CHUNK = 32  # channels whose products are summed before they join the total
CHANNEL_BLOCK, WEIGHT_TILES, WEIGHT_TASKS = 64, 48, 8  # of the weights' gradient
# Floats between the end of one point's products and the next: tiles write to all points at once, and addresses that
# are a power of two apart would share a few lines of the cache (measured: 45 ms instead of 30 for 64 channels of 224
# x 224).
APART = 5 * LANES

a, b = 11 / 16, 3 / 2  # F4's points, with 0, -a, -b and infinity; F2's are 0, 1, -1 and infinity
f = np.float32
A1, B1, A2, B2, A3, B3 = f(a), f(b), f(a * a), f(b * b), f(a**3), f(b**3)
AB, SUM = f(a * a * b * b), f(a * a + b * b)
G0, GA, GB = f(1 / (a * a * b * b)), f(0.5 / (a * a * (a * a - b * b))), f(0.5 / (b * b * (b * b - a * a)))
HALF = f(0.5)


@inline
def _transform_input(d):
    """B^T d: n numbers to n."""
    if len(d) == 4:
        return d[0] - d[2], d[1] + d[2], d[2] - d[1], d[3] - d[1]
    else:
        even_a, odd_a = d[4] - B2 * d[2], A1 * (d[3] - B2 * d[1])
        even_b, odd_b = d[4] - A2 * d[2], B1 * (d[3] - A2 * d[1])
        return (
            AB * d[0] - SUM * d[2] + d[4],
            even_a + odd_a,
            even_a - odd_a,
            even_b + odd_b,
            even_b - odd_b,
            AB * d[1] - SUM * d[3] + d[5],
        )


@inline
def _transform_result(p):
    """A^T p: n points to m results."""
    if len(p) == 4:
        return p[0] + p[1] + p[2], p[1] - p[2] + p[3]
    else:
        even_a, odd_a = p[1] + p[2], p[1] - p[2]
        even_b, odd_b = p[3] + p[4], p[3] - p[4]
        return (
            p[0] + even_a + even_b,
            A1 * odd_a + B1 * odd_b,
            A2 * even_a + B2 * even_b,
            A3 * odd_a + B3 * odd_b + p[5],
        )


@inline
def _transform_filter(points, g):
    """G g: 3 weights to n."""
    if len(points) == 4:
        even, odd = HALF * (g[0] + g[2]), HALF * g[1]
        return g[0], even + odd, even - odd, g[2]
    else:
        even_a, odd_a = GA * (g[0] + A2 * g[2]), (GA * A1) * g[1]
        even_b, odd_b = GB * (g[0] + B2 * g[2]), (GB * B1) * g[1]
        return G0 * g[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, g[2]


@inline
def _transform_gradient(d):
    """A d: m results' gradients to n points, the transpose of _transform_result."""
    if len(d) == 2:
        return d[0], d[0] + d[1], d[0] - d[1], d[1]
    else:
        even_a, odd_a = d[0] + A2 * d[2], A1 * d[1] + A3 * d[3]
        even_b, odd_b = d[0] + B2 * d[2], B1 * d[1] + B3 * d[3]
        return d[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, d[3]


@inline
def _gather_filter(p):
    """G^T p: n points to 3 weights' gradients, the transpose of _transform_filter."""
    if len(p) == 4:
        even, odd = HALF * (p[1] + p[2]), HALF * (p[1] - p[2])
        return p[0] + even, odd, even + p[3]
    else:
        even_a, odd_a = GA * (p[1] + p[2]), GA * (p[1] - p[2])
        even_b, odd_b = GB * (p[3] + p[4]), GB * (p[3] - p[4])
        return G0 * p[0] + even_a + even_b, A1 * odd_a + B1 * odd_b, A2 * even_a + B2 * even_b + p[5]


def correlate(x, W, bias, padding, lowest, pool, workspace, points=POINTS):
    """x, with `padding` rings of zeros, correlated with W; max-pooled pool x pool (1 or 2); max(that + bias, lowest).

    x: (N, H, W, C); W: (3, 3, C, O); bias: (O,); C, O: multiples of LANES; lowest: 0 for relu, -inf for none;
    points of a line: 6 for F4, 4 for F2. Returns y: (N, H', W', O) and winner, uint8 of the same shape where pool is 2.
    """
    N, height, width, C = x.shape
    O = W.shape[3]
    rows, columns = height + 2 * padding - 2, width + 2 * padding - 2
    y, winner = pooling.results(N, rows, columns, O, pool, workspace)
    group = _group(points, C, O, N, rows, columns)
    tile_rows, tile_columns = tile.shape(O)
    witness, panel = (0,) * points, len(tile_columns) * LANES
    with workspace.scratch():
        U = workspace.empty((points**2, O // panel, C, panel))
        V = workspace.empty((machine.THREADS, points**2, group * C + APART))
        M = workspace.empty((machine.THREADS, points**2, group * O + APART))
        patch = workspace.empty((machine.THREADS, points, points, C))
        square = _squares(points, workspace)
        run(_transform_filters, C, witness, W, U, square)
        tasks = -(-N * _tiles(rows, columns, points) // group)
        shape = witness, tile_rows, tile_columns
        arrays = x, U, bias, y, winner, V, M, patch, square
        run(_correlate, tasks, group, *shape, padding, rows, columns, np.float32(lowest), pool, *arrays)
    return y, winner


def weight_gradient(x, dy, padding, workspace):
    """dW of y = x correlated with W. x: (N, H, W, C); dy: (N, H', W', O). Returns dW: (3, 3, C, O).

    Every task owns some channels of x in a part of the tiles. The parts' sums are added in order at the end, and how
    many there are does not depend on the number of threads, so neither does the result.
    """
    points = POINTS
    N, rows, columns, O = dy.shape
    C = x.shape[3]
    dW = workspace.empty((3, 3, C, O))
    block = min(C, CHANNEL_BLOCK)
    blocks = -(-C // block)
    tiles = N * _tiles(rows, columns, points)
    parts = max(1, min(WEIGHT_TASKS // blocks, tiles // WEIGHT_TILES))
    tile_rows, tile_columns = tile.shape(O)
    witness, panel = (0,) * points, len(tile_columns) * LANES
    with workspace.scratch():
        M = workspace.empty((parts, points**2, O // panel, C, panel))
        V = workspace.empty((machine.THREADS, points**2, WEIGHT_TILES * block + APART))
        Z = workspace.empty((machine.THREADS, points**2, WEIGHT_TILES * O + APART))
        patch = workspace.empty((machine.THREADS, points, points, block))
        patch_dy = workspace.empty((machine.THREADS, points - 2, points - 2, O))
        square = _squares(points, workspace)
        shape = witness, (0,) * (points - 2), tile_rows, tile_columns
        run(_weight_gradient, parts * blocks, block, *shape, x, dy, padding, M, V, Z, patch, patch_dy, square)
        run(_gather_filters, C, witness, M, dW, square)
    return dW


def _tiles(rows, columns, points):
    m = points - 2
    return -(-rows // m) * -(-columns // m)


def _group(points, C, O, N, rows, columns):
    """How many tiles a task transforms before it multiplies: many where the filters are large, so that they are read
    seldom; but each thread should get some."""
    group = 96 if C * O >= 512 * 512 else 48
    tiles = N * _tiles(rows, columns, points)
    return max(12, min(group, -(-tiles // (machine.THREADS * 12)) * 12))


def _squares(points, workspace):
    """For every thread, room for one transform's intermediate square of vectors."""
    return workspace.empty((machine.THREADS, points**2 * LANES))


@kernel
def _transform_filters(thread, counter, tasks, points, W, U, square):
    """U = G W G^T, a task for every input channel."""
    n = len(points)
    _, _, C, O = W.shape
    _, panels, _, panel = U.shape
    s0 = thread * square.shape[1]
    while True:
        c = take(thread, counter, tasks)
        if c >= tasks:
            return
        for o in range(0, O, LANES):
            for q in range(3):
                column = simd.load_line((0, 0, 0), W, (q * C + c) * O + o, 3 * C * O)
                simd.store_line(_transform_filter(points, column), square, s0 + q * LANES, 3 * LANES)
            at = (o // panel * C + c) * panel + o % panel
            for i in range(n):
                row = simd.load_line((0, 0, 0), square, s0 + i * 3 * LANES, LANES)
                simd.store_line(_transform_filter(points, row), U, at + i * n * panels * C * panel, panels * C * panel)


@kernel
def _correlate(
    thread, counter, tasks, group, points, tile_rows, tile_columns, padding, rows, columns, lowest, pool,
    x, U, bias, y, winner, V, M, patch, square,
):  # fmt: skip
    """A task: `group` tiles of x to their points, the products over channels, and back to tiles of y."""
    n = len(points)
    m = n - 2
    N, C = len(x), x.shape[3]
    O = bias.size
    down, across = -(-rows // m), -(-columns // m)
    point = V.shape[2]
    v0, m0, s0 = thread * V[0].size, thread * M[0].size, thread * square.shape[1]
    least = simd.repeat(lowest)
    while True:
        task = take(thread, counter, tasks)
        if task >= tasks:
            return
        first, last = task * group, min((task + 1) * group, N * down * across)
        for t in range(first, last):
            picture, i, j = t // (down * across), t // across % down, t % across
            corner = i * m - padding, j * m - padding
            _transform_pixels(points, x, picture, corner, 0, C, patch, thread, square, s0, V, v0 + (t - first) * C)
        _multiply(tile_rows, tile_columns, last - first, V, v0, point, U, M, m0)
        for t in range(first, last):
            picture, i, j = t // (down * across), t // across % down, t % across
            high, wide = min(m, rows - i * m), min(m, columns - j * m)
            y_at = ((picture * (rows // pool) + i * m // pool) * (columns // pool) + j * m // pool) * O
            for o in range(0, O, LANES):
                _gather_results(points, M, m0 + (t - first) * O + o, M.shape[2], square, s0)
                pooling.finish(
                    *(square, s0, n * LANES, LANES, high, wide, pool, simd.load(bias, o), least),
                    *(y, winner, y_at + o, columns // pool * O, O),
                )


@inline
def _transform_pixels(points, x, picture, corner, first, channels, patch, thread, square, s0, V, v_at):
    """B^T x B of the n x n pixels from `corner` on, for some channels; point k goes to V.flat[v_at + k * point ...]."""
    n, point = len(points), V.shape[2]
    _, H, W, C = x.shape
    top, left = corner
    source, at, row, pixel = x, ((picture * H + top) * W + left) * C + first, W * C, C
    if not (0 <= top and top + n <= H and 0 <= left and left + n <= W):
        _cut_out(x[picture], top, left, first, channels, patch[thread])
        source, at, row, pixel = patch, thread * patch[0].size, n * patch.shape[3], patch.shape[3]
    for c in range(0, channels, LANES):
        for j in range(n):
            line = simd.load_line(points, source, at + j * pixel + c, row)
            simd.store_line(_transform_input(line), square, s0 + j * LANES, n * LANES)
        for i in range(n):
            line = simd.load_line(points, square, s0 + i * n * LANES, LANES)
            simd.store_line(_transform_input(line), V, v_at + i * n * point + c, point)


@kernel
def _cut_out(x, top, left, first, channels, patch):
    """patch = the cells of x from (top, left) on, zeros outside the picture."""
    n, H, W = patch.shape[0], x.shape[0], x.shape[1]
    for i in range(top, top + n):
        for j in range(left, left + n):
            if 0 <= i < H and 0 <= j < W:
                patch[i - top, j - left, :channels] = x[i, j, first : first + channels]
            else:
                patch[i - top, j - left, :channels] = 0


@inline
def _multiply(tile_rows, tile_columns, used, V, v0, v_point, U, M, m0):
    """M[k] = V[k] U[k] at every point k, the sum over channels in chunks."""
    points, panels, C, panel = U.shape
    O, m_point = panels * panel, M.shape[2]
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for k in range(points):
        for p in range(panels):
            for t in range(0, used, len(tile_rows)):
                rows, m_rows = tile.offsets(tile_rows, t, used, C), tile.offsets(tile_rows, t, used, O)
                v_at, u_at, m_at = v0 + k * v_point, (k * panels + p) * C * panel, m0 + k * m_point + p * panel
                for first in range(0, C, CHUNK):
                    sums = tile.zeros(rows, columns)
                    for c in range(first, min(first + CHUNK, C)):
                        sums = tile.add_products(sums, rows, columns, V, v_at + c, U, u_at + c * panel)
                    if first:
                        sums = tile.add(sums, tile.load(m_rows, columns, M, m_at))
                    tile.store(sums, m_rows, columns, M, m_at)


@inline
def _gather_results(points, M, at, point, square, s0):
    """A^T M A of one tile and one vector of channels: m x m results in `square`, n vectors from row to row."""
    n = len(points)
    for j in range(n):
        line = simd.load_line(points, M, at + j * point, n * point)
        simd.store_line(_transform_result(line), square, s0 + j * LANES, n * LANES)
    for i in range(n - 2):
        line = simd.load_line(points, square, s0 + i * n * LANES, LANES)
        simd.store_line(_transform_result(line), square, s0 + i * n * LANES, LANES)


@kernel
def _weight_gradient(
    thread,
    counter,
    tasks,
    block,
    points,
    results,
    tile_rows,
    tile_columns,
    x,
    dy,
    padding,
    M,
    V,
    Z,
    patch,
    patch_dy,
    square,
):
    """A task: the sum over a part of the tiles of (B^T x B) * (A dy A^T), for `block` channels of x and all of dy."""
    m = len(results)
    N, rows, columns, _ = dy.shape
    C = x.shape[3]
    down, across = -(-rows // m), -(-columns // m)
    tiles, blocks = N * down * across, -(-C // block)
    parts = tasks // blocks
    v0, z0, s0 = thread * V[0].size, thread * Z[0].size, thread * square.shape[1]
    while True:
        task = take(thread, counter, tasks)
        if task >= tasks:
            return
        part, first_channel = task // blocks, task % blocks * block
        channels = min(block, C - first_channel)
        begin, end = part * tiles // parts, (part + 1) * tiles // parts
        for first in range(begin, end, WEIGHT_TILES):
            last = min(first + WEIGHT_TILES, end)
            for t in range(first, last):
                picture, i, j = t // (down * across), t // across % down, t % across
                corner, v_at = (i * m - padding, j * m - padding), v0 + (t - first) * block
                _transform_pixels(
                    points, x, picture, corner, first_channel, channels, patch, thread, square, s0, V, v_at
                )
                _transform_gradients(
                    points,
                    results,
                    dy,
                    picture,
                    i * m,
                    j * m,
                    patch_dy,
                    thread,
                    square,
                    s0,
                    Z,
                    z0,
                    t - first,
                    M.shape[4],
                )
            _add_products(
                tile_rows,
                tile_columns,
                first_channel,
                channels,
                last - first,
                block,
                first == begin,
                V,
                v0,
                Z,
                z0,
                M,
                part,
            )


@inline
def _transform_gradients(points, results, dy, picture, top, left, patch, thread, square, s0, Z, z0, t, panel):
    """A dy A^T of the m x m pixels from (top, left) on; Z holds of every point panels of tiles of channels."""
    n, m, point = len(points), len(results), Z.shape[2]
    _, H, W, O = dy.shape
    source, at, row = dy, ((picture * H + top) * W + left) * O, W * O
    if top + m > H or left + m > W:
        _cut_out(dy[picture], top, left, 0, O, patch[thread])
        source, at, row = patch, thread * patch[0].size, m * O
    for o in range(0, O, LANES):
        for j in range(m):
            line = simd.load_line(results, source, at + j * O + o, row)
            simd.store_line(_transform_gradient(line), square, s0 + j * LANES, m * LANES)
        z_at = z0 + (o // panel * WEIGHT_TILES + t) * panel + o % panel
        for i in range(n):
            line = simd.load_line(results, square, s0 + i * m * LANES, LANES)
            simd.store_line(_transform_gradient(line), Z, z_at + i * n * point, point)


@inline
def _add_products(tile_rows, tile_columns, first_channel, channels, used, block, afresh, V, v0, Z, z0, M, part):
    """M[part, k] += V[k]^T Z[k] at every point k, the sum over tiles."""
    _, points, panels, C, panel = M.shape
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for k in range(points):
        for p in range(panels):
            v_at, z_at = v0 + k * V.shape[2], z0 + k * Z.shape[2] + p * WEIGHT_TILES * panel
            m_at = (((part * points + k) * panels + p) * C + first_channel) * panel
            for c in range(0, channels, len(tile_rows)):
                rows, m_rows = tile.offsets(tile_rows, c, channels, 1), tile.offsets(tile_rows, c, channels, panel)
                sums = tile.zeros(rows, columns)
                for t in range(used):
                    sums = tile.add_products(sums, rows, columns, V, v_at + t * block, Z, z_at + t * panel)
                if not afresh:
                    sums = tile.add(sums, tile.load(m_rows, columns, M, m_at))
                tile.store(sums, m_rows, columns, M, m_at)


@kernel
def _gather_filters(thread, counter, tasks, points, M, dW, square):
    """dW = G^T (the sum of M's parts) G, a task for every input channel."""
    n = len(points)
    parts, _, panels, C, panel = M.shape
    O, point = panels * panel, panels * C * panel
    s0 = thread * square.shape[1]
    while True:
        c = take(thread, counter, tasks)
        if c >= tasks:
            return
        for o in range(0, O, LANES):
            at = (o // panel * C + c) * panel + o % panel
            for k in range(n * n):
                total = simd.load(M, at + k * point)
                for part in range(1, parts):
                    total = total + simd.load(M, at + (part * n * n + k) * point)
                simd.store(total, square, s0 + k * LANES)
            for j in range(n):
                line = simd.load_line(points, square, s0 + j * LANES, n * LANES)
                simd.store_line(_gather_filter(line), square, s0 + j * LANES, n * LANES)
            for i in range(3):
                line = simd.load_line(points, square, s0 + i * n * LANES, LANES)
                simd.store_line(_gather_filter(line), dW, (i * 3 * C + c) * O + o, C * O)
