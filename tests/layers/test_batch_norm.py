"""Tests of layers.batch_norm: batch normalization."""

import helpers
import implementations
import numpy as np
import pytest
from thread_ranks import on_ranks

from numpy_sat.check import gradcheck
from numpy_sat.layers import batch_norm
from numpy_sat.system import ranks

shapes = pytest.mark.parametrize("shape", [(2, 3, 4, 5), (7, 2), (3, 1, 2, 1), (2, 300, 3)], ids=str)


def random_inputs(rng, shape):
    C = shape[-1]
    return {
        "x": 2 * rng.standard_normal(shape) + rng.standard_normal(C),
        "gamma": rng.standard_normal(C),
        "beta": rng.standard_normal(C),
    }


def pair():
    return batch_norm.batch_norm_forward, batch_norm.batch_norm_backward


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (7, 2), (3, 1, 2, 1)], ids=str)
def test_gradients(rng, shape):
    report = gradcheck.check_layer(*pair(), random_inputs(rng, shape), rng)
    assert report.ok, str(report)


@shapes
def test_forward_is_the_definition(rng, shape):
    x, gamma, beta = random_inputs(rng, shape).values()
    y, _ = batch_norm.batch_norm_forward(x, gamma, beta)
    for c in range(shape[-1]):
        values = x[..., c].ravel()
        mean = sum(values) / len(values)
        var = sum((value - mean) ** 2 for value in values) / len(values)
        expected = gamma[c] * (x[..., c] - mean) / np.sqrt(var + 1e-5) + beta[c]
        np.testing.assert_allclose(y[..., c], expected, rtol=0, atol=1e-12)


def test_output_has_mean_beta_and_standard_deviation_gamma(rng):
    x, gamma, beta = random_inputs(rng, (500, 3)).values()
    y, _ = batch_norm.batch_norm_forward(x, gamma, beta)
    np.testing.assert_allclose(y.mean(axis=0), beta, rtol=0, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=0), np.abs(gamma), rtol=1e-4)


def test_scale_and_shift_of_a_channel_do_not_matter(rng):
    """Check that y ignores them, and that dx has no component along x or along a constant.

    This is why a convolution before the normalization needs no bias.
    """
    x, gamma, beta = random_inputs(rng, (40, 3)).values()
    y, cache = batch_norm.batch_norm_forward(x, gamma, beta)
    np.testing.assert_allclose(batch_norm.batch_norm_forward(100 * x + 7, gamma, beta)[0], y, rtol=0, atol=1e-4)
    dx, _, _ = batch_norm.batch_norm_backward(rng.standard_normal(y.shape), cache)
    np.testing.assert_allclose(dx.sum(axis=0), 0, rtol=0, atol=1e-12)
    np.testing.assert_allclose((dx * (x - x.mean(axis=0))).sum(axis=0), 0, rtol=0, atol=1e-4)


def test_normalize_by_the_batchs_own_mean_and_variance_is_the_forward(rng):
    x, gamma, beta = random_inputs(rng, (2, 3, 4, 5)).values()
    y, _ = batch_norm.batch_norm_forward(x, gamma, beta)
    normalized, _ = batch_norm.normalize(x, gamma, beta, *batch_norm.mean_and_variance(x))
    np.testing.assert_allclose(normalized, y, rtol=0, atol=1e-12)


def test_a_constant_channel(rng):
    x = np.full((4, 2), 3.0)
    y, cache = batch_norm.batch_norm_forward(x, np.ones(2), np.array([5.0, -1.0]))
    np.testing.assert_array_equal(y, np.broadcast_to([5.0, -1.0], (4, 2)))
    assert np.isfinite(batch_norm.batch_norm_backward(rng.standard_normal((4, 2)), cache)[0]).all()


@shapes
def test_float32(rng, shape):
    helpers.check_float32(*pair(), random_inputs(rng, shape), rng)


def test_float32_with_a_mean_far_from_zero(rng):
    """Check that the variance does not cancel in the difference of two large numbers."""
    x = (rng.standard_normal((5000, 4)) + np.array([0, 10, 100, 1000])).astype(np.float32)
    mean, var = batch_norm.mean_and_variance(x)
    np.testing.assert_allclose(mean, x.mean(axis=0, dtype=np.float64), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(var, x.var(axis=0, dtype=np.float64), rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_ranks_normalize_by_the_whole_batch(rng, monkeypatch, dtype):
    """Check that two ranks with 2 and 5 of 7 images compute what one computes. Losses are means over images.

    Exercise 18 is about a single process, so the library's functions are tested.
    """
    implementations.restore(monkeypatch, batch_norm)
    x, dy = rng.standard_normal((2, 7, 3, 2, 16)).astype(dtype)
    gamma, beta = rng.standard_normal((2, 16)).astype(dtype)
    y, cache = batch_norm.batch_norm_forward(x, gamma, beta)
    dx, dgamma, dbeta = batch_norm.batch_norm_backward(dy, cache)

    def work():
        group = ranks.current()
        part, weight = (slice(0, 2), 2 / 7) if group.is_first else (slice(2, 7), 5 / 7)
        with group.step(weight):
            y, cache = batch_norm.batch_norm_forward(x[part], gamma, beta)
            dx, *others = batch_norm.batch_norm_backward((dy[part] / weight).astype(dtype), cache)
        return y, dx * weight, *group.average(others, weight)

    shares = on_ranks(2, work)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    for n, expected in enumerate((y, dx)):
        np.testing.assert_allclose(np.concatenate([share[n] for share in shares]), expected, atol=tolerance)
    for share in shares:
        np.testing.assert_allclose(share[2:], (dgamma, dbeta), atol=10 * tolerance)
