"""A whole inverted bottleneck (layers/mbconv.py), without a cache: what is between its ends never reaches memory.

Expanded, a block's images have six times the channels, and passing these to and from memory takes longer than what
is computed of them. Here a task is some lines of the result, and it goes through the expanded channels a panel at a
time: they are computed into a frame (depthwise.py), correlated, and their share of the projection is added to sums
that stay in the cache. The first block has no expansion; a net's stem, a convolution of the image, takes its place.

There is one kernel for all blocks, which chooses between shapes of tiles as it runs: a kernel for each would be as
fast, but would take many seconds to compile.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import depthwise, elementwise, pointwise, relu6, simd, tile
from numpy_sat.kernels.depthwise import PIXELS, Window
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.kernels.simd import LANES, load, load_first, store, store_first
from numpy_sat.kernels.threads import inline, kernel, run, taken
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

TASK = 1 << 17  # numbers that a task works on, at most: 512 KiB
SIDES, STRIDES = (3, 5), (1, 2)  # of the depthwise filters
# Rows and columns of tiles, by how many vectors wide they are; as many as registers hold. Seven rows divide the sides
# of all grids that come of images of 224 x 224; of 112 channels seven vectors make one tile.
ROWS = {1: 14, 2: 7, 3: 7, 5: 5, 7: 3} if LANES != 8 else {1: 12, 2: 6, 3: 4, 5: 2, 7: 1}
TILE_1, TILE_2, TILE_3, TILE_5, TILE_7 = (((0,) * rows, (0,) * vectors) for vectors, rows in ROWS.items())


class Expansion(NamedTuple):
    """How an image is expanded."""

    any: bool  # or it is taken as it is
    side: int  # S of its filters, 1 but for a stem
    stride: int
    height: int  # of what is expanded
    width: int


class Scratch(NamedTuple):
    """What each thread works in; the first axis is the thread."""

    frames: np.ndarray  # (threads, images, lines x cells x panel)
    depthwise: np.ndarray  # (threads, images x lines x cells x panel)
    projected: np.ndarray  # (threads, images x lines x cells x O, filled up to whole vectors)
    W_expand: np.ndarray  # (threads, S x S x C x panel): of this panel
    W_project: np.ndarray  # (threads, panel x O, filled up)


def computes(P, stride, E):
    """Return True if there are tiles for a block's depthwise filters and its expanded channels."""
    return P in SIDES and stride in STRIDES and E % LANES == 0


def mbconv_forward(x, W_e, b_e, W_d, b_d, W_p, b_p, stride):
    """Compute layers/mbconv.py's mbconv_forward; depthwise convolution and relu6 are one pass. Returns y and the
    cache's fields.
    """
    h, cache_expand = (x, None) if W_e is None else pointwise.pointwise_forward(x, W_e, b_e)
    h = np.ascontiguousarray(h)
    relu = depthwise.forward(h, W_d, b_d, stride, *depthwise.geometry(h.shape, len(W_d), stride), 0, 6)
    y = multiply(relu, pack(W_p, b_p))
    residual = _is_residual(x, y.shape, stride)
    if residual:
        y = y + x
    return y, (cache_expand, (h, W_d, stride), (relu,), (relu, W_p), residual)


def mbconv_backward(dy, cache):
    """Compute layers/mbconv.py's mbconv_backward. Returns dx, dW_e, db_e, dW_d, db_d, dW_p, db_p."""
    given, dy = dy, np.ascontiguousarray(dy)
    (h, W_p), (x, W_d, stride) = cache.project, cache.depthwise
    padding, _ = depthwise.geometry(x.shape, len(W_d), stride)
    dW_p, db_p = multiply_transposed(h, dy), elementwise.column_sums(dy)
    dh = multiply(dy, pack(W_p.T))
    dh, db_d = relu6.backward(dh, cache.relu.y)
    dW_d = depthwise.weight_gradient(x, dh, len(W_d), stride, padding)
    dx = depthwise.input_gradient(dh, W_d, x.shape, stride, padding)
    dW_e = db_e = None
    if cache.expand is not None:
        dx, dW_e, db_e = pointwise.pointwise_backward(dx, cache.expand)
    if cache.residual:
        dx = dx + given
    return dx, dW_e, db_e, dW_d, db_d, dW_p, db_p


def mbconv_inference(x, W_e, b_e, W_d, b_d, W_p, b_p, stride):
    """Compute layers/mbconv.py's mbconv_inference. Returns y: (N, H', W', O)."""
    if not computes(len(W_d), stride, W_d.shape[2]):
        return NotImplemented
    expand = None if W_e is None else (W_e[None, None], b_e)
    return _inference(x, expand, 1, W_d, b_d, W_p, b_p, stride)


def stem_inference(x, W, b, stem_stride, W_d, b_d, W_p, b_p, stride):
    """Compute layers/mbconv.py's stem_inference. Returns y: (N, H', W', O).

    The stem's result never exists as a whole, so that a block that adds it to its own is not computed here.
    """
    adds = stride == 1 and W_p.shape[0] == W_p.shape[1]
    if adds or not computes(len(W_d), stride, W_d.shape[2]):
        return NotImplemented
    return _inference(x, (W, b), stem_stride, W_d, b_d, W_p, b_p, stride)


def _inference(x, expand, stem_stride, W_d, b_d, W_p, b_p, stride):
    S = len(expand[0]) if expand else 1
    between = [(side - S) // stem_stride + 1 for side in x.shape[1:3]]
    padding, sides = depthwise.geometry((len(x), *between, len(b_d)), len(W_d), stride)
    y_shape = *sides[:3], len(b_p)
    residual, weights = _is_residual(x, y_shape, stride), ((W_d, b_d), (W_p, b_p))
    return forward(np.ascontiguousarray(x), expand, *weights, stride, padding, y_shape, residual, stem_stride)


def _is_residual(x, y_shape, stride):
    return stride == 1 and x.shape == y_shape


def forward(x, expand, depth, project, stride, padding, y_shape, residual=False, stem_stride=1):
    """y = relu6(depthwise(relu6(x correlated with W_e + b_e))) W_p + b_p, with `residual` + x.

    x: (N, H, W, C); expand: W_e: (S, S, C, E) and b_e: (E,), at stem_stride and without padding, or None, and E = C;
    depth: W_d: (P, P, E) and b_d: (E,); project: W_p: (E, O) and b_p: (O,); E a multiple of LANES; stride and padding,
    lines of zeros above, and to the left: of the depthwise convolution. Returns y, of y_shape: (N, H', W', O).
    """
    workspace = current()
    y = workspace.empty(y_shape)
    N, H, width, O = y_shape
    W_d, b_d = (np.ascontiguousarray(array) for array in depth)
    W_p, E = np.ascontiguousarray(project[0]), len(b_d)
    W_e, b_e = (np.ascontiguousarray(array) for array in expand or (np.empty((1, 1, 0, E), np.float32), b_d))
    S, filled, panel = len(W_e), -(-O // LANES) * LANES, depthwise.panel_of(E)
    sides = ((side - S) // stem_stride + 1 for side in x.shape[1:3])
    expansion, window = Expansion(expand is not None, S, stem_stride, *sides), Window(len(W_d), stride, *padding, 1)
    # Lines are computed at least as wide as some pixels at a time.
    wide = max(width, len(PIXELS))
    across = depthwise.frame_width(window, wide)
    group, lines = _task(N, H, wide, across * stride, panel, filled)
    with workspace.scratch():
        b_p = workspace.empty((filled,))
        b_p[:O], b_p[O:] = project[1], 0
        cells, frame = group * lines * wide, depthwise.frame_lines(window, lines) * across * panel
        sizes = (group, frame), (cells * panel,), (cells * filled,), (W_e.size // E * panel,), (panel * filled,)
        scratch = Scratch(*(workspace.empty((machine.THREADS, *size)) for size in sizes))
        numbers = group, lines, wide, panel, residual
        weights = W_e.reshape(-1, E), b_e, W_d, b_d, W_p, b_p
        run(_block, -(-N // group) * -(-H // lines), window, expansion, numbers, x, *weights, y, scratch)
    return y


def _task(N, H, width, frame, panel, O):
    """How many images a task has, and of how many lines: whole images where several have room.

    Weights are read once a task; but every thread should get two tasks or more.
    """
    line = frame * panel + width * (panel + O)
    if H * line <= TASK:
        return max(1, min(TASK // max(1, H * line), N // (2 * machine.THREADS))), H
    bands = -(-H // max(1, TASK // line))
    return 1, -(-H // bands)


@kernel
def _block(thread, counter, tasks, window, expansion, numbers, x, W_e, b_e, W_d, b_d, W_p, b_p, y, scratch):
    N, H, width, O = y.shape
    group, lines, wide, panel, residual = numbers
    E, filled, bands = b_d.size, b_p.size, -(-H // lines)
    frames, d0, y0 = scratch.frames, thread * scratch.depthwise.shape[1], thread * scratch.projected.shape[1]
    for task in taken(thread, counter, tasks):
        n, first = task // bands * group, task % bands * lines
        end, last = min(n + group, N), min(first + lines, H)
        cells = (last - first) * wide
        for e in range(0, E, panel):
            _cut(thread, panel, e, W_e, W_p, filled, scratch)
            for k in range(end - n):
                f0 = (thread * group + k) * frames.shape[2]
                if expansion.any:
                    _expand(thread, panel, window, expansion, x, n + k, e, first, last, wide, b_e, scratch, f0)
                else:
                    depthwise.fill(window, panel, x, n + k, e, first, last, wide, frames, f0)
                d_at = d0 + k * cells * panel
                _correlate(panel, window, last - first, wide, frames, f0, W_d, b_d, e, scratch.depthwise, d_at)
            _project(thread, (end - n) * cells, panel, e == 0, b_p, scratch)
        for k in range(end - n):
            y_at, sums_at = ((n + k) * H + first) * width * O, y0 + k * cells * filled
            _finish(last - first, width, wide, O, filled, scratch.projected, sums_at, residual, x, y, y_at)


@kernel
def _cut(thread, panel, e, W_e, W_p, filled, scratch):
    """Lay a panel's weights together: columns of W_e, rows of W_p."""
    at, (terms, E) = thread * scratch.W_expand.shape[1], W_e.shape
    for c in range(terms):
        for v in range(0, panel, LANES):
            store(load(W_e, c * E + e + v), scratch.W_expand, at + c * panel + v)
    at, O = thread * scratch.W_project.shape[1], W_p.shape[1]
    for k in range(panel):
        for o in range(0, filled, LANES):
            store(load_first(W_p, (e + k) * O + o, O - o), scratch.W_project, at + k * filled + o)


@kernel
def _expand(thread, panel, window, expansion, x, n, e, first, last, width, b, scratch, f0):
    """Lay what lines first to last of the result need, expanded and rectified, into a frame, zeros around it."""
    frames, across = scratch.frames, ((width - 1) * window.stride + window.side) * panel
    left, end = window.left * panel, (window.left + expansion.width) * panel
    for f in range((last - first - 1) * window.stride + window.side):
        at, r = f0 + f * across, first * window.stride - window.top + f
        if r < 0 or r >= expansion.height:
            depthwise.clear(frames, at, across)
            continue
        depthwise.clear(frames, at, left)
        depthwise.clear(frames, at + end, across - end)
        if panel == 3 * LANES:
            _expand_line(TILE_3, thread, expansion, x, n, r, e, b, scratch, at + left)
        elif panel == 2 * LANES:
            _expand_line(TILE_2, thread, expansion, x, n, r, e, b, scratch, at + left)
        else:
            _expand_line(TILE_1, thread, expansion, x, n, r, e, b, scratch, at + left)


@inline
def _expand_line(shape, thread, expansion, x, n, r, e, b, scratch, at):
    """A line of a filter is one run of S C numbers, in x as in W_e."""
    tile_rows, tile_columns = shape
    _, H, W, C = x.shape
    panel, w0, numbers = len(tile_columns) * LANES, thread * scratch.W_expand.shape[1], expansion.side * C
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    least, most = simd.repeat(np.float32(0)), simd.repeat(np.float32(6))
    for j in range(0, expansion.width, len(tile_rows)):
        rows = tile.offsets(tile_rows, j, expansion.width, expansion.stride * C)
        sums = tile.load(tile_rows, columns, b, e)
        for p in range(expansion.side):
            x_at, w_at = (n * H + r * expansion.stride + p) * W * C, w0 + p * numbers * panel
            for c in range(numbers):
                sums = tile.add_products(sums, rows, columns, x, x_at + c, scratch.W_expand, w_at + c * panel)
        f_rows = tile.offsets(tile_rows, j, expansion.width, panel)
        tile.store(depthwise.bounded(sums, least, most), f_rows, columns, scratch.frames, at)


@kernel
def _correlate(panel, window, lines, width, frames, f0, W, b, e, D, d0):
    """relu6 of the depthwise convolution of a frame, into D."""
    bounds = np.float32(0), np.float32(6)
    for i in range(lines):
        at = d0 + i * width * panel
        if window.side == 3 and window.stride == 1:
            depthwise.correlate(PIXELS, TILE_3[1], (0,), panel, i, width, frames, f0, W, b, e, bounds, D, at, panel)
        elif window.side == 3:
            depthwise.correlate(PIXELS, TILE_3[1], (0, 0), panel, i, width, frames, f0, W, b, e, bounds, D, at, panel)
        elif window.stride == 1:
            depthwise.correlate(PIXELS, TILE_5[1], (0,), panel, i, width, frames, f0, W, b, e, bounds, D, at, panel)
        else:
            depthwise.correlate(PIXELS, TILE_5[1], (0, 0), panel, i, width, frames, f0, W, b, e, bounds, D, at, panel)


@kernel
def _project(thread, M, panel, afresh, b, scratch):
    """Add a panel's products with W_p to M rows of sums, which begin as b_p."""
    vectors = b.size // LANES
    if vectors % 3 == 0:
        _add_projected(TILE_3, thread, M, panel, afresh, b, scratch)
    elif vectors % 5 == 0:
        _add_projected(TILE_5, thread, M, panel, afresh, b, scratch)
    elif vectors % 7 == 0:
        _add_projected(TILE_7, thread, M, panel, afresh, b, scratch)
    elif vectors % 2 == 0:
        _add_projected(TILE_2, thread, M, panel, afresh, b, scratch)
    else:
        _add_projected(TILE_1, thread, M, panel, afresh, b, scratch)


@inline
def _add_projected(shape, thread, M, panel, afresh, b, scratch):
    tile_rows, tile_columns = shape
    D, weights, Y, O = scratch.depthwise, scratch.W_project, scratch.projected, b.size
    d0, w0, y0 = thread * D.shape[1], thread * weights.shape[1], thread * Y.shape[1]
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for o in range(0, O, len(tile_columns) * LANES):
        for m in range(0, M, len(tile_rows)):
            rows, y_rows = tile.offsets(tile_rows, m, M, panel), tile.offsets(tile_rows, m, M, O)
            sums = tile.zeros(rows, columns)
            for k in range(panel):
                sums = tile.add_products(sums, rows, columns, D, d0 + k, weights, w0 + k * O + o)
            if afresh:
                sums = tile.add(sums, tile.load(tile_rows, columns, b, o))
            else:
                sums = tile.add(sums, tile.load(y_rows, columns, Y, y0 + o))
            tile.store(sums, y_rows, columns, Y, y0 + o)


@kernel
def _finish(lines, width, wide, O, filled, sums, sums_at, residual, x, y, y_at):
    """Write sums, and what is added to them, where they belong."""
    for i in range(lines):
        for j in range(width):
            at, from_ = y_at + (i * width + j) * O, sums_at + (i * wide + j) * filled
            for o in range(0, O, LANES):
                value = load(sums, from_ + o)
                if residual:
                    value = value + load_first(x, at + o, O - o)
                store_first(value, y, at + o, O - o)
