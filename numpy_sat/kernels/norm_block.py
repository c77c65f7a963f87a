"""A block with batch normalisation (layers/norm_block.py): pooled with the convolution, normalised with relu.

The output channels must fill vectors.
"""

import numpy as np

from numpy_sat.kernels import batch_norm, conv, pool


def norm_block_forward(x, W, gamma, beta, pooled):
    """Compute layers/norm_block.py's norm_block_forward. Returns y and the cache's fields."""
    if not conv.fills_vectors(W):
        return NotImplemented
    pre, cache_pool = _conv_and_pool(x, W, pooled)
    mean, var = batch_norm.mean_and_variance(pre)
    y, std = batch_norm.normalize(pre, gamma, beta, mean, var, lowest=0.0)
    return y, ((x, W, 1, 1), cache_pool, (pre, gamma, mean, std), (y,))


def norm_block_backward(dy, cache):
    """Compute layers/norm_block.py's norm_block_backward. Returns dx, dW, dgamma, dbeta."""
    if not conv.fills_vectors(cache.conv.W):
        return NotImplemented
    dconv, dgamma, dbeta = _backward_to_conv(dy, cache)
    dW, _ = conv.conv_parameter_gradients(dconv, cache.conv)
    return conv.conv_input_gradient(dconv, cache.conv), dW, dgamma, dbeta


def norm_block_parameter_gradients(dy, cache):
    """Compute layers/norm_block.py's norm_block_parameter_gradients. Returns dW, dgamma, dbeta."""
    if not conv.fills_vectors(cache.conv.W):
        return NotImplemented
    dconv, dgamma, dbeta = _backward_to_conv(dy, cache)
    return conv.conv_parameter_gradients(dconv, cache.conv)[0], dgamma, dbeta


def norm_block_inference(x, W, gamma, beta, mean, var, pooled):
    """Compute layers/norm_block.py's norm_block_inference. Returns y."""
    if not conv.fills_vectors(W):
        return NotImplemented
    pre, _ = _conv_and_pool(x, W, pooled)
    return batch_norm.normalize(pre, gamma, beta, mean, var, lowest=0.0)[0]


def _conv_and_pool(x, W, pooled):
    """Return what is to be normalised, and the pooling's cache fields or None."""
    no_bias = np.zeros(W.shape[3], W.dtype)
    pre, winner = conv.forward(x, W, no_bias, 1, 1, pool=2 if pooled else 1)
    return pre, (winner, (*x.shape[:3], W.shape[3]), 2, 2, 0) if pooled else None


def _backward_to_conv(dy, cache):
    """Go back through relu, normalisation and pooling. Returns the convolution's gradient, dgamma and dbeta."""
    dy, dgamma, dbeta = batch_norm.backward(dy, *cache.norm, y=cache.relu.y)
    if cache.pool:
        dy = pool.max_pool_backward(dy, cache.pool)
    return dy, dgamma, dbeta
