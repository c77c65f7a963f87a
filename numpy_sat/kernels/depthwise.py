"""Depthwise convolution: every channel is correlated with its own filter.

Each number of x takes part in only P x P products, so reading and writing limit the speed, not arithmetic. A task
copies some rows of an image, for a panel of channels, into a frame of zeros that stays in the cache. In the frame no
window crosses an edge. Results are computed for several neighboring pixels at a time. A row of their windows and a row
of the filter are loaded once for all of them. mbconv.py writes its own intermediate results into the frame.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from numpy_sat.kernels import elementwise, simd, tile
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.panels import filled
from numpy_sat.kernels.simd import LANES, load, store
from numpy_sat.kernels.threads import claim_tasks, inline, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

PIXELS = (0,) * 7  # pixels at a time; seven divides the sides of all grids of a 224 x 224 image
FIRST = (0,)  # the offset of the only column of a tile
VECTORS, WIDE = 3, 12  # most vectors in a panel: for tiles that hold all of them, and for frames that only copy them
FRAME = 1 << 16  # most numbers in a frame: 256 KiB
PARTS = 8  # parts of the images in the weights' gradient; their sums are added in order


class Window(NamedTuple):
    """The path of a filter through a frame."""

    side: int  # P
    stride: int  # s
    top: int  # rows of zeros above the image
    left: int  # columns of zeros to the left of the image
    spacing: int  # distance of the image's cells in the frame; the cells between are zero


def depthwise_forward(x, W, b, stride=1):
    """Compute depthwise_forward of layers/depthwise.py; return y: (N, H', W', C) and the fields of its cache."""
    y = forward(x, W, b, stride, *geometry(x.shape, len(W), stride), -np.inf, np.inf)
    return y, (x, W, stride)


def depthwise_backward(dy, cache):
    """Compute depthwise_backward of layers/depthwise.py; return dx: (N, H, W, C), dW: (P, P, C) and db: (C,)."""
    x, W, stride = cache
    padding, _ = geometry(x.shape, len(W), stride)
    dW = weight_gradient(x, dy, len(W), stride, padding)
    dx = input_gradient(dy, W, x.shape, stride, padding)
    return dx, dW, elementwise.column_sums(dy)


@lru_cache(maxsize=256)
def geometry(x_shape, P, stride):
    """Return the padding (rows above, columns to the left) and the result's shape (N, H', W', C) of "SAME" padding."""
    N, *sides, C = x_shape
    results = [-(-side // stride) for side in sides]
    missing = [(count - 1) * stride + P - side for count, side in zip(results, sides, strict=True)]
    return tuple(max(lines, 0) // 2 for lines in missing), (N, *results, C)


def panel_of(C, max_vectors=VECTORS):
    """Return the number of channels in a frame: at most max_vectors vectors, dividing C, a multiple of LANES."""
    return LANES * next(vectors for vectors in range(max_vectors, 0, -1) if C // LANES % vectors == 0)


@checked(
    x="strided (N, H, width, C)",
    W="strided (P, P, C)",
    b="strided (C,)",
    y_shape="tuple (N, -(-H // stride), -(-width // stride), C)",
    where="0 < stride <= P and 0 <= padding[0] < P and 0 <= padding[1] < P",
)
def forward(x, W, b, stride, padding, y_shape, lowest, highest):
    """Compute y = clip(x correlated with W + b, lowest, highest), each channel with its own filter.

    Args:
        x: (N, H, W, C) images.
        W: (P, P, C) filters.
        b: (C,).
        stride: s.
        padding: (rows of zeros above, columns of zeros to the left).
        y_shape: (N, H', W', C).
        lowest, highest: bounds of the result; -inf and inf for none.
    Returns:
        y: (N, H', W', C).
    """
    window = Window(len(W), stride, *padding, spacing=1)
    return _correlate_images(x, W, b, window, y_shape, lowest, highest)


@checked(
    x_shape="tuple (N, H, width, C)",
    W="strided (P, P, C)",
    dy="strided (N, -(-H // stride), -(-width // stride), C)",
    where="0 < stride <= P and 0 <= padding[0] < P and 0 <= padding[1] < P",
)
def input_gradient(dy, W, x_shape, stride, padding):
    """Compute dx: dy with its cells `stride` apart, correlated with W turned by 180 degrees.

    Args:
        dy: (N, H', W', C) gradient of the result.
        W: (P, P, C) filters.
        x_shape: (N, H, W, C).
        stride, padding: as in `forward`.
    Returns:
        dx: (N, H, W, C).
    """
    P = len(W)
    window = Window(P, 1, *(P - 1 - size for size in padding), spacing=stride)
    turned, no_bias = W[::-1, ::-1], np.zeros(W.shape[2], np.float32)
    return _correlate_images(dy, turned, no_bias, window, x_shape, -np.inf, np.inf)


@checked(
    x="strided (N, H, width, C)",
    dy="strided (N, -(-H // stride), -(-width // stride), C)",
    where="0 < stride <= P and 0 <= padding[0] < P and 0 <= padding[1] < P",
)
def weight_gradient(x, dy, P, stride, padding):
    """Compute dW[p, q, c] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, c].

    Args:
        x: (N, H, W, C) images.
        dy: (N, H', W', C) gradient of the result.
        P: side of the filters.
        stride, padding: as in `forward`.
    Returns:
        dW: (P, P, C).
    """
    workspace = current()
    channels, x, dy = dy.shape[3], filled(x), filled(dy)
    N, H, width, C = dy.shape
    window, panel = Window(P, stride, *padding, spacing=1), panel_of(C)
    lines, row_size = _lines(window, H, width, panel), frame_width(window, width)
    pieces = N * -(-H // lines)
    parts = max(1, min(PARTS, pieces))
    dW = workspace.empty((P, P, C))
    with workspace.scratch():
        sums = workspace.empty((parts, P * P, C))
        sums[:] = 0
        frames = workspace.empty((machine.THREADS, frame_lines(window, lines) * row_size * panel))
        shape = (0,) * P, (0,) * (panel // LANES)
        run(_weight_gradient, parts * (C // panel), *shape, window, pieces, lines, x, dy, sums, frames)
        np.sum(sums, axis=0, out=dW.reshape(P * P, C))
    return dW if channels == C else np.ascontiguousarray(dW[:, :, :channels])


def _correlate_images(x, W, b, window, y_shape, lowest, highest):
    """Return x correlated with W, plus b, within bounds: (N, H', W', C)."""
    workspace = current()
    x, W, b = filled(x), filled(W), filled(b)
    *sides, channels = y_shape
    y = workspace.empty((*sides, len(b)))
    N, H, width, C = y.shape
    panel = panel_of(C, WIDE)
    lines = _lines(window, H, width, panel)
    with workspace.scratch():
        frames = workspace.empty((machine.THREADS, frame_lines(window, lines) * frame_width(window, width) * panel))
        shape = PIXELS if width >= len(PIXELS) else PIXELS[:1], (0,) * window.side, (0,) * window.stride
        bounds = np.float32(lowest), np.float32(highest)
        run(_correlate, N * -(-H // lines) * (C // panel), *shape, window, panel, lines, bounds, x, W, b, y, frames)
    return y if channels == C else np.ascontiguousarray(y[..., :channels])


def frame_lines(window, lines):
    """Return the rows of a frame from which `lines` rows of the result are computed."""
    return (lines - 1) * window.stride + window.side


def frame_width(window, width):
    """Return the cells in a row of a frame from which `width` cells of the result are computed."""
    return (width - 1) * window.stride + window.side


def _lines(window, H, width, panel):
    """Return the rows of the result that a task computes: as many as fit in a frame, about the same for all tasks."""
    lines = max(1, min(H, FRAME // (frame_width(window, width) * window.stride * panel)))
    return -(-H // -(-H // lines)) if H else 1


@kernel
def _correlate(
    thread, counter, tasks, pixels, like_taps, like_stride, window, panel, lines, bounds, x, W, b, y, frames
):
    """Compute some rows of one image for a panel of channels, per task."""
    _, H, width, C = y.shape
    panels, bands, f0 = C // panel, -(-H // lines), thread * frames.shape[1]
    for task in claim_tasks(thread, counter, tasks):
        c, band, n = task % panels * panel, task // panels % bands, task // panels // bands
        first, last = band * lines, min((band + 1) * lines, H)
        fill(window, panel, x, n, c, first, last, width, frames, f0)
        for i in range(first, last):
            y_at = (n * H + i) * width * C + c
            correlate(
                *(pixels, like_taps, like_stride, panel, i - first, width, frames, f0),
                *(W, b, c, bounds, y, y_at, C),
            )


@inline
def fill(window, panel, x, n, c, first, last, width, frames, f0):
    """Copy the rows of x that rows first to last of the result need into a frame, with zeros around them.

    The channels are x[n, :, :, c : c + panel]. The frame begins at flat index f0 of `frames`.
    """
    _, H, W, C = x.shape
    row_size = ((width - 1) * window.stride + window.side) * panel
    left, cell_step = window.left * panel, window.spacing * panel
    for f in range((last - first - 1) * window.stride + window.side):
        at, r = f0 + f * row_size, first * window.stride - window.top + f
        if r < 0 or r % window.spacing or r // window.spacing >= H:
            clear(frames, at, row_size)
            continue
        if window.spacing > 1:
            clear(frames, at, row_size)
        else:
            clear(frames, at, left)
            clear(frames, at + left + W * panel, row_size - left - W * panel)
        x_at = (n * H + r // window.spacing) * W * C + c
        for j in range(W):
            for v in range(0, panel, LANES):
                store(load(x, x_at + j * C + v), frames, at + left + j * cell_step + v)


@inline
def clear(x, at, count):
    """Set x.flat[at : at + count] to 0. count: a multiple of LANES."""
    for k in range(at, at + count, LANES):
        store(simd.repeat(np.float32(0)), x, k)


@inline
def correlate(pixels, taps, strides, panel, i, width, frames, f0, W, b, c, bounds, y, y_at, y_step):
    """Compute one row of the result for a panel of channels.

    Args:
        pixels, taps, strides: tuples whose lengths are the pixels at a time (at most width), P and s.
        panel: number of channels, from channel c on.
        i: row of the result, counted from the first row of the frame.
        width: cells in a row of the result.
        frames, f0: the frames, and the flat index of this one.
        W, b: (P, P, C) filters and (C,) bias.
        bounds: lowest and highest result.
        y, y_at, y_step: the result, its flat index, and the step from cell to cell.
    """
    P, s, C = len(taps), len(strides), b.size
    row_size = ((width - 1) * s + P) * panel
    lower, upper = simd.repeat(bounds[0]), simd.repeat(bounds[1])
    for v in range(0, panel, LANES):
        for first in range(0, width, len(pixels)):
            j = min(first, width - len(pixels))  # the last pixels overlap those before and are computed twice
            sums = tile.load(pixels, FIRST, b, c + v)
            for p in range(P):
                at = f0 + (i * s + p) * row_size + j * s * panel + v
                sums = _add_line(sums, taps, strides, frames, at, panel, W, p * P * C + c + v, C)
            tile.store(bounded(sums, lower, upper), tile.offsets(pixels, j, width, y_step), FIRST, y, y_at + v)


@kernel
def _weight_gradient(thread, counter, tasks, like_taps, like, window, pieces, lines, x, dy, dW, frames):
    """Compute the gradient of a panel of channels over a part of the pieces (rows of an image) per task."""
    parts, panel, f0 = len(dW), len(like) * LANES, thread * frames.shape[1]
    _, H, width, C = dy.shape
    P, s, bands = window.side, window.stride, -(-H // lines)
    row_size = ((width - 1) * s + P) * panel
    columns = tile.offsets(like, 0, len(like), LANES)
    taps, dW_rows = tile.offsets(like_taps, 0, P, panel), tile.offsets(like_taps, 0, P, C)
    for task in claim_tasks(thread, counter, tasks):
        part, c = task % parts, task // parts * panel
        for piece in range(part * pieces // parts, (part + 1) * pieces // parts):
            n, first = piece // bands, piece % bands * lines
            last = min(first + lines, H)
            fill(window, panel, x, n, c, first, last, width, frames, f0)
            for i in range(first, last):
                for p in range(P):
                    sums = tile.zeros(taps, columns)
                    for j in range(width):
                        at = f0 + ((i - first) * s + p) * row_size + j * s * panel
                        sums = _add_scaled(sums, taps, columns, frames, at, dy, ((n * H + i) * width + j) * C + c)
                    at = (part * P + p) * P * C + c
                    tile.store(tile.add(sums, tile.load(dW_rows, columns, dW, at)), dW_rows, columns, dW, at)


def _vector(context, builder, sig, args, which, *offsets):
    """Emit a load of the array at position `which` of args, at the flat index in the next argument plus `offsets`."""
    index = args[which + 1]
    for offset in offsets:
        index = builder.add(index, offset)
    return builder.load(simd.address(context, builder, sig.args[which], args[which], index, simd.VECTOR), align=4)


@intrinsic
def _add_line(typingctx, sums, taps, strides, x, at, x_step, w, w_at, w_step):
    """Return sums[r] + sum over q of x[r s + q] w[q], where every x[k] and w[q] is a vector.

    x[k] is at flat index at + k x_step, and w[q] at w_at + q w_step. The lengths of sums, taps and strides are the
    number of results, P and s.
    """
    count, P, s = len(sums), len(taps), len(strides)

    def build(context, builder, sig, args):
        items = tile.items_of(builder, sig.args[0], args[0])

        def load_step(which, k):
            offset = builder.mul(args[which + 2], ir.Constant(args[which + 2].type, k))
            return _vector(context, builder, sig, args, which, offset)

        weights = [load_step(6, q) for q in range(P)]
        for k in range((count - 1) * s + P):
            cell = load_step(3, k)
            for r in range(count):
                if 0 <= k - r * s < P:
                    items[r] = simd.vector_call(builder, "fma", cell, weights[k - r * s], items[r])
        return cgutils.pack_array(builder, items)

    numbers = (types.intp, types.intp)
    return sums(sums, taps, strides, x, *numbers, w, *numbers), build


@intrinsic
def _add_scaled(typingctx, sums, rows, columns, x, at, w, w_at):
    """Return sums[row, column] + x.flat[at + row + column ...] * w.flat[w_at + column ...], vector by vector."""

    def build(context, builder, sig, args):
        rows, columns = (tile.items_of(builder, t, v) for t, v in zip(sig.args[1:3], args[1:3], strict=True))
        items = iter(tile.items_of(builder, sig.args[0], args[0]))
        weights = [_vector(context, builder, sig, args, 5, column) for column in columns]
        results = []
        for row in rows:
            for column, weight in zip(columns, weights, strict=True):
                cell = _vector(context, builder, sig, args, 3, row, column)
                results.append(simd.vector_call(builder, "fma", cell, weight, next(items)))
        return cgutils.pack_array(builder, results)

    return sums(sums, rows, columns, x, types.intp, w, types.intp), build


@intrinsic
def bounded(typingctx, sums, lower, upper):
    """Clip every number of a tile to [lower, upper]. NaN stays NaN."""

    def build(context, builder, sig, args):
        results = []
        for item in tile.items_of(builder, sig.args[0], args[0]):
            item = builder.select(builder.fcmp_ordered("<", item, args[1]), args[1], item)
            results.append(builder.select(builder.fcmp_ordered(">", item, args[2]), args[2], item))
        return cgutils.pack_array(builder, results)

    return sums(sums, lower, upper), build
