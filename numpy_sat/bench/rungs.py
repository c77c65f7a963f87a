"""The ladder: 3x3 convolution of stride 1 and padding 1, from nested loops to the kernels that training runs.

    y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p - 1, j + q - 1, c] W[p, q, c, o]

Every rung is a function rung(x, W, b) that computes the same sum in another order. It takes x: (N, H, W, C),
W: (3, 3, C, O) and b: (O,), and returns y: (N, H, W, O). The slow rungs are here to be read and measured. Training
never imports this file.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from numpy_sat.kernels import direct, winograd
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system.workspace import current

NO_RELU, NO_POOL = -np.inf, 1  # arguments that switch off the fused relu and pooling of the kernels


def nested_loops(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute the definition, number by number, in Python.

    Python looks up types, makes an object for every number, and frees it again. Two operations take thousands of
    cycles. The processor could do a hundred operations in one cycle. A whole layer would take hours, so the bench
    measures a `cut` and scales its time.
    """
    workspace = current()
    padded = _pad(x)
    (N, H, width, C), O = x.shape, W.shape[3]
    y = workspace.empty((N, H, width, O))
    for n, i, j, o in np.ndindex(N, H, width, O):
        total = b[o]
        for p in range(3):
            for q in range(3):
                for c in range(C):
                    total += padded[n, i + p, j + q, c] * W[p, q, c, o]
        y[n, i, j, o] = total
    return y


def cut(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the arguments for one pixel and some output channels: about 10,000 products, with those of the padding."""
    channels = max(1, 10_000 // (9 * W.shape[2]))
    return x[:1, :1, :1], W[..., :channels], b[:channels]


def numba_loops(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute the nested loops, compiled by numba, with the loop over output channels innermost.

    Gain: numba knows all types before the loops begin, so an operation is one instruction. The order of the loops gains
    even more. y and W hold their output channels side by side, and one instruction handles a vector of them. With c
    innermost this is impossible, because the terms of one sum must be added in order.

    Limit: one core does all the work. A result is loaded and stored again for every single term, which is 3 loads and
    stores for 1 multiply-add.
    """
    workspace = current()
    N, H, width, _ = x.shape
    y = workspace.empty((N, H, width, W.shape[3]))
    correlate(_pad(x), W, b, y)
    return y


@kernel
def correlate(x, W, b, y):
    """Correlate x with W, add b, and write the result to y.

    y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p, j + q, c] W[p, q, c, o]

    Args:
        x: (N, H + P - 1, W + Q - 1, C) images, padding included.
        W: (P, Q, C, O) filters.
        b: (O,) bias.
        y: (N, H, W, O), overwritten.
    """
    N, H, width, O = y.shape
    P, Q, C, _ = W.shape
    for n in range(N):
        for i in range(H):
            for j in range(width):
                for o in range(O):
                    y[n, i, j, o] = b[o]
                for p in range(P):
                    for q in range(Q):
                        for c in range(C):
                            for o in range(O):
                                y[n, i, j, o] += x[n, i + p, j + q, c] * W[p, q, c, o]


def im2col(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Copy every window to a row, then compute one matrix product.

    Gain: the matrix product of BLAS keeps its sums in registers, and keeps the vector units of all cores busy.

    Cost: every number of x is copied nine times, and memory is far slower than arithmetic. The cost is highest for few
    channels and large images. The function works on one image at a time, because the copies of all would fill
    gigabytes.
    """
    workspace = current()
    (N, H, width, C), O = x.shape, W.shape[3]
    windows = sliding_window_view(_pad(x), (3, 3), axis=(1, 2))  # (N, H, W, C, 3, 3), a view
    columns, y = workspace.empty((H, width, 3, 3, C)), workspace.empty((N, H * width, O))
    for n in range(N):
        columns[:] = windows[n].transpose(0, 1, 3, 4, 2)
        np.matmul(columns.reshape(H * width, 9 * C), W.reshape(9 * C, O), out=y[n])
    y += b
    return y.reshape(N, H, width, O)


def shifted_products(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute nine matrix products, each of x shifted by one cell of the filter, as layers/conv.py does.

    Gain: a copy is as large as x, not nine times as large. Cost: y is read and written nine times, for C terms instead
    of 9 C at once. So this rung is faster than im2col for few channels and large images, and slower otherwise.
    `reshape` copies the shifted image. Without the copy, BLAS gets every row of the image as a small product.
    """
    workspace = current()
    (N, H, width, C), O = x.shape, W.shape[3]
    padded, y = _pad(x), workspace.empty((N * H * width, O))
    y[:] = b
    for p, q in np.ndindex(3, 3):
        y += padded[:, p : p + H, q : q + width].reshape(-1, C) @ W[p, q]
    return y.reshape(N, H, width, O)


def plain_numba(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute the compiled loops for four pixels at a time, on all cores.

    Gain: a row of y stays in the cache until all its terms are added. Four neighboring pixels get three terms each at
    once. A weight is loaded once for four pixels. A result is loaded and stored once for three terms.

    Limit: 12 multiply-adds need 11 loads and stores. A processor can do hardly more loads and stores than multiply-adds
    in a cycle.
    """
    workspace = current()
    N, H, width, _ = x.shape
    y = workspace.empty((N, H, width, W.shape[3]))
    run(_plain, N * H, _pad(x), W, b, y)
    return y


@kernel
def _plain(thread, counter, tasks, x, W, b, y):
    """Compute one row of y, of at least four pixels, per task. x: (N, H + 2, W + 2, C)."""
    _, H, width, O = y.shape
    for row_number in claim_tasks(thread, counter, tasks):
        n, i = row_number // H, row_number % H
        for first in range(0, width, 4):
            j = min(first, width - 4)  # the last four pixels may overlap those before and are computed twice
            y0, y1, y2, y3 = y[n, i, j], y[n, i, j + 1], y[n, i, j + 2], y[n, i, j + 3]
            for o in range(O):
                y0[o] = y1[o] = y2[o] = y3[o] = b[o]
            for p in range(3):
                row = x[n, i + p]
                for c in range(W.shape[2]):
                    x0, x1, x2 = row[j, c], row[j + 1, c], row[j + 2, c]
                    x3, x4, x5 = row[j + 3, c], row[j + 4, c], row[j + 5, c]
                    w0, w1, w2 = W[p, 0, c], W[p, 1, c], W[p, 2, c]
                    for o in range(O):
                        y0[o] += x0 * w0[o] + x1 * w1[o] + x2 * w2[o]
                        y1[o] += x1 * w0[o] + x2 * w1[o] + x3 * w2[o]
                        y2[o] += x2 * w0[o] + x3 * w1[o] + x4 * w2[o]
                        y3[o] += x3 * w0[o] + x4 * w1[o] + x5 * w2[o]


def simd_direct(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute the same sums and keep them in registers until they are complete (kernels/direct.py).

    Gain: results are no longer loaded and stored every few terms. numba cannot keep part of an array in registers. But
    it accepts a type that is a register (kernels/simd.py), and a tuple of those is a block of y (kernels/tile.py). Ten
    loads feed 24 multiply-adds, which is close to the machine's limit. The next step is to multiply less.
    """
    return direct.correlate(_pad(x), W, b, 1, NO_RELU, NO_POOL)[0]


def winograd_f2(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute Winograd's F(2x2, 3x3) (kernels/winograd.py): 16 products where the sum has 36.

    Gain: 2.25 times fewer multiplications. Cost: additions before and after the products. The transformed cells also
    need space in the cache, so the kernel works on a few tiles at a time.
    """
    return winograd.correlate(x, W, b, 1, NO_RELU, NO_POOL, winograd.F2)[0]


def winograd_f4(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute Winograd's F(4x4, 3x3): 36 products where the sum has 144.

    Gain: 4 times fewer multiplications. The tiles also overlap less, so fewer cells are transformed twice. Cost: longer
    transforms with larger rounding errors. The column `error` of the table shows how large they are.
    """
    return winograd.correlate(x, W, b, 1, NO_RELU, NO_POOL, winograd.F4)[0]


def _pad(x):
    """Return x with a ring of zeros: (N, H + 2, W + 2, C)."""
    workspace = current()
    N, H, width, C = x.shape
    padded = workspace.empty((N, H + 2, width + 2, C))
    padded[:, :: H + 1] = padded[:, :, :: width + 1] = 0
    padded[:, 1:-1, 1:-1] = x
    return padded


RUNGS = {
    "nested loops": nested_loops,
    "numba loops": numba_loops,
    "im2col + BLAS": im2col,
    "shifted products": shifted_products,
    "plain numba": plain_numba,
    "SIMD direct": simd_direct,
    "Winograd F2": winograd_f2,
    "Winograd F4": winograd_f4,
}
