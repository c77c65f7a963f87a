"""tanh, sigmoid and exp of vectors: their stated errors."""

import numpy as np
import pytest

from numpy_sat.kernels import functions, simd
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import kernel


@kernel
def _apply(which, x, y):
    for k in range(0, x.size, LANES):
        value = simd.load(x, k)
        if which == 0:
            value = functions.tanh(value)
        elif which == 1:
            value = functions.sigmoid(value)
        else:
            value = functions.exp(value)
        simd.store(value, y, k)


@pytest.mark.parametrize(
    ("which", "definition", "absolute", "relative"),
    [(0, np.tanh, 4e-7, 0), (1, lambda x: 1 / (1 + np.exp(-x)), 2e-7, 0), (2, np.exp, 0, 2e-7)],
    ids=["tanh", "sigmoid", "exp"],
)
def test_stated_errors_of_functions(which, definition, absolute, relative):
    x = np.concatenate([np.linspace(-87, 88, 1 << 16), np.linspace(-10, 10, 1 << 16), [0.0] * LANES])
    x = x.astype(np.float32)
    y = np.empty_like(x)
    _apply(which, x, y)
    expected = definition(x.astype(np.float64))
    assert (np.abs(y - expected) <= absolute + relative * np.abs(expected)).all()


def test_functions_far_out():
    x = np.array([-np.inf, -1e30, -100, 100, 1e30, np.inf] * LANES, np.float32)
    y = np.empty_like(x)
    for which, ends in ((0, (-1, 1)), (1, (0, 1))):
        _apply(which, x, y)
        np.testing.assert_allclose(y, np.tile(np.repeat(ends, 3), LANES), rtol=0, atol=4e-7)
    _apply(2, x, y)
    assert (y[0::6] < 1e-37).all() and (y[5::6] > 1e38).all() and np.isfinite(y).all()
