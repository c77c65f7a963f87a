"""A block with batch normalisation: convolution, at a stage's end 2x2 max-pooling, normalisation, relu.

Pooling comes before normalisation, so that a quarter of the numbers remain to be normalised; the moments are those of
what is left. The convolution has no bias: the mean that is taken off would take it, too.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat import kernels
from numpy_sat.kernels import batch_norm as norm_kernel
from numpy_sat.kernels import conv as conv_kernel
from numpy_sat.layers import activations, batch_norm, conv, pool


class NormBlockCache(NamedTuple):
    conv: conv.ConvCache
    pool: pool.PoolCache | None
    norm: batch_norm.BatchNormCache
    relu: activations.ReluCache


def norm_block_forward(x, W, gamma, beta, pooled):
    """y = relu(batch_norm(conv(x))), or with `pooled` relu(batch_norm(max_pool(conv(x)))).

    x: (N, H, W, C); W: (3, 3, C, O); gamma, beta: (O,). Returns y: (N, H, W, O), or (N, H // 2, W // 2, O), and the
    cache.
    """
    pre, cache_conv, cache_pool = _conv_and_pool(x, W, pooled)
    if _fused(x, W):
        mean, var = norm_kernel.moments(pre)
        y, spread = _in_one_pass(pre, gamma, beta, mean, var)
        cache_norm = batch_norm.BatchNormCache(pre, gamma, mean, spread)
        return y, NormBlockCache(cache_conv, cache_pool, cache_norm, activations.ReluCache(y))
    y, cache_norm = batch_norm.batch_norm_forward(pre, gamma, beta)
    y, cache_relu = activations.relu_forward(y)
    return y, NormBlockCache(cache_conv, cache_pool, cache_norm, cache_relu)


def norm_block_backward(dy, cache):
    """dy: the shape of y. Returns dx: (N, H, W, C), dW: (3, 3, C, O), dgamma, dbeta: (O,)."""
    dconv, dgamma, dbeta = _backward_to_conv(dy, cache)
    dx, dW, _ = conv.conv_backward(dconv, cache.conv)
    return dx, dW, dgamma, dbeta


def norm_block_parameter_gradients(dy, cache):
    """dW, dgamma and dbeta alone, all that the block next to the picture needs."""
    dconv, dgamma, dbeta = _backward_to_conv(dy, cache)
    return conv.conv_parameter_gradients(dconv, cache.conv)[0], dgamma, dbeta


def norm_block_in_use(x, W, gamma, beta, mean, var, pooled):
    """y of norm_block_forward with the moments of many pictures, (O,) each, in the place of the batch's."""
    pre, _, _ = _conv_and_pool(x, W, pooled)
    if _fused(x, W):
        return _in_one_pass(pre, gamma, beta, mean, var)[0]
    y, _ = batch_norm.apply(pre, gamma, beta, mean, var)
    return activations.relu_forward(y)[0]


def _conv_and_pool(x, W, pooled):
    """What is to be normalised, and the caches."""
    no_bias = np.zeros(W.shape[3], W.dtype)
    if _fused(x, W):
        conv.check_arguments(x, W, no_bias, stride=1, padding=1)
        y, winner = conv_kernel.forward(x, W, no_bias, 1, 1, pool=2 if pooled else 1)
        cache_pool = pool.PoolCache(winner, (*x.shape[:3], W.shape[3]), 2, 2, 0) if pooled else None
        return y, conv.ConvCache(x, W, 1, 1), cache_pool
    y, cache_conv = conv.conv_forward(x, W, no_bias, stride=1, padding=1)
    if not pooled:
        return y, cache_conv, None
    y, cache_pool = pool.max_pool_forward(y, window=2, stride=2)
    return y, cache_conv, cache_pool


def _in_one_pass(x, gamma, beta, mean, var):
    """relu(batch_norm(x)) in one pass, with the moments given, and their spread."""
    spread = np.sqrt(var + np.float32(batch_norm.EPSILON))
    scale = gamma / spread
    return norm_kernel.affine(x, scale, beta - mean * scale, 0.0), spread


def _backward_to_conv(dy, cache):
    """dy, back through relu, normalisation and pooling, and dgamma and dbeta."""
    if _fused(dy, cache.conv.W):
        dy, dgamma, dbeta = norm_kernel.backward(dy, *cache.norm, y=cache.relu.y)
    else:
        dy = activations.relu_backward(dy, cache.relu)
        dy, dgamma, dbeta = batch_norm.batch_norm_backward(dy, cache.norm)
    if cache.pool:
        dy = pool.max_pool_backward(dy, cache.pool)
    return dy, dgamma, dbeta


def _fused(x, W):
    return kernels.fused(x) and conv_kernel.fills_vectors(W)
