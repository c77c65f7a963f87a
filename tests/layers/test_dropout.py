"""Tests of layers.dropout: inverted dropout."""

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import dropout


@pytest.mark.parametrize("rate", [0, 0.3, 0.8])
def test_gradients(rng, rate):
    mask = dropout.dropout_mask(rng, (3, 4), rate, np.float64)
    report = gradcheck.check_layer(
        dropout.dropout_forward, dropout.dropout_backward, {"x": rng.standard_normal((3, 4))}, rng, {"mask": mask}
    )
    assert report.ok, str(report)


def test_forward_is_the_definition():
    y, _ = dropout.dropout_forward(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 2.0], [2.0, 0.0]]))
    np.testing.assert_array_equal(y, [[0, 4], [6, 0]])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_mask(rng, rate, dtype):
    """Check that the mean is 1, which keeps the expected output, and that `rate` is the share of zeros."""
    mask = dropout.dropout_mask(rng, (100, 200), rate, dtype)
    assert mask.shape == (100, 200)
    assert mask.dtype == dtype
    survivors = mask != 0
    np.testing.assert_allclose(mask[survivors], 1 / (1 - rate), rtol=1e-6)
    standard_error = np.sqrt(rate * (1 - rate) / mask.size)
    assert abs(survivors.mean() - (1 - rate)) < 5 * standard_error
    assert abs(mask.mean() - 1) < 5 * standard_error / (1 - rate)


def test_rate_zero_is_the_identity(rng):
    x = rng.standard_normal((3, 4))
    y, cache = dropout.dropout_forward(x, dropout.dropout_mask(rng, x.shape, 0, x.dtype))
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(dropout.dropout_backward(x, cache), x)


def test_rate_zero_draws_no_random_number():
    np.testing.assert_array_equal(dropout.dropout_mask(None, (2, 3), 0, np.float64), np.ones((2, 3)))


def test_same_seed_same_mask():
    def mask(seed):
        return dropout.dropout_mask(np.random.default_rng(seed), (3, 4), 0.5, np.float64)

    np.testing.assert_array_equal(mask(1), mask(1))
    assert (mask(1) != mask(2)).any()


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_bad_rate(rng, rate):
    with pytest.raises(ValueError, match=r"rate must be in \[0, 1\)"):
        dropout.dropout_mask(rng, (3, 4), rate, np.float64)


def test_float32(rng):
    mask = dropout.dropout_mask(rng, (3, 4), 0.5, np.float64)
    helpers.check_float32(
        dropout.dropout_forward, dropout.dropout_backward, {"x": rng.standard_normal((3, 4))}, rng, {"mask": mask}
    )
