"""Exercise 6: Convolution, forward                          (difficulty 2 of 3, about 45 minutes; builds on exercise 3)

Goal            Write the layer that reads images. A convolution applies the affine map of exercise 3 to every small
                window of an image. The input is the P Q C numbers of the window, the output O numbers. All windows
                share the weights.

Equations       x_padded       = x with `padding` rings of zeros around it         (N, H + 2 padding, W + 2 padding, C)
                y[n, i, j, o]  = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]
                y is (N, H', W', O), H' = (H + 2 padding - P) // s + 1, and W' likewise: how often the filter fits
                i, j are the indices of windows, p, q of the filter's cells. c is an input channel, o an output channel,
                s the stride. If the stride leaves a remainder, no window covers the last rows. The filter is not
                flipped.

Worked example  One image, one channel in and out, b = 100, no padding, stride 1. The digits of y show the cells of x:
                x = [[1, 2, 3],     W = [[1,  0],      y[0, 0] = 100 + 1 + 50 = 151
                     [4, 5, 6],          [0, 10]]      y = [[151, 162], [184, 195]]
                     [7, 8, 9]]                        With a flipped filter, y[0, 0] would be 115.
                Now stride 2 and padding 1. Where do the four windows begin? The first and last are 110 and 195. Find
                the others.

Your task       1. conv_forward: compute y. Call conv.check_arguments(x, W, b, stride, padding) first: it raises the
                   errors of the docstring. There are two orders for the sum. By windows: for each (i, j), multiply a
                   patch of P x Q cells by every filter. By filter cells: for each (p, q), take the cells under W[p, q],
                   one of every window. They form an image, (N, H', W', C). Multiplied by W[p, q], (C, O), it is one
                   term of y. That is 9 matrix products for a 3 x 3 filter, for any image size.
                Trap: with a stride above 1, the slice of x_padded needs its end. A step alone may take one cell too
                many.

Given           np.pad adds the zeros. The cache ConvCache(x, W, stride, padding) is packed for you.

Run             python -m exercises check 6   python -m exercises hint 6   python -m exercises check 6 --pencil
Read            exercises/chapters/convolution.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.layers import conv
from numpy_sat.layers.conv import ConvCache


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
    raise NotImplementedError("exercise 6: conv_forward")
    return y, ConvCache(x, W, stride, padding)
