"""Elementwise nonlinearities: relu, relu6, sigmoid, tanh."""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import elementwise, float32


class ReluCache(NamedTuple):
    y: np.ndarray


class Relu6Cache(NamedTuple):
    y: np.ndarray


class SigmoidCache(NamedTuple):
    y: np.ndarray


class TanhCache(NamedTuple):
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
    """Compute dx = dy where x > 0, else 0. At x = 0, where relu has no derivative, dx = 0.

    Args:
        dy: gradient of y, of its shape.
        cache: from relu_forward.
    Returns:
        dx: the shape of x.
    """
    return dy * (cache.y > 0)


def relu6_forward(x):
    """Compute y = min(max(x, 0), 6): relu for arithmetic of few bits.

    Args:
        x: any shape.
    Returns:
        y: the shape of x.
        cache: what relu6_backward needs.
    """
    y = np.minimum(np.maximum(x, 0), 6)
    return y, Relu6Cache(y)


def relu6_backward(dy, cache):
    """Compute dx = dy where 0 < x < 6, else 0, of the shape of dy. At 0 and 6 relu6 has no derivative."""
    return dy * ((cache.y > 0) & (cache.y < 6))


@float32(elementwise.sigmoid_forward, SigmoidCache)
def sigmoid_forward(x):
    """Compute y = 1 / (1 + exp(-x)), written as (1 + tanh(x / 2)) / 2, which cannot overflow.

    Args:
        x: any shape.
    Returns:
        y: the shape of x.
        cache: what sigmoid_backward needs.
    """
    y = 0.5 * (1 + np.tanh(0.5 * x))
    return y, SigmoidCache(y)


def sigmoid_backward(dy, cache):
    """Compute dx = dy * y (1 - y), of the shape of dy."""
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
    """Compute dx = dy * (1 - y^2), of the shape of dy."""
    return dy * (1 - cache.y * cache.y)
