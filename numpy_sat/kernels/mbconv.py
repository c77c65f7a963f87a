"""A whole inverted bottleneck (layers/mbconv.py) in one kernel, for inference. Intermediate results never reach memory.

The expanded images of a block have six times the channels. Moving them to memory and back takes longer than the
arithmetic on them. Here a task is some rows of the result. It goes through the expanded channels one panel at a time:

1. It computes the panel into a frame (depthwise.py).
2. It correlates the frame with the depthwise filters.
3. It multiplies by the panel's rows of the projection, and adds to sums that stay in the cache.

The first block has no expansion. The stem of the network, a convolution of the image, takes its place.

One kernel computes all blocks and chooses the shape of its tiles at run time. A kernel for each block would be as fast,
but would take many seconds to compile.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import depthwise, elementwise, pointwise, relu6, simd, tile
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.depthwise import PIXELS, Window
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.kernels.simd import LANES, load, load_first, store, store_first
from numpy_sat.kernels.threads import claim_tasks, inline, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

TASK = 1 << 17  # most numbers that a task works on: 512 KiB
SIDES, STRIDES = (3, 5), (1, 2)  # of the depthwise filters
# {vectors: rows} of the tiles, as many as the registers hold. Seven rows divide the sides of all grids of a 224 x 224
# image. Seven vectors are one tile of 112 channels.
ROWS = {1: 14, 2: 7, 3: 7, 5: 5, 7: 3} if LANES != 8 else {1: 12, 2: 6, 3: 4, 5: 2, 7: 1}
TILE_1, TILE_2, TILE_3, TILE_5, TILE_7 = (((0,) * rows, (0,) * vectors) for vectors, rows in ROWS.items())


class Expansion(NamedTuple):
    """The expansion of an image before the depthwise convolution."""

    exists: bool  # False: the block has no expansion
    side: int  # S, the side of the filters; 1 except for a stem
    stride: int
    height: int  # rows of the expanded image
    width: int  # columns of the expanded image


class Scratch(NamedTuple):
    """The scratch memory of all threads; the first axis is the thread."""

    frames: np.ndarray  # (threads, images, lines x cells x panel)
    depthwise: np.ndarray  # (threads, images x lines x cells x panel)
    projected: np.ndarray  # (threads, images x lines x cells x O), O rounded up to a multiple of LANES
    W_expand: np.ndarray  # (threads, S x S x C x panel): weights of the present panel
    W_project: np.ndarray  # (threads, panel x O), O rounded up to a multiple of LANES


def has_tiles(P, stride, E):
    """Return True if there are tiles for the depthwise filters and the expanded channels of a block."""
    return P in SIDES and stride in STRIDES and E % LANES == 0


def mbconv_forward(x, W_e, b_e, W_d, b_d, W_p, b_p, stride):
    """Compute mbconv_forward of layers/mbconv.py; return y and the fields of its cache.

    The depthwise convolution and relu6 are one pass.
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
    """Compute mbconv_backward of layers/mbconv.py; return dx, dW_e, db_e, dW_d, db_d, dW_p and db_p."""
    dy_residual, dy = dy, np.ascontiguousarray(dy)
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
        dx = dx + dy_residual
    return dx, dW_e, db_e, dW_d, db_d, dW_p, db_p


@checked(
    x="strided (N, H, width, C)",
    W_d="strided (P, P, E)",
    b_d="strided (E,)",
    W_p="strided (E, O)",
    b_p="strided (O,)",
    W_e="optional strided (C, E)",
    b_e="optional strided (E,)",
    where="W_e is not None or C == E",
)
def mbconv_inference(x, W_e, b_e, W_d, b_d, W_p, b_p, stride):
    """Compute mbconv_inference of layers/mbconv.py; return y: (N, H', W', O)."""
    if not has_tiles(len(W_d), stride, W_d.shape[2]):
        return NotImplemented
    expand = None if W_e is None else (W_e[None, None], b_e)
    return _inference(x, expand, 1, W_d, b_d, W_p, b_p, stride)


@checked(
    x="strided (N, H, width, C)",
    W="strided (S, S, C, E)",
    b="strided (E,)",
    W_d="strided (P, P, E)",
    b_d="strided (E,)",
    W_p="strided (E, O)",
    b_p="strided (O,)",
    where="stem_stride > 0 and S <= H and S <= width",
)
def stem_inference(x, W, b, stem_stride, W_d, b_d, W_p, b_p, stride):
    """Compute stem_inference of layers/mbconv.py; return y: (N, H', W', O).

    The result of the stem is never stored as a whole. So a block with a residual connection to it is not computed here.
    """
    residual = stride == 1 and W_p.shape[0] == W_p.shape[1]
    if residual or not has_tiles(len(W_d), stride, W_d.shape[2]):
        return NotImplemented
    return _inference(x, (W, b), stem_stride, W_d, b_d, W_p, b_p, stride)


def _inference(x, expand, stem_stride, W_d, b_d, W_p, b_p, stride):
    """Compute the shapes of a block and run its kernel."""
    S = len(expand[0]) if expand else 1
    expanded_sides = [(side - S) // stem_stride + 1 for side in x.shape[1:3]]
    padding, sides = depthwise.geometry((len(x), *expanded_sides, len(b_d)), len(W_d), stride)
    y_shape = *sides[:3], len(b_p)
    residual, weights = _is_residual(x, y_shape, stride), ((W_d, b_d), (W_p, b_p))
    return forward(np.ascontiguousarray(x), expand, *weights, stride, padding, y_shape, residual, stem_stride)


def _is_residual(x, y_shape, stride):
    """Return True if the block adds its input to its result."""
    return stride == 1 and x.shape == y_shape


@checked(
    x="(N, H, width, C)",
    depth=("strided (P, P, E)", "strided (E,)"),
    project=("strided (E, O)", "strided (O,)"),
    y_shape="tuple (N, rows, columns, O)",
    expand=("optional strided (S, S, C, E)", "optional strided (E,)"),
    where="E % LANES == 0 and P in SIDES and stride in STRIDES and (expand is not None or C == E)",
)
def forward(x, expand, depth, project, stride, padding, y_shape, residual=False, stem_stride=1):
    """Compute y = relu6(depthwise(relu6(x correlated with W_e + b_e))) W_p + b_p, plus x if `residual`.

    Args:
        x: (N, H, W, C) images.
        expand: (W_e, b_e): (S, S, C, E) filters and (E,), without padding; None for no expansion, then E = C.
        depth: (W_d, b_d): (P, P, E) filters and (E,). E is a multiple of LANES.
        project: (W_p, b_p): (E, O) and (O,).
        stride: of the depthwise convolution.
        padding: (rows of zeros above, columns of zeros to the left) of the depthwise convolution.
        y_shape: (N, H', W', O).
        residual: True to add x to the result.
        stem_stride: stride of the expansion.
    Returns:
        y: (N, H', W', O).
    """
    workspace = current()
    y = workspace.empty(y_shape)
    N, H, width, O = y_shape
    W_d, b_d = (np.ascontiguousarray(array) for array in depth)
    W_p, E = np.ascontiguousarray(project[0]), len(b_d)
    W_e, b_e = (np.ascontiguousarray(array) for array in expand or (np.empty((1, 1, 0, E), np.float32), b_d))
    S, padded_O, panel = len(W_e), -(-O // LANES) * LANES, depthwise.panel_of(E)
    sides = ((side - S) // stem_stride + 1 for side in x.shape[1:3])
    expansion, window = Expansion(expand is not None, S, stem_stride, *sides), Window(len(W_d), stride, *padding, 1)
    padded_width = max(width, len(PIXELS))  # rows are computed with at least as many cells as the pixels at a time
    row_size = depthwise.frame_width(window, padded_width)
    group, lines = _task_size(N, H, padded_width, row_size * stride, panel, padded_O)
    with workspace.scratch():
        b_p = workspace.empty((padded_O,))
        b_p[:O], b_p[O:] = project[1], 0
        cells, frame = group * lines * padded_width, depthwise.frame_lines(window, lines) * row_size * panel
        sizes = (group, frame), (cells * panel,), (cells * padded_O,), (W_e.size // E * panel,), (panel * padded_O,)
        scratch = Scratch(*(workspace.empty((machine.THREADS, *size)) for size in sizes))
        numbers = group, lines, padded_width, panel, residual
        weights = W_e.reshape(-1, E), b_e, W_d, b_d, W_p, b_p
        run(_block, -(-N // group) * -(-H // lines), window, expansion, numbers, x, *weights, y, scratch)
    return y


def _task_size(N, H, width, frame, panel, O):
    """Return the images in a task and the rows of each: whole images if several fit.

    The weights are read once per task. But every thread should get two tasks or more.
    """
    line = frame * panel + width * (panel + O)
    if H * line <= TASK:
        return max(1, min(TASK // max(1, H * line), N // (2 * machine.THREADS))), H
    bands = -(-H // max(1, TASK // line))
    return 1, -(-H // bands)


@kernel
def _block(thread, counter, tasks, window, expansion, numbers, x, W_e, b_e, W_d, b_d, W_p, b_p, y, scratch):
    """Compute some rows of a group of images per task."""
    N, H, width, O = y.shape
    group, lines, padded_width, panel, residual = numbers
    E, padded_O, bands = b_d.size, b_p.size, -(-H // lines)
    frames, d0, y0 = scratch.frames, thread * scratch.depthwise.shape[1], thread * scratch.projected.shape[1]
    for task in claim_tasks(thread, counter, tasks):
        n, first = task // bands * group, task % bands * lines
        end, last = min(n + group, N), min(first + lines, H)
        cells = (last - first) * padded_width
        for e in range(0, E, panel):
            _cut(thread, panel, e, W_e, W_p, padded_O, scratch)
            for k in range(end - n):
                f0 = (thread * group + k) * frames.shape[2]
                if expansion.exists:
                    _expand(thread, panel, window, expansion, x, n + k, e, first, last, padded_width, b_e, scratch, f0)
                else:
                    depthwise.fill(window, panel, x, n + k, e, first, last, padded_width, frames, f0)
                d_at = d0 + k * cells * panel
                _correlate(panel, window, last - first, padded_width, frames, f0, W_d, b_d, e, scratch.depthwise, d_at)
            _project(thread, (end - n) * cells, panel, e == 0, b_p, scratch)
        for k in range(end - n):
            y_at, sums_at = ((n + k) * H + first) * width * O, y0 + k * cells * padded_O
            _finish(last - first, width, padded_width, O, padded_O, scratch.projected, sums_at, residual, x, y, y_at)


@kernel
def _cut(thread, panel, e, W_e, W_p, padded_O, scratch):
    """Copy the weights of a panel to scratch memory: columns of W_e, rows of W_p."""
    at, (terms, E) = thread * scratch.W_expand.shape[1], W_e.shape
    for c in range(terms):
        for v in range(0, panel, LANES):
            store(load(W_e, c * E + e + v), scratch.W_expand, at + c * panel + v)
    at, O = thread * scratch.W_project.shape[1], W_p.shape[1]
    for k in range(panel):
        for o in range(0, padded_O, LANES):
            store(load_first(W_p, (e + k) * O + o, O - o), scratch.W_project, at + k * padded_O + o)


@kernel
def _expand(thread, panel, window, expansion, x, n, e, first, last, width, b, scratch, f0):
    """Expand what rows first to last of the result need, apply relu6, and write it to a frame, zeros around it."""
    frames, row_size = scratch.frames, ((width - 1) * window.stride + window.side) * panel
    left, end = window.left * panel, (window.left + expansion.width) * panel
    for f in range((last - first - 1) * window.stride + window.side):
        at, r = f0 + f * row_size, first * window.stride - window.top + f
        if r < 0 or r >= expansion.height:
            depthwise.clear(frames, at, row_size)
            continue
        depthwise.clear(frames, at, left)
        depthwise.clear(frames, at + end, row_size - end)
        if panel == 3 * LANES:
            _expand_line(TILE_3, thread, expansion, x, n, r, e, b, scratch, at + left)
        elif panel == 2 * LANES:
            _expand_line(TILE_2, thread, expansion, x, n, r, e, b, scratch, at + left)
        else:
            _expand_line(TILE_1, thread, expansion, x, n, r, e, b, scratch, at + left)


@inline
def _expand_line(shape, thread, expansion, x, n, r, e, b, scratch, at):
    """Expand one row of an image. A row of a filter is one run of S C numbers, in x and in W_e."""
    tile_rows, tile_columns = shape
    _, H, W, C = x.shape
    panel, w0, numbers = len(tile_columns) * LANES, thread * scratch.W_expand.shape[1], expansion.side * C
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    lower, upper = simd.repeat(np.float32(0)), simd.repeat(np.float32(6))
    for j in range(0, expansion.width, len(tile_rows)):
        rows = tile.offsets(tile_rows, j, expansion.width, expansion.stride * C)
        sums = tile.load(tile_rows, columns, b, e)
        for p in range(expansion.side):
            x_at, w_at = (n * H + r * expansion.stride + p) * W * C, w0 + p * numbers * panel
            for c in range(numbers):
                sums = tile.add_products(sums, rows, columns, x, x_at + c, scratch.W_expand, w_at + c * panel)
        f_rows = tile.offsets(tile_rows, j, expansion.width, panel)
        tile.store(depthwise.bounded(sums, lower, upper), f_rows, columns, scratch.frames, at)


@kernel
def _correlate(panel, window, lines, width, frames, f0, W, b, e, D, d0):
    """Compute relu6 of the depthwise convolution of a frame and write it to D."""
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
def _project(thread, M, panel, first_panel, b, scratch):
    """Multiply M rows of a panel by its rows of W_p, and add to the sums. The sums begin as b_p if `first_panel`."""
    vectors = b.size // LANES
    if vectors % 3 == 0:
        _add_projected(TILE_3, thread, M, panel, first_panel, b, scratch)
    elif vectors % 5 == 0:
        _add_projected(TILE_5, thread, M, panel, first_panel, b, scratch)
    elif vectors % 7 == 0:
        _add_projected(TILE_7, thread, M, panel, first_panel, b, scratch)
    elif vectors % 2 == 0:
        _add_projected(TILE_2, thread, M, panel, first_panel, b, scratch)
    else:
        _add_projected(TILE_1, thread, M, panel, first_panel, b, scratch)


@inline
def _add_projected(shape, thread, M, panel, first_panel, b, scratch):
    """Add the products of a panel with its rows of W_p to the sums, in tiles of one shape."""
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
            if first_panel:
                sums = tile.add(sums, tile.load(tile_rows, columns, b, o))
            else:
                sums = tile.add(sums, tile.load(y_rows, columns, Y, y0 + o))
            tile.store(sums, y_rows, columns, Y, y0 + o)


@kernel
def _finish(lines, width, padded_width, O, padded_O, sums, sums_at, residual, x, y, y_at):
    """Write the sums to y, plus x if `residual`."""
    for i in range(lines):
        for j in range(width):
            at, from_ = y_at + (i * width + j) * O, sums_at + (i * padded_width + j) * padded_O
            for o in range(0, O, LANES):
                value = load(sums, from_ + o)
                if residual:
                    value = value + load_first(x, at + o, O - o)
                store_first(value, y, at + o, O - o)
