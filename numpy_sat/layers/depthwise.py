"""Depthwise convolution: each channel has a filter of its own. A 1x1 convolution after it mixes the channels.

A convolution of C channels to C channels has P P C products a pixel for each of its C results. Split into a depthwise
convolution, P P a channel, and a 1x1 convolution, C a channel, it has about P P times fewer (Howard et al. 2017).
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import depthwise as kernel
from numpy_sat.kernels import float32


class DepthwiseCache(NamedTuple):
    x: np.ndarray
    W: np.ndarray
    stride: int


def same_padding(size, P, stride):
    """Return how many lines of zeros stand before and behind `size` pixels, so that ceil(size / stride) windows fit.

    This is TensorFlow's "SAME". An odd number of lines is split with one more behind: at stride 2 an even image gets
    none above and one below.

    Args:
        size: pixels of one side.
        P: side of the windows.
        stride: pixels from one window to the next.
    """
    lines = max((-(-size // stride) - 1) * stride + P - size, 0)
    return lines // 2, lines - lines // 2


def check_arguments(x, W, b, stride=1):
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


@float32(kernel.depthwise_forward, DepthwiseCache, check_arguments)
def depthwise_forward(x, W, b, stride=1):
    """Correlate each channel of images with a filter of its own.

    y[n, i, j, c] = b[c] + sum over p, q of x_padded[n, i s + p, j s + q, c] W[p, q, c]

    Args:
        x: (N, H, W, C) images, padded as same_padding says.
        W: (P, P, C) filters, one for each channel.
        b: (C,) biases.
        stride: s, 1 to P.
    Returns:
        y: (N, ceil(H / s), ceil(W / s), C).
        cache: what depthwise_backward needs.
    Raises:
        ValueError: shapes or dtypes do not fit.
    """
    check_arguments(x, W, b, stride)
    cache = DepthwiseCache(x, W, stride)
    x_padded = _pad(cache)
    y = np.broadcast_to(b, output_shape(cache)).copy()
    for p, q in np.ndindex(W.shape[:2]):
        y += _met_by(x_padded, p, q, y, stride) * W[p, q]
    return y, cache


@float32(kernel.depthwise_backward)
def depthwise_backward(dy, cache):
    """Compute the gradients of depthwise_forward.

    db[c]       = sum over n, i, j of dy[n, i, j, c]
    dW[p, q, c] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, c]
    dx: cell (n, i s + p, j s + q, c) of x_padded gathers dy[n, i, j, c] W[p, q, c]

    Args:
        dy: (N, H', W', C) gradient of y.
        cache: from depthwise_forward.
    Returns:
        dx: (N, H, W, C).
        dW: (P, P, C).
        db: (C,).
    """
    x, W, stride = cache
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
    """Return the shape of y."""
    N, H, width, C = cache.x.shape
    return N, -(-H // cache.stride), -(-width // cache.stride), C


def before(cache):
    """Return how many lines of zeros stand above an image, and to its left."""
    return tuple(same_padding(size, len(cache.W), cache.stride)[0] for size in cache.x.shape[1:3])


def _met_by(x_padded, p, q, y, stride):
    """Return a view of the cells that W[p, q] meets, one for every cell of y: (N, H', W', C)."""
    _, rows, columns, _ = y.shape
    return x_padded[:, p : p + rows * stride : stride, q : q + columns * stride : stride]


def _pad(cache):
    x, W, stride = cache
    down, across = (same_padding(size, len(W), stride) for size in x.shape[1:3])
    return np.pad(x, ((0, 0), down, across, (0, 0)))
