"""Tests of layers.pool: max-pooling."""

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import pool

# (N, H, W, C), window, stride, padding
GEOMETRIES = {
    "2x2": ((2, 4, 6, 3), 2, 2, 0),
    "does not divide": ((2, 5, 7, 3), 2, 2, 0),
    "overlapping": ((2, 5, 7, 3), 3, 2, 0),
    "overlapping, padded": ((2, 6, 5, 3), 3, 2, 1),
    "overlapping by all but one": ((2, 4, 5, 2), 3, 1, 2),
    "gaps between windows": ((2, 8, 7, 2), 2, 3, 0),
    "gaps, padded": ((2, 7, 5, 2), 2, 3, 1),
    "window of one": ((2, 3, 4, 2), 1, 1, 0),
    "window as large as the padded image": ((2, 3, 3, 2), 5, 1, 1),
    "one channel": ((3, 5, 4, 1), 2, 1, 0),
    "one pixel": ((2, 1, 1, 3), 3, 2, 1),
}
dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32])
geometries = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)


def random_inputs(rng, geometry):
    shape, window, stride, padding = geometry
    return {"x": gradcheck.separated(rng, shape)}, {"window": window, "stride": stride, "padding": padding}


def slow_max_pool(x, window, stride, padding):
    """Compute the largest cell of one window at a time."""
    N, height, width, C = x.shape
    rows, columns = ((size + 2 * padding - window) // stride + 1 for size in (height, width))
    y = np.full((N, rows, columns, C), -np.inf)
    for n, i, j, c in np.ndindex(y.shape):
        for p, q in np.ndindex(window, window):
            row, column = i * stride - padding + p, j * stride - padding + q
            if 0 <= row < height and 0 <= column < width:
                y[n, i, j, c] = max(y[n, i, j, c], x[n, row, column, c])
    return y


@geometries
def test_gradients(rng, geometry):
    inputs, options = random_inputs(rng, geometry)
    report = gradcheck.check_layer(pool.max_pool_forward, pool.max_pool_backward, inputs, rng, options)
    assert report.ok, str(report)


@dtypes
@geometries
def test_forward_is_the_definition(rng, geometry, dtype):
    inputs, options = random_inputs(rng, geometry)
    x = inputs["x"].astype(dtype)
    y, _ = pool.max_pool_forward(x, **options)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, slow_max_pool(x, **options))


@geometries
def test_float32_is_float64(rng, geometry):
    """Check the winners and gradients of the kernel on inputs with many ties."""
    shape, window, stride, padding = geometry
    x = rng.integers(0, 3, shape).astype(np.float64)
    y, cache = pool.max_pool_forward(x, window, stride, padding)
    dy = rng.integers(-9, 9, y.shape).astype(np.float64)
    y32, cache32 = pool.max_pool_forward(x.astype(np.float32), window, stride, padding)
    np.testing.assert_array_equal(y32, y)
    np.testing.assert_array_equal(cache32.winner, cache.winner)
    dx32 = pool.max_pool_backward(dy.astype(np.float32), cache32)
    assert dx32.dtype == np.float32
    np.testing.assert_array_equal(dx32, pool.max_pool_backward(dy, cache))


def test_no_padding_is_the_default(rng):
    x = gradcheck.separated(rng, (2, 5, 7, 3))
    np.testing.assert_array_equal(pool.max_pool_forward(x, 3, 2)[0], slow_max_pool(x, 3, 2, 0))


def test_padding_never_wins():
    """Check negative inputs, which padding with zeros would beat."""
    x = np.full((1, 3, 3, 1), -5.0)
    y, _ = pool.max_pool_forward(x, 3, 2, 1)
    np.testing.assert_array_equal(y, np.full((1, 2, 2, 1), -5))


def test_the_first_of_equal_cells_wins():
    x = np.array([[1.0, 3.0, 3.0], [3.0, 3.0, 2.0]]).reshape(1, 2, 3, 1)
    y, cache = pool.max_pool_forward(x, 2, 1)
    np.testing.assert_array_equal(y[0, :, :, 0], [[3, 3]])
    dx = pool.max_pool_backward(np.array([7.0, 20.0]).reshape(1, 1, 2, 1), cache)
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 27, 0], [0, 0, 0]])


def test_a_cell_sums_the_gradients_of_all_windows_it_wins():
    x = np.zeros((1, 3, 3, 1))
    x[0, 1, 1] = 1
    _, cache = pool.max_pool_forward(x, 2, 1)
    dx = pool.max_pool_backward(np.array([1.0, 10.0, 100.0, 1000.0]).reshape(1, 2, 2, 1), cache)
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 0, 0], [0, 1111, 0], [0, 0, 0]])


@dtypes
def test_no_images(dtype):
    y, cache = pool.max_pool_forward(np.empty((0, 4, 6, 3), dtype), 2, 2)
    assert y.shape == (0, 2, 3, 3)
    assert pool.max_pool_backward(y, cache).shape == (0, 4, 6, 3)


@dtypes
def test_layout_does_not_matter(rng, dtype):
    x = gradcheck.separated(rng, (2, 5, 7, 3)).astype(dtype)
    y, cache = pool.max_pool_forward(x, 3, 2, 1)
    dx = pool.max_pool_backward(y, cache)
    for other in (np.asfortranarray(x), np.repeat(x, 2, axis=2)[:, :, ::2]):
        y_other, cache = pool.max_pool_forward(other, 3, 2, 1)
        np.testing.assert_array_equal(y_other, y)
        dx_other = pool.max_pool_backward(np.asfortranarray(y), cache)
        np.testing.assert_array_equal(dx_other, dx)
        assert y_other.flags.c_contiguous and dx_other.flags.c_contiguous


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding", "message"),
    [
        ((6, 4), 0, 1, 0, "need 1 <= window <= 15, stride >= 1"),
        ((6, 4), 2, 0, 0, "need 1 <= window <= 15, stride >= 1"),
        ((6, 4), 2, 2, -1, "0 <= padding < window"),
        ((6, 4), 2, 2, 2, "0 <= padding < window"),
        ((6, 4), 5, 2, 0, r"a window of 5 does not fit \(6, 4\) with padding 0"),
        ((4, 6), 5, 2, 0, r"a window of 5 does not fit \(4, 6\) with padding 0"),
        ((6, 4), 7, 2, 1, r"a window of 7 does not fit \(6, 4\) with padding 1"),
    ],
)
def test_unusable_arguments(size, window, stride, padding, message):
    with pytest.raises(ValueError, match=message):
        pool.max_pool_forward(np.zeros((2, *size, 3)), window, stride, padding)
    with pytest.raises(ValueError, match=message):
        pool.check_arguments(np.zeros((2, *size, 3)), window, stride, padding)


@geometries
def test_usable_arguments(geometry):
    shape, *others = geometry
    assert pool.check_arguments(np.zeros(shape), *others) is None


def test_float32(rng):
    inputs, options = random_inputs(rng, GEOMETRIES["overlapping, padded"])
    helpers.check_float32(pool.max_pool_forward, pool.max_pool_backward, inputs, rng, options)
