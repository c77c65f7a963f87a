"""Check the stated errors of tanh, sigmoid and exp of vectors."""

import numpy as np
import pytest

from numpy_sat.kernels import functions, simd
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import kernel


@kernel
def _apply(function_number, x, y):
    for k in range(0, x.size, LANES):
        value = simd.load(x, k)
        if function_number == 0:
            value = functions.tanh(value)
        elif function_number == 1:
            value = functions.sigmoid(value)
        else:
            value = functions.exp(value)
        simd.store(value, y, k)


@pytest.mark.parametrize(
    ("function_number", "definition", "absolute", "relative"),
    [(0, np.tanh, 4e-7, 0), (1, lambda x: 1 / (1 + np.exp(-x)), 2e-7, 0), (2, np.exp, 0, 2e-7)],
    ids=["tanh", "sigmoid", "exp"],
)
def test_stated_errors_of_functions(function_number, definition, absolute, relative):
    x = np.concatenate([np.linspace(-87, 88, 1 << 16), np.linspace(-10, 10, 1 << 16), [0.0] * LANES])
    x = x.astype(np.float32)
    y = np.empty_like(x)
    _apply(function_number, x, y)
    expected = definition(x.astype(np.float64))
    assert (np.abs(y - expected) <= absolute + relative * np.abs(expected)).all()


def test_tanh_stays_between_minus_one_and_one():
    x = np.linspace(6, 9, 1 << 20, dtype=np.float32)
    y = np.empty_like(x)
    _apply(0, x, y)
    assert y.max() <= 1
    _apply(0, -x, y)
    assert y.min() >= -1


def test_functions_of_very_large_arguments():
    x = np.array([-np.inf, -1e30, -100, 100, 1e30, np.inf] * LANES, np.float32)
    y = np.empty_like(x)
    for function_number, ends in ((0, (-1, 1)), (1, (0, 1))):
        _apply(function_number, x, y)
        np.testing.assert_array_equal(y, np.tile(np.repeat(ends, 3), LANES))
    _apply(2, x, y)
    assert (y[0::6] < 1e-37).all() and (y[5::6] > 1e38).all() and np.isfinite(y).all()


@kernel
def _apply_to_sums(exp_x, exp_y, z):
    for k in range(0, z.size, LANES):
        simd.store(functions.tanh_of_sum(simd.load(exp_x, k), simd.load(exp_y, k)), z, k)


@kernel
def _reciprocals(x, y):
    for k in range(0, y.size, LANES):
        simd.store(simd.reciprocal(simd.load(x, k)), y, k)


def tanh_of_sum(x, y):
    """Return the result of the kernel for float32 arrays of whole vectors."""
    exp_x, exp_y, z = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    _apply(2, 2 * x, exp_x)
    _apply(2, 2 * y, exp_y)
    _apply_to_sums(exp_x, exp_y, z)
    return z


def test_tanh_of_sum(rng):
    """Check small and large sums of numbers of both signs. Up to 43, exp is not clipped."""
    x = np.concatenate([rng.uniform(-limit, limit, 1 << 16) for limit in (1e-3, 3, 10, 43)]).astype(np.float32)
    y = np.concatenate([-x, rng.permuted(x.reshape(4, -1), axis=1).ravel()])
    x = np.concatenate([x + rng.standard_normal(x.size).astype(np.float32), x]).clip(-43, 43)
    z = tanh_of_sum(x, y)
    assert np.abs(z - np.tanh(x.astype(np.float64) + y)).max() <= 4e-7
    assert np.abs(z).max() <= 1


def test_tanh_of_sum_of_very_large_arguments():
    x = np.array([-np.inf, -1e30, -100, 0, 100, 1e30, np.inf, np.nan] * LANES, np.float32)
    for y in (np.zeros_like(x), x):
        z = tanh_of_sum(x, y)[:8]
        np.testing.assert_array_equal(z, [-1, -1, -1, 0, 1, 1, 1, np.nan])


def test_reciprocal(rng):
    x = (np.exp(rng.uniform(0, np.log(1e30), 1 << 16))).astype(np.float32)
    y = np.empty_like(x)
    _reciprocals(x, y)
    assert np.abs(y * x.astype(np.float64) - 1).max() <= 2e-7
