"""GELU forward and backward, each in one pass over memory. NumPy makes eight, and its tanh is slow (functions.py)."""

import math

import numpy as np

from numpy_sat.kernels import functions
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, fma, load_first, repeat, store_first
from numpy_sat.kernels.threads import claim_tasks, inline, kernel, run
from numpy_sat.system.workspace import current

NUMBERS = 1 << 14  # numbers of a task: 64 KiB of each array
SLOPE, CUBIC = np.float32(math.sqrt(2 / math.pi)), np.float32(0.044715)
ONE, HALF, THREE = np.float32(1), np.float32(0.5), np.float32(3)


@checked(x="strided (...)")
def gelu_forward(x):
    """Compute gelu_forward of layers/gelu.py; return y and the fields of its cache."""
    x = np.ascontiguousarray(x)
    y = current().empty(x.shape)
    run(_forward, -(-x.size // NUMBERS), x.reshape(-1), y.reshape(-1))
    return y, (x,)


@checked(dy="(...)", cache=("(...)",), dx="optional out (...)")
def gelu_backward(dy, cache, dx=None):
    """Compute gelu_backward of layers/gelu.py.

    Args:
        dy, cache: as for the layer.
        dx: array for the result, for example dy itself; None for a new array.
    Returns:
        dx: the shape of dy.
    """
    (x,) = cache
    dx = current().empty(x.shape) if dx is None else dx
    run(_backward, -(-x.size // NUMBERS), *(array.reshape(-1) for array in (dy, x, dx)))
    return dx


@inline
def _tanh_of(x, square):
    """Compute tanh(sqrt(2 / pi) (x + 0.044715 x^3)) of a vector. square: x^2."""
    return functions.tanh(SLOPE * x * fma(square, repeat(CUBIC), repeat(ONE)))


@kernel
def _forward(thread, counter, tasks, x, y):
    """Compute NUMBERS numbers of y per task."""
    for task in claim_tasks(thread, counter, tasks):
        end = min((task + 1) * NUMBERS, x.size)
        for k in range(task * NUMBERS, end, LANES):
            value = load_first(x, k, end - k)
            half = HALF * value
            store_first(fma(half, _tanh_of(value, value * value), half), y, k, end - k)


@kernel
def _backward(thread, counter, tasks, dy, x, dx):
    """Compute NUMBERS numbers of dx per task."""
    for task in claim_tasks(thread, counter, tasks):
        end = min((task + 1) * NUMBERS, x.size)
        for k in range(task * NUMBERS, end, LANES):
            value, d = load_first(x, k, end - k), load_first(dy, k, end - k)
            square = value * value
            t = _tanh_of(value, square)
            slope = SLOPE * fma(square, repeat(THREE * CUBIC), repeat(ONE))
            # (1 + t) + x (1 - t^2) slope
            factor = fma(value * slope, ONE - t * t, ONE + t)
            store_first(HALF * d * factor, dx, k, end - k)
