"""Tests of layers.linear: y = x W + b."""

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import linear


def random_inputs(rng, lead=(3,), inputs=4, outputs=6):
    return {
        "x": rng.standard_normal((*lead, inputs)),
        "W": rng.standard_normal((inputs, outputs)),
        "b": rng.standard_normal(outputs),
    }


@pytest.mark.parametrize("lead", [(3,), (5, 3), (2, 5, 3), (1,), ()])
def test_gradients(rng, lead):
    report = gradcheck.check_layer(linear.linear_forward, linear.linear_backward, random_inputs(rng, lead), rng)
    assert report.ok, str(report)


def test_gradients_of_a_square_matrix(rng):
    """Check the values where a transposed W has the correct shape."""
    inputs = random_inputs(rng, (5,), 3, 3)
    report = gradcheck.check_layer(linear.linear_forward, linear.linear_backward, inputs, rng)
    assert report.ok, str(report)


@pytest.mark.parametrize("lead", [(3,), (5, 3)])
def test_forward_is_the_definition(rng, lead):
    inputs = random_inputs(rng, lead)
    x, W, b = inputs.values()
    expected = np.empty((*lead, 6))
    for index in np.ndindex(lead):
        for o in range(6):
            expected[(*index, o)] = b[o] + sum(x[(*index, i)] * W[i, o] for i in range(4))
    y, _ = linear.linear_forward(**inputs)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-13)


def test_layout_of_x_does_not_matter(rng):
    x, W, b = random_inputs(rng, (5, 3)).values()
    dy = rng.standard_normal((5, 3, 6))
    x_view = np.ascontiguousarray(x.transpose(2, 1, 0)).transpose(2, 1, 0)
    y, cache = linear.linear_forward(x, W, b)
    y_view, cache_view = linear.linear_forward(x_view, W, b)
    np.testing.assert_allclose(y_view, y, rtol=0, atol=1e-13)
    for a, b in zip(linear.linear_backward(dy, cache_view), linear.linear_backward(dy, cache), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)


def test_empty_batch(rng):
    x, W, b = random_inputs(rng, (0,)).values()
    y, cache = linear.linear_forward(x, W, b)
    assert y.shape == (0, 6)
    dx, dW, db = linear.linear_backward(y, cache)
    assert dx.shape == (0, 4)
    assert not dW.any() and not db.any()


def test_float32(rng):
    helpers.check_float32(linear.linear_forward, linear.linear_backward, random_inputs(rng, (5, 3)), rng)
