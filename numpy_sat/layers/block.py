"""The building block of an encoder: convolution, 2x2 max-pooling at the end of a stage, relu.

VGG applies relu before pooling. Pooling first gives the same result, because relu is monotonic, and leaves a quarter of
the values for relu.
"""

from typing import NamedTuple

from numpy_sat.kernels import block as kernel
from numpy_sat.kernels import float32
from numpy_sat.layers import activations, conv, pool


class BlockCache(NamedTuple):
    """Caches of the layers of block_forward."""

    conv: conv.ConvCache
    pool: pool.PoolCache | None  # None without pooling
    relu: activations.ReluCache


def check_arguments(x, W, b, pooled):
    """Raise ValueError if the shapes or dtypes do not fit together."""
    conv.check_arguments(x, W, b, stride=1, padding=1)


@float32(kernel.block_forward, BlockCache, check_arguments, composite=True)
def block_forward(x, W, b, pooled):
    """Compute y = relu(conv(x)), or with pooling y = relu(max_pool(conv(x))).

    The convolution has stride 1 and keeps the height and width of the images.

    Args:
        x: (N, H, W, C) images.
        W: (3, 3, C, O) filters.
        b: (O,) biases.
        pooled: True for 2x2 max-pooling.
    Returns:
        y: (N, H, W, O), or (N, H // 2, W // 2, O) with pooling.
        cache: what block_backward and block_parameter_gradients need.
    """
    y, cache_conv = conv.conv_forward(x, W, b, stride=1, padding=1)
    cache_pool = None
    if pooled:
        y, cache_pool = pool.max_pool_forward(y, window=2, stride=2)
    y, cache_relu = activations.relu_forward(y)
    return y, BlockCache(cache_conv, cache_pool, cache_relu)


@float32(kernel.block_backward, composite=True)
def block_backward(dy, cache):
    """Compute the gradients of block_forward.

    Args:
        dy: gradient of y, of its shape.
        cache: from block_forward.
    Returns:
        dx: (N, H, W, C).
        dW: (3, 3, C, O).
        db: (O,).
    """
    return conv.conv_backward(_backward_to_conv(dy, cache), cache.conv)


@float32(kernel.block_parameter_gradients, composite=True)
def block_parameter_gradients(dy, cache):
    """Compute dW and db of block_backward without dx. The first block needs only these: its inputs are the images.

    Args:
        dy: gradient of y, of its shape.
        cache: from block_forward.
    Returns:
        dW: (3, 3, C, O).
        db: (O,).
    """
    return conv.conv_parameter_gradients(_backward_to_conv(dy, cache), cache.conv)


def _backward_to_conv(dy, cache):
    """Return the gradient of the output of the convolution: dy after the backward passes of relu and pooling."""
    dy = activations.relu_backward(dy, cache.relu)
    return pool.max_pool_backward(dy, cache.pool) if cache.pool else dy
