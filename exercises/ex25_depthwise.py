"""Exercise 25: Depthwise convolution                        (difficulty 2 of 3, about 60 minutes; builds on exercise 7)

To learn: what a convolution costs, and how networks for phones save nine tenths of it.

A convolution of C channels to C channels by filters of P x P does two things at once: it combines neighboring pixels,
and it mixes channels. That takes P P C C products per pixel. One after the other, they take P P C + C C: first filter
every channel separately, then mix the channels by a 1x1 convolution, the affine map of exercise 3. The first half is a
depthwise convolution: the convolution of exercises 6 and 7 without the sum over channels.

    y[n, i, j, c]  = b[c] + sum over p, q of x_padded[n, i s + p, j s + q, c] W[p, q, c]          W is (P, P, C)

    db[c]          = sum over n, i, j of dy[n, i, j, c]
    dW[p, q, c]    = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, c]
    dx_padded[n, i s + p, j s + q, c] += dy[n, i, j, c] W[p, q, c], for every i, j, p, q
    dx             = dx_padded without the padding

Channel c of each array depends only on channel c of the others.

The padding is TensorFlow's "SAME": as many zeros as needed for ceil(H / s) windows, half of them above, half below, and
an odd one below. depthwise.same_padding(H, P, s) returns both numbers; the width works in the same way. At stride 2, an
even side has none before and one behind. Padding by one on both sides would read other pixels.

Predict before you run: one image, two channels, P = 3, s = 2, x[:, :, c] = [[1, 2], [3, 4]] for both, b = [100, 0],
W[:, :, 0] all 1, W[:, :, 1] all 0 but W[1, 1, 1] = 1. No zeros before and one behind, so there is one window, which
begins at the image's first pixel: y = [[[110, 4]]]. (Padded by one on both sides: [[[110, 1]]].)
With dy = [[[1, 10]]]: db = [1, 10], dW[:, :, 0] = [[1, 2, 0], [3, 4, 0], [0, 0, 0]]. What is dW[:, :, 1]? And dx?
How many products does a pixel take with 3 x 3 filters and 512 channels, in one step and in two?

The cache is DepthwiseCache(x, W, stride). Call depthwise.check_arguments: it raises the errors of the docstring.
Run             python -m exercises check 25      python -m exercises hint 25
"""

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
