"""Depthwise convolution: every channel by itself, with a filter of its own; what mixes channels is 1x1 and comes after.

A convolution of C channels to C channels has P P C products a pixel for each of its C results. Split into a depthwise
one, P P a channel, and a 1x1 convolution, C a channel, it has about P P times fewer (Howard et al. 2017).
"""

from typing import NamedTuple

import numpy as np

from numpy_sat import kernels
from numpy_sat.kernels import depthwise as kernel
from numpy_sat.kernels import elementwise


class DepthwiseCache(NamedTuple):
    x: np.ndarray
    W: np.ndarray
    stride: int


def same_padding(size, P, stride):
    """Lines of zeros before and behind `size` pixels, so that ceil(size / stride) windows of P fit, and end with them.

    This is TensorFlow's "SAME". An odd number of lines is split with one more behind: at stride 2 an even picture gets
    none above and one below, where elsewhere padding is the same on both sides.
    """
    lines = max((-(-size // stride) - 1) * stride + P - size, 0)
    return lines // 2, lines - lines // 2


def depthwise_forward(x, W, b, stride=1):
    """y[n, i, j, c] = b[c] + sum over p, q of x_padded[n, i s + p, j s + q, c] W[p, q, c].

    x: (N, H, W, C) pictures, padded as same_padding says; W: (P, P, C), a filter for each channel; b: (C,); stride s: 1
    to P. Returns y: (N, ceil(H / s), ceil(W / s), C), and the cache. Raises ValueError where these do not fit.
    """
    check_arguments(x, W, b, stride)
    cache = DepthwiseCache(x, W, stride)
    if kernels.fast(x):
        arguments = stride, before(cache), output_shape(cache), -np.inf, np.inf
        return kernel.forward(x, W, b, *arguments), cache
    x_padded = _pad(cache)
    y = np.broadcast_to(b, output_shape(cache)).copy()
    for p, q in np.ndindex(W.shape[:2]):
        y += _met_by(x_padded, p, q, y, stride) * W[p, q]
    return y, cache


def depthwise_backward(dy, cache):
    """dy: (N, H', W', C). Returns dx: (N, H, W, C), dW: (P, P, C), db: (C,).

    db[c]       = sum over n, i, j of dy[n, i, j, c]
    dW[p, q, c] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, c]
    dx: cell (n, i s + p, j s + q, c) of x_padded gathers dy[n, i, j, c] W[p, q, c]
    """
    x, W, stride = cache
    if kernels.fast(dy):
        dW = kernel.weight_gradient(x, dy, len(W), stride, before(cache))
        dx = kernel.input_gradient(dy, W, x.shape, stride, before(cache))
        return dx, dW, elementwise.column_sums(dy)
    db = dy.sum(axis=(0, 1, 2))
    x_padded, dW = _pad(cache), np.empty_like(W, order="C")
    dx_padded = np.zeros_like(x_padded)
    for p, q in np.ndindex(W.shape[:2]):
        dW[p, q] = (_met_by(x_padded, p, q, dy, stride) * dy).sum(axis=(0, 1, 2))
        cells = _met_by(dx_padded, p, q, dy, stride)
        cells += dy * W[p, q]
    (top, left), (_, H, width, _) = before(cache), x.shape
    return np.ascontiguousarray(dx_padded[:, top : top + H, left : left + width]), dW, db


def output_shape(cache):
    """The shape of y."""
    N, H, width, C = cache.x.shape
    return N, -(-H // cache.stride), -(-width // cache.stride), C


def before(cache):
    """Lines of zeros above a picture, and to its left."""
    return tuple(same_padding(size, len(cache.W), cache.stride)[0] for size in cache.x.shape[1:3])


def check_arguments(x, W, b, stride):
    """Raise ValueError where these are not a depthwise convolution's arguments."""
    if x.ndim != 4 or W.ndim != 3 or W.shape[0] != W.shape[1] or x.shape[3] != W.shape[2]:
        raise ValueError(f"depthwise: x must be (N, H, W, C) and W (P, P, C) with the same C, not {x.shape}, {W.shape}")
    if b.shape != W.shape[2:] or not x.dtype == W.dtype == b.dtype:
        raise ValueError(
            f"depthwise: b must be ({W.shape[2]},), not {b.shape}; "
            f"x, W and b must have one dtype, not {x.dtype}, {W.dtype} and {b.dtype}"
        )
    if not 1 <= stride <= len(W):
        raise ValueError(f"depthwise: stride must be from 1 to the filter's side, {len(W)}, not {stride}")


def _met_by(x_padded, p, q, y, stride):
    """The cells that W[p, q] meets, one for every cell of y: (N, H', W', C), a view."""
    _, rows, columns, _ = y.shape
    return x_padded[:, p : p + rows * stride : stride, q : q + columns * stride : stride]


def _pad(cache):
    x, W, stride = cache
    down, across = (same_padding(size, len(W), stride) for size in x.shape[1:3])
    return np.pad(x, ((0, 0), down, across, (0, 0)))
