"""The inverted bottleneck of MobileNet and EfficientNet (Sandler et al. 2018), without squeeze-and-excitation.

    expand   1x1 convolution to several times the channels, relu6      pointwise.py
    filter   depthwise convolution, relu6                              depthwise.py, activations.py
    project  1x1 convolution to few channels                           linear.py

The projection has no relu, because a relu of few channels would lose too much information. If stride is 1 and input and
output have the same shape, the block adds the input to its output.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import float32
from numpy_sat.kernels import mbconv as kernel
from numpy_sat.layers import activations, conv, depthwise, linear, pointwise


class MBConvCache(NamedTuple):
    """Caches of the layers of mbconv_forward."""

    expand: pointwise.PointwiseCache | None  # None without expansion
    depthwise: depthwise.DepthwiseCache
    relu: activations.Relu6Cache
    project: linear.LinearCache
    residual: bool  # True if the input was added


def check_arguments(x, W_e, b_e, W_d, b_d, W_p, b_p, stride):
    """Raise ValueError if shapes, dtypes and stride do not fit together."""
    expanded = x if W_e is None else np.broadcast_to(x[..., :1], (*x.shape[:-1], W_e.shape[1]))
    depthwise.check_arguments(expanded, W_d, b_d, stride)


@float32(kernel.mbconv_forward, MBConvCache, check_arguments, composite=True)
def mbconv_forward(x, W_e, b_e, W_d, b_d, W_p, b_p, stride):
    """Compute y = relu6(depthwise(relu6(x W_e + b_e))) W_p + b_p, and add x if stride is 1 and the shapes agree.

    Args:
        x: (N, H, W, C) images.
        W_e: (C, E) weights of the expansion, or None without expansion, where E = C.
        b_e: (E,) biases of the expansion, or None.
        W_d: (P, P, E) filters of the depthwise convolution.
        b_d: (E,) biases of the depthwise convolution.
        W_p: (E, O) weights of the projection.
        b_p: (O,) biases of the projection.
        stride: stride of the depthwise convolution.
    Returns:
        y: (N, ceil(H / stride), ceil(W / stride), O).
        cache: what mbconv_backward needs.
    """
    h, cache_expand = (x, None) if W_e is None else pointwise.pointwise_forward(x, W_e, b_e)
    h, cache_depthwise = depthwise.depthwise_forward(h, W_d, b_d, stride)
    h, cache_relu = activations.relu6_forward(h)
    y, cache_project = linear.linear_forward(h, W_p, b_p)
    residual = stride == 1 and x.shape == y.shape
    if residual:
        y = y + x
    return y, MBConvCache(cache_expand, cache_depthwise, cache_relu, cache_project, residual)


@float32(kernel.mbconv_backward, composite=True)
def mbconv_backward(dy, cache):
    """Compute the gradients of mbconv_forward.

    Args:
        dy: (N, H', W', O) gradient of y.
        cache: from mbconv_forward.
    Returns:
        dx: (N, H, W, C).
        dW_e: (C, E), or None without expansion.
        db_e: (E,), or None without expansion.
        dW_d: (P, P, E).
        db_d: (E,).
        dW_p: (E, O).
        db_p: (O,).
    """
    # dx is a sum if the input was added:
    # term 1: through expansion, depthwise convolution and projection
    dh, dW_p, db_p = linear.linear_backward(dy, cache.project)
    dh = activations.relu6_backward(dh, cache.relu)
    dx, dW_d, db_d = depthwise.depthwise_backward(dh, cache.depthwise)
    dW_e = db_e = None
    if cache.expand is not None:
        dx, dW_e, db_e = pointwise.pointwise_backward(dx, cache.expand)
    # term 2, dy: through the residual connection
    if cache.residual:
        dx = dx + dy
    return dx, dW_e, db_e, dW_d, db_d, dW_p, db_p


@float32(kernel.mbconv_inference, composite=True)
def mbconv_inference(x, W_e, b_e, W_d, b_d, W_p, b_p, stride):
    """Compute y of mbconv_forward without a cache. The kernel does not write the intermediate arrays to memory.

    Args:
        x, W_e, b_e, W_d, b_d, W_p, b_p, stride: as in mbconv_forward.
    Returns:
        y: (N, ceil(H / stride), ceil(W / stride), O).
    """
    return mbconv_forward(x, W_e, b_e, W_d, b_d, W_p, b_p, stride)[0]


@float32(kernel.stem_inference, composite=True)
def stem_inference(x, W, b, stem_stride, W_d, b_d, W_p, b_p, stride):
    """Compute relu6 of a convolution without padding, then a block without expansion; there is no cache.

    The kernel treats the convolution like the expansion of a block.

    Args:
        x: (N, H, W, C) images.
        W: (S, S, C, E) filters of the convolution.
        b: (E,) biases of the convolution.
        stem_stride: stride of the convolution.
        W_d, b_d, W_p, b_p, stride: as in mbconv_forward.
    Returns:
        y: (N, H', W', O).
    """
    h, _ = conv.conv_forward(x, W, b, stem_stride)
    h, _ = activations.relu6_forward(h)
    return mbconv_forward(h, None, None, W_d, b_d, W_p, b_p, stride)[0]
