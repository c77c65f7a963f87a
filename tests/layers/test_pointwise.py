"""Tests of layers.pointwise: the 1x1 convolution with relu6."""

import numpy as np
import pytest

from numpy_sat import kernels
from numpy_sat.check import gradcheck
from numpy_sat.layers import conv, pointwise


def random_inputs(rng, shape, O):
    """Return arrays so large that relu6 reaches both bounds."""
    I = shape[-1]
    return {
        "x": rng.standard_normal(shape),
        "W": 4 / np.sqrt(I) * rng.standard_normal((I, O)),
        "b": 2 + rng.standard_normal(O),
    }


@pytest.mark.parametrize(("shape", "O"), [((2, 3, 4, 5), 6), ((7, 3), 3), ((1, 2, 2, 1), 4)])
def test_gradients(rng, shape, O):
    inputs = random_inputs(rng, shape, O)
    report = gradcheck.check_layer(pointwise.pointwise_forward, pointwise.pointwise_backward, inputs, rng)
    assert report.ok, str(report)


def test_it_is_a_convolution_bounded_by_0_and_6(rng):
    x, W, b = random_inputs(rng, (2, 4, 5, 3), 6).values()
    y, _ = pointwise.pointwise_forward(x, W, b)
    np.testing.assert_allclose(y, conv.conv_forward(x, W[None, None], b)[0].clip(0, 6), rtol=0, atol=1e-12)
    assert (y == 0).any() and (y == 6).any() and ((y > 0) & (y < 6)).any()


@pytest.mark.parametrize(("shape", "O"), [((2, 9, 7, 24), 96), ((3, 5, 5, 20), 13), ((0, 4, 3), 5), ((850, 300), 70)])
def test_float32_fused_and_unfused(rng, shape, O):
    inputs = random_inputs(rng, shape, O)
    dy = rng.standard_normal((*shape[:-1], O))
    y, cache = pointwise.pointwise_forward(**inputs)
    expected = [y, *pointwise.pointwise_backward(dy, cache)]
    single = {name: array.astype(np.float32) for name, array in inputs.items()}
    before = {name: array.copy() for name, array in single.items()}

    def run():
        y, cache = pointwise.pointwise_forward(**single)
        return [y, *pointwise.pointwise_backward(dy.astype(np.float32), cache)]

    fused = run()
    with kernels.unfused():
        unfused = run()
    for results in (fused, unfused):
        for actual, desired in zip(results, expected, strict=True):
            assert actual.dtype == np.float32 and actual.shape == desired.shape and actual.flags.c_contiguous
            np.testing.assert_allclose(actual, desired, rtol=0, atol=5e-6 * np.abs(desired).max(initial=1))
    for name, array in before.items():
        np.testing.assert_array_equal(single[name], array)
