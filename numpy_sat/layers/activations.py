"""Elementwise nonlinearities: relu, relu6, sigmoid, tanh."""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import elementwise, float32


class ReluCache(NamedTuple):
    """The result that relu_forward keeps for relu_backward."""

    y: np.ndarray


class Relu6Cache(NamedTuple):
    """The result that relu6_forward keeps for relu6_backward."""

    y: np.ndarray


class SigmoidCache(NamedTuple):
    """The result that sigmoid_forward keeps for sigmoid_backward."""

    y: np.ndarray


class TanhCache(NamedTuple):
    """The result that tanh_forward keeps for tanh_backward."""

    y: np.ndarray


def relu_forward(x):
    """Compute y = max(x, 0).

    Args:
        x: any shape.
    Returns:
        y: the shape of x.
        cache: what relu_backward needs.
    """
    y = np.maximum(x, 0)
    return y, ReluCache(y)


def relu_backward(dy, cache):
    """Compute dx = dy where x > 0, else 0. Relu has no derivative at x = 0; dx is 0 there.

    Args:
        dy: gradient of y, of its shape.
        cache: from relu_forward.
    Returns:
        dx: the shape of x.
    """
    return dy * (cache.y > 0)


def relu6_forward(x):
    """Compute y = min(max(x, 0), 6), a relu with an upper bound, which suits low-precision arithmetic.

    Args:
        x: any shape.
    Returns:
        y: the shape of x.
        cache: what relu6_backward needs.
    """
    y = np.minimum(np.maximum(x, 0), 6)
    return y, Relu6Cache(y)


def relu6_backward(dy, cache):
    """Compute dx = dy where 0 < x < 6, else 0. Relu6 has no derivative at 0 and 6; dx is 0 there.

    Args:
        dy: gradient of y, of its shape.
        cache: from relu6_forward.
    Returns:
        dx: the shape of x.
    """
    return dy * ((cache.y > 0) & (cache.y < 6))


@float32(elementwise.sigmoid_forward, SigmoidCache)
def sigmoid_forward(x):
    """Compute y = 1 / (1 + exp(-x)), in the form (1 + tanh(x / 2)) / 2, which cannot overflow.

    Args:
        x: any shape.
    Returns:
        y: the shape of x.
        cache: what sigmoid_backward needs.
    """
    y = 0.5 * (1 + np.tanh(0.5 * x))
    return y, SigmoidCache(y)


def sigmoid_backward(dy, cache):
    """Compute dx = dy * y (1 - y).

    Args:
        dy: gradient of y, of its shape.
        cache: from sigmoid_forward.
    Returns:
        dx: the shape of x.
    """
    return dy * cache.y * (1 - cache.y)


@float32(elementwise.tanh_forward, TanhCache)
def tanh_forward(x):
    """Compute y = tanh(x).

    Args:
        x: any shape.
    Returns:
        y: the shape of x.
        cache: what tanh_backward needs.
    """
    y = np.tanh(x)
    return y, TanhCache(y)


def tanh_backward(dy, cache):
    """Compute dx = dy * (1 - y^2).

    Args:
        dy: gradient of y, of its shape.
        cache: from tanh_forward.
    Returns:
        dx: the shape of x.
    """
    return dy * (1 - cache.y * cache.y)
