"""The Gaussian error linear unit, GELU (Hendrycks and Gimpel 2016, arXiv 1606.08415), a smooth relative of relu.

GELU(x) = x Phi(x), where Phi is the cumulative distribution function of the normal distribution. The authors give an
approximation with tanh, which is computed here: NumPy has tanh, but no error function.
"""

import math
from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import float32
from numpy_sat.kernels import gelu as kernel

SLOPE, CUBIC = math.sqrt(2 / math.pi), 0.044715


class GeluCache(NamedTuple):
    """The input that gelu_forward keeps for gelu_backward."""

    x: np.ndarray


@float32(kernel.gelu_forward, GeluCache)
def gelu_forward(x):
    """Compute y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.

    Args:
        x: any shape.
    Returns:
        y: the shape of x.
        cache: what gelu_backward needs.
    """
    y = 0.5 * x * (1 + np.tanh(SLOPE * (x + CUBIC * x**3)))
    return y, GeluCache(x)


@float32(kernel.gelu_backward)
def gelu_backward(dy, cache):
    """Compute the gradient of gelu_forward.

    Args:
        dy: gradient of y, of its shape.
        cache: from gelu_forward.
    Returns:
        dx: the shape of x.
    """
    x = cache.x
    # t = tanh(u), u = sqrt(2 / pi) (x + 0.044715 x^3)
    t = np.tanh(SLOPE * (x + CUBIC * x**3))
    # du / dx = sqrt(2 / pi) (1 + 3 * 0.044715 x^2)
    slope = SLOPE * (1 + 3 * CUBIC * x * x)
    # dx is a sum:
    # term 1, dy (1 + t) / 2: through the factor x
    # term 2, dy x (1 - t^2) slope / 2: through tanh
    return 0.5 * dy * (1 + t) + 0.5 * dy * x * (1 - t * t) * slope
