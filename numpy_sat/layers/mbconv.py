"""The inverted bottleneck of MobileNet and EfficientNet (Sandler et al. 2018), without squeeze-and-excitation.

    expand   1x1 convolution to several times the channels, relu6      pointwise.py
    filter   depthwise convolution, relu6                              depthwise.py, activations.py
    project  1x1 convolution to few channels                           linear.py

The projection has no relu, which would lose too much of few channels. Where input and output have one shape, the input
is added.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import float32
from numpy_sat.kernels import mbconv as kernel
from numpy_sat.layers import activations, conv, depthwise, linear, pointwise


class MBConvCache(NamedTuple):
    expand: pointwise.PointwiseCache | None  # None for a block that does not expand
    depthwise: depthwise.DepthwiseCache
    relu: activations.Relu6Cache
    project: linear.LinearCache
    residual: bool


def check_arguments(x, W_e, b_e, W_d, b_d, W_p, b_p, stride):
    """Raise ValueError where these are not a block's arguments."""
    expanded = x if W_e is None else np.broadcast_to(x[..., :1], (*x.shape[:-1], W_e.shape[1]))
    depthwise.check_arguments(expanded, W_d, b_d, stride)


@float32(kernel.mbconv_forward, MBConvCache, check_arguments, composite=True)
def mbconv_forward(x, W_e, b_e, W_d, b_d, W_p, b_p, stride):
    """Compute y = relu6(depthwise(relu6(x W_e + b_e))) W_p + b_p; + x if stride is 1 and y has the shape of x.

    Args:
        x: (N, H, W, C) images.
        W_e: (C, E) weights of the expansion; None without expansion, then E = C.
        b_e: (E,) biases of the expansion, or None.
        W_d: (P, P, E) filters of the depthwise convolution.
        b_d: (E,) its biases.
        W_p: (E, O) weights of the projection.
        b_p: (O,) its biases.
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
    dh, dW_p, db_p = linear.linear_backward(dy, cache.project)
    dh = activations.relu6_backward(dh, cache.relu)
    dx, dW_d, db_d = depthwise.depthwise_backward(dh, cache.depthwise)
    dW_e = db_e = None
    if cache.expand is not None:
        dx, dW_e, db_e = pointwise.pointwise_backward(dx, cache.expand)  # term 1: through the block
    if cache.residual:
        dx = dx + dy  # term 2: the input that was added
    return dx, dW_e, db_e, dW_d, db_d, dW_p, db_p


@float32(kernel.mbconv_inference, composite=True)
def mbconv_inference(x, W_e, b_e, W_d, b_d, W_p, b_p, stride):
    """Compute y of mbconv_forward, without a cache. The kernel keeps what lies between the ends out of memory.

    Args:
        x, W_e, b_e, W_d, b_d, W_p, b_p, stride: as in mbconv_forward.
    Returns:
        y: (N, ceil(H / stride), ceil(W / stride), O).
    """
    return mbconv_forward(x, W_e, b_e, W_d, b_d, W_p, b_p, stride)[0]


@float32(kernel.stem_inference, composite=True)
def stem_inference(x, W, b, stem_stride, W_d, b_d, W_p, b_p, stride):
    """Compute relu6 of a convolution without padding, then a block that does not expand, without a cache.

    To the kernel, the convolution is what an expansion is.

    Args:
        x: (N, H, W, C) images.
        W: (S, S, C, E) filters of the convolution.
        b: (E,) its biases.
        stem_stride: its stride.
        W_d, b_d, W_p, b_p, stride: as in mbconv_forward.
    Returns:
        y: (N, H', W', O).
    """
    h, _ = conv.conv_forward(x, W, b, stem_stride)
    h, _ = activations.relu6_forward(h)
    return mbconv_forward(h, None, None, W_d, b_d, W_p, b_p, stride)[0]
