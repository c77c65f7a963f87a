"""A convolution, max-pooling and relu in one go (layers/block.py): results are pooled and rectified in the cache.

The image before the pooling, four times as large, is never written. The way back through relu and pooling is one pass.
The output channels must fill vectors.
"""

from numpy_sat.kernels import conv, elementwise, pool


def block_forward(x, W, b, pooled):
    """Compute layers/block.py's block_forward. Returns y and the cache's fields."""
    if not conv.fills_vectors(W):
        return NotImplemented
    y, winner = conv.forward(x, W, b, 1, 1, relu=True, pool=2 if pooled else 1)
    cache_pool = (winner, (*x.shape[:3], len(b)), 2, 2, 0) if pooled else None
    return y, ((x, W, 1, 1), cache_pool, (y,))


def block_backward(dy, cache):
    """Compute layers/block.py's block_backward. Returns dx: (N, H, W, C), dW: (3, 3, C, O), db: (O,)."""
    if not conv.fills_vectors(cache.conv.W):
        return NotImplemented
    dconv, db = _backward_to_conv(dy, cache)
    x, W = cache.conv.x, cache.conv.W
    dW = conv.weight_gradient(x, dconv, W.shape, 1, 1)
    return conv.input_gradient(dconv, W, x.shape, 1, 1), dW, db


def block_parameter_gradients(dy, cache):
    """Compute layers/block.py's block_parameter_gradients. Returns dW: (3, 3, C, O), db: (O,)."""
    if not conv.fills_vectors(cache.conv.W):
        return NotImplemented
    dconv, db = _backward_to_conv(dy, cache)
    return conv.weight_gradient(cache.conv.x, dconv, cache.conv.W.shape, 1, 1), db


def _backward_to_conv(dy, cache):
    """Go back through relu and pooling. Returns the gradient of the convolution's result, and its sum db: (O,)."""
    if cache.pool is None:
        return elementwise.relu_backward(dy, cache.relu.y)
    _, rows, columns, _ = cache.pool.x_shape
    return pool.pool_relu_backward(dy, cache.relu.y, cache.pool.winner, rows, columns)
