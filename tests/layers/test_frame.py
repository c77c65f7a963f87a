"""Tests of layers.frame."""

import numpy as np
import pytest

from numpy_sat.layers import frame


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [((3, 20, 7, 3), (1, 2), (3, 1)), ((2, 4, 5, 16), (0, 1), (0, 0)), ((1, 1, 1, 1), (2, 0), (0, 30))],
)
def test_cells_around_images_have_the_value(rng, dtype, shape, rows, columns):
    x = rng.standard_normal(shape).astype(dtype)
    (above, below), (left, right) = rows, columns
    y = frame.frame(x, rows, columns, 0.5)
    N, H, W, C = shape
    assert y.dtype == dtype and y.flags.c_contiguous and y.shape == (N, above + H + below, left + W + right, C)
    np.testing.assert_array_equal(y[:, above : above + H, left : left + W], x)
    assert (y == 0.5).sum() == y.size - x.size
    np.testing.assert_array_equal(
        frame.frame(x[:, ::-1], rows, columns)[:, above : above + H, left : left + W], x[:, ::-1]
    )
