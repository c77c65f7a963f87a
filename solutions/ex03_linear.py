"""Solution 3: The affine map.

A gradient by looking: write one output with its indices, ask of each number in which outputs it takes part and what it
is multiplied by there, and add up what all those outputs' gradients bring it. The index that the number does not have
is the one that is summed over; a matrix product is the short way of writing such a sum, and a transpose is what it
takes to bring the summed index to where a matrix product sums: the last axis on the left, the first on the right.
"""

import numpy as np

from numpy_sat.layers.linear import LinearCache


def linear_forward(x, W, b):
    """y = x W + b over the last axis.

    x: (..., I) inputs; W: (I, O) weights; b: (O,) biases.
    Returns y: (..., O) and the cache.
    """
    I, O = W.shape
    # The axes of x before the last only count rows, so they can be one axis, n.
    rows = x.reshape(-1, I)
    # sum over i of x_ni W_io: i is the last axis of x and the first of W, as a matrix product wants it.
    products = rows @ W
    # b_o is added in every row n: NumPy stretches (O,) over (rows, O).
    yrows = products + b
    y = yrows.reshape(*x.shape[:-1], O)
    return y, LinearCache(x, W)


def linear_backward(dy, cache):
    """dy: (..., O). Returns dx: (..., I), dW: (I, O), db: (O,)."""
    x, W = cache
    I, O = W.shape
    # One row a line again:  y_no = sum over i of x_ni W_io + b_o.
    rows = x.reshape(-1, I)
    drows = dy.reshape(-1, O)

    # b_o takes part in y_no of every n, there multiplied by 1: so its gradient is the sum over n of 1 dy_no.
    db = drows.sum(axis=0)

    # W_io takes part in y_no of every n, there multiplied by x_ni: so its gradient is the sum over n of x_ni dy_no.
    # n is the first axis of both. It must be the last of the left factor: x is turned.
    columns = rows.T  # (I, rows)
    dW = columns @ drows  # (I, rows) (rows, O) -> (I, O), the shape of W

    # x_ni takes part in y_no of every o, there multiplied by W_io: so its gradient is the sum over o of dy_no W_io.
    # o is the last axis of both. It must be the first of the right factor: W is turned.
    W_turned = W.T  # (O, I)
    dxrows = drows @ W_turned  # (rows, O) (O, I) -> (rows, I), the shape of the rows of x

    dx = np.ascontiguousarray(dxrows.reshape(x.shape))
    return dx, dW, db
