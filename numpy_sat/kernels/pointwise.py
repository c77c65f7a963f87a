"""A 1x1 convolution with relu6 (layers/pointwise.py): a matrix product, rectified in place."""

import numpy as np

from numpy_sat.kernels import relu6
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack


def pointwise_forward(x, W, b):
    """Compute layers/pointwise.py's pointwise_forward. Returns y: (..., O) and the cache's fields."""
    x = np.ascontiguousarray(x)
    y = relu6.bound(multiply(x, pack(W, b)))
    return y, ((x, W), (y,))


def pointwise_backward(dy, cache):
    """Compute layers/pointwise.py's pointwise_backward. Returns dx: (..., I), dW: (I, O), db: (O,)."""
    x, W = cache.linear
    dy, db = relu6.backward(dy, cache.relu.y)
    dW = multiply_transposed(x, dy)
    return multiply(dy, pack(W.T)), dW, db
