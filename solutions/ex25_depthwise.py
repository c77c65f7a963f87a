"""Solution 25: Depthwise convolution.

    y[n, i, j, c] = b[c] + sum over p, q of x_padded[n, i s + p, j s + q, c] W[p, q, c]

This is the convolution of exercises 6 and 7 without the sum over channels: channel c of y depends on channel c of x
alone. There, W[p, q] is a matrix from input to output channels, and each term is a matrix product. Here, W[p, q] has
one number for each channel, (C,), and each term is an elementwise product. NumPy broadcasts W[p, q] over images and
pixels. In the backward pass, dx has no sum over output channels, and dW[p, q] has one number for each channel.

Answers to the questions of the page:

The filter's gradient dW[:, :, 1] is [[10, 20, 0], [30, 40, 0], [0, 0, 0]]. dx of channel 0 is [[1, 1], [1, 1]], and of
channel 1 it is [[0, 0], [0, 10]]. In one step, a pixel takes 9 * 512 * 512 = 2359296 products. In two steps, it takes
9 * 512 for the depthwise convolution and 512 * 512 for the mix of channels, 266752 in all.
"""

import numpy as np

from numpy_sat.layers import depthwise
from numpy_sat.layers.depthwise import DepthwiseCache


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
    depthwise.check_arguments(x, W, b, stride)
    P = len(W)
    N, H, width, C = x.shape
    rows, columns = -(-H // stride), -(-width // stride)  # ceil

    # Pad with zeros on all four sides, so that the last window ends at the edge of the padding.
    x_padded = _padded(x, P, stride)

    # y[n, i, j, c] = b[c] + sum over p, q of x_padded[n, i s + p, j s + q, c] W[p, q, c]. Add b once, before the loop.
    y = np.zeros((N, rows, columns, C), x.dtype)
    y += b
    for p in range(P):
        for q in range(P):
            cells = _cells_under(x_padded, p, q, rows, columns, stride)
            y += cells * W[p, q]
    return y, DepthwiseCache(x, W, stride)


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
    P = len(W)
    _, H, width, _ = x.shape
    _, rows, columns, _ = dy.shape

    # db[c] = sum over n, i, j of dy[n, i, j, c]
    db = dy.sum(axis=(0, 1, 2))

    x_padded = _padded(x, P, stride)
    dx_padded = np.zeros(x_padded.shape, dy.dtype)
    dW = np.zeros(W.shape, W.dtype)
    for p in range(P):
        for q in range(P):
            # dW[p, q, c] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, c]
            cells = _cells_under(x_padded, p, q, rows, columns, stride)
            dW[p, q] = (cells * dy).sum(axis=(0, 1, 2))
            # dx_padded[n, i s + p, j s + q, c] += dy[n, i, j, c] W[p, q, c]. This is the forward's slice, so the filter
            # is not flipped. Windows overlap, so add.
            dcells = _cells_under(dx_padded, p, q, rows, columns, stride)
            dcells += dy * W[p, q]

    # Remove the padding, which is not part of x.
    top, _ = depthwise.same_padding(H, P, stride)
    left, _ = depthwise.same_padding(width, P, stride)
    dx = dx_padded[:, top : top + H, left : left + width]
    return dx.copy(), dW, db


def _padded(x, P, stride):
    """Return x with zeros on all four sides, as same_padding says."""
    N, H, width, C = x.shape
    above, below = depthwise.same_padding(H, P, stride)
    before, behind = depthwise.same_padding(width, P, stride)
    x_padded = np.zeros((N, above + H + below, before + width + behind, C), x.dtype)
    x_padded[:, above : above + H, before : before + width] = x
    return x_padded


def _cells_under(x_padded, p, q, rows, columns, stride):
    """Return a view of the cells under the filter's cell (p, q) in rows x columns windows, (N, rows, columns, C)."""
    last_row, last_column = p + (rows - 1) * stride, q + (columns - 1) * stride
    return x_padded[:, p : last_row + 1 : stride, q : last_column + 1 : stride]
