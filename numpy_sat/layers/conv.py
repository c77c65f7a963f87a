"""2-D convolution (the machine learner's, a cross-correlation), pictures as (N, H, W, C)."""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import conv as kernel


class ConvCache(NamedTuple):
    x_padded: np.ndarray
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
    _check_arguments(x, W, b, stride, padding)
    x_padded = _pad(x, padding)
    y = kernel.correlate(x_padded, W, stride)
    y += b
    return y, ConvCache(x_padded, W, stride, padding)


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
    db = dy.sum(axis=(0, 1, 2))
    dW = kernel.weight_gradient(cache.x_padded, dy, cache.W.shape, cache.stride)
    return dW, db


def conv_input_gradient(dy, cache):
    """dx alone: each cell of x gathers from every window it was part of.

    That is the correlation of dy, its cells s apart with zeros between and around, with W turned by 180 degrees and
    its channels swapped.
    """
    x_padded, W, stride, padding = cache
    spread = _spread(dy, W.shape, x_padded.shape, stride, padding)
    turned = np.ascontiguousarray(W[::-1, ::-1].swapaxes(2, 3))
    return kernel.correlate(spread, turned, 1)


def _pad(x, padding):
    x = np.ascontiguousarray(x)  # np.pad keeps the order of axes it is given, the kernels want rows of channels
    if padding == 0:
        return x
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def _spread(dy, W_shape, padded_shape, stride, padding):
    """dy on the grid of stride 1, with room for the turned filter around it and the padding of x cut away."""
    N, rows, columns, O = dy.shape
    P, Q = W_shape[:2]
    _, Hp, Wp, _ = padded_shape
    full = np.zeros((N, Hp + P - 1, Wp + Q - 1, O), dy.dtype)
    full[:, P - 1 : P - 1 + rows * stride : stride, Q - 1 : Q - 1 + columns * stride : stride] = dy
    return np.ascontiguousarray(full[:, padding : Hp - padding + P - 1, padding : Wp - padding + Q - 1])


def _check_arguments(x, W, b, stride, padding):
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
