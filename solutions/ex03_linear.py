"""Solution 3: The affine map.

Read the gradients off the forward equation. Write one output with its indices. For each number, find the outputs that
contain it and its factor there. Its gradient is the sum of these outputs' gradients times the factors. The sum runs
over the index that the number itself does not have.

A matrix product writes such a sum in short form. It sums over the last axis of the left factor and the first axis of
the right factor. A transpose moves the summed index to this position.

Answers to the questions of the page:

dW = [[1, 13, 100], [2, 20, 200]]   db = [1, 11, 100]
With the rows repeated, dW and db become twice as large, because they are sums over rows. dx has more rows with the same
numbers. The cache does not hold b, because b has the factor 1: no gradient contains b.
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
    I, O = W.shape
    # All axes of x but the last count rows, so merge them into one axis n.
    rows = x.reshape(-1, I)
    # products_no = sum over i of x_ni W_io: i is the last axis of x and the first of W, as in a matrix product.
    products = rows @ W
    # y_no = products_no + b_o: NumPy broadcasts b, (O,), over the rows.
    yrows = products + b
    y = yrows.reshape(*x.shape[:-1], O)
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
    I, O = W.shape
    # Forward: y_no = sum over i of x_ni W_io + b_o.
    rows = x.reshape(-1, I)
    drows = dy.reshape(-1, O)

    # db_o = sum over n of dy_no, because b_o appears in y_no of every row n with the factor 1.
    db = drows.sum(axis=0)

    # dW_io = sum over n of x_ni dy_no, because W_io appears in y_no of every row n with the factor x_ni.
    # n is the first axis of both arrays. It must be the last axis of the left factor, so transpose x.
    columns = rows.T  # (I, rows)
    dW = columns @ drows  # (I, rows) (rows, O) -> (I, O), the shape of W

    # dx_ni = sum over o of dy_no W_io, because x_ni appears in y_no of every output o with the factor W_io.
    # o is the last axis of both arrays. It must be the first axis of the right factor, so transpose W.
    W_transposed = W.T  # (O, I)
    dxrows = drows @ W_transposed  # (rows, O) (O, I) -> (rows, I), the shape of the rows of x

    dx = np.ascontiguousarray(dxrows.reshape(x.shape))
    return dx, dW, db
