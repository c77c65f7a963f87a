"""Check depthwise convolutions in float32 against the plain definition in float64."""

import numpy as np
import pytest
from float32 import double, error
from geometries import GEOMETRIES

from numpy_sat.kernels import depthwise as kernel
from numpy_sat.kernels import relu6
from numpy_sat.layers import depthwise, mbconv, pointwise
from numpy_sat.system import machine

ERROR = 2e-6  # accepted error, relative to the largest value

# (N, H, W, C), P, stride
LARGE = {
    "three vectors": ((2, 15, 14, 48), 3, 1),
    "two vectors": ((2, 9, 16, 32), 5, 2),
    "one vector": ((2, 15, 14, 16), 3, 2),
    "seven vectors": ((2, 8, 7, 112), 5, 1),
    "more rows than fit in a frame": ((2, 37, 160, 48), 5, 2),
    "one row that does not fit in a frame": ((1, 4, 1500, 48), 3, 1),
}


def random_inputs(rng, geometry, C=None):
    x_shape, P, stride = geometry
    C = C or x_shape[3]
    shapes = (*x_shape[:3], C), (P, P, C), (C,)
    return [rng.standard_normal(shape, np.float32) for shape in shapes], stride


@pytest.mark.parametrize(
    ("geometry", "C"),
    [*((geometry, C) for geometry in GEOMETRIES.values() for C in (16, 20, 48)), *((g, None) for g in LARGE.values())],
)
def test_forward_and_gradients(rng, geometry, C):
    arrays, stride = random_inputs(rng, geometry, C)
    y, cache = depthwise.depthwise_forward(*arrays, stride)
    expected, cache64 = depthwise.depthwise_forward(*double(*arrays), stride)
    assert error(y, expected) < ERROR
    dy = rng.standard_normal(y.shape, np.float32)
    grads = zip(
        depthwise.depthwise_backward(dy, cache), depthwise.depthwise_backward(*double(dy), cache64), strict=True
    )
    for gradient, expected_gradient in grads:
        assert error(gradient, expected_gradient) < ERROR


def test_bounds(rng):
    (x, W, b), stride = random_inputs(rng, LARGE["three vectors"])
    y, cache = depthwise.depthwise_forward(x, W, b, stride)
    bounded = kernel.forward(x, W, b, stride, depthwise.padding_before(cache), y.shape, 0, 6)
    np.testing.assert_array_equal(bounded, np.clip(y, 0, 6))


def test_float64_is_the_plain_definition(rng, monkeypatch):
    monkeypatch.setattr(kernel, "forward", None)
    arrays, stride = random_inputs(rng, GEOMETRIES["3x3"], 16)
    depthwise.depthwise_forward(*double(*arrays), stride)


def test_memory_layout_does_not_matter(rng):
    (x, W, b), stride = random_inputs(rng, LARGE["two vectors"])
    y, cache = depthwise.depthwise_forward(x, W, b, stride)
    expected = [y, *depthwise.depthwise_backward(y, cache)]
    for x_layout, W_layout in ((np.asfortranarray(x), np.asfortranarray(W)), (np.repeat(x, 2, axis=2)[:, :, ::2], W)):
        y_layout, cache = depthwise.depthwise_forward(x_layout, W_layout, b, stride)
        results = [y_layout, *depthwise.depthwise_backward(np.asfortranarray(y), cache)]
        for result, expected_result in zip(results[:-1], expected[:-1], strict=True):
            np.testing.assert_array_equal(result, expected_result)


@pytest.mark.parametrize("geometry", [*GEOMETRIES.values()][:2], ids=[*GEOMETRIES][:2])
def test_no_images(rng, geometry):
    (x, W, b), stride = random_inputs(rng, geometry, 16)
    y, cache = depthwise.depthwise_forward(x[:0], W, b, stride)
    dx, dW, db = depthwise.depthwise_backward(y, cache)
    assert y.shape == dx.shape == (0, *x.shape[1:]) and dW.shape == W.shape
    assert not dW.any() and not db.any()


@pytest.mark.parametrize("geometry", LARGE.values(), ids=LARGE)
def test_number_of_threads_changes_no_bit(rng, monkeypatch, geometry):
    arrays, stride = random_inputs(rng, geometry)
    project = rng.standard_normal((arrays[0].shape[3], 24), np.float32), rng.standard_normal(24, np.float32)
    results = []
    for threads in (machine.THREADS, 1):
        monkeypatch.setattr(machine, "THREADS", threads)
        y, cache = depthwise.depthwise_forward(*arrays, stride)
        inference_y = mbconv.mbconv_inference(arrays[0], None, None, *arrays[1:], *project, stride)
        dx, db = relu6.backward(y, y)
        results.append([y, *depthwise.depthwise_backward(y, cache), inference_y, dx, db])
    for all_threads, one_thread in zip(*results, strict=True):
        np.testing.assert_array_equal(all_threads, one_thread)


def test_nan_stays_nan(rng):
    """Check that relu6 does not turn NaN into a number."""
    (x, W, b), _ = random_inputs(rng, LARGE["three vectors"])
    x[0, 3, 4, 5] = np.nan
    y, cache = depthwise.depthwise_forward(x, W, b)
    bounded = kernel.forward(x, W, b, 1, depthwise.padding_before(cache), y.shape, 0, 6)
    assert np.isnan(bounded[0, 2:5, 3:6, 5]).all() and np.isnan(bounded).sum() == 9
    identity, no_bias = np.eye(48, dtype=np.float32), np.zeros(48, np.float32)
    assert np.isnan(pointwise.pointwise_forward(x[0, 3:4, 4:6], identity, no_bias)[0]).sum() == 48
    W_p, b_p = np.ones((48, 16), np.float32), np.zeros(16, np.float32)
    inference_y = mbconv.mbconv_inference(x, None, None, W, b, W_p, b_p, 1)
    assert np.isnan(inference_y).sum() == np.isnan(mbconv.mbconv_forward(x, None, None, W, b, W_p, b_p, 1)[0]).sum() > 0
