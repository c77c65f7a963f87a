"""Check convolutions in float32 against the plain definition in float64, for every algorithm."""

import numpy as np
import pytest
from float32 import double, error

from numpy_sat.kernels import conv as kernel
from numpy_sat.kernels import direct, winograd, winograd_weights
from numpy_sat.kernels.simd import LANES
from numpy_sat.layers import block, conv, norm_block
from numpy_sat.system import machine

FORWARD, GRADIENT = 2e-6, 1e-5  # accepted errors, relative to the largest value

# (N, H, W, C), (P, Q), O, stride, padding
GEOMETRIES = {
    "3x3, by Winograd": ((2, 17, 18, 16), (3, 3), 32, 1, 1),
    "sides that tiles do not divide": ((1, 23, 25, 32), (3, 3), 16, 1, 1),
    "three vectors of results": ((2, 16, 17, 48), (3, 3), 48, 1, 1),
    "five vectors of results": ((2, 13, 16, 16), (3, 3), 80, 1, 1),
    "more channels than a block": ((2, 16, 16, 80), (3, 3), 64, 1, 1),
    "no padding": ((3, 18, 14, 16), (3, 3), 64, 1, 0),
    "padding of two": ((3, 15, 14, 16), (3, 3), 16, 1, 2),
    "few tiles": ((1, 7, 5, 16), (3, 3), 32, 1, 1),
    "few tiles of large filters": ((1, 7, 9, 128), (3, 3), 128, 1, 1),
    "three channels": ((2, 13, 12, 3), (3, 3), 32, 1, 1),
    "results that fill no vector": ((2, 13, 12, 16), (3, 3), 20, 1, 1),
    "one channel in, one out": ((3, 9, 8, 1), (3, 3), 1, 1, 1),
    "many channels, directly": ((1, 6, 5, 160), (3, 2), 32, 1, 1),
    "one pixel": ((2, 1, 1, 16), (3, 3), 16, 1, 1),
    "1x1 filter": ((2, 5, 6, 32), (1, 1), 16, 1, 0),
    "tall filter, stride 2": ((2, 12, 11, 5), (4, 2), 16, 2, 1),
    "5x5 filter, stride 3": ((2, 14, 13, 4), (5, 5), 16, 3, 2),
    "padding larger than the filter": ((2, 4, 5, 3), (2, 3), 16, 1, 3),
}

geometries = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)


def random_inputs(rng, geometry):
    x_shape, (P, Q), O, stride, padding = geometry
    x = rng.standard_normal(x_shape).astype(np.float32)
    W = (rng.standard_normal((P, Q, x_shape[3], O)) / np.sqrt(P * Q * x_shape[3])).astype(np.float32)
    return (x, W, rng.standard_normal(O).astype(np.float32)), (stride, padding)


@geometries
def test_forward_and_gradients(rng, geometry):
    (x, W, b), options = random_inputs(rng, geometry)
    y, cache = conv.conv_forward(x, W, b, *options)
    expected, cache64 = conv.conv_forward(*double(x, W, b), *options)
    assert error(y, expected) < FORWARD
    dy = rng.standard_normal(y.shape).astype(np.float32)
    for gradient, expected_gradient in zip(
        conv.conv_backward(dy, cache), conv.conv_backward(*double(dy), cache64), strict=True
    ):
        assert error(gradient, expected_gradient) < GRADIENT


@pytest.mark.parametrize("line", [winograd.F2, winograd.F4], ids=["F2", "F4"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 2, 3), (2, 5, 7), (3, 12, 9)])
def test_winograd_of_any_size(rng, line, shape):
    (x, W, b), _ = random_inputs(rng, ((*shape, 16), (3, 3), 32, 1, 1))
    y, _ = winograd.correlate(x, W, b, 1, -np.inf, 1, line)
    assert error(y, conv.conv_forward(*double(x, W, b), 1, 1)[0]) < FORWARD


@pytest.mark.parametrize("channels", [64, 512])
def test_error_of_large_layers(rng, channels):
    """Check the errors of the longest float32 sums. Rectified inputs have a positive mean, so the sums are larger."""
    (x, W, b), _ = random_inputs(rng, ((1, 24, 24, channels), (3, 3), 64, 1, 1))
    x = np.maximum(x, 0)
    y, cache = conv.conv_forward(x, W, b, 1, 1)
    expected, cache64 = conv.conv_forward(*double(x, W, b), 1, 1)
    assert error(y, expected) < FORWARD
    dy = rng.standard_normal(y.shape).astype(np.float32)
    for gradient, expected_gradient in zip(
        conv.conv_backward(dy, cache), conv.conv_backward(*double(dy), cache64), strict=True
    ):
        assert error(gradient, expected_gradient) < GRADIENT


def test_which_kernel_is_chosen(rng, monkeypatch):
    """Check that the fast kernels run. Tests of results cannot detect a fast kernel that is never used."""
    calls = []
    for module, names in (
        *((winograd, ["correlate"]), (winograd_weights, ["weight_gradient"])),
        (direct, ["correlate", "weight_gradient"]),
    ):
        for name in names:
            function = getattr(module, name)
            monkeypatch.setattr(module, name, lambda *args, f=function: calls.append(f.__module__) or f(*args))
    by_winograd = ["numpy_sat.kernels.winograd", "numpy_sat.kernels.winograd_weights"]
    for geometry, expected in (("3x3, by Winograd", by_winograd), ("three channels", ["numpy_sat.kernels.direct"] * 2)):
        calls.clear()
        (x, W, b), options = random_inputs(rng, GEOMETRIES[geometry])
        y, cache = conv.conv_forward(x, W, b, *options)
        conv.conv_parameter_gradients(y, cache)
        assert calls == expected


def test_float64_is_the_plain_definition(rng, monkeypatch):
    monkeypatch.setattr(kernel, "forward", None)
    (x, W, b), options = random_inputs(rng, GEOMETRIES["3x3, by Winograd"])
    conv.conv_forward(*double(x, W, b), *options)


@pytest.mark.parametrize("geometry", ["3x3, by Winograd", "three channels"])
def test_no_images(rng, geometry):
    (x, W, b), options = random_inputs(rng, GEOMETRIES[geometry])
    y, cache = conv.conv_forward(x[:0], W, b, *options)
    dx, dW, db = conv.conv_backward(y, cache)
    assert y.shape == (0, *x.shape[1:3], len(b)) and dx.shape == (0, *x.shape[1:])
    assert dW.shape == W.shape and not dW.any() and not db.any()


@pytest.mark.parametrize("geometry", ["3x3, by Winograd", "three channels"])
def test_memory_layout_does_not_matter(rng, geometry):
    (x, W, b), options = random_inputs(rng, GEOMETRIES[geometry])
    y, cache = conv.conv_forward(x, W, b, *options)
    expected = [y, *conv.conv_backward(y, cache)]
    strided_x = np.repeat(x, 2, axis=2)[:, :, ::2]
    for x_layout, W_layout in ((np.asfortranarray(x), np.asfortranarray(W)), (strided_x, W)):
        y_layout, cache = conv.conv_forward(x_layout, W_layout, b, *options)
        results = [y_layout, *conv.conv_backward(np.asfortranarray(y), cache)]
        for result, expected_result in zip(results, expected, strict=True):
            np.testing.assert_array_equal(result, expected_result)


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (2, 2), (3, 1), (21, 18)])
@pytest.mark.parametrize("C", [3, 16])
def test_pooled_and_rectified_in_one_pass(rng, size, C):
    """Compare with convolution, pooling and relu. The first of equal numbers wins. Odd sizes lose their last row."""
    (x, W, b), _ = random_inputs(rng, ((4, *size, C), (3, 3), 32, 1, 1))
    conv_y, _ = conv.conv_forward(x, W, b, 1, 1)
    y, winner = kernel.forward(x, W, b, 1, 1, relu=True, pool=2)
    H, width = (side // 2 for side in size)
    cells = conv_y[:, : 2 * H, : 2 * width].reshape(4, H, 2, width, 2, 32).swapaxes(2, 3).reshape(4, H, width, 4, 32)
    np.testing.assert_array_equal(winner, cells.argmax(axis=3))
    np.testing.assert_allclose(y, np.maximum(cells.max(axis=3), 0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("C", [3, 64])
def test_number_of_threads_changes_no_bit(monkeypatch, C):
    results = []
    for threads in (machine.THREADS, 1):
        monkeypatch.setattr(machine, "THREADS", threads)
        (x, W, b), options = random_inputs(np.random.default_rng(0), ((8, 28, 28, C), (3, 3), 64, 1, 1))
        y, cache = conv.conv_forward(x, W, b, *options)
        results.append([y, *conv.conv_backward(y, cache)])
    for all_threads, one_thread in zip(*results, strict=True):
        np.testing.assert_array_equal(all_threads, one_thread)


@pytest.mark.parametrize("side", [1, 3, 5])
@pytest.mark.parametrize(("C", "O"), [(0, 32), (16, 0), (0, 0)])
def test_no_channels(rng, side, C, O):
    """Check that y is the bias without input channels, and dx is 0 without output channels: no unwritten memory."""
    (x, W, b), options = random_inputs(rng, ((2, 8, 8, C), (side, side), O, 1, 0))
    y, cache = conv.conv_forward(x, W, b, *options)
    np.testing.assert_array_equal(y, np.broadcast_to(b, y.shape))
    dx, dW, db = conv.conv_backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(dx, np.zeros_like(x))
    assert dW.shape == W.shape and db.shape == b.shape


@pytest.mark.parametrize("pooled", [True, False])
def test_blocks_without_input_channels(rng, pooled):
    """Check that y is relu of the bias, and relu(beta) in a block with batch normalization."""
    (x, W, b), _ = random_inputs(rng, ((2, 8, 8, 0), (3, 3), LANES, 1, 1))
    y, cache = block.block_forward(x, W, b, pooled)
    np.testing.assert_array_equal(y, np.broadcast_to(np.maximum(b, 0), y.shape))
    assert block.block_backward(np.ones_like(y), cache)[0].shape == x.shape
    y, cache = norm_block.norm_block_forward(x, W, np.ones_like(b), b, pooled)
    np.testing.assert_array_equal(y, np.broadcast_to(np.maximum(b, 0), y.shape))
    assert norm_block.norm_block_backward(np.ones_like(y), cache)[0].shape == x.shape


def test_nan_stays_nan(rng):
    """Check that relu does not turn NaN into 0, because NaN reveals that a loss has diverged."""
    (x, W, b), _ = random_inputs(rng, ((1, 24, 24, 16), (3, 3), LANES, 1, 1))
    W[1, 1, 3, 5] = np.nan
    y, _ = kernel.forward(x, W, b, 1, 1, relu=True)
    assert np.isnan(y[..., 5]).all()


@pytest.mark.parametrize("geometry", list(GEOMETRIES)[:8])
def test_few_and_many_tiles_have_the_same_results(rng, monkeypatch, geometry):
    """Check that transformed filters are the same numbers in the cache of a task and in memory, bit for bit."""
    (x, W, b), (_, padding) = random_inputs(rng, GEOMETRIES[geometry])
    few, _ = winograd.correlate(x, W, b, padding, 0, 1, winograd.F4)
    monkeypatch.setattr(winograd, "FEW_TILES", 0)
    many, _ = winograd.correlate(x, W, b, padding, 0, 1, winograd.F4)
    np.testing.assert_array_equal(few, many)


@pytest.mark.parametrize("tiles", [24, 1000], ids=["several groups of tiles", "one group"])
@pytest.mark.parametrize("shape", [(2, 13, 16, 16), (1, 17, 18, 80), (3, 3, 2, 208), (2, 33, 33, 16)])
def test_weight_gradient_with_points_in_memory(rng, monkeypatch, shape, tiles):
    """Compare with points in the cache. In memory, they are used for layers that are too large for a quick test."""
    x, dy = (rng.standard_normal((*shape[:3], C)).astype(np.float32) for C in (shape[3], 128))
    in_cache = winograd_weights.weight_gradient(x, dy, 1)
    monkeypatch.setattr(winograd_weights, "MANY", 0)
    monkeypatch.setattr(winograd_weights, "MEMORY_TILES", tiles)
    assert error(winograd_weights.weight_gradient(x, dy, 1), in_cache) < 2e-6


@pytest.mark.parametrize("O", [144, 192])
def test_layers_with_many_channels(rng, O):
    """Check the weight gradient of layers whose points go to memory, and of one whose channels do not fill panels."""
    (x, W, b), options = random_inputs(rng, ((3, 10, 9, 176), (3, 3), O, 1, 1))
    y, cache = conv.conv_forward(x, W, b, *options)
    _, cache64 = conv.conv_forward(*double(x, W, b), *options)
    dW, _ = conv.conv_parameter_gradients(y, cache)
    assert error(dW, conv.conv_parameter_gradients(y.astype(np.float64), cache64)[0]) < GRADIENT
