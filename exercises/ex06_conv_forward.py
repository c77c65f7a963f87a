"""Exercise 6: Convolution, forward.

To learn: a convolution looks at an image through a small window and asks the same question everywhere. It is the
affine map of exercise 3: the P Q C numbers in the window go in, O numbers come out, with the same weights each time.

    x_padded         = x with `padding` rings of zeros around it
    y[n, i, j, o]    = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]
    H'               = (H + 2 padding - P) // s + 1, and W' likewise: how often the filter fits

i, j number the windows, p, q the filter's cells, c the channels that come in, o those that go out; s is the stride.
Where the stride leaves a rest, no window sees the last rows. The filter is not turned: mathematicians call this a
cross-correlation.

The sum may be done in two orders. By windows: for each (i, j), a patch of P x Q cells times every filter. By filter
cells: for each (p, q), the cells that W[p, q] meets, one in every window, form an image, (N, H', W', C); times
W[p, q], (C, O), it is one term of y. That makes 9 matrix products for a 3 x 3 filter, however large the images.

Predict before you run: one image, one channel in and out, b = 100, no padding, stride 1,

    x = [[1, 2, 3],     W = [[1,  0],     Every digit of y tells which cell it met: y[0, 0] = 100 + 1 + 50 = 151.
         [4, 5, 6],          [0, 10]]     y = [[151, 162], [184, 195]]. Had you turned the filter: y[0, 0] = 115.
         [7, 8, 9]]

Now stride 2 and padding 1: where do the four windows begin? (y[0, 0] = 110, y[1, 1] = 195; what are the other two?)

The cache is ConvCache(x, W, stride, padding). `conv.check_arguments` raises what the docstring promises: call it.
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
