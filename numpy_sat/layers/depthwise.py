"""Depthwise convolution: each channel has its own filter. A 1x1 convolution after it mixes the channels.

A P x P convolution from C to C channels takes P P C multiplications per pixel and output channel. The depthwise
convolution takes P P and the 1x1 convolution C, about P P times fewer for large C (Howard et al. 2017).
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import depthwise as kernel
from numpy_sat.kernels import float32


class DepthwiseCache(NamedTuple):
    """Arguments that depthwise_forward keeps for depthwise_backward."""

    x: np.ndarray  # (N, H, W, C)
    W: np.ndarray  # (P, P, C)
    stride: int


def same_padding(size, P, stride):
    """Return the zero padding of one axis with which ceil(size / stride) windows fit.

    This is TensorFlow's "SAME" padding. If the number of lines is odd, the end gets one more than the start. For
    example, a 3 x 3 window with stride 2 pads an image of even height with no line above and one line below.

    Args:
        size: length of the axis, pixels.
        P: side of the windows, pixels.
        stride: pixels from one window to the next.
    Returns:
        (before, after): lines of zeros at the start and at the end of the axis.
    """
    lines = max((-(-size // stride) - 1) * stride + P - size, 0)
    return lines // 2, lines - lines // 2


def check_arguments(x, W, b, stride=1):
    """Raise ValueError if shapes, dtypes and stride do not fit together."""
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
    """Correlate each channel of images with its own filter.

    y[n, i, j, c] = b[c] + sum over p, q of x_padded[n, i s + p, j s + q, c] W[p, q, c]

    Args:
        x: (N, H, W, C) images, to be padded by same_padding.
        W: (P, P, C) filters, one for each channel.
        b: (C,) biases.
        stride: s, pixels from one window to the next, from 1 to P.
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
        y += _cells(x_padded, p, q, y, stride) * W[p, q]
    return y, cache


@float32(kernel.depthwise_backward)
def depthwise_backward(dy, cache):
    """Compute the gradients of depthwise_forward.

    db[c]       = sum over n, i, j of dy[n, i, j, c]
    dW[p, q, c] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, c]
    dx_padded[n, i s + p, j s + q, c] += dy[n, i, j, c] W[p, q, c], for all p, q, i, j

    Args:
        dy: (N, H', W', C) gradient of y.
        cache: from depthwise_forward.
    Returns:
        dx: (N, H, W, C).
        dW: (P, P, C).
        db: (C,).
    """
    x, W, stride = cache
    # db = sum of dy over images and windows
    db = dy.sum(axis=(0, 1, 2))
    x_padded, dW = _pad(cache), np.empty_like(W, order="C")
    dx_padded = np.zeros_like(x_padded)
    for p, q in np.ndindex(W.shape[:2]):
        # gradient of filter cell (p, q) = sum over images and windows of x_padded dy, per channel
        dW[p, q] = (_cells(x_padded, p, q, dy, stride) * dy).sum(axis=(0, 1, 2))
        # The cells that filter cell (p, q) multiplied receive dy W_pq, per channel. Overlapping windows add up.
        cells = _cells(dx_padded, p, q, dy, stride)
        cells += dy * W[p, q]
    (top, left), (_, H, width, _) = padding_before(cache), x.shape
    return np.ascontiguousarray(dx_padded[:, top : top + H, left : left + width]), dW, db


def output_shape(cache):
    """Return (N, ceil(H / s), ceil(W / s), C), the shape of y."""
    N, H, width, C = cache.x.shape
    return N, -(-H // cache.stride), -(-width // cache.stride), C


def padding_before(cache):
    """Return the lines of zeros above each image, and to its left."""
    return tuple(same_padding(size, len(cache.W), cache.stride)[0] for size in cache.x.shape[1:3])


def _cells(x_padded, p, q, y, stride):
    """Return a view of the cells that W[p, q] multiplies, one for every cell of y: (N, H', W', C)."""
    _, rows, columns, _ = y.shape
    return x_padded[:, p : p + rows * stride : stride, q : q + columns * stride : stride]


def _pad(cache):
    x, W, stride = cache
    vertical, horizontal = (same_padding(size, len(W), stride) for size in x.shape[1:3])
    return np.pad(x, ((0, 0), vertical, horizontal, (0, 0)))
