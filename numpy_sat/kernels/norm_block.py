"""A block with batch normalization (layers/norm_block.py): convolution with pooling, then normalization with relu.

The number of output channels must be a multiple of LANES.
"""

import numpy as np

from numpy_sat.kernels import batch_norm, conv
from numpy_sat.system import ranks


def norm_block_forward(x, W, gamma, beta, pooled):
    """Compute norm_block_forward of layers/norm_block.py; return y and the fields of its cache."""
    if not conv.fills_vectors(W):
        return NotImplemented
    conv_y, cache_pool = _conv_and_pool(x, W, pooled)
    mean, var = ranks.moments(*batch_norm.mean_and_variance(conv_y))
    y, std = batch_norm.normalize(conv_y, gamma, beta, mean, var, lowest=0.0)
    return y, ((x, W, 1, 1), cache_pool, (conv_y, gamma, mean, std), (y,))


def norm_block_backward(dy, cache):
    """Compute norm_block_backward of layers/norm_block.py; return dx, dW, dgamma and dbeta."""
    if not conv.fills_vectors(cache.conv.W):
        return NotImplemented
    dconv, dgamma, dbeta = _backward_to_conv(dy, cache)
    x, W = cache.conv.x, cache.conv.W
    return conv.input_gradient(dconv, W, x.shape, 1, 1), conv.weight_gradient(x, dconv, W.shape, 1, 1), dgamma, dbeta


def norm_block_parameter_gradients(dy, cache):
    """Compute norm_block_parameter_gradients of layers/norm_block.py; return dW, dgamma and dbeta."""
    if not conv.fills_vectors(cache.conv.W):
        return NotImplemented
    dconv, dgamma, dbeta = _backward_to_conv(dy, cache)
    return conv.weight_gradient(cache.conv.x, dconv, cache.conv.W.shape, 1, 1), dgamma, dbeta


def norm_block_inference(x, W, gamma, beta, mean, var, pooled):
    """Compute norm_block_inference of layers/norm_block.py; return y."""
    if not conv.fills_vectors(W):
        return NotImplemented
    conv_y, _ = _conv_and_pool(x, W, pooled)
    return batch_norm.normalize(conv_y, gamma, beta, mean, var, lowest=0.0)[0]


def _conv_and_pool(x, W, pooled):
    """Compute the input of the normalization, and the fields of the pooling's cache or None."""
    no_bias = np.zeros(W.shape[3], W.dtype)
    conv_y, winner = conv.forward(x, W, no_bias, 1, 1, pool=2 if pooled else 1)
    return conv_y, (winner, (*x.shape[:3], W.shape[3]), 2, 2, 0) if pooled else None


def _backward_to_conv(dy, cache):
    """Compute the convolution's gradient, dgamma and dbeta: back through relu, normalization and pooling."""
    if cache.pool is None:
        return batch_norm.backward(dy, *cache.norm, y=cache.relu.y)
    _, rows, columns, _ = cache.pool.x_shape
    return batch_norm.pooled_backward(dy, *cache.norm, cache.relu.y, cache.pool.winner, rows, columns)
