"""Convolution, max-pooling and relu in one kernel (layers/block.py).

Results are pooled and rectified while they are in the cache. The image before pooling, four times as large, is never
written. The backward pass through relu and pooling is one pass over memory. The number of output channels must be a
multiple of LANES.
"""

from numpy_sat.kernels import conv, elementwise, pool


def block_forward(x, W, b, pooled):
    """Compute block_forward of layers/block.py; return y and the fields of its cache."""
    if not conv.fills_vectors(W):
        return NotImplemented
    y, winner = conv.forward(x, W, b, 1, 1, relu=True, pool=2 if pooled else 1)
    cache_pool = (winner, (*x.shape[:3], len(b)), 2, 2, 0) if pooled else None
    return y, ((x, W, 1, 1), cache_pool, (y,))


def block_backward(dy, cache):
    """Compute block_backward of layers/block.py; return dx: (N, H, W, C), dW: (3, 3, C, O) and db: (O,)."""
    if not conv.fills_vectors(cache.conv.W):
        return NotImplemented
    dconv, db = _backward_to_conv(dy, cache)
    x, W = cache.conv.x, cache.conv.W
    dW = conv.weight_gradient(x, dconv, W.shape, 1, 1)
    return conv.input_gradient(dconv, W, x.shape, 1, 1), dW, db


def block_parameter_gradients(dy, cache):
    """Compute block_parameter_gradients of layers/block.py; return dW: (3, 3, C, O) and db: (O,)."""
    if not conv.fills_vectors(cache.conv.W):
        return NotImplemented
    dconv, db = _backward_to_conv(dy, cache)
    return conv.weight_gradient(cache.conv.x, dconv, cache.conv.W.shape, 1, 1), db


def _backward_to_conv(dy, cache):
    """Compute the gradient of the convolution's result and its sum db: (O,), back through relu and pooling."""
    if cache.pool is None:
        return elementwise.relu_backward(dy, cache.relu.y)
    _, rows, columns, _ = cache.pool.x_shape
    return pool.pool_relu_backward(dy, cache.relu.y, cache.pool.winner, rows, columns)
