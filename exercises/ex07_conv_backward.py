"""Exercise 7: Convolution, backward                         (difficulty 3 of 3, about 75 minutes; builds on exercise 6)

Goal            Write the backward pass of a convolution. The gradient of a weight that is used in many places is a sum
                over these places. The gradient of a cell that many windows cover is a sum over these windows.

Equations       db[o]          = sum over n, i, j of dy[n, i, j, o]                                     (O,)
                dW[p, q, c, o] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, o]     (P, Q, C, O)
                dx_padded[n, i s + p, j s + q, c] += sum over o of dy[n, i, j, o] W[p, q, c, o], for every i, j, p, q
                dx             = dx_padded without the padding                                          (N, H, W, C)
                The windows of a filter W = [[a, b], [c, d]] on a 3 x 3 image. All four cover the middle cell *:
                dy[0, 0]      dy[0, 1]      dy[1, 0]      dy[1, 1]
                [a  b ] .     .  [a  b]      .  .   .     .  .  .        dx[1, 1] = dy[0, 0] d + dy[0, 1] c
                [c  d*] .     .  [c* d]     [a  b*] .     . [a* b]                + dy[1, 0] b + dy[1, 1] a
                 .  .   .     .   .  .      [c  d ] .     . [c  d]

Worked example  x = [[1, 2, 3],    W = [[1,  0],    dy = [[  1,   10],    dW[0, 0] = 1*1 + 2*10 + 4*100 + 5*1000 = 5421
                     [4, 5, 6],         [0, 10]]          [100, 1000]]    dx[1, 1] = 1*10 + 1000*1 = 1010
                     [7, 8, 9]]         one image and channel in and out, no padding, stride 1
                Find db and dW[1, 0]. Which dy reaches the corner dx[2, 2], through which weight? Which cells of dx are
                0?

Your task       1. conv_parameter_gradients: compute dW and db. The layer next to the image needs no dx.
                2. conv_input_gradient: compute dx. You can scatter: add each dy to the cells of its window, with the
                   filter unchanged. Or gather: let each cell sum over the windows that cover it, with the filter
                   rotated by half a turn. Trap: a mixture of the two is wrong. Trap: windows overlap, so use +=. Cells
                   that no window covers stay 0.

Given           You may use conv.conv_forward and the rest of the library. The cache of exercise 6 is unpacked for you.

Run             python -m exercises check 7   python -m exercises hint 7   python -m exercises check 7 --pencil
Read            exercises/chapters/convolution.md: the longer story, with figures
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
