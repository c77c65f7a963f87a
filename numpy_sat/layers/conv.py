"""2-D convolution of images with axes (N, H, W, C); as usual in deep learning, it is a cross-correlation."""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import conv as kernel
from numpy_sat.kernels import float32


class ConvCache(NamedTuple):
    """Arguments that conv_forward keeps for conv_backward."""

    x: np.ndarray  # (N, H, W, C)
    W: np.ndarray  # (P, Q, C, O)
    stride: int
    padding: int


def check_arguments(x, W, b, stride=1, padding=0):
    """Raise ValueError if shapes, dtypes, stride and padding do not fit together."""
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


@float32(kernel.conv_forward, ConvCache, check_arguments)
def conv_forward(x, W, b, stride=1, padding=0):
    """Correlate images with filters.

    y[n, i, j, o] = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]

    Args:
        x: (N, H, W, C) images.
        W: (P, Q, C, O) filters of P x Q pixels.
        b: (O,) biases.
        stride: s, pixels from one window to the next.
        padding: width in pixels of the border of zeros around each image.
    Returns:
        y: (N, H', W', O) with H' = (H + 2 padding - P) // s + 1, and W' likewise.
        cache: what conv_backward needs.
    Raises:
        ValueError: channels or dtypes differ, or the filter is larger than the padded image.
    """
    check_arguments(x, W, b, stride, padding)
    x_padded = _pad(x, padding)
    y = np.tile(b, (*_output_shape(x, W, stride, padding), 1))
    for p, q in np.ndindex(W.shape[:2]):
        y += _cells(x_padded, p, q, y, stride) @ W[p, q]
    return y, ConvCache(x, W, stride, padding)


def conv_backward(dy, cache):
    """Compute the gradients of conv_forward.

    Args:
        dy: (N, H', W', O) gradient of y.
        cache: from conv_forward.
    Returns:
        dx: (N, H, W, C).
        dW: (P, Q, C, O).
        db: (O,).
    """
    dW, db = conv_parameter_gradients(dy, cache)
    dx = conv_input_gradient(dy, cache)
    return dx, dW, db


@float32(kernel.conv_parameter_gradients)
def conv_parameter_gradients(dy, cache):
    """Compute dW and db without dx. The first layer needs only these: its inputs are the images.

    db[o]          = sum over n, i, j of dy[n, i, j, o]
    dW[p, q, c, o] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, o]

    Args:
        dy: (N, H', W', O) gradient of y.
        cache: from conv_forward.
    Returns:
        dW: (P, Q, C, O).
        db: (O,).
    """
    x, W, stride, padding = cache
    # db = sum of dy over images and windows
    db = dy.sum(axis=(0, 1, 2))
    x_padded, dW = _pad(x, padding), np.empty_like(W, order="C")
    for p, q in np.ndindex(W.shape[:2]):
        # gradient of filter cell (p, q) = sum over images and windows of x_padded^T dy
        dW[p, q] = np.tensordot(_cells(x_padded, p, q, dy, stride), dy, axes=((0, 1, 2), (0, 1, 2)))
    return dW, db


@float32(kernel.conv_input_gradient)
def conv_input_gradient(dy, cache):
    """Compute dx without dW and db.

    For all p, q, i, j: dx_padded[n, i s + p, j s + q, c] += sum over o of dy[n, i, j, o] W[p, q, c, o]

    Args:
        dy: (N, H', W', O) gradient of y.
        cache: from conv_forward.
    Returns:
        dx: (N, H, W, C).
    """
    x, W, stride, padding = cache
    dx_padded = np.zeros_like(_pad(x, padding))
    # The cells that filter cell (p, q) multiplied receive dy W_pq^T. Overlapping windows add up.
    for p, q in np.ndindex(W.shape[:2]):
        cells = _cells(dx_padded, p, q, dy, stride)
        cells += dy @ W[p, q].T
    _, H, width, _ = x.shape
    return np.ascontiguousarray(dx_padded[:, padding : padding + H, padding : padding + width])


def _cells(x_padded, p, q, y, stride):
    """Return a view of the cells that W[p, q] multiplies, one for every cell of y: (N, H', W', C)."""
    _, rows, columns, _ = y.shape
    return x_padded[:, p : p + rows * stride : stride, q : q + columns * stride : stride]


def _pad(x, padding):
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def _output_shape(x, W, stride, padding):
    """Return (N, H', W')."""
    return len(x), *((size + 2 * padding - P) // stride + 1 for size, P in zip(x.shape[1:3], W.shape[:2], strict=True))
