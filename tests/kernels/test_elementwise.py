"""Check elementwise kernels against their definitions in float64."""

import numpy as np
import pytest
from float32 import single

from numpy_sat.kernels import elementwise
from numpy_sat.layers import activations
from numpy_sat.training import optimizers


@pytest.mark.parametrize("shape", [(3, 4, 5, 7), (1, 1), (600, 33), (0, 4)])
def test_relu_backward_and_column_sums(rng, shape):
    dy, x = rng.standard_normal(shape), rng.standard_normal(shape)
    y, cache = activations.relu_forward(x)
    dx, db = elementwise.relu_backward(*single(dy, y))
    expected = activations.relu_backward(dy, cache)
    np.testing.assert_allclose(dx, expected, rtol=1e-6)
    np.testing.assert_allclose(db, expected.sum(axis=tuple(range(x.ndim - 1))), rtol=0, atol=1e-5)
    np.testing.assert_allclose(elementwise.column_sums(*single(dy)), dy.reshape(-1, shape[-1]).sum(0), atol=1e-4)


def test_add_rows(rng):
    rows, row_numbers = rng.standard_normal((50, 21)), rng.integers(0, 7, 50)
    expected = np.zeros((7, 21))
    np.add.at(expected, row_numbers, rows)
    total = np.zeros((7, 21), np.float32)
    elementwise.add_rows(*single(rows), row_numbers, total)
    np.testing.assert_allclose(total, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("update", [optimizers.adam_update, optimizers.rmsprop_update])
def test_optimisers_in_one_pass(rng, update):
    """Compare ten updates by the float32 kernel and the float64 definition. The sizes are not multiples of LANES."""
    shapes = {"W": (37, 5), "b": (1,), "E": (40_000,)}
    params64 = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    params = {name: array.astype(np.float32) for name, array in params64.items()}
    state, state64 = {}, {}
    for _ in range(10):
        grads64 = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        update(params64, grads64, state64, 0.01)
        update(params, {name: array.astype(np.float32) for name, array in grads64.items()}, state, 0.01)
    for name, array in params.items():
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, params64[name], rtol=0, atol=2e-6)
    assert state.keys() == state64.keys()


def test_optimisers_update_arrays_of_any_layout_in_place(rng):
    W = np.asfortranarray(rng.standard_normal((4, 6)).astype(np.float32))
    before = W.copy()
    optimizers.adam_update({"W": W}, {"W": np.ones_like(W)}, {}, 0.1)
    np.testing.assert_allclose(W, before - 0.1, rtol=0, atol=1e-5)
