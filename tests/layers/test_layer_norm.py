"""Test layer normalization: gradients, its definition, and float32."""

import math

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.kernels import layer_norm as kernel
from numpy_sat.kernels.simd import LANES
from numpy_sat.layers import layer_norm

PAIR = layer_norm.layer_norm_forward, layer_norm.layer_norm_backward


def random_inputs(rng, *shape):
    shapes = {"x": shape, "gamma": shape[-1:], "beta": shape[-1:]}
    return {name: rng.standard_normal(size) for name, size in shapes.items()}


@pytest.mark.parametrize("shape", [(2, 3, 5), (4, 7), (1, 6), (3, 3)])
def test_gradients(rng, shape):
    report = gradcheck.check_layer(*PAIR, random_inputs(rng, *shape), rng)
    assert report.ok, str(report)


def test_by_hand():
    """Check x = (1, 3): mean 2, variance 1, so x_hat is (-1, 1) / sqrt(1 + epsilon)."""
    x, gamma, beta = np.array([[1.0, 3]]), np.array([2.0, 10]), np.array([0.5, -1])
    y, _ = layer_norm.layer_norm_forward(x, gamma, beta)
    std = math.sqrt(1 + 1e-5)
    np.testing.assert_allclose(y, [[-2 / std + 0.5, 10 / std - 1]], rtol=0, atol=1e-14)


def test_every_vector_has_mean_0_and_variance_1(rng):
    x = 3 + 5 * rng.standard_normal((4, 6, 50))
    y, _ = layer_norm.layer_norm_forward(x, np.ones(50), np.zeros(50))
    np.testing.assert_allclose(y.mean(axis=-1), 0, rtol=0, atol=1e-14)
    np.testing.assert_allclose(y.var(axis=-1), 1, rtol=1e-5)


def test_a_constant_vector_is_not_divided_by_0():
    y, cache = layer_norm.layer_norm_forward(np.full((2, 4), 7.0), np.ones(4), np.arange(4.0))
    np.testing.assert_array_equal(y, [np.arange(4)] * 2)
    assert np.isfinite(layer_norm.layer_norm_backward(np.eye(2, 4), cache)[0]).all()


@pytest.mark.parametrize("shape", [(3, 5), (2, 70, LANES), (1, 130, 2 * LANES + 3)])
def test_float32(rng, shape):
    helpers.check_float32(*PAIR, random_inputs(rng, *shape), rng)


def test_one_pass_adds_to_the_gradient_of_the_sum(rng):
    """Check that the kernel adds dx to an array in place."""
    x, dy, dx = (rng.standard_normal((9, 21)).astype(np.float32) for _ in range(3))
    _, cache = layer_norm.layer_norm_forward(x, x[0], x[1])
    expected = dx + kernel.layer_norm_backward(dy, cache)[0]
    result, *_ = kernel.layer_norm_backward(dy, cache, dx)
    assert result is dx
    np.testing.assert_allclose(dx, expected, rtol=0, atol=1e-6)
