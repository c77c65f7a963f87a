"""Exercise 3: The affine map                                                      (difficulty 1 of 3, about 30 minutes)

To learn: every layer with weights contains this one. If you can derive its three gradients from the shapes and from
the outputs that contain each number, you can derive all that follow.

    y = x W + b            y_no = sum over i of x_ni W_io + b_o

The slides: a layer is a table of weights. Learning asks how the loss changes with each weight. The weight W_io appears
in y_no of every row n, with the factor x_ni. So its gradient is a sum over n.
Do the same for x_ni and b_o. Then look at the shapes: dW has the shape of W, and only one product of x and dy has it.

Predict before you run: x = [[1, 2]], W = [[1, 0, 2], [0, 1, 3]], b = [0, 0, 1], dy = [[1, 10, 100]].
What are y, dx, dW and db? (y = [[1, 2, 9]], dx = [[201, 310]]; find dW and db yourself.)
Now a second row, the same as the first, in x and in dy: which of the three gradients become twice as large?

x may have more than two axes, such as (T, B, I): all but the last count rows. dx always has the shape of x.
dy is the gradient of the whole loss: if the loss is a mean, dy already contains the division.
The cache is LinearCache(x, W): it holds only what the backward pass needs. (Why does it not hold b?)
Run             python -m exercises check 3      python -m exercises hint 3
"""

import numpy as np

from numpy_sat.layers.linear import LinearCache


def linear_forward(x, W, b):
    """Compute y = x W + b over the last axis.

    Args:
        x: (..., I) inputs.
        W: (I, O) weights.
        b: (O,) biases.
    Returns:
        y: (..., O).
        cache: what linear_backward needs.
    """
    raise NotImplementedError("exercise 3: linear_forward")
    return y, LinearCache(x, W)


def linear_backward(dy, cache):
    """Compute the gradients of linear_forward.

    Args:
        dy: (..., O) gradient of y.
        cache: from linear_forward.
    Returns:
        dx: (..., I).
        dW: (I, O).
        db: (O,).
    """
    x, W = cache
    raise NotImplementedError("exercise 3: linear_backward")
