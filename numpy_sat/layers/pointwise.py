"""A 1x1 convolution with relu6: the affine map of every pixel's channels, rectified."""

from typing import NamedTuple

import numpy as np

from numpy_sat import kernels
from numpy_sat.kernels import matmul
from numpy_sat.kernels import relu6 as relu6_kernel
from numpy_sat.layers import activations, linear


class PointwiseCache(NamedTuple):
    linear: linear.LinearCache
    relu: activations.Relu6Cache


def pointwise_forward(x, W, b):
    """y = relu6(x W + b). x: (..., I); W: (I, O); b: (O,). Returns y: (..., O), and the cache."""
    if kernels.fused(x):
        x = np.ascontiguousarray(x)
        y = relu6_kernel.bound(matmul.multiply(x, matmul.pack(W, b)))
        return y, PointwiseCache(linear.LinearCache(x, W), activations.Relu6Cache(y))
    y, cache_linear = linear.linear_forward(x, W, b)
    y, cache_relu = activations.relu6_forward(y)
    return y, PointwiseCache(cache_linear, cache_relu)


def pointwise_backward(dy, cache):
    """dy: (..., O). Returns dx: (..., I), dW: (I, O), db: (O,)."""
    if kernels.fused(dy):
        x, W = cache.linear
        dy, db = relu6_kernel.backward(dy, cache.relu.y)
        dW = matmul.multiply_transposed(x, dy)
        return matmul.multiply(dy, matmul.pack(W.T)), dW, db
    return linear.linear_backward(activations.relu6_backward(dy, cache.relu), cache.linear)
