"""Elementwise nonlinearities: relu, relu6, sigmoid, tanh."""

from typing import NamedTuple

import numpy as np

from numpy_sat import kernels
from numpy_sat.kernels import elementwise


class ReluCache(NamedTuple):
    y: np.ndarray


class Relu6Cache(NamedTuple):
    y: np.ndarray


class SigmoidCache(NamedTuple):
    y: np.ndarray


class TanhCache(NamedTuple):
    y: np.ndarray


def relu_forward(x):
    """y = max(x, 0). x: any shape. Returns y, of the same shape, and the cache."""
    y = np.maximum(x, 0)
    return y, ReluCache(y)


def relu_backward(dy, cache):
    """dy: the shape of x. Returns dx = dy where x > 0; at x = 0, where relu has no derivative, dx = 0."""
    return dy * (cache.y > 0)


def relu6_forward(x):
    """y = min(max(x, 0), 6): relu for arithmetic of few bits. x: any shape. Returns y, of the same shape; the cache."""
    y = np.minimum(np.maximum(x, 0), 6)
    return y, Relu6Cache(y)


def relu6_backward(dy, cache):
    """dy: the shape of x. Returns dx = dy where 0 < x < 6, else 0; at 0 and 6 there is no derivative."""
    return dy * ((cache.y > 0) & (cache.y < 6))


def sigmoid_forward(x):
    """y = 1 / (1 + exp(-x)), written as (1 + tanh(x / 2)) / 2, which cannot overflow. Returns y and the cache."""
    y = elementwise.sigmoid(x) if kernels.fast(x) else 0.5 * (1 + np.tanh(0.5 * x))
    return y, SigmoidCache(y)


def sigmoid_backward(dy, cache):
    """dy: the shape of x. Returns dx = dy * y (1 - y)."""
    return dy * cache.y * (1 - cache.y)


def tanh_forward(x):
    """y = tanh(x). Returns y and the cache."""
    y = elementwise.tanh(x) if kernels.fast(x) else np.tanh(x)
    return y, TanhCache(y)


def tanh_backward(dy, cache):
    """dy: the shape of x. Returns dx = dy * (1 - y^2)."""
    return dy * (1 - cache.y * cache.y)
