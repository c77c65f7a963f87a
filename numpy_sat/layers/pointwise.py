"""A 1x1 convolution with relu6: an affine map of the channels of every pixel."""

from typing import NamedTuple

from numpy_sat.kernels import float32
from numpy_sat.kernels import pointwise as kernel
from numpy_sat.layers import activations, linear


class PointwiseCache(NamedTuple):
    """Caches of the layers of pointwise_forward."""

    linear: linear.LinearCache
    relu: activations.Relu6Cache


@float32(kernel.pointwise_forward, PointwiseCache, composite=True)
def pointwise_forward(x, W, b):
    """Compute y = relu6(x W + b).

    Args:
        x: (..., I) inputs.
        W: (I, O) weights.
        b: (O,) biases.
    Returns:
        y: (..., O).
        cache: what pointwise_backward needs.
    """
    y, cache_linear = linear.linear_forward(x, W, b)
    y, cache_relu = activations.relu6_forward(y)
    return y, PointwiseCache(cache_linear, cache_relu)


@float32(kernel.pointwise_backward, composite=True)
def pointwise_backward(dy, cache):
    """Compute the gradients of pointwise_forward.

    Args:
        dy: (..., O) gradient of y.
        cache: from pointwise_forward.
    Returns:
        dx: (..., I).
        dW: (I, O).
        db: (O,).
    """
    return linear.linear_backward(activations.relu6_backward(dy, cache.relu), cache.linear)
