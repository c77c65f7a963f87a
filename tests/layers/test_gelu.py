"""Test GELU: gradients, its definition, and float32."""

import math

import helpers
import numpy as np

from numpy_sat.check import gradcheck
from numpy_sat.kernels import gelu as kernel
from numpy_sat.layers import gelu

PAIR = gelu.gelu_forward, gelu.gelu_backward


def test_gradients(rng):
    report = gradcheck.check_layer(*PAIR, {"x": 2 * rng.standard_normal((3, 4, 5))}, rng)
    assert report.ok, str(report)


def test_it_is_x_times_the_normal_distribution():
    """Check that the form with tanh differs from x Phi(x) by less than 0.0005."""
    x = np.linspace(-6, 6, 241)
    phi = np.array([0.5 * (1 + math.erf(value / math.sqrt(2))) for value in x])
    y, _ = gelu.gelu_forward(x)
    np.testing.assert_allclose(y, x * phi, rtol=0, atol=5e-4)


def test_far_from_0_it_is_relu():
    y, cache = gelu.gelu_forward(np.array([-20.0, 0, 20]))
    np.testing.assert_allclose(y, [0, 0, 20], rtol=0, atol=1e-12)
    np.testing.assert_allclose(gelu.gelu_backward(np.ones(3), cache), [0, 0.5, 1], rtol=0, atol=1e-12)


def test_float32(rng):
    for shape in ((), (3,), (5, 7, 11), (70, 1000)):
        helpers.check_float32(*PAIR, {"x": 2 * rng.standard_normal(shape)}, rng)


def test_one_pass_may_overwrite_dy(rng):
    x, dy = rng.standard_normal((2, 8, 9)).astype(np.float32)
    expected = kernel.gelu_backward(dy, (x,))
    assert kernel.gelu_backward(dy, (x,), dy) is dy
    np.testing.assert_array_equal(dy, expected)
