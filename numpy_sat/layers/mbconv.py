"""The inverted bottleneck of MobileNet and EfficientNet (Sandler et al. 2018), without squeeze-and-excitation.

A 1x1 convolution to several times the channels, relu6, a depthwise convolution, relu6, and a 1x1 convolution to few
channels, after which there is no relu: of few channels it would lose too much. Where input and output have one shape,
the input is added. Its 1x1 convolutions are affine maps of every pixel's channels: pointwise.py, linear.py.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat import kernels
from numpy_sat.kernels import depthwise as depthwise_kernel
from numpy_sat.kernels import elementwise, matmul
from numpy_sat.kernels import mbconv as kernel
from numpy_sat.kernels import relu6 as relu6_kernel
from numpy_sat.layers import activations, conv, depthwise, linear, pointwise


class MBConvCache(NamedTuple):
    expand: pointwise.PointwiseCache | None  # None of a block that does not expand
    depthwise: depthwise.DepthwiseCache
    relu: activations.Relu6Cache
    project: linear.LinearCache
    residual: bool


def mbconv_forward(x, W_e, b_e, W_d, b_d, W_p, b_p, stride):
    """y = relu6(depthwise(relu6(x W_e + b_e))) W_p + b_p, + x where stride is 1 and y has x's shape.

    x: (N, H, W, C); W_e: (C, E), b_e: (E,), or None and None, and E = C; W_d: (P, P, E), b_d: (E,); W_p: (E, O), b_p:
    (O,); stride: of the depthwise convolution. Returns y: (N, H', W', O), sides as depthwise.py's, and the cache.
    """
    h, cache_expand = (x, None) if W_e is None else pointwise.pointwise_forward(x, W_e, b_e)
    if kernels.fused(x):
        y, *caches = _fused_forward(h, W_d, b_d, W_p, b_p, stride)
    else:
        h, cache_depthwise = depthwise.depthwise_forward(h, W_d, b_d, stride)
        h, cache_relu = activations.relu6_forward(h)
        y, cache_project = linear.linear_forward(h, W_p, b_p)
        caches = cache_depthwise, cache_relu, cache_project
    residual = _is_residual(x, y.shape, stride)
    if residual:
        y = y + x
    return y, MBConvCache(cache_expand, *caches, residual)


def mbconv_backward(dy, cache):
    """dy: (N, H', W', O). Returns dx: (N, H, W, C), and dW_e, db_e (None without expansion), dW_d, db_d, dW_p, db_p."""
    if kernels.fused(dy):
        dx, dW_d, db_d, dW_p, db_p = _fused_backward(dy, cache)
    else:
        dh, dW_p, db_p = linear.linear_backward(dy, cache.project)
        dh = activations.relu6_backward(dh, cache.relu)
        dx, dW_d, db_d = depthwise.depthwise_backward(dh, cache.depthwise)
    dW_e = db_e = None
    if cache.expand is not None:
        dx, dW_e, db_e = pointwise.pointwise_backward(dx, cache.expand)
    if cache.residual:
        dx = dx + dy
    return dx, dW_e, db_e, dW_d, db_d, dW_p, db_p


def mbconv_in_use(x, W_e, b_e, W_d, b_d, W_p, b_p, stride):
    """y of mbconv_forward, in one pass where that is possible."""
    if _fused(x, W_d, stride):
        expand = None if W_e is None else (W_e[None, None], b_e)
        return _fused_in_use(x, expand, 1, W_d, b_d, W_p, b_p, stride)
    return mbconv_forward(x, W_e, b_e, W_d, b_d, W_p, b_p, stride)[0]


def stem_in_use(x, W, b, stem_stride, W_d, b_d, W_p, b_p, stride):
    """relu6 of a convolution without padding, and then a block that does not expand, as its arguments say.

    x: (N, H, W, C); W: (S, S, C, E), b: (E,), of stem_stride; W_d, ..., b_p, stride: as of mbconv_forward. In one pass
    where that is possible: the convolution is to the kernel what an expansion is. Returns y: (N, H', W', O).
    """
    if _fused(x, W_d, stride, adds=stride == 1 and W_p.shape[0] == W_p.shape[1]):
        return _fused_in_use(x, (W, b), stem_stride, W_d, b_d, W_p, b_p, stride)
    h, _ = conv.conv_forward(x, W, b, stem_stride)
    h, _ = activations.relu6_forward(h)
    return mbconv_forward(h, None, None, W_d, b_d, W_p, b_p, stride)[0]


def _is_residual(x, y_shape, stride):
    return stride == 1 and x.shape == y_shape


def _fused(x, W_d, stride, adds=False):
    """Whether a kernel does all of a block; what a stem has made, and the block after it adds, it never sees whole."""
    return kernels.fused(x) and kernel.computes(len(W_d), stride, W_d.shape[2]) and not adds


def _fused_in_use(x, expand, stem_stride, W_d, b_d, W_p, b_p, stride):
    S = len(expand[0]) if expand else 1
    between = [(side - S) // stem_stride + 1 for side in x.shape[1:3]]
    padding = [depthwise.same_padding(side, len(W_d), stride)[0] for side in between]
    y_shape = len(x), *(-(-side // stride) for side in between), len(b_p)
    residual, weights = _is_residual(x, y_shape, stride), ((W_d, b_d), (W_p, b_p))
    return kernel.forward(np.ascontiguousarray(x), expand, *weights, stride, padding, y_shape, residual, stem_stride)


def _fused_forward(h, W_d, b_d, W_p, b_p, stride):
    """Depthwise convolution and relu6 in one pass, and the projection."""
    h = np.ascontiguousarray(h)
    depthwise.check_arguments(h, W_d, b_d, stride)
    cache = depthwise.DepthwiseCache(h, W_d, stride)
    h = depthwise_kernel.forward(h, W_d, b_d, stride, depthwise.before(cache), depthwise.output_shape(cache), 0, 6)
    y = matmul.multiply(h, matmul.pack(W_p, b_p))
    return y, cache, activations.Relu6Cache(h), linear.LinearCache(h, W_p)


def _fused_backward(dy, cache):
    """Back to the depthwise convolution's input."""
    dy = np.ascontiguousarray(dy)
    (h, W_p), (x, W_d, stride), padding = cache.project, cache.depthwise, depthwise.before(cache.depthwise)
    dW_p, db_p = matmul.multiply_transposed(h, dy), elementwise.column_sums(dy)
    dh = matmul.multiply(dy, matmul.pack(W_p.T))
    dh, db_d = relu6_kernel.backward(dh, cache.relu.y)
    dW_d = depthwise_kernel.weight_gradient(x, dh, len(W_d), stride, padding)
    return depthwise_kernel.input_gradient(dh, W_d, x.shape, stride, padding), dW_d, db_d, dW_p, db_p
