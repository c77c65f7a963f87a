"""Choose the kernel that computes a convolution, by its shape.

winograd.py and winograd_weights.py compute 3x3 filters of stride 1 if the numbers of channels are multiples of LANES.
direct.py computes everything else: the first layer with its three channels, other filters and other strides.
Convolutions use F(4x4, 3x3). F(2x2, 3x3) is more accurate and slower. It is a rung of the bench.
"""

import numpy as np

from numpy_sat.kernels import direct, elementwise, frame, winograd, winograd_weights
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.panels import filled
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system.workspace import current


def conv_forward(x, W, b, stride=1, padding=0):
    """Compute conv_forward of layers/conv.py; return y and the fields of its cache.

    This function and the two gradients below return NotImplemented for filters without channels.
    """
    if not W.size:  # no channels: there is nothing to sum
        return NotImplemented
    y, _ = forward(x, W, b, stride, padding)
    return y, (x, W, stride, padding)


def conv_parameter_gradients(dy, cache):
    """Compute conv_parameter_gradients of layers/conv.py; return dW: (P, Q, C, O) and db: (O,)."""
    x, W, stride, padding = cache
    if not W.size:  # no channels: there is nothing to sum
        return NotImplemented
    db = elementwise.column_sums(dy)
    return weight_gradient(x, dy, W.shape, stride, padding), db


def conv_input_gradient(dy, cache):
    """Compute conv_input_gradient of layers/conv.py; return dx: (N, H, W, C)."""
    x, W, stride, padding = cache
    if not W.size:  # no channels: there is nothing to sum
        return NotImplemented
    return input_gradient(dy, W, x.shape, stride, padding)


@checked(
    x="strided (N, H, width, C)",
    W="strided (P, Q, C, O)",
    b="strided (O,)",
    where="stride > 0 <= padding and pool in (1, 2) and P <= H + 2 * padding and Q <= width + 2 * padding",
)
def forward(x, W, b, stride, padding, relu=False, pool=1):
    """Correlate x with W and add b; max-pool 2 x 2 if pool is 2; apply relu if relu is True.

    Args:
        x, W, b, stride, padding: as in layers/conv.py.
        relu: True for max(y, 0).
        pool: side of the pooling windows, 1 (no pooling) or 2.
    Returns:
        y: (N, H', W', O), the sides divided by pool.
        winner: uint8 as in layers/pool.py, the shape of y if pool is 2; otherwise empty.
    """
    O, lowest = W.shape[3], 0 if relu else -np.inf
    x, W, b = np.ascontiguousarray(x), np.ascontiguousarray(W), np.ascontiguousarray(b)
    if _by_winograd(x.shape, W.shape, stride):
        return winograd.correlate(x, W, b, padding, lowest, pool, winograd.F4)
    y, winner = direct.correlate(_pad(x, padding), filled(W), filled(b), stride, lowest, pool)
    return (y, winner) if y.shape[3] == O else (np.ascontiguousarray(y[..., :O]), np.ascontiguousarray(winner[..., :O]))


@checked(
    x_shape="tuple (N, H, width, C)",
    W="strided (P, Q, C, O)",
    dy="strided (N, (H + 2 * padding - P) // stride + 1, (width + 2 * padding - Q) // stride + 1, O)",
)
def input_gradient(dy, W, x_shape, stride, padding):
    """Compute the gradient of x: every cell of x gathers from all windows that contain it.

    This is a correlation of dy with W turned by 180 degrees and its channels swapped. The cells of dy lie `stride`
    apart, with zeros between them and around them.

    Args:
        dy: (N, H', W', O) gradient of the result.
        W: (P, Q, C, O) filters.
        x_shape: (N, H, W, C).
        stride, padding: as in layers/conv.py.
    Returns:
        dx: (N, H, W, C).
    """
    workspace = current()
    _, H, width, C = x_shape
    P, Q, _, O = W.shape
    turned = turn(np.ascontiguousarray(W))
    no_bias = np.zeros(C, np.float32)
    if stride == 1 and padding < P == Q:
        return forward(dy, turned, no_bias, 1, P - 1 - padding)[0]
    N, rows, columns, _ = dy.shape
    dilated = workspace.empty((N, H + 2 * padding + P - 1, width + 2 * padding + Q - 1, O))
    dilated[:] = 0
    dilated[:, P - 1 : P - 1 + rows * stride : stride, Q - 1 : Q - 1 + columns * stride : stride] = dy
    inside = dilated[:, padding : H + padding + P - 1, padding : width + padding + Q - 1]
    return forward(inside, turned, no_bias, 1, 0)[0]


@checked(
    x="strided (N, H, width, C)",
    W_shape="tuple (P, Q, C, O)",
    dy="strided (N, (H + 2 * padding - P) // stride + 1, (width + 2 * padding - Q) // stride + 1, O)",
)
def weight_gradient(x, dy, W_shape, stride, padding):
    """Compute the gradient of W.

    Args:
        x: (N, H, W, C) images.
        dy: (N, H', W', O) gradient of the result.
        W_shape: (P, Q, C, O).
        stride, padding: as in layers/conv.py.
    Returns:
        dW: (P, Q, C, O).
    """
    P, Q, C, O = W_shape
    x, dy = np.ascontiguousarray(x), np.ascontiguousarray(dy)
    if _by_winograd(x.shape, W_shape, stride):
        return winograd_weights.weight_gradient(x, dy, padding)
    filled_dy = filled(dy)
    dW = direct.weight_gradient(_pad(x, padding), filled_dy, (P, Q, C, filled_dy.shape[3]), stride)
    return dW if filled_dy is dy else np.ascontiguousarray(dW[..., :O])


def fills_vectors(W):
    """Return True if W has channels and O is a multiple of LANES, as fused pooling and relu need."""
    return W.size > 0 and W.shape[3] % LANES == 0


def _by_winograd(x_shape, W_shape, stride):
    """Return True if a Winograd kernel computes the convolution."""
    P, Q, C, O = W_shape
    return (P, Q, stride) == (3, 3, 1) and C % LANES == O % LANES == 0 and x_shape[0] > 0


@checked(W="(P, Q, C, O)")
def turn(W):
    """Turn W: (P, Q, C, O) by 180 degrees and swap its channels. Returns (P, Q, O, C)."""
    workspace = current()
    P, Q, C, O = W.shape
    turned = workspace.empty((P, Q, O, C))
    run(_turn, P * Q * -(-C // LANES), W.reshape(P * Q, C, O), turned.reshape(P * Q, O, C))
    return turned


@kernel
def _turn(thread, counter, tasks, W, turned):
    """Turn LANES channels of a cell per task, so that they fill whole cache lines."""
    cells, C, O = W.shape
    blocks = tasks // cells
    for task in claim_tasks(thread, counter, tasks):
        cell, first = task // blocks, task % blocks * LANES
        for o in range(O):
            for c in range(first, min(first + LANES, C)):
                turned[cells - 1 - cell, o, c] = W[cell, c, o]


def _pad(x, padding):
    """Return x: (N, H, W, C) with `padding` rings of zeros."""
    return frame.frame(x, (padding, padding), (padding, padding)) if padding else x
