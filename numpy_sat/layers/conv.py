"""2-D convolution (the machine learner's, a cross-correlation), pictures as (N, H, W, C)."""

from typing import NamedTuple

import numpy as np

from numpy_sat import kernels
from numpy_sat.kernels import conv as kernel
from numpy_sat.kernels import elementwise


class ConvCache(NamedTuple):
    x: np.ndarray
    W: np.ndarray
    stride: int
    padding: int


def conv_forward(x, W, b, stride=1, padding=0):
    """y[n, i, j, o] = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o].

    x: (N, H, W, C) pictures; W: (P, Q, C, O) filters of P x Q cells; b: (O,) biases; stride s: cells from one window
    to the next; padding: rings of zeros around each picture.
    Returns y: (N, H', W', O) with H' = (H + 2 padding - P) // s + 1, and the cache.
    Raises ValueError where channels or dtypes differ or the filter is larger than the padded picture.
    """
    check_arguments(x, W, b, stride, padding)
    cache = ConvCache(x, W, stride, padding)
    if kernels.fast(x):
        return kernel.forward(x, W, b, stride, padding)[0], cache
    x_padded = _pad(x, padding)
    y = np.tile(b, (*_output_shape(x, W, stride, padding), 1))
    for p, q in np.ndindex(W.shape[:2]):
        y += _met_by(x_padded, p, q, y, stride) @ W[p, q]
    return y, cache


def conv_backward(dy, cache):
    """dy: (N, H', W', O). Returns dx: (N, H, W, C), dW: (P, Q, C, O), db: (O,)."""
    dW, db = conv_parameter_gradients(dy, cache)
    dx = conv_input_gradient(dy, cache)
    return dx, dW, db


def conv_parameter_gradients(dy, cache):
    """dW and db alone, all that the layer next to the picture needs.

    db[o]          = sum over n, i, j of dy[n, i, j, o]
    dW[p, q, c, o] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, o]
    """
    x, W, stride, padding = cache
    if kernels.fast(dy):
        db = elementwise.column_sums(dy)
        return kernel.weight_gradient(x, dy, W.shape, stride, padding), db
    db = dy.sum(axis=(0, 1, 2))
    x_padded, dW = _pad(x, padding), np.empty_like(W, order="C")
    for p, q in np.ndindex(W.shape[:2]):
        dW[p, q] = np.tensordot(_met_by(x_padded, p, q, dy, stride), dy, axes=((0, 1, 2), (0, 1, 2)))
    return dW, db


def conv_input_gradient(dy, cache):
    """dx alone: cell (n, i s + p, j s + q, c) of x_padded gathers sum over o of dy[n, i, j, o] W[p, q, c, o]."""
    x, W, stride, padding = cache
    if kernels.fast(dy):
        return kernel.input_gradient(dy, W, x.shape, stride, padding)
    dx_padded = np.zeros_like(_pad(x, padding))
    for p, q in np.ndindex(W.shape[:2]):
        cells = _met_by(dx_padded, p, q, dy, stride)
        cells += dy @ W[p, q].T
    _, H, width, _ = x.shape
    return np.ascontiguousarray(dx_padded[:, padding : padding + H, padding : padding + width])


def _met_by(x_padded, p, q, y, stride):
    """The cells that W[p, q] meets, one for every cell of y: (N, H', W', C), a view."""
    _, rows, columns, _ = y.shape
    return x_padded[:, p : p + rows * stride : stride, q : q + columns * stride : stride]


def _pad(x, padding):
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def _output_shape(x, W, stride, padding):
    """N, H', W'."""
    return len(x), *((size + 2 * padding - P) // stride + 1 for size, P in zip(x.shape[1:3], W.shape[:2], strict=True))


def check_arguments(x, W, b, stride, padding):
    """Raise ValueError where these are not a convolution's arguments."""
    if x.ndim != 4 or W.ndim != 4 or x.shape[3] != W.shape[2]:
        raise ValueError(f"conv: x must be (N, H, W, C) and W (P, Q, C, O) with the same C, not {x.shape}, {W.shape}")
    if b.shape != W.shape[3:] or not x.dtype == W.dtype == b.dtype:
        raise ValueError(
            f"conv: b must be ({W.shape[3]},), not {b.shape}; "
            f"x, W and b must have one dtype, not {x.dtype}, {W.dtype} and {b.dtype}"
        )
    if stride < 1 or padding < 0:
        raise ValueError(f"conv: stride must be at least 1 and padding at least 0, not {stride}, {padding}")
    if x.shape[1] + 2 * padding < W.shape[0] or x.shape[2] + 2 * padding < W.shape[1]:
        raise ValueError(f"conv: a filter of {W.shape[:2]} does not fit {x.shape[1:3]} with padding {padding}")
