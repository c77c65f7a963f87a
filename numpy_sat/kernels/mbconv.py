"""A whole inverted bottleneck (layers/mbconv.py) in one kernel, for inference. Intermediate results never reach memory.

The expanded images of a block have six times the channels. Moving them to memory and back takes longer than the
arithmetic on them. Here a task is some rows of the result. It goes through the expanded channels one panel at a time:

1. It computes the panel into a frame (depthwise.py).
2. It correlates the frame with the depthwise filters.
3. It multiplies by the panel's rows of the projection, and adds to the result.

Few images of few pixels are too few tasks for all threads. Then the expanded channels are divided as well. The tasks of
the first part write the result. Those of the others write sums, which are added at the end.

The first block has no expansion. The stem of the network, a convolution of the image, takes its place.

One kernel computes all blocks and chooses the shape of its tiles at run time. A kernel for each block would be as fast,
but would take many seconds to compile.
"""

import functools
import math
from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import depthwise, elementwise, pointwise, relu6, simd, tile
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.depthwise import PIXELS, Window
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.kernels.panels import filled
from numpy_sat.kernels.simd import LANES, load, load_first, store, store_first
from numpy_sat.kernels.threads import called, claim_tasks, inline, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

TASK = 1 << 17  # most numbers that a task works on: 512 KiB
TASKS = 8  # tasks at least, if there are so many panels: a constant, so that sums do not depend on the threads
NUMBERS = 1 << 13  # numbers of the result in a task that adds the parts
SIDES, STRIDES = (3, 5), (1, 2)  # of the depthwise filters
# {vectors: rows} of the tiles, as many as the registers hold. Seven rows divide the sides of all grids of a 224 x 224
# image. Seven vectors are one tile of 112 channels.
ROWS = {1: 12, 2: 7, 3: 7, 5: 5, 7: 3} if LANES != 8 else {1: 12, 2: 6, 3: 4, 5: 2, 7: 1}
TILE_1, TILE_2, TILE_3, TILE_5, TILE_7 = (((0,) * rows, (0,) * vectors) for vectors, rows in ROWS.items())


class Expansion(NamedTuple):
    """The expansion of an image before the depthwise convolution."""

    exists: bool  # False: the block has no expansion
    side: int  # S, the side of the filters; 1 except for a stem
    stride: int
    height: int  # rows of the expanded image
    width: int  # columns of the expanded image


class Plan(NamedTuple):
    """How a block is divided into tasks."""

    group: int  # images in a task
    lines: int  # rows of the result of each image
    padded_width: int  # cells that are computed in a row: at least as many as the pixels at a time
    panel: int  # channels in a panel
    parts: int  # parts of the expanded channels
    residual: bool  # True if the input is added


class Scratch(NamedTuple):
    """The scratch memory of all threads; the first axis is the thread."""

    frames: np.ndarray  # (threads, images, lines x cells x panel)
    depthwise: np.ndarray  # (threads, images x lines x cells x panel)
    W_expand: np.ndarray  # (threads, S x S x C x panel): weights of the present panel


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
    W_d, b_d = (np.ascontiguousarray(array) for array in depth)
    W_e, b_e = (np.ascontiguousarray(array) for array in expand or (np.empty((1, 1, 0, len(b_d)), np.float32), b_d))
    window, expansion, plan, tasks, sizes = _plan(
        x.shape, W_e.shape, expand is not None, W_d.shape, stride, padding, y_shape, residual, stem_stride
    )
    weights = W_e.reshape(-1, len(b_d)), b_e, W_d, b_d, filled(project[0]), filled(project[1])
    with workspace.scratch():
        scratch = Scratch(*(workspace.empty((machine.THREADS, *size)) for size in sizes))
        sums = workspace.empty((plan.parts - 1, *y_shape[:2], y_shape[2] * y_shape[3]))
        run(_block, tasks, window, expansion, plan, x, *weights, y, sums, scratch)
        if plan.parts > 1:
            run(_add_parts, -(-y.size // NUMBERS), sums.reshape(plan.parts - 1, -1), y.reshape(-1))
    return y


@functools.lru_cache(maxsize=256)
def _plan(x_shape, W_e_shape, expands, W_d_shape, stride, padding, y_shape, residual, stem_stride):
    """Divide a block into tasks. Nothing depends on the number of threads, so neither do the sums.

    Args:
        x_shape, W_e_shape, W_d_shape: shapes of x, W_e and W_d.
        expands: True if the block has an expansion.
        stride, padding, y_shape, residual, stem_stride: as in forward.
    Returns:
        window: Window.
        expansion: Expansion.
        plan: Plan.
        tasks: number of tasks.
        sizes: shapes of the arrays of Scratch, without the axis of threads.
    """
    (P, _, E), S, (N, H, width, O) = W_d_shape, W_e_shape[0], y_shape
    expansion = Expansion(expands, S, stem_stride, *((side - S) // stem_stride + 1 for side in x_shape[1:3]))
    window, panel, padded_width = Window(P, stride, *padding, 1), depthwise.panel_of(E), max(width, len(PIXELS))
    row_size = depthwise.frame_width(window, padded_width)
    line = row_size * stride * panel + padded_width * (panel + O)  # numbers that a task needs for a row of the result
    bands = -(-H // max(1, TASK // line))
    lines = -(-H // max(1, bands))
    # The intended number of groups of images is a power of two, so that two or four threads get equal shares. If it
    # does not divide N, there may be fewer groups.
    groups = -(-N * H * line // TASK)
    group = max(1, -(-N // (1 << max(0, groups - 1).bit_length())))
    pieces = -(-N // group) * bands
    parts = max(1, min(E // panel, -(-TASKS // max(1, pieces))))
    cells, frame = group * lines * padded_width, depthwise.frame_lines(window, lines) * row_size * panel
    sizes = (group, frame), (cells * panel,), (math.prod(W_e_shape[:3]) * panel,)
    return window, expansion, Plan(group, lines, padded_width, panel, parts, residual), pieces * parts, sizes


@kernel
def _block(thread, counter, tasks, window, expansion, plan, x, W_e, b_e, W_d, b_d, W_p, b_p, y, sums, scratch):
    """Compute some rows of a group of images from a part of the expanded channels, per task."""
    N, H, width, O = y.shape
    group, lines, padded_width, panel, parts, residual = plan
    panels, bands = b_d.size // panel, -(-H // lines)
    frames, d0 = scratch.frames, thread * scratch.depthwise.shape[1]
    for task in claim_tasks(thread, counter, tasks):
        part, piece = task % parts, task // parts
        n, first = piece // bands * group, piece % bands * lines
        end, last = min(n + group, N), min(first + lines, H)
        rows, cells = (end - n) * (last - first), (last - first) * padded_width
        x_at, begin = (n * H + first) * width * O, part * panels // parts
        result, at = (y, x_at) if part == 0 else (sums, (part - 1) * y.size + x_at)
        for p in range(begin, (part + 1) * panels // parts):
            e = p * panel
            _cut(thread, panel, e, W_e, scratch)
            for k in range(end - n):
                f0, d_at = (thread * group + k) * frames.shape[2], d0 + k * cells * panel
                if expansion.exists:
                    _expand(thread, panel, window, expansion, x, n + k, e, first, last, padded_width, b_e, scratch, f0)
                else:
                    depthwise.fill(window, panel, x, n + k, e, first, last, padded_width, frames, f0)
                _correlate(panel, window, last - first, padded_width, frames, f0, W_d, b_d, e, scratch.depthwise, d_at)
            # All rows are one product, unless cells that do not count lie between them.
            at_once = rows if width == padded_width else 1
            for r in range(0, rows, at_once):
                d_at, place = d0 + r * padded_width * panel, (part, x_at + r * width * O, at + r * width * O, O)
                numbers = at_once * width, panel, e, p == begin, residual
                _project(scratch.depthwise, d_at, numbers, W_p, b_p, x, result, place)


@kernel
def _add_parts(thread, counter, tasks, sums, y):
    """Add the sums of all parts to NUMBERS numbers of y, in order, per task."""
    for task in claim_tasks(thread, counter, tasks):
        end = min((task + 1) * NUMBERS, y.size)
        for k in range(task * NUMBERS, end, LANES):
            total = load_first(y, k, end - k)
            for part in range(len(sums)):
                total = total + load_first(sums, part * y.size + k, end - k)
            store_first(total, y, k, end - k)


@called
def _cut(thread, panel, e, W, scratch):
    """Copy the columns of W_e for a panel to scratch memory."""
    at, (terms, E) = thread * scratch.W_expand.shape[1], W.shape
    for c in range(terms):
        for v in range(0, panel, LANES):
            store(load(W, c * E + e + v), scratch.W_expand, at + c * panel + v)


@called
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


@called
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


@called
def _project(D, d0, numbers, W, b, x, y, place):
    """Multiply M rows of a panel by its rows of W_p, and add to y.

    Args:
        D, d0: the panel, and the flat index of its first row.
        numbers: M; channels of the panel; first row of W_p; True to overwrite y instead, in the first part of the
            channels with b_p added; True to add x as well then.
        W, b: W_p and b_p, with zeros up to a multiple of LANES columns.
        x, y: arrays.
        place: the part, the flat index of the first row in x and in y, and the columns O of a row.
    """
    vectors = b.size // LANES
    if vectors % 3 == 0:
        _add_projected(TILE_3, D, d0, numbers, W, b, x, y, place)
    elif vectors % 5 == 0:
        _add_projected(TILE_5, D, d0, numbers, W, b, x, y, place)
    elif vectors % 7 == 0:
        _add_projected(TILE_7, D, d0, numbers, W, b, x, y, place)
    elif vectors % 2 == 0:
        _add_projected(TILE_2, D, d0, numbers, W, b, x, y, place)
    else:
        _add_projected(TILE_1, D, d0, numbers, W, b, x, y, place)


@inline
def _add_projected(shape, D, d0, numbers, W, b, x, y, place):
    """Compute `_project` in tiles of one shape."""
    tile_rows, tile_columns = shape
    M, panel, e, begins, residual = numbers
    part, x0, y0, O = place
    # One addend for both cases, so that the loads of a tile are compiled once.
    has_addend = not begins or (residual and part == 0)
    addend, addend_at = (x, x0) if begins else (y, y0)
    columns, step = tile.offsets(tile_columns, 0, len(tile_columns), LANES), len(tile_columns) * LANES
    for o in range(0, b.size, step):
        for m in range(0, M, len(tile_rows)):
            rows, y_rows = tile.offsets(tile_rows, m, M, panel), tile.offsets(tile_rows, m, M, O)
            sums = tile.zeros(rows, columns)
            for k in range(panel):
                sums = tile.add_products(sums, rows, columns, D, d0 + k, W, (e + k) * b.size + o)
            if begins and part == 0:
                sums = tile.add(sums, tile.load(tile_rows, columns, b, o))
            if o + step <= O:
                if has_addend:
                    sums = tile.add(sums, tile.load(y_rows, columns, addend, addend_at + o))
                tile.store(sums, y_rows, columns, y, y0 + o)
            else:
                if has_addend:
                    sums = tile.add(sums, tile.load_within(y_rows, columns, addend, addend_at + o, O - o))
                tile.store_within(sums, y_rows, columns, y, y0 + o, O - o)
