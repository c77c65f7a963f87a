"""Tests of layers.mbconv: the inverted bottleneck as separate layers, fused, and in one pass."""

import numpy as np
import pytest

from numpy_sat import kernels
from numpy_sat.check import gradcheck
from numpy_sat.layers import activations, conv, depthwise, linear, mbconv
from numpy_sat.system.workspace import Workspace

NAMES = "x", "W_e", "b_e", "W_d", "b_d", "W_p", "b_p"

# (N, H, W, C), E, P, stride, O
GEOMETRIES = {
    "residual": ((2, 4, 3, 3), 5, 3, 1, 3),
    "fewer channels": ((2, 3, 4, 3), 6, 3, 1, 2),
    "more channels": ((2, 3, 4, 2), 6, 3, 1, 5),
    "stride 2": ((2, 4, 5, 3), 4, 5, 2, 3),
    "one pixel at stride 2 is no residual": ((2, 1, 1, 3), 4, 3, 2, 3),
    "no expansion": ((2, 4, 3, 4), None, 3, 1, 2),
    "no expansion, residual": ((2, 3, 4, 5), None, 3, 1, 5),
}
geometries = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
# Sizes for the vector kernels: sides that are no multiple of a tile, several vectors, channels that fill no vector.
WIDE = {
    "residual": ((2, 9, 8, 24), 96, 3, 1, 24),
    "two vectors": ((3, 7, 7, 20), 32, 5, 1, 40),
    "stride 2, even": ((2, 14, 8, 16), 48, 3, 2, 80),
    "stride 2, odd": ((2, 9, 7, 16), 80, 5, 2, 112),
    "no expansion": ((2, 6, 15, 32), None, 3, 1, 16),
    "several bands": ((1, 60, 60, 8), 48, 5, 1, 8),
    "many images": ((17, 3, 4, 16), 16, 3, 1, 20),
}
wide = pytest.mark.parametrize("geometry", WIDE.values(), ids=WIDE)


def random_inputs(rng, geometry, dtype=np.float64):
    """Return the arrays and the options of mbconv_forward.

    The arrays are so large that relu6 reaches both bounds. W_e and b_e are None without expansion.
    """
    (N, H, W, C), E, P, stride, O = geometry
    shapes = (N, H, W, C), (C, E), (E,), (P, P, E or C), (E or C,), (E or C, O), (O,)
    arrays = [None if None in shape else rng.standard_normal(shape) for shape in shapes]
    scales = 1, 3 / np.sqrt(C), 2, 3 / P, 2, 1 / np.sqrt(E or C), 1
    arrays = [None if a is None else (scale * a).astype(dtype) for a, scale in zip(arrays, scales, strict=True)]
    return dict(zip(NAMES, arrays, strict=True)), {"stride": stride}


def without_none(arrays):
    return [array for array in arrays if array is not None]


@geometries
def test_gradients(rng, geometry):
    inputs, options = random_inputs(rng, geometry)
    absent = {name: array for name, array in inputs.items() if array is None}
    present = {name: array for name, array in inputs.items() if array is not None}

    def backward(dy, cache):
        return tuple(without_none(mbconv.mbconv_backward(dy, cache)))

    report = gradcheck.check_layer(mbconv.mbconv_forward, backward, present, rng, {**absent, **options})
    assert report.ok, str(report)


@geometries
def test_forward_equals_the_sequence_of_its_layers(rng, geometry):
    inputs, options = random_inputs(rng, geometry)
    x, W_e, b_e, W_d, b_d, W_p, b_p = inputs.values()
    h = x if W_e is None else np.clip(x @ W_e + b_e, 0, 6)
    h = np.clip(depthwise.depthwise_forward(h, W_d, b_d, **options)[0], 0, 6)
    expected = h @ W_p + b_p + (x if "residual" in name_of(geometry) and options["stride"] == 1 else 0)
    y, _ = mbconv.mbconv_forward(**inputs, **options)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(mbconv.mbconv_inference(**inputs, **options), y)


def name_of(geometry):
    return next(name for name, value in GEOMETRIES.items() if value is geometry)


STEMS = {  # (N, H, W, C) of the images, S, stem_stride, E, P, stride, O
    "other channels": ((2, 9, 11, 3), 3, 2, 32, 3, 1, 16),
    "residual": ((2, 9, 8, 3), 3, 2, 16, 3, 1, 16),
    "stride 2": ((2, 8, 9, 2), 2, 1, 16, 5, 2, 16),
    "no vectors": ((2, 7, 5, 3), 3, 2, 5, 3, 1, 4),
}


def random_stem(rng, shape, S, E, P, O, dtype):
    C = shape[3]
    shapes = shape, (S, S, C, E), (E,), (P, P, E), (E,), (E, O), (O,)
    scales = 1, 3 / np.sqrt(S * S * C), 2, 3 / P, 2, 1 / np.sqrt(E), 1
    return [(scale * rng.standard_normal(shape)).astype(dtype) for shape, scale in zip(shapes, scales, strict=True)]


@pytest.mark.parametrize("stem", STEMS.values(), ids=STEMS)
def test_a_stem_and_its_block(rng, stem):
    shape, S, stem_stride, E, P, stride, O = stem
    x, W, b, *weights = random_stem(rng, shape, S, E, P, O, np.float64)
    h = conv.conv_forward(x, W, b, stem_stride)[0].clip(0, 6)
    y, _ = mbconv.mbconv_forward(h, None, None, *weights, stride)
    y_stem = mbconv.stem_inference(x, W, b, stem_stride, *weights, stride)
    np.testing.assert_array_equal(y_stem, y)


@pytest.mark.parametrize("stem", STEMS.values(), ids=STEMS)
def test_float32_of_a_stem_and_its_block(rng, stem):
    shape, S, stem_stride, E, P, stride, O = stem
    x, W, b, *weights = random_stem(rng, shape, S, E, P, O, np.float32)
    double = [array.astype(np.float64) for array in (x, W, b, *weights)]
    expected = mbconv.stem_inference(*double[:3], stem_stride, *double[3:], stride)
    y = mbconv.stem_inference(x, W, b, stem_stride, *weights, stride)
    assert y.dtype == np.float32 and np.abs(y - expected).max() <= 2e-6 * np.abs(expected).max()


def test_relu6_reaches_both_bounds(rng):
    """Check the inputs of these tests, which could otherwise not notice a missing relu6."""
    inputs, options = random_inputs(rng, GEOMETRIES["residual"])
    _, cache = mbconv.mbconv_forward(**inputs, **options)
    for y in (cache.relu.y, cache.expand.relu.y):
        assert (y == 0).any() and (y == 6).any() and ((y > 0) & (y < 6)).any()


@wide
def test_float32_is_the_same(rng, geometry):
    """Check results of the fused, unfused and one-pass code against float64."""
    inputs, options = random_inputs(rng, geometry, np.float32)
    double = {name: None if array is None else array.astype(np.float64) for name, array in inputs.items()}
    y64, cache64 = mbconv.mbconv_forward(**double, **options)
    dy = rng.standard_normal(y64.shape)
    expected = [y64, *without_none(mbconv.mbconv_backward(dy, cache64))]

    def run():
        y, cache = mbconv.mbconv_forward(**inputs, **options)
        return [y, *without_none(mbconv.mbconv_backward(dy.astype(np.float32), cache))]

    fused, in_one_pass = run(), mbconv.mbconv_inference(**inputs, **options)
    with kernels.unfused():
        unfused, unfused_inference = run(), mbconv.mbconv_inference(**inputs, **options)
    for results in (fused, unfused, [in_one_pass], [unfused_inference]):
        for k, (actual, desired) in enumerate(zip(results, expected, strict=len(results) > 1)):
            assert actual.dtype == np.float32 and actual.shape == desired.shape and actual.flags.c_contiguous
            error = np.abs(actual - desired) / np.abs(desired).max()
            # A value may lie so close to a kink of relu6 that rounding decides its gradient, and so that of a channel.
            assert error.max() <= 2e-6 if k == 0 else np.quantile(error, 0.9) <= 1e-5 and error.max() <= 5e-2


def test_unfused_calls_the_functions_of_the_layers(rng, monkeypatch):
    inputs, options = random_inputs(rng, WIDE["residual"], np.float32)
    calls = []
    for module, kind in ((linear, "linear"), (activations, "relu6"), (depthwise, "depthwise")):
        for name in (f"{kind}_forward", f"{kind}_backward"):
            function = getattr(module, name)
            monkeypatch.setattr(module, name, lambda *args, f=function: calls.append(f.__name__) or f(*args))
    y, cache = mbconv.mbconv_forward(**inputs, **options)
    mbconv.mbconv_backward(y, cache)
    mbconv.mbconv_inference(**inputs, **options)
    assert calls == []
    forward = [f"{kind}_forward" for kind in ("linear", "relu6", "depthwise", "relu6", "linear")]
    backward = [f"{kind}_backward" for kind in ("linear", "relu6", "depthwise", "relu6", "linear")]
    with kernels.unfused():
        y, cache = mbconv.mbconv_forward(**inputs, **options)
        mbconv.mbconv_backward(y, cache)
        mbconv.mbconv_inference(**inputs, **options)
    assert calls == [*forward, *backward, *forward]


def test_float32_inputs_are_not_changed(rng):
    inputs, options = random_inputs(rng, WIDE["residual"], np.float32)
    before = {name: array.copy() for name, array in inputs.items()}
    y, cache = mbconv.mbconv_forward(**inputs, **options)
    dy = rng.standard_normal(y.shape, np.float32)
    dy_before = dy.copy()
    mbconv.mbconv_backward(dy, cache)
    mbconv.mbconv_inference(**inputs, **options)
    for name, array in before.items():
        np.testing.assert_array_equal(inputs[name], array)
    np.testing.assert_array_equal(dy, dy_before)


def test_two_forwards_then_both_backwards_in_one_workspace(rng):
    """Check that later calls in the same step overwrite no result."""
    arguments = [random_inputs(rng, WIDE["residual"], np.float32) for _ in range(2)]

    def run_alone(inputs, options):
        y, cache = mbconv.mbconv_forward(**inputs, **options)
        return [y, *mbconv.mbconv_backward(y, cache)]

    expected = [run_alone(inputs, options) for inputs, options in arguments]
    workspace = Workspace()
    for _ in range(2):
        with workspace.step():
            inferences = [mbconv.mbconv_inference(**inputs, **options) for inputs, options in arguments]
            forwards = [mbconv.mbconv_forward(**inputs, **options) for inputs, options in arguments]
            results = [[y, *mbconv.mbconv_backward(y, cache)] for y, cache in forwards]
        for actual, desired, y in zip(results, expected, inferences, strict=True):
            np.testing.assert_allclose(y, desired[0], rtol=0, atol=1e-5 * np.abs(y).max())
            for a, b in zip(actual, desired, strict=True):
                np.testing.assert_array_equal(a, b)
