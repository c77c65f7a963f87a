"""Tests of layers.conv: 2-D convolution."""

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import conv

# (N, H, W, C), (P, Q), O, stride, padding
GEOMETRIES = {
    "3x3": ((2, 5, 6, 3), (3, 3), 4, 1, 1),
    "no padding": ((2, 6, 4, 3), (3, 3), 5, 1, 0),
    "all dimensions different": ((2, 7, 9, 3), (4, 5), 6, 1, 1),
    "tall filter": ((2, 7, 5, 3), (4, 2), 2, 1, 1),
    "flat filter": ((2, 5, 7, 1), (1, 4), 3, 1, 2),
    "stride 2, divides": ((2, 7, 5, 2), (3, 3), 4, 2, 1),
    "stride 2, does not divide": ((2, 6, 8, 3), (3, 3), 4, 2, 0),
    "stride 3, does not divide": ((2, 9, 7, 2), (2, 3), 3, 3, 1),
    "stride larger than filter": ((2, 6, 8, 2), (1, 2), 3, 3, 0),
    "padding larger than filter - 1": ((2, 3, 4, 2), (2, 3), 3, 1, 3),
    "padding larger than filter - 1, stride 2": ((2, 3, 4, 2), (2, 1), 3, 2, 3),
    "1x1 filter": ((2, 3, 5, 6), (1, 1), 4, 1, 0),
    "filter as large as the image": ((3, 4, 5, 2), (4, 5), 3, 1, 0),
    "one channel in, one out": ((2, 5, 4, 1), (3, 3), 1, 1, 1),
    "one pixel": ((2, 1, 1, 3), (3, 3), 4, 1, 1),
    "five channels, more than four and odd": ((2, 3, 4, 5), (3, 2), 9, 1, 0),
}
geometries = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)


def random_inputs(rng, geometry):
    x_shape, (P, Q), O, stride, padding = geometry
    inputs = {
        "x": rng.standard_normal(x_shape),
        "W": rng.standard_normal((P, Q, x_shape[3], O)),
        "b": rng.standard_normal(O),
    }
    return inputs, {"stride": stride, "padding": padding}


def slow_conv(x, W, b, stride, padding):
    """Compute the convolution from its definition, one window at a time, skipping the zeros around the image."""
    (N, height, width, C), (P, Q, _, O) = x.shape, W.shape
    y = np.empty((N, (height + 2 * padding - P) // stride + 1, (width + 2 * padding - Q) // stride + 1, O))
    for n, i, j, o in np.ndindex(y.shape):
        y[n, i, j, o] = b[o]
        for p, q, c in np.ndindex(P, Q, C):
            row, column = i * stride + p - padding, j * stride + q - padding
            if 0 <= row < height and 0 <= column < width:
                y[n, i, j, o] += x[n, row, column, c] * W[p, q, c, o]
    return y


@geometries
def test_gradients(rng, geometry):
    inputs, options = random_inputs(rng, geometry)
    report = gradcheck.check_layer(conv.conv_forward, conv.conv_backward, inputs, rng, options)
    assert report.ok, str(report)


@geometries
def test_forward_is_the_definition(rng, geometry):
    inputs, options = random_inputs(rng, geometry)
    y, _ = conv.conv_forward(**inputs, **options)
    expected = slow_conv(**inputs, **options)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


def test_stride_1_and_no_padding_are_the_default(rng):
    inputs, _ = random_inputs(rng, GEOMETRIES["3x3"])
    y, _ = conv.conv_forward(**inputs)
    np.testing.assert_allclose(y, slow_conv(**inputs, stride=1, padding=0), rtol=0, atol=1e-12)


def test_filter_is_not_rotated():
    """Check that a filter with a single 1 in its first cell reads the upper left pixel, as in a cross-correlation."""
    x = np.arange(9.0).reshape(1, 3, 3, 1)
    W = np.zeros((2, 2, 1, 1))
    W[0, 0] = 1
    y, _ = conv.conv_forward(x, W, np.zeros(1))
    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 1], [3, 4]])


def test_partial_backward_passes(rng):
    """Check the functions that compute dx alone, or dW and db alone."""
    inputs, options = random_inputs(rng, GEOMETRIES["stride 2, divides"])
    y, cache = conv.conv_forward(**inputs, **options)
    dx, dW, db = conv.conv_backward(y, cache)
    np.testing.assert_array_equal(conv.conv_input_gradient(y, cache), dx)
    for part, whole in zip(conv.conv_parameter_gradients(y, cache), (dW, db), strict=True):
        np.testing.assert_array_equal(part, whole)


def test_no_images(rng):
    inputs, options = random_inputs(rng, ((0, 5, 6, 3), (3, 3), 4, 2, 1))
    y, cache = conv.conv_forward(**inputs, **options)
    assert y.shape == (0, 3, 3, 4)
    dx, dW, db = conv.conv_backward(y, cache)
    assert dx.shape == (0, 5, 6, 3)
    assert dW.shape == (3, 3, 3, 4)
    assert not dW.any() and not db.any()


@pytest.mark.parametrize("padding", [0, 1])
def test_layout_does_not_matter(rng, padding):
    """Check inputs stored with channels first, as in other libraries, and a view of every second pixel."""
    inputs, _ = random_inputs(rng, ((2, 5, 6, 3), (3, 3), 4, 1, padding))
    x, W, b = inputs.values()
    y, cache = conv.conv_forward(x, W, b, 1, padding)
    dy = rng.standard_normal(y.shape)
    grads = conv.conv_backward(dy, cache)
    sparse = np.repeat(x, 2, axis=2)[:, :, ::2]
    for x_other, W_other in [(np.asfortranarray(x), W), (sparse, W), (x, np.asfortranarray(W))]:
        y_other, cache = conv.conv_forward(x_other, W_other, b, 1, padding)
        np.testing.assert_allclose(y_other, y, rtol=0, atol=1e-12)
        assert y_other.flags.c_contiguous
        for a, b_ in zip(conv.conv_backward(np.asfortranarray(dy), cache), grads, strict=True):
            np.testing.assert_allclose(a, b_, rtol=0, atol=1e-12)
            assert a.flags.c_contiguous


@pytest.mark.parametrize(
    ("x_shape", "W_shape", "stride", "padding", "message"),
    [
        ((2, 5, 6, 3), (3, 3, 2, 4), 1, 0, "with the same C, not .*3.*, .*2, 4"),
        ((5, 6, 3), (3, 3, 3, 4), 1, 0, r"x must be \(N, H, W, C\)"),
        ((2, 5, 6, 3), (3, 3, 3), 1, 0, r"W \(P, Q, C, O\)"),
        ((2, 5, 6, 3), (3, 3, 3, 4), 0, 0, "stride must be at least 1"),
        ((2, 5, 6, 3), (3, 3, 3, 4), 1, -1, "padding at least 0"),
        ((2, 4, 6, 3), (5, 3, 3, 4), 1, 0, r"a filter of \(5, 3\) does not fit \(4, 6\) with padding 0"),
        ((2, 6, 4, 3), (3, 5, 3, 4), 1, 0, r"a filter of \(3, 5\) does not fit \(6, 4\) with padding 0"),
        ((2, 2, 6, 3), (5, 3, 3, 4), 1, 1, r"a filter of \(5, 3\) does not fit \(2, 6\) with padding 1"),
        ((2, 6, 2, 3), (3, 5, 3, 4), 1, 1, r"a filter of \(3, 5\) does not fit \(6, 2\) with padding 1"),
    ],
)
def test_unusable_arguments(x_shape, W_shape, stride, padding, message):
    with pytest.raises(ValueError, match=message):
        conv.conv_forward(np.zeros(x_shape), np.zeros(W_shape), np.zeros(W_shape[-1]), stride, padding)


def test_float32(rng):
    inputs, options = random_inputs(rng, ((3, 7, 6, 5), (3, 2), 4, 2, 1))
    helpers.check_float32(conv.conv_forward, conv.conv_backward, inputs, rng, options)
