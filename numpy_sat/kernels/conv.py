"""Convolution as loops that numba compiles.

Both passes are made of one small product: two rows gain a vector times the same matrix. In the forward pass the rows
are two neighbouring pixels of the output, the vectors their windows and the matrix the filter; in the weights' pass
the rows are two channels' weights, the vectors those channels along a line of the picture and the matrix the same
line of dy. A matrix entry is loaded once for both rows, and a row is loaded and stored once for four of its terms.
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

    x: (N, Hp, Wp, C); dy: (N, H', W', O), contiguous. Returns (P, Q, C, O). Every thread owns some of the rows
    dW[p, q, c], so that none waits for another and the sums' order does not depend on the number of threads.
    """
    dW = np.zeros(W_shape, x.dtype)
    _weight_gradient(x, np.ascontiguousarray(dy), stride, dW, numba.get_num_threads())
    return dW


@njit(cache=True, fastmath=_MULTIPLY_ADD)
def _add_products(y0, y1, x0, x1, M):
    """y0 += x0 M and y1 += x1 M, in place. y0, y1: (O,); x0, x1: (K,); M: (K, O)."""
    fours = M.shape[0] // 4 * 4
    for k in range(0, fours, 4):
        a0, a1, a2, a3 = x0[k], x0[k + 1], x0[k + 2], x0[k + 3]
        b0, b1, b2, b3 = x1[k], x1[k + 1], x1[k + 2], x1[k + 3]
        row0, row1, row2, row3 = M[k], M[k + 1], M[k + 2], M[k + 3]
        for o in range(y0.shape[0]):
            m0, m1, m2, m3 = row0[o], row1[o], row2[o], row3[o]
            y0[o] += a0 * m0 + a1 * m1 + a2 * m2 + a3 * m3
            y1[o] += b0 * m0 + b1 * m1 + b2 * m2 + b3 * m3
    for k in range(fours, M.shape[0]):
        row0, a0, b0 = M[k], x0[k], x1[k]
        for o in range(y0.shape[0]):
            y0[o] += a0 * row0[o]
            y1[o] += b0 * row0[o]


@njit(cache=True, fastmath=_MULTIPLY_ADD)
def _add_product(y, x, M):
    """y += x M, in place: the last row of an odd number."""
    for k in range(M.shape[0]):
        row, a = M[k], x[k]
        for o in range(y.shape[0]):
            y[o] += a * row[o]


@njit(cache=True, parallel=True, fastmath=_MULTIPLY_ADD)
def _correlate(x, W, step, stride, y):
    N, H, width, _ = y.shape
    P, run, _ = W.shape
    for line in prange(N * H):
        n, i = line // H, line % H
        for j in range(0, width - 1, 2):
            left, right = j * step, (j + 1) * step
            for p in range(P):
                row = x[n, i * stride + p]
                _add_products(y[n, i, j], y[n, i, j + 1], row[left : left + run], row[right : right + run], W[p])
        if width % 2 == 1:
            left = (width - 1) * step
            for p in range(P):
                _add_product(y[n, i, width - 1], x[n, i * stride + p, left : left + run], W[p])


@njit(cache=True, parallel=True, fastmath=_MULTIPLY_ADD)
def _weight_gradient(x, dy, stride, dW, parts):
    N, H, width, _ = dy.shape
    P, Q, C, _ = dW.shape
    pairs = (C + 1) // 2
    rows = P * Q * pairs
    for part in prange(parts):
        for n in range(N):
            for i in range(H):
                for r in range(rows * part // parts, rows * (part + 1) // parts):
                    p, q, c = r // pairs // Q, r // pairs % Q, r % pairs * 2
                    line = x[n, i * stride + p, q : q + (width - 1) * stride + 1 : stride]
                    if c + 1 < C:
                        _add_products(dW[p, q, c], dW[p, q, c + 1], line[:, c], line[:, c + 1], dy[n, i])
                    else:
                        _add_product(dW[p, q, c], line[:, c], dy[n, i])
