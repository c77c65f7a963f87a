"""Exercise 7: Convolution, backward                         (difficulty 3 of 3, about 75 minutes; builds on exercise 6)

To learn: the gradient of a weight that is used in many places is a sum over these places. The gradient of a cell that
many windows cover is a sum over these windows. The backward pass of a convolution needs nothing else.

    y[n, i, j, o]  = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]        forward

    db[o]          = sum over n, i, j of dy[n, i, j, o]
    dW[p, q, c, o] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, o]
    dx_padded[n, i s + p, j s + q, c] += sum over o of dy[n, i, j, o] W[p, q, c, o], for every i, j, p, q
    dx             = dx_padded without the padding

For each number of the forward pass, ask: which y contain it, and with which factor? W[p, q, c, o] appears in
y[n, i, j, o] of every n, i, j, times a cell of x_padded. That cell appears in every window that covers it.

There are two ways to compute dx. Scatter: each dy is added to the cells of its window, with += because windows overlap.
Here the filter is not flipped. Gather: each cell sums over the windows that cover it, in reverse order. Here the filter
is rotated by half a turn. Both are right, a mixture is wrong. dx has the shape of x. Cells that no window covers are 0.

Predict before you run: one image, one channel in and out, no padding, stride 1,

    x = [[1, 2, 3],     W = [[1,  0],     dy = [[  1,   10],     dW[0, 0] = 1*1 + 2*10 + 4*100 + 5*1000 = 5421
         [4, 5, 6],          [0, 10]]           [100, 1000]]     dx[1, 1] = 1*1000 + 10*1 = 1010
         [7, 8, 9]]

What are db and dW[1, 0]? Which dy reaches the corner dx[2, 2], through which weight? Which cells of dx are 0?

There are two functions, because the layer next to the image needs no dx. Both take the cache ConvCache(x, W, stride,
padding) of exercise 6. You may use the rest of the library, also conv.conv_forward.
Run             python -m exercises check 7      python -m exercises hint 7
"""

import numpy as np

from numpy_sat.layers import conv


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
    raise NotImplementedError("exercise 7: conv_parameter_gradients")


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
    raise NotImplementedError("exercise 7: conv_input_gradient")
