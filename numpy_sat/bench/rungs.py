"""The ladder: 3x3 convolution of stride 1, padding 1, from nested loops to what training runs.

    y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p - 1, j + q - 1, c] W[p, q, c, o]

Every rung is the same sum in another order: rung(x, W, b) with x: (N, H, W, C), W: (3, 3, C, O), b: (O,)
gives y: (N, H, W, O). The slow ones are here to be read and measured; training never imports this file.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from numpy_sat.kernels import direct, winograd
from numpy_sat.kernels.threads import kernel, run, taken
from numpy_sat.system.workspace import current

NO_RELU, NO_POOL = -np.inf, 1  # what the kernels would do besides


def nested_loops(x, W, b):
    """The definition, number by number.

    Python looks up types, makes an object of every number and frees it again: thousands of the processor's cycles go
    by for two operations, of which it could do a hundred in one. A whole layer would take hours, so the bench
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


def cut(x, W, b):
    """One pixel and some output channels of a convolution's arguments: about 10,000 products, zeros around included."""
    channels = max(1, 10_000 // (9 * W.shape[2]))
    return x[:1, :1, :1], W[..., :channels], b[:channels]


def numba_loops(x, W, b):
    """The nested loops compiled, in another order: the innermost goes through output channels.

    What is gained: types are known before the loops begin, and an operation is an instruction. More than that: y and W
    hold their output channels side by side, and one instruction does a vector of them. (With c innermost, as above, it
    could not: the terms of one sum must be added in order.) What is left: one core does it all, and a result is loaded
    and stored again for every single term: 3 loads and stores to 1 multiply-add.
    """
    workspace = current()
    N, H, width, _ = x.shape
    y = workspace.empty((N, H, width, W.shape[3]))
    correlate(_pad(x), W, b, y)
    return y


@kernel
def correlate(x, W, b, y):
    """y[n, i, j, o] = b[o] + sum over p, q, c of x[n, i + p, j + q, c] W[p, q, c, o], written to y.

    x: (N, H + P - 1, W + Q - 1, C), padded; W: (P, Q, C, O); b: (O,); y: (N, H, W, O).
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


def im2col(x, W, b):
    """Write every window out as a row, then one matrix product.

    What is gained: the library's matrix product (BLAS) keeps its sums in registers, and the vector units of all cores
    busy. What it costs: every number of x is copied nine times, and memory is far slower than arithmetic. That
    hurts most where channels are few and images large. One image at a time, or the copies would fill gigabytes.
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


def shifted_products(x, W, b):
    """Nine matrix products, each of x shifted by one cell of the filter; layers/conv.py states it this way.

    What is gained: a copy is as large as x, not nine times that. What it costs: y is read and written nine times, for C
    terms instead of 9 C at once. So it is faster where channels are few and images large, and slower where not. (The
    copy, made by `reshape`, pays: without it BLAS is given every line of an image as a small product of its own.)
    """
    workspace = current()
    (N, H, width, C), O = x.shape, W.shape[3]
    padded, y = _pad(x), workspace.empty((N * H * width, O))
    y[:] = b
    for p, q in np.ndindex(3, 3):
        y += padded[:, p : p + H, q : q + width].reshape(-1, C) @ W[p, q]
    return y.reshape(N, H, width, O)


def plain_numba(x, W, b):
    """The compiled loops once more, four pixels at a time, on all cores.

    What is gained: a line of y stays in the cache until all its terms are in. Four neighbouring pixels gain three
    terms each at once: a weight is loaded once for four pixels, a result loaded and stored once for three terms.
    What is left: 12 multiply-adds to 11 loads and stores, of which a processor can do hardly more in a cycle.
    """
    workspace = current()
    N, H, width, _ = x.shape
    y = workspace.empty((N, H, width, W.shape[3]))
    run(_plain, N * H, _pad(x), W, b, y)
    return y


@kernel
def _plain(thread, counter, tasks, x, W, b, y):
    """A task: one line of y, of at least four pixels. x: (N, H + 2, W + 2, C)."""
    _, H, width, O = y.shape
    for line in taken(thread, counter, tasks):
        n, i = line // H, line % H
        for first in range(0, width, 4):
            j = min(first, width - 4)  # the last four may overlap those before, and compute them again
            y[n, i, j : j + 4] = b
            y0, y1, y2, y3 = y[n, i, j], y[n, i, j + 1], y[n, i, j + 2], y[n, i, j + 3]
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


def simd_direct(x, W, b):
    """The same sums, kept in registers until they are complete (kernels/direct.py).

    What is gained: results are no longer loaded and stored for every few terms. numba cannot be told to keep part of an
    array in registers, but it can be given a type that is a register (kernels/simd.py), and a tuple of those is a block
    of y (kernels/tile.py). Ten loads feed 24 multiply-adds, near the machine's limit. What is left is to multiply less.
    """
    return direct.correlate(_pad(x), W, b, 1, NO_RELU, NO_POOL)[0]


def winograd_f2(x, W, b):
    """Winograd's F(2x2, 3x3) (kernels/winograd.py): 16 products where the sum has 36.

    What is gained: 2.25 times fewer multiplications. What it costs: additions before and after them, and the room that
    transformed cells take in the cache, so it is done a few tiles at a time.
    """
    return winograd.correlate(x, W, b, 1, NO_RELU, NO_POOL, winograd.F2)[0]


def winograd_f4(x, W, b):
    """F(4x4, 3x3): 36 products where the sum has 144.

    What is gained: 4 times fewer multiplications, and tiles overlap less, so fewer cells are transformed twice. What it
    costs: longer transforms, and their rounding; the column of errors tells how large that is.
    """
    return winograd.correlate(x, W, b, 1, NO_RELU, NO_POOL, winograd.F4)[0]


def _pad(x):
    """x with a ring of zeros: (N, H + 2, W + 2, C)."""
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
