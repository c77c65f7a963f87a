"""A block with batch normalization: convolution, 2x2 max-pooling at the end of a stage, normalization, relu.

Pooling comes first and leaves a quarter of the values for the normalization, so mean and variance are those of the
pooled values. The convolution has no bias, because subtracting the mean would remove it.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import float32
from numpy_sat.kernels import norm_block as kernel
from numpy_sat.layers import activations, batch_norm, conv, pool


class NormBlockCache(NamedTuple):
    """Caches of the layers of norm_block_forward."""

    conv: conv.ConvCache
    pool: pool.PoolCache | None  # None without pooling
    norm: batch_norm.BatchNormCache
    relu: activations.ReluCache


def check_arguments(x, W, gamma, beta, *args, **kwargs):
    """Raise ValueError if the shapes or dtypes do not fit together. Further arguments need no check."""
    conv.check_arguments(x, W, beta, stride=1, padding=1)


@float32(kernel.norm_block_forward, NormBlockCache, check_arguments, composite=True)
def norm_block_forward(x, W, gamma, beta, pooled):
    """Compute y = relu(batch_norm(conv(x))), or with pooling y = relu(batch_norm(max_pool(conv(x)))).

    Args:
        x: (N, H, W, C) images.
        W: (3, 3, C, O) filters.
        gamma, beta: (O,) scales and shifts of the normalization.
        pooled: True for 2x2 max-pooling.
    Returns:
        y: (N, H, W, O), or (N, H // 2, W // 2, O) with pooling.
        cache: what norm_block_backward and norm_block_parameter_gradients need.
    """
    y, cache_conv, cache_pool = _conv_and_pool(x, W, pooled)
    y, cache_norm = batch_norm.batch_norm_forward(y, gamma, beta)
    y, cache_relu = activations.relu_forward(y)
    return y, NormBlockCache(cache_conv, cache_pool, cache_norm, cache_relu)


@float32(kernel.norm_block_backward, composite=True)
def norm_block_backward(dy, cache):
    """Compute the gradients of norm_block_forward.

    Args:
        dy: gradient of y, of its shape.
        cache: from norm_block_forward.
    Returns:
        dx: (N, H, W, C).
        dW: (3, 3, C, O).
        dgamma: (O,).
        dbeta: (O,).
    """
    dconv, dgamma, dbeta = _backward_to_conv(dy, cache)
    dx, dW, _ = conv.conv_backward(dconv, cache.conv)
    return dx, dW, dgamma, dbeta


@float32(kernel.norm_block_parameter_gradients, composite=True)
def norm_block_parameter_gradients(dy, cache):
    """Compute the gradients of norm_block_backward without dx. The first block needs only these.

    Args:
        dy: gradient of y, of its shape.
        cache: from norm_block_forward.
    Returns:
        dW: (3, 3, C, O).
        dgamma: (O,).
        dbeta: (O,).
    """
    dconv, dgamma, dbeta = _backward_to_conv(dy, cache)
    return conv.conv_parameter_gradients(dconv, cache.conv)[0], dgamma, dbeta


@float32(kernel.norm_block_inference, check=check_arguments, composite=True)
def norm_block_inference(x, W, gamma, beta, mean, var, pooled):
    """Compute y of norm_block_forward in inference mode, with the running mean and variance.

    Args:
        x, W, gamma, beta, pooled: as in norm_block_forward.
        mean, var: (O,) running mean and variance.
    Returns:
        y: as in norm_block_forward.
    """
    y, _, _ = _conv_and_pool(x, W, pooled)
    y, _ = batch_norm.normalize(y, gamma, beta, mean, var)
    return activations.relu_forward(y)[0]


def _conv_and_pool(x, W, pooled):
    """Return the input of the normalization, and the caches of convolution and pooling."""
    no_bias = np.zeros(W.shape[3], W.dtype)
    y, cache_conv = conv.conv_forward(x, W, no_bias, stride=1, padding=1)
    if not pooled:
        return y, cache_conv, None
    y, cache_pool = pool.max_pool_forward(y, window=2, stride=2)
    return y, cache_conv, cache_pool


def _backward_to_conv(dy, cache):
    """Run the backward passes of relu, normalization and pooling.

    Returns:
        dconv: gradient of the output of the convolution.
        dgamma: (O,).
        dbeta: (O,).
    """
    dy = activations.relu_backward(dy, cache.relu)
    dy, dgamma, dbeta = batch_norm.batch_norm_backward(dy, cache.norm)
    if cache.pool:
        dy = pool.max_pool_backward(dy, cache.pool)
    return dy, dgamma, dbeta
