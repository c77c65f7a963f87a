"""A 1x1 convolution with relu6 (layers/pointwise.py): a matrix product with relu6 applied in place."""

import numpy as np

from numpy_sat.kernels import relu6
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack


def pointwise_forward(x, W, b):
    """Compute pointwise_forward of layers/pointwise.py; return y: (..., O) and the fields of its cache."""
    x = np.ascontiguousarray(x)
    y = relu6.bound(multiply(x, pack(W, b)))
    return y, ((x, W), (y,))


def pointwise_backward(dy, cache):
    """Compute pointwise_backward of layers/pointwise.py; return dx: (..., I), dW: (I, O) and db: (O,)."""
    x, W = cache.linear
    dy, db = relu6.backward(dy, cache.relu.y)
    dW = multiply_transposed(x, dy)
    return multiply(dy, pack(W.T)), dW, db
