"""Exercise 25: Depthwise convolution                        (difficulty 2 of 3, about 60 minutes; builds on exercise 7)

Goal            See what a convolution costs, and how networks for phones save nine tenths of it. A convolution of C to
                C channels with P x P filters combines pixels and mixes channels at once: P P C C products per pixel.
                One after the other takes P P C + C C. The first half is the depthwise convolution: no sum over
                channels.

Equations       y[n, i, j, c] = b[c] + sum over p, q of x_padded[n, i s + p, j s + q, c] W[p, q, c]       (N, H', W', C)
                db[c]         = sum over n, i, j of dy[n, i, j, c]                                        (C,)
                dW[p, q, c]   = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, c]       (P, P, C)
                dx_padded[n, i s + p, j s + q, c] += dy[n, i, j, c] W[p, q, c], for every i, j, p, q
                dx            = dx_padded without the padding                                             (N, H, W, C)
                The padding is TensorFlow's "SAME": as many zeros as needed for H' = ceil(H / s) windows, half of them
                above, half below, and an odd one below. For P = 3 and stride 2, an even side has none before and one
                behind.

Worked example  One image of 2 x 2, two channels, P = 3, s = 2; so one window, which begins at the first pixel:
                x of both channels: [[1, 2], [3, 4]]      W[:, :, 0]: all 1      W[:, :, 1]: 0, but 1 in the middle
                b = [100, 0]   y = [[[[110, 4]]]]         Padded by one on both sides, y would be [[[[110, 1]]]].
                dy = [[[[1, 10]]]]   db = [1, 10]         dW[:, :, 0] is [[1, 2, 0], [3, 4, 0], [0, 0, 0]].
                Find dW[:, :, 1] and dx. How many products does a pixel take with 3 x 3 filters and 512 channels, in one
                step and in two?

Your task       1. depthwise_forward: compute y. Call depthwise.check_arguments(x, W, b, stride) first: it raises the
                   errors of the docstring.
                2. depthwise_backward: compute dx, dW and db. Trap: the padding differs at its two ends, and between
                   height and width. Trap: windows overlap, so use +=.

Given           depthwise.same_padding(H, P, s) returns the zeros before and behind, for one side. The cache
                DepthwiseCache(x, W, stride) is packed and unpacked for you.

Run             python -m exercises check 25   python -m exercises hint 25   python -m exercises check 25 --pencil
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
    raise NotImplementedError("exercise 25: depthwise_forward")
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
    raise NotImplementedError("exercise 25: depthwise_backward")
