"""Tests of layers.softmax: the softmax over the last axis, and its logarithm."""

import math

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import softmax


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 5), (3, 1)])
def test_gradients(rng, shape):
    inputs = {"x": rng.standard_normal(shape)}
    report = gradcheck.check_layer(softmax.softmax_forward, softmax.softmax_backward, inputs, rng)
    assert report.ok, str(report)


def test_forward_is_the_definition(rng):
    x = rng.standard_normal((2, 3, 5))
    p, _ = softmax.softmax_forward(x)
    for row in np.ndindex(2, 3):
        total = sum(math.exp(value) for value in x[row])
        np.testing.assert_allclose(p[row], [math.exp(value) / total for value in x[row]], rtol=1e-14)


def test_rows_are_distributions(rng):
    p, _ = softmax.softmax_forward(10 * rng.standard_normal((3, 4)))
    assert (p > 0).all()
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-14)


def test_equal_scores_share_equally():
    p, _ = softmax.softmax_forward(np.full((2, 8), 3.7))
    np.testing.assert_array_equal(p, np.full((2, 8), 1 / 8))


def test_a_constant_added_to_all_scores_changes_nothing(rng):
    """Check this for p, and that the gradient of each row therefore sums to zero."""
    x, dp = rng.standard_normal((2, 3, 5))
    p, cache = softmax.softmax_forward(x)
    np.testing.assert_allclose(softmax.softmax_forward(x + 17)[0], p, rtol=1e-13)
    np.testing.assert_allclose(softmax.softmax_backward(dp, cache).sum(axis=-1), 0, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_large_scores(dtype):
    """Check that scores of +-1000 neither overflow nor divide zero by zero, in either pass."""
    x = np.array([[1000, -1000, 999], [-1000, -1000, -1000], [1000, 1000, -1000], [1000, -1000, -1000]], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        p, cache = softmax.softmax_forward(x)
        dx = softmax.softmax_backward(np.array([[1, 2, 3]] * 4, dtype), cache)
        log_p = softmax.log_softmax(x)
    e = math.e
    expected = [[e / (e + 1), 0, 1 / (e + 1)], [1 / 3] * 3, [0.5, 0.5, 0], [1, 0, 0]]
    np.testing.assert_allclose(p, expected, rtol=1e-6)
    assert np.isfinite(dx).all()
    np.testing.assert_allclose(np.exp(log_p), expected, rtol=1e-4)
    np.testing.assert_allclose(log_p.min(axis=-1), [-2000, -math.log(3), -2000, -2000], rtol=1e-3)


@pytest.mark.parametrize("shape", [(4,), (2, 3, 5)])
def test_logarithms_are_their_definition(rng, shape):
    x = rng.standard_normal(shape)
    log_sum, log_p = softmax.log_sum_exp(x), softmax.log_softmax(x)
    assert log_sum.shape == shape[:-1]
    for row in np.ndindex(shape[:-1]):
        expected = math.log(sum(math.exp(value) for value in x[row]))
        np.testing.assert_allclose(log_sum[row], expected, rtol=0, atol=1e-14)
        np.testing.assert_allclose(log_p[row], x[row] - expected, rtol=0, atol=1e-14)


def test_empty_batch():
    p, cache = softmax.softmax_forward(np.empty((0, 4)))
    assert p.shape == softmax.softmax_backward(p, cache).shape == (0, 4)


def test_float32(rng):
    inputs = {"x": rng.standard_normal((2, 3, 5))}
    helpers.check_float32(softmax.softmax_forward, softmax.softmax_backward, inputs, rng)
