"""Convolution as loops that numba compiles.

Both passes are made of one small product: four rows gain four vectors times the same matrix. In the forward pass the
rows are four neighbouring pixels of the output, the vectors their windows and the matrix the filter; in the weights'
pass the rows are four weights' rows, the vectors what each of them meets along a line of the picture, and the matrix
the same line of dy. So a matrix entry is loaded once for four rows, and a row is loaded and stored once for four of
its terms: sixteen multiply-adds to twelve loads and stores, where the plain loop has one to three.
"""

import numba
import numpy as np
from numba import njit, prange

# "contract" lets a * b + c become one fused multiply-add; sums keep their order, so a run repeats bit for bit.
_MULTIPLY_ADD = {"contract"}


def correlate(x, W, stride):
    """y[n, i, j, o] = sum over p, q, c of x[n, i s + p, j s + q, c] W[p, q, c, o], parallel over output lines.

    x: (N, Hp, Wp, C) contiguous; W: (P, Q, C, O) contiguous, of the dtype of x. Returns (N, H', W', O).
    """
    N, Hp, Wp, C = x.shape
    P, Q, _, O = W.shape
    y = np.zeros((N, (Hp - P) // stride + 1, (Wp - Q) // stride + 1, O), x.dtype)
    # A line of a window is one run of Q * C numbers, in x as in W.
    _correlate(x.reshape(N, Hp, Wp * C), W.reshape(P, Q * C, O), stride * C, stride, y)
    return y


def weight_gradient(x, dy, W_shape, stride):
    """dW[p, q, c, o] = sum over n, i, j of x[n, i s + p, j s + q, c] dy[n, i, j, o].

    x: (N, Hp, Wp, C) contiguous; dy: (N, H', W', O). Returns (P, Q, C, O). Every thread owns some of the rows
    dW[p, q, c], so that none waits for another and the order of the sums does not depend on the number of threads.
    """
    N, Hp, Wp, C = x.shape
    P, Q, _, O = W_shape
    dW = np.zeros((P, Q * C, O), x.dtype)
    lines = x.reshape(N, Hp, Wp * C)
    _weight_gradient(lines, np.ascontiguousarray(dy), stride * C, stride, dW, numba.get_num_threads())
    return dW.reshape(W_shape)


@njit(cache=True, fastmath=_MULTIPLY_ADD)
def _add_products(y0, y1, y2, y3, x0, x1, x2, x3, M):
    """y0 += x0 M, ..., y3 += x3 M, in place. y: (O,) each; x: (K,) each; M: (K, O)."""
    fours = M.shape[0] // 4 * 4
    for k in range(0, fours, 4):
        a0, a1, a2, a3 = x0[k], x0[k + 1], x0[k + 2], x0[k + 3]
        b0, b1, b2, b3 = x1[k], x1[k + 1], x1[k + 2], x1[k + 3]
        c0, c1, c2, c3 = x2[k], x2[k + 1], x2[k + 2], x2[k + 3]
        d0, d1, d2, d3 = x3[k], x3[k + 1], x3[k + 2], x3[k + 3]
        row0, row1, row2, row3 = M[k], M[k + 1], M[k + 2], M[k + 3]
        for o in range(y0.shape[0]):
            m0, m1, m2, m3 = row0[o], row1[o], row2[o], row3[o]
            y0[o] += a0 * m0 + a1 * m1 + a2 * m2 + a3 * m3
            y1[o] += b0 * m0 + b1 * m1 + b2 * m2 + b3 * m3
            y2[o] += c0 * m0 + c1 * m1 + c2 * m2 + c3 * m3
            y3[o] += d0 * m0 + d1 * m1 + d2 * m2 + d3 * m3
    for k in range(fours, M.shape[0]):
        row, a, b, c, d = M[k], x0[k], x1[k], x2[k], x3[k]
        for o in range(y0.shape[0]):
            m = row[o]
            y0[o] += a * m
            y1[o] += b * m
            y2[o] += c * m
            y3[o] += d * m


@njit(cache=True, fastmath=_MULTIPLY_ADD)
def _add_product(y, x, M):
    """y += x M, in place: for the rows left over."""
    for k in range(M.shape[0]):
        row, a = M[k], x[k]
        for o in range(y.shape[0]):
            y[o] += a * row[o]


@njit(cache=True, parallel=True, fastmath=_MULTIPLY_ADD)
def _correlate(x, W, step, stride, y):
    N, H, width, _ = y.shape
    P, run, _ = W.shape
    fours = width // 4 * 4
    for line in prange(N * H):
        n, i = line // H, line % H
        for j in range(0, fours, 4):
            j0, j1, j2, j3 = j * step, (j + 1) * step, (j + 2) * step, (j + 3) * step
            for p in range(P):
                row = x[n, i * stride + p]
                _add_products(
                    *(y[n, i, j], y[n, i, j + 1], y[n, i, j + 2], y[n, i, j + 3]),
                    *(row[j0 : j0 + run], row[j1 : j1 + run], row[j2 : j2 + run], row[j3 : j3 + run]),
                    W[p],
                )
        for j in range(fours, width):
            for p in range(P):
                _add_product(y[n, i, j], x[n, i * stride + p, j * step : j * step + run], W[p])


@njit(cache=True, parallel=True, fastmath=_MULTIPLY_ADD)
def _weight_gradient(x, dy, step, stride, dW, parts):
    N, H, width, _ = dy.shape
    P, run, _ = dW.shape
    groups = (run + 3) // 4
    span = (width - 1) * step + 1
    for part in prange(parts):
        for n in range(N):
            for g in range(P * groups * part // parts, P * groups * (part + 1) // parts):
                p, r = g // groups, g % groups * 4
                for i in range(H):
                    row = x[n, i * stride + p]
                    if r + 4 <= run:
                        _add_products(
                            *(dW[p, r], dW[p, r + 1], dW[p, r + 2], dW[p, r + 3]),
                            *(row[r : r + span : step], row[r + 1 : r + 1 + span : step]),
                            *(row[r + 2 : r + 2 + span : step], row[r + 3 : r + 3 + span : step]),
                            dy[n, i],
                        )
                    else:
                        for k in range(r, run):
                            _add_product(dW[p, k], row[k : k + span : step], dy[n, i])
