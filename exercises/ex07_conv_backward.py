"""Exercise 7: Convolution, backward.

To learn: the gradient of a weight that is used in many places is the sum over all of them; and the gradient of a cell
that many windows look at is the sum over all those. Nothing else is in the backward pass of a convolution.

    y[n, i, j, o]  = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]        the forward

    db[o]          = sum over n, i, j of dy[n, i, j, o]
    dW[p, q, c, o] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, o]
    dx_padded[n, i s + p, j s + q, c] gains sum over o of dy[n, i, j, o] W[p, q, c, o], for every i, j, p, q
    dx             = dx_padded without its rings of padding

Ask of a number of the forward: in which y does it take part, and what is it multiplied by there? W[p, q, c, o] takes
part in y[n, i, j, o] of every n, i, j, times a cell of x_padded. That cell takes part in every window that covers it.

dx may be scattered: each dy gives to the cells its window looked at, with += where windows overlap, and the filter is
not turned. Or gathered: each cell collects from the windows that cover it, in reverse order, and there the filter is
turned by half a turn. Both are right, a mixture is not. dx has the shape of x, whatever dy's shape suggests: cells
that no window reached stay 0.

Predict before you run: one image, one channel in and out, no padding, stride 1,

    x = [[1, 2, 3],     W = [[1,  0],     dy = [[  1,   10],     dW[0, 0] = 1*1 + 2*10 + 4*100 + 5*1000 = 5421
         [4, 5, 6],          [0, 10]]           [100, 1000]]     dx[1, 1] = 1*1000 + 10*1 = 1010
         [7, 8, 9]]

What are db and dW[1, 0]? Which dy does the corner dx[2, 2] hear of, through which weight? Which cells of dx are 0?

Two functions, for the layer next to the image needs no dx. Both take the cache ConvCache(x, W, stride, padding) of
exercise 6. Only these two must be written out; the rest of the library, conv.conv_forward too, may be used.
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
    raise NotImplementedError("exercise 7: conv_input_gradient")
