"""layers.activations: relu, sigmoid, tanh."""

import math

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import activations

DEFINITIONS = {
    "relu": lambda x: x if x > 0 else 0.0,
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


@pytest.mark.parametrize("name", DEFINITIONS)
def test_forward_is_the_definition(rng, name):
    x = 3 * rng.standard_normal((3, 4))
    y, _ = pair(name)[0](x)
    expected = np.array([[DEFINITIONS[name](value) for value in row] for row in x])
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("name", "ends"), [("relu", (0, 1000)), ("sigmoid", (0, 1)), ("tanh", (-1, 1))])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_large_values(name, ends, dtype):
    """Neither pass overflows, and a saturated sigmoid or tanh has no gradient."""
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


def test_relu_has_no_gradient_at_zero():
    _, cache = activations.relu_forward(np.array([-1.0, 0.0, -0.0, 1.0]))
    np.testing.assert_array_equal(activations.relu_backward(np.full(4, 7.0), cache), [0, 0, 0, 7])


@pytest.mark.parametrize("name", DEFINITIONS)
def test_float32(rng, name):
    helpers.check_float32(*pair(name), {"x": gradcheck.separated(rng, (3, 4))}, rng)
