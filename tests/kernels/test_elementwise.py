"""Check elementwise kernels against their definitions in float64."""

import numpy as np
import pytest
from float32 import single

from numpy_sat.kernels import elementwise
from numpy_sat.layers import activations


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
    np.testing.assert_array_equal(elementwise.sums_of_rows(*single(rows), row_numbers, 7), total)


@pytest.mark.parametrize("shape", [(), (3,), (50, 7)])
def test_take_rows(rng, shape):
    E, numbers = rng.standard_normal((9, 21)).astype(np.float32), rng.integers(0, 9, shape)
    np.testing.assert_array_equal(elementwise.take_rows(E, numbers), E[numbers])
    for wrong in (-1, 9):
        with pytest.raises(IndexError, match="take_rows"):
            elementwise.take_rows(E, np.append(numbers, wrong))


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 7, 21)])
def test_means(rng, shape):
    (x,) = single(rng.standard_normal(shape))
    np.testing.assert_allclose(elementwise.means(x), x.astype(float).mean(axis=1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("P", [0, 2, 19])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 7, 21)])
def test_with_columns(rng, shape, P):
    x, columns = single(rng.standard_normal(shape), rng.standard_normal((shape[1], P)))
    expected = np.concatenate([x, np.broadcast_to(columns, (len(x), *columns.shape))], axis=2)
    np.testing.assert_array_equal(elementwise.with_columns(x, columns), expected)


@pytest.mark.parametrize("shape", [(0, 3), (5,), (3, elementwise.NUMBERS // 2 + 1)])
def test_product(rng, shape):
    x, y = single(rng.standard_normal(shape), rng.standard_normal(shape))
    np.testing.assert_array_equal(elementwise.product(x, y, np.empty_like(x)), x * y)


@pytest.mark.parametrize("number", [-1, 3])
def test_row_numbers_out_of_range_are_refused(number):
    rows, numbers = np.zeros((2, 5), np.float32), np.array([0, number])
    with pytest.raises(IndexError, match="rows must be"):
        elementwise.sums_of_rows(rows, numbers, 3)
    with pytest.raises(IndexError, match="rows must be"):
        elementwise.add_rows(rows, numbers, np.zeros((3, 5), np.float32))
