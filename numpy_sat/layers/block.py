"""What an encoder is made of: convolution, relu and, at a stage's end, 2x2 max-pooling between the two.

Pooling before relu gives what VGG's order gives, relu before pooling, for relu keeps the order of numbers; but a
quarter of the numbers remain to be rectified.
"""

from typing import NamedTuple

from numpy_sat import kernels
from numpy_sat.kernels import conv as conv_kernel
from numpy_sat.kernels import elementwise
from numpy_sat.kernels import pool as pool_kernel
from numpy_sat.layers import activations, conv, pool


class BlockCache(NamedTuple):
    conv: conv.ConvCache
    pool: pool.PoolCache | None
    relu: activations.ReluCache


def block_forward(x, W, b, pooled):
    """y = relu(conv(x)), or with `pooled` relu(max_pool(conv(x))); stride 1, padding that keeps the size.

    x: (N, H, W, C); W: (3, 3, C, O); b: (O,). Returns y: (N, H, W, O), or (N, H // 2, W // 2, O), and the cache.
    """
    if _fused(x, W):
        return _fused_forward(x, W, b, pooled)
    y, cache_conv = conv.conv_forward(x, W, b, stride=1, padding=1)
    cache_pool = None
    if pooled:
        y, cache_pool = pool.max_pool_forward(y, window=2, stride=2)
    y, cache_relu = activations.relu_forward(y)
    return y, BlockCache(cache_conv, cache_pool, cache_relu)


def block_backward(dy, cache):
    """dy: the shape of y. Returns dx: (N, H, W, C), dW: (3, 3, C, O), db: (O,)."""
    if _fused(dy, cache.conv.W):
        dconv, db = _fused_backward(dy, cache)
        dW = conv_kernel.weight_gradient(cache.conv.x, dconv, cache.conv.W.shape, 1, 1)
        return conv.conv_input_gradient(dconv, cache.conv), dW, db
    return conv.conv_backward(_backward_to_conv(dy, cache), cache.conv)


def block_parameter_gradients(dy, cache):
    """dW and db alone, all that the block next to the picture needs."""
    if _fused(dy, cache.conv.W):
        dconv, db = _fused_backward(dy, cache)
        return conv_kernel.weight_gradient(cache.conv.x, dconv, cache.conv.W.shape, 1, 1), db
    return conv.conv_parameter_gradients(_backward_to_conv(dy, cache), cache.conv)


def _backward_to_conv(dy, cache):
    """dy, back through relu and pooling."""
    dy = activations.relu_backward(dy, cache.relu)
    return pool.max_pool_backward(dy, cache.pool) if cache.pool else dy


def _fused(x, W):
    return kernels.fused(x) and conv_kernel.fills_vectors(W)


def _fused_forward(x, W, b, pooled):
    conv.check_arguments(x, W, b, stride=1, padding=1)
    y, winner = conv_kernel.forward(x, W, b, 1, 1, relu=True, pool=2 if pooled else 1)
    cache_pool = pool.PoolCache(winner, (*x.shape[:3], len(b)), window=2, stride=2, padding=0) if pooled else None
    return y, BlockCache(conv.ConvCache(x, W, 1, 1), cache_pool, activations.ReluCache(y))


def _fused_backward(dy, cache):
    """dy, back through relu and pooling, and its sum db."""
    if cache.pool is None:
        return elementwise.relu_backward(dy, cache.relu.y)
    _, rows, columns, _ = cache.pool.x_shape
    return pool_kernel.pool_relu_backward(dy, cache.relu.y, cache.pool.winner, rows, columns)
