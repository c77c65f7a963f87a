"""Exercise 3: The affine map                                                      (difficulty 1 of 3, about 30 minutes)

Goal            Derive the gradients of a layer with weights. You need two questions: which outputs contain a number,
                and with which factor? Every layer with weights contains this one, so all later backward passes use it.

Equations       y = x W + b         y_no = sum over i of x_ni W_io + b_o        (..., O)
                dx, dW, db          the shapes of x, W and b: (..., I), (I, O), (O,)
                The weight W_io appears in y_no of every row n, with the factor x_ni. So dW_io is a sum over n. Ask the
                same of x_ni and of b_o. Then look at the shapes: only one product of x and dy has the shape of W.

Worked example  x = [[1, 2], [3, 0]]   W = [[1, 0, 2], [0, 1, 3]]   b = [0, 0, 1]   dy = [[1, 10, 100], [0, 1, 0]]
                y = [[1, 2, 9], [3, 0, 7]]   dx = [[201, 310], [0, 1]]              Find dW and db.
                Now repeat the two rows of x and dy below them. Which of the three gradients become twice as large?

Your task       1. linear_forward: compute y.
                2. linear_backward: compute dx, dW and db. Trap: x may have more than two axes, such as (T, B, I). All
                   axes but the last count rows, and dx has the shape of x. Trap: do not divide. dy is the gradient of
                   the whole loss. If the loss is a mean, dy contains the division already.

Given           The cache LinearCache(x, W) is packed and unpacked for you. It holds only what the backward pass needs.
                (Why does it not hold b?)

Run             python -m exercises check 3   python -m exercises hint 3   python -m exercises check 3 --pencil
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
