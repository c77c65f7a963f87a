"""Tests of layers.activations: relu, relu6, sigmoid, tanh."""

import math

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import activations

DEFINITIONS = {
    "relu": lambda x: x if x > 0 else 0.0,
    "relu6": lambda x: 0.0 if x < 0 else x if x < 6 else 6.0,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x)),
    "tanh": lambda x: (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x)),
}


def pair(name):
    return getattr(activations, f"{name}_forward"), getattr(activations, f"{name}_backward")


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("name", DEFINITIONS)
def test_gradients(rng, name, shape):
    report = gradcheck.check_layer(*pair(name), {"x": gradcheck.separated(rng, shape)}, rng)
    assert report.ok, str(report)


def test_gradients_of_relu6_on_both_sides_of_its_bounds(rng):
    x = gradcheck.separated(rng, (3, 4), gap=2)
    assert (x > 6).any() and (x < 0).any()
    report = gradcheck.check_layer(*pair("relu6"), {"x": x}, rng)
    assert report.ok, str(report)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_forward_is_the_definition(rng, name):
    x = 3 * rng.standard_normal((3, 4))
    y, _ = pair(name)[0](x)
    expected = np.array([[DEFINITIONS[name](value) for value in row] for row in x])
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "ends"), [("relu", (0, 1000)), ("relu6", (0, 6)), ("sigmoid", (0, 1)), ("tanh", (-1, 1))]
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_large_values(name, ends, dtype):
    """Check that neither pass overflows, and that a saturated sigmoid or tanh has no gradient."""
    forward, backward = pair(name)
    x = np.array([-1000, 1000], dtype)
    with np.errstate(all="raise"):
        y, cache = forward(x)
        dx = backward(np.ones(2, dtype), cache)
    np.testing.assert_array_equal(y, np.array(ends, dtype))
    np.testing.assert_array_equal(dx, [0, 1] if name == "relu" else [0, 0])


def test_values_to_know():
    np.testing.assert_array_equal(activations.relu_forward(np.array([-2.0, 0.0, 3.0]))[0], [0, 0, 3])
    assert activations.sigmoid_forward(np.zeros(1))[0] == 0.5
    assert activations.tanh_forward(np.zeros(1))[0] == 0


def test_relu6_has_no_gradient_at_its_bounds():
    y, cache = activations.relu6_forward(np.array([-1.0, 0.0, -0.0, 1.0, 6.0, 7.0]))
    np.testing.assert_array_equal(y, [0, 0, 0, 1, 6, 6])
    np.testing.assert_array_equal(activations.relu6_backward(np.full(6, 7.0), cache), [0, 0, 0, 7, 0, 0])


def test_relu_has_no_gradient_at_zero():
    _, cache = activations.relu_forward(np.array([-1.0, 0.0, -0.0, 1.0]))
    np.testing.assert_array_equal(activations.relu_backward(np.full(4, 7.0), cache), [0, 0, 0, 7])


@pytest.mark.parametrize("name", DEFINITIONS)
def test_float32(rng, name):
    helpers.check_float32(*pair(name), {"x": gradcheck.separated(rng, (3, 4))}, rng)
