"""Depthwise convolution: every channel is correlated with a filter of its own.

A number that is read takes part in P x P products and no more, so that arithmetic is not what it waits for. A task
copies some lines of an image, as many channels as fill some vectors, into a frame of zeros that stays in the cache;
there no window meets an edge. Results are computed for some neighbouring pixels at a time: a line of their windows is
loaded once for all of them, and a line of the filter, too. mbconv.py fills the frame with what it computes itself.
"""

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from numpy_sat.kernels import elementwise, simd, tile
from numpy_sat.kernels.panels import filled
from numpy_sat.kernels.simd import LANES, load, store
from numpy_sat.kernels.threads import inline, kernel, run, taken
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

PIXELS = (0,) * 7  # computed at a time; seven divides the sides of all grids that come of images of 224 x 224
FIRST = (0,)  # the offset of a tile's only column
VECTORS, WIDE = 3, 12  # of a panel, at most: where a tile holds all of them, and where they are only copied
FRAME = 1 << 16  # numbers of a frame, at most: 256 KiB
PARTS = 8  # of the images, whose sums of the weights' gradient are added in order


class Window(NamedTuple):
    """How a filter goes through a frame."""

    side: int  # P
    stride: int  # s
    top: int  # lines of zeros above the image
    left: int
    spacing: int  # cells of the image are so far apart in the frame, zeros between


def depthwise_forward(x, W, b, stride=1):
    """Compute layers/depthwise.py's depthwise_forward. Returns y: (N, H', W', C) and the cache's fields."""
    y = forward(x, W, b, stride, *geometry(x.shape, len(W), stride), -np.inf, np.inf)
    return y, (x, W, stride)


def depthwise_backward(dy, cache):
    """Compute layers/depthwise.py's depthwise_backward. Returns dx: (N, H, W, C), dW: (P, P, C), db: (C,)."""
    x, W, stride = cache
    padding, _ = geometry(x.shape, len(W), stride)
    dW = weight_gradient(x, dy, len(W), stride, padding)
    dx = input_gradient(dy, W, x.shape, stride, padding)
    return dx, dW, elementwise.column_sums(dy)


def geometry(x_shape, P, stride):
    """Return the lines of zeros (above, to the left) and the result's shape (N, H', W', C), padding as "SAME"."""
    N, *sides, C = x_shape
    results = [-(-side // stride) for side in sides]
    missing = [(count - 1) * stride + P - side for count, side in zip(results, sides, strict=True)]
    return tuple(max(lines, 0) // 2 for lines in missing), (N, *results, C)


def panel_of(C, most=VECTORS):
    """How many channels go into a frame at a time: at most so many vectors, which divide C, a multiple of LANES."""
    return LANES * next(vectors for vectors in range(most, 0, -1) if C // LANES % vectors == 0)


def forward(x, W, b, stride, padding, y_shape, lowest, highest):
    """y = max(min(x correlated with W, each channel with its own, + b, highest), lowest).

    x: (N, H, W, C); W: (P, P, C); b: (C,); padding: lines of zeros above, and to the left. Returns y, of y_shape:
    (N, H', W', C).
    """
    window = Window(len(W), stride, *padding, spacing=1)
    return _correlated(x, W, b, window, y_shape, lowest, highest)


def input_gradient(dy, W, x_shape, stride, padding):
    """dx: dy, its cells s apart with zeros between, correlated with W turned by 180 degrees."""
    P = len(W)
    window = Window(P, 1, *(P - 1 - before for before in padding), spacing=stride)
    turned, no_bias = W[::-1, ::-1], np.zeros(W.shape[2], np.float32)
    return _correlated(dy, turned, no_bias, window, x_shape, -np.inf, np.inf)


def weight_gradient(x, dy, P, stride, padding):
    """dW[p, q, c] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, c]. Returns dW: (P, P, C)."""
    workspace = current()
    channels, x, dy = dy.shape[3], filled(x), filled(dy)
    N, H, width, C = dy.shape
    window, panel = Window(P, stride, *padding, spacing=1), panel_of(C)
    lines, across = _lines(window, H, width, panel), frame_width(window, width)
    pieces = N * -(-H // lines)
    parts = max(1, min(PARTS, pieces))
    dW = workspace.empty((P, P, C))
    with workspace.scratch():
        sums = workspace.empty((parts, P * P, C))
        sums[:] = 0
        frames = workspace.empty((machine.THREADS, frame_lines(window, lines) * across * panel))
        shape = (0,) * P, (0,) * (panel // LANES)
        run(_weight_gradient, parts * (C // panel), *shape, window, pieces, lines, x, dy, sums, frames)
        np.sum(sums, axis=0, out=dW.reshape(P * P, C))
    return dW if channels == C else np.ascontiguousarray(dW[:, :, :channels])


def _correlated(x, W, b, window, y_shape, lowest, highest):
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
    """Lines of the frame that so many lines of the result need."""
    return (lines - 1) * window.stride + window.side


def frame_width(window, width):
    """Cells of a frame's line."""
    return (width - 1) * window.stride + window.side


def _lines(window, H, width, panel):
    """Lines of the result that a task computes: as many as a frame has room for, all tasks about the same."""
    lines = max(1, min(H, FRAME // (frame_width(window, width) * window.stride * panel)))
    return -(-H // -(-H // lines)) if H else 1


@kernel
def _correlate(
    thread, counter, tasks, pixels, like_taps, like_stride, window, panel, lines, bounds, x, W, b, y, frames
):
    """A task: some lines of one image, a panel of channels."""
    _, H, width, C = y.shape
    panels, bands, f0 = C // panel, -(-H // lines), thread * frames.shape[1]
    for task in taken(thread, counter, tasks):
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
    """Lay what lines first to last of a result need of x[n, :, :, c : c + panel] into a frame, zeros around it."""
    _, H, W, C = x.shape
    across = ((width - 1) * window.stride + window.side) * panel
    left, step = window.left * panel, window.spacing * panel
    for f in range((last - first - 1) * window.stride + window.side):
        at, r = f0 + f * across, first * window.stride - window.top + f
        if r < 0 or r % window.spacing or r // window.spacing >= H:
            clear(frames, at, across)
            continue
        if window.spacing > 1:
            clear(frames, at, across)
        else:
            clear(frames, at, left)
            clear(frames, at + left + W * panel, across - left - W * panel)
        x_at = (n * H + r // window.spacing) * W * C + c
        for j in range(W):
            for v in range(0, panel, LANES):
                store(load(x, x_at + j * C + v), frames, at + left + j * step + v)


@inline
def clear(x, at, count):
    """x.flat[at : at + count] = 0, a multiple of LANES."""
    for k in range(at, at + count, LANES):
        store(simd.repeat(np.float32(0)), x, k)


@inline
def correlate(pixels, taps, strides, panel, i, width, frames, f0, W, b, c, bounds, y, y_at, y_step):
    """One line of the result, from line i s of the frame on, for a panel of channels from c on; cells y_step apart.

    The lengths of pixels, no more than width, taps and strides say how many of each there are.
    """
    P, s, C = len(taps), len(strides), b.size
    across = ((width - 1) * s + P) * panel
    least, most = simd.repeat(bounds[0]), simd.repeat(bounds[1])
    for v in range(0, panel, LANES):
        for first in range(0, width, len(pixels)):
            j = min(first, width - len(pixels))  # what is left over goes together with some that are done
            sums = tile.load(pixels, FIRST, b, c + v)
            for p in range(P):
                at = f0 + (i * s + p) * across + j * s * panel + v
                sums = _add_line(sums, taps, strides, frames, at, panel, W, p * P * C + c + v, C)
            tile.store(bounded(sums, least, most), tile.offsets(pixels, j, width, y_step), FIRST, y, y_at + v)


@kernel
def _weight_gradient(thread, counter, tasks, like_taps, like, window, pieces, lines, x, dy, dW, frames):
    """A task: a part of the pieces, which are some lines of an image each, and a panel of channels."""
    parts, panel, f0 = len(dW), len(like) * LANES, thread * frames.shape[1]
    _, H, width, C = dy.shape
    P, s, bands = window.side, window.stride, -(-H // lines)
    across = ((width - 1) * s + P) * panel
    columns = tile.offsets(like, 0, len(like), LANES)
    taps, dW_rows = tile.offsets(like_taps, 0, P, panel), tile.offsets(like_taps, 0, P, C)
    for task in taken(thread, counter, tasks):
        part, c = task % parts, task // parts * panel
        for piece in range(part * pieces // parts, (part + 1) * pieces // parts):
            n, first = piece // bands, piece % bands * lines
            last = min(first + lines, H)
            fill(window, panel, x, n, c, first, last, width, frames, f0)
            for i in range(first, last):
                for p in range(P):
                    sums = tile.zeros(taps, columns)
                    for j in range(width):
                        at = f0 + ((i - first) * s + p) * across + j * s * panel
                        sums = _add_scaled(sums, taps, columns, frames, at, dy, ((n * H + i) * width + j) * C + c)
                    at = (part * P + p) * P * C + c
                    tile.store(tile.add(sums, tile.load(dW_rows, columns, dW, at)), dW_rows, columns, dW, at)


def _vector(context, builder, sig, args, which, *offsets):
    """What argument `which`, an array, holds at the flat index that is the next argument, and so much further."""
    where = args[which + 1]
    for offset in offsets:
        where = builder.add(where, offset)
    return builder.load(simd.address(context, builder, sig.args[which], args[which], where, simd.VECTOR), align=4)


@intrinsic
def _add_line(typingctx, sums, taps, strides, x, at, x_step, w, w_at, w_step):
    """sums[r] + sum over q of x[r s + q] w[q], vectors: of x those from `at` on, x_step apart, and so of w."""
    count, P, s = len(sums), len(taps), len(strides)

    def build(context, builder, sig, args):
        items = tile.items_of(builder, sig.args[0], args[0])

        def at_step(which, k):
            offset = builder.mul(args[which + 2], ir.Constant(args[which + 2].type, k))
            return _vector(context, builder, sig, args, which, offset)

        weights = [at_step(6, q) for q in range(P)]
        for k in range((count - 1) * s + P):
            cell = at_step(3, k)
            for r in range(count):
                if 0 <= k - r * s < P:
                    items[r] = simd.vector_call(builder, "fma", cell, weights[k - r * s], items[r])
        return cgutils.pack_array(builder, items)

    numbers = (types.intp, types.intp)
    return sums(sums, taps, strides, x, *numbers, w, *numbers), build


@intrinsic
def _add_scaled(typingctx, sums, rows, columns, x, at, w, w_at):
    """sums[row, column] + x.flat[at + row + column ...] * w.flat[w_at + column ...], vector by vector."""

    def build(context, builder, sig, args):
        rows, columns = (tile.items_of(builder, t, v) for t, v in zip(sig.args[1:3], args[1:3], strict=True))
        items = iter(tile.items_of(builder, sig.args[0], args[0]))
        weights = [_vector(context, builder, sig, args, 5, column) for column in columns]
        found = []
        for row in rows:
            for column, weight in zip(columns, weights, strict=True):
                cell = _vector(context, builder, sig, args, 3, row, column)
                found.append(simd.vector_call(builder, "fma", cell, weight, next(items)))
        return cgutils.pack_array(builder, found)

    return sums(sums, rows, columns, x, types.intp, w, types.intp), build


@intrinsic
def bounded(typingctx, sums, least, most):
    """Every number of a tile, not below `least` and not above `most`; what is no number stays so."""

    def build(context, builder, sig, args):
        found = []
        for item in tile.items_of(builder, sig.args[0], args[0]):
            item = builder.select(builder.fcmp_ordered("<", item, args[1]), args[1], item)
            found.append(builder.select(builder.fcmp_ordered(">", item, args[2]), args[2], item))
        return cgutils.pack_array(builder, found)

    return sums(sums, least, most), build
