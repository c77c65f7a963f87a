"""Exercise 25: Depthwise convolution.

To learn: what a convolution costs, and how the nets that phones run save nine tenths of it.

A convolution of C channels to C channels by filters of P x P does two things at once: it looks around each pixel, and
it mixes channels. That takes P P C C products a pixel. One after the other, it is P P C + C C: first every channel by
itself, with a filter of its own, and then a 1x1 convolution, the affine map of exercise 3, that mixes them. The first
half is a depthwise convolution: the convolution of exercises 6 and 7 without its sum over channels.

    y[n, i, j, c]  = b[c] + sum over p, q of x_padded[n, i s + p, j s + q, c] W[p, q, c]          W is (P, P, C)

    db[c]          = sum over n, i, j of dy[n, i, j, c]
    dW[p, q, c]    = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, c]
    dx_padded[n, i s + p, j s + q, c] gains dy[n, i, j, c] W[p, q, c], for every i, j, p, q
    dx             = dx_padded without its lines of padding

Channel c of all of these has to do with channel c of the others alone.

Padding is what TensorFlow calls "SAME": as many zeros as it takes for ceil(H / s) windows, half of them above, half
below, and an odd one below. depthwise.same_padding(H, P, s) gives both numbers, for the width likewise. At stride 2 an
even side gets none before and one behind: padding by one on both sides would look at other pixels.

Predict before you run: one image, two channels, P = 3, s = 2, x[:, :, c] = [[1, 2], [3, 4]] for both, b = [100, 0],
W[:, :, 0] all 1, W[:, :, 1] all 0 but W[1, 1, 1] = 1. No zeros before and one behind, so there is one window, which
begins at the image's first pixel: y = [[[110, 4]]]. (Padded by one on both sides: [[[110, 1]]].)
With dy = [[[1, 10]]]: db = [1, 10], dW[:, :, 0] = [[1, 2, 0], [3, 4, 0], [0, 0, 0]]. What is dW[:, :, 1]? And dx?
How many products has a pixel of 3 x 3 and 512 channels, whole and in two?

The cache is DepthwiseCache(x, W, stride). depthwise.check_arguments raises what the docstring promises: call it.
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
    raise NotImplementedError("exercise 25: depthwise_backward")
