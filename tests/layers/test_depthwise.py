"""Tests of layers.depthwise: depthwise convolution."""

import helpers
import numpy as np
import pytest
from geometries import GEOMETRIES

from numpy_sat.check import gradcheck
from numpy_sat.layers import conv, depthwise

# (N, H, W, C), P, stride
geometries = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)


def random_inputs(rng, geometry):
    x_shape, P, stride = geometry
    C = x_shape[3]
    shapes = {"x": x_shape, "W": (P, P, C), "b": (C,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}, {"stride": stride}


def slow_depthwise(x, W, b, stride):
    """Compute the depthwise convolution from its definition, one window at a time.

    The windows extend equally far over both edges, or one pixel farther at the end.
    """
    (N, H, width, C), P = x.shape, len(W)
    y = np.empty((N, -(-H // stride), -(-width // stride), C))
    overhang = [
        max((count - 1) * stride + P - size, 0) // 2 for count, size in zip(y.shape[1:3], (H, width), strict=True)
    ]
    for n, i, j, c in np.ndindex(y.shape):
        y[n, i, j, c] = b[c]
        for p, q in np.ndindex(P, P):
            row, column = i * stride + p - overhang[0], j * stride + q - overhang[1]
            if 0 <= row < H and 0 <= column < width:
                y[n, i, j, c] += x[n, row, column, c] * W[p, q, c]
    return y


@geometries
def test_gradients(rng, geometry):
    inputs, options = random_inputs(rng, geometry)
    report = gradcheck.check_layer(depthwise.depthwise_forward, depthwise.depthwise_backward, inputs, rng, options)
    assert report.ok, str(report)


@geometries
def test_forward_is_the_definition(rng, geometry):
    inputs, options = random_inputs(rng, geometry)
    y, _ = depthwise.depthwise_forward(**inputs, **options)
    expected = slow_depthwise(**inputs, **options)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


def test_it_is_a_convolution_whose_filters_each_see_one_channel(rng):
    inputs, _ = random_inputs(rng, ((2, 5, 6, 4), 3, 1))
    x, W, b = inputs.values()
    diagonal = W[:, :, :, None] * np.eye(4)
    y, _ = depthwise.depthwise_forward(x, W, b)
    np.testing.assert_allclose(y, conv.conv_forward(x, diagonal, b, 1, 1)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "P", "stride", "lines"),
    [
        *((224, 3, 1, (1, 1)), (224, 5, 1, (2, 2)), (224, 3, 2, (0, 1)), (112, 5, 2, (1, 2)), (7, 3, 2, (1, 1))),
        *((7, 5, 2, (2, 2)), (1, 3, 2, (1, 1)), (6, 1, 1, (0, 0)), (6, 2, 3, (0, 0)), (4, 2, 1, (0, 1))),
    ],
)
def test_padding(size, P, stride, lines):
    """Check values known from TensorFlow, and that there is no padding if the windows skip pixels."""
    assert depthwise.same_padding(size, P, stride) == lines


def test_windows_of_an_even_image_at_stride_2_begin_at_its_edge():
    """Check that a filter with a single 1 in its first cell selects every second pixel, and no padding."""
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    W = np.zeros((3, 3, 1))
    W[0, 0] = 1
    y, _ = depthwise.depthwise_forward(x, W, np.zeros(1), 2)
    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 2], [8, 10]])


def test_stride_1_is_the_default(rng):
    inputs, options = random_inputs(rng, GEOMETRIES["3x3"])
    y, _ = depthwise.depthwise_forward(**inputs)
    np.testing.assert_array_equal(y, depthwise.depthwise_forward(**inputs, **options)[0])


def test_no_images(rng):
    inputs, options = random_inputs(rng, ((0, 5, 6, 3), 3, 2))
    y, cache = depthwise.depthwise_forward(**inputs, **options)
    assert y.shape == (0, 3, 3, 3)
    dx, dW, db = depthwise.depthwise_backward(y, cache)
    assert dx.shape == (0, 5, 6, 3)
    assert dW.shape == (3, 3, 3)
    assert not dW.any() and not db.any()


def test_layout_does_not_matter(rng):
    """Check inputs stored with channels first, as in other libraries, and a view of every second pixel."""
    inputs, _ = random_inputs(rng, GEOMETRIES["3x3"])
    x, W, b = inputs.values()
    y, cache = depthwise.depthwise_forward(x, W, b, 2)
    dy = rng.standard_normal(y.shape)
    grads = depthwise.depthwise_backward(dy, cache)
    sparse = np.repeat(x, 2, axis=2)[:, :, ::2]
    for x_other, W_other in [(np.asfortranarray(x), W), (sparse, W), (x, np.asfortranarray(W))]:
        y_other, cache = depthwise.depthwise_forward(x_other, W_other, b, 2)
        np.testing.assert_allclose(y_other, y, rtol=0, atol=1e-12)
        assert y_other.flags.c_contiguous
        for a, b_ in zip(depthwise.depthwise_backward(np.asfortranarray(dy), cache), grads, strict=True):
            np.testing.assert_allclose(a, b_, rtol=0, atol=1e-12)
            assert a.flags.c_contiguous


@pytest.mark.parametrize(
    ("x_shape", "W_shape", "b_shape", "stride", "message"),
    [
        ((2, 5, 6, 3), (3, 3, 2), (2,), 1, "with the same C, not .*6, 3.*, .*3, 2"),
        ((5, 6, 3), (3, 3, 3), (3,), 1, r"x must be \(N, H, W, C\)"),
        ((2, 5, 6, 3), (3, 3, 1, 3), (3,), 1, r"W \(P, P, C\)"),
        ((2, 5, 6, 3), (3, 2, 3), (3,), 1, r"W \(P, P, C\)"),
        ((2, 5, 6, 3), (3, 3, 3), (1,), 1, r"b must be \(3,\), not \(1,\)"),
        ((2, 5, 6, 3), (3, 3, 3), (3,), 0, "stride must be from 1 to the filter's side, 3, not 0"),
        ((2, 5, 6, 3), (3, 3, 3), (3,), 4, "not 4"),
    ],
)
def test_unusable_arguments(x_shape, W_shape, b_shape, stride, message):
    with pytest.raises(ValueError, match=message):
        depthwise.depthwise_forward(np.zeros(x_shape), np.zeros(W_shape), np.zeros(b_shape), stride)


@pytest.mark.parametrize("which", range(3))
def test_arrays_of_different_dtypes(which):
    arrays = [np.zeros((2, 5, 6, 3)), np.zeros((3, 3, 3)), np.zeros(3)]
    arrays[which] = arrays[which].astype(np.float32)
    with pytest.raises(ValueError, match="one dtype"):
        depthwise.depthwise_forward(*arrays)


@pytest.mark.parametrize("C", [5, 32])
def test_float32(rng, C):
    inputs, options = random_inputs(rng, ((3, 7, 6, C), 3, 2))
    helpers.check_float32(depthwise.depthwise_forward, depthwise.depthwise_backward, inputs, rng, options)
