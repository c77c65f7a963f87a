"""Solution 25: Depthwise convolution.

    y[n, i, j, c] = b[c] + sum over p, q of x_padded[n, i s + p, j s + q, c] W[p, q, c]

It is the convolution of exercises 6 and 7 with the sum over channels crossed out. There, W[p, q] was a matrix from
channels to channels, and each term a matrix product. Here it is a number a channel, and each term a product, number by
number: NumPy stretches W[p, q], of shape (C,), over images and pixels. What was a sum over o in dx, and a table of c
and o in dW, is one number for the same reason: channel c of y has to do with channel c of x alone.
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

    # Zeros around the image, so that the last window ends with them: above and below, to the left and to the right.
    x_padded = _padded(x, P, stride)

    # b once for every window, and then a term for each cell of the filter.
    y = np.zeros((N, rows, columns, C), x.dtype)
    y += b
    for p in range(P):
        for q in range(P):
            met = _met_by(x_padded, p, q, rows, columns, stride)
            y += met * W[p, q]
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

    # b[c] takes part once in every window of channel c.
    db = dy.sum(axis=(0, 1, 2))

    x_padded = _padded(x, P, stride)
    dx_padded = np.zeros(x_padded.shape, dy.dtype)
    dW = np.zeros(W.shape, W.dtype)
    for p in range(P):
        for q in range(P):
            # W[p, q, c] takes part in y[n, i, j, c] of every n, i, j, multiplied by the cell it met there.
            met = _met_by(x_padded, p, q, rows, columns, stride)
            dW[p, q] = (met * dy).sum(axis=(0, 1, 2))
            # That cell takes part in y[n, i, j, c], multiplied by W[p, q, c]. It gets its share where it lies: the
            # forward's slice, so the filter is not turned; += because other windows owe it something, too.
            owed = _met_by(dx_padded, p, q, rows, columns, stride)
            owed += dy * W[p, q]

    # The zeros were not part of x. They begin above and to the left; what is below and to the right is left over.
    top, _ = depthwise.same_padding(H, P, stride)
    left, _ = depthwise.same_padding(width, P, stride)
    dx = dx_padded[:, top : top + H, left : left + width]
    return dx.copy(), dW, db


def _padded(x, P, stride):
    """x with lines of zeros before and behind both sides."""
    N, H, width, C = x.shape
    above, below = depthwise.same_padding(H, P, stride)
    before, behind = depthwise.same_padding(width, P, stride)
    x_padded = np.zeros((N, above + H + below, before + width + behind, C), x.dtype)
    x_padded[:, above : above + H, before : before + width] = x
    return x_padded


def _met_by(x_padded, p, q, rows, columns, stride):
    """The cells that the filter's cell (p, q) meets in rows x columns windows, a view: (N, rows, columns, C)."""
    last_row, last_column = p + (rows - 1) * stride, q + (columns - 1) * stride
    return x_padded[:, p : last_row + 1 : stride, q : last_column + 1 : stride]
