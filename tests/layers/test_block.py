"""Tests of layers.block: convolution, pooling and relu, as separate functions and in one fused pass."""

import numpy as np
import pytest

from numpy_sat import kernels
from numpy_sat.check import gradcheck
from numpy_sat.layers import activations, block, conv, pool
from numpy_sat.system.workspace import Workspace

SIZES = [(4, 6), (5, 7), (2, 2), (1, 3)]


def random_inputs(rng, size, C=3, O=4):
    return {
        "x": rng.standard_normal((2, *size, C)),
        "W": rng.standard_normal((3, 3, C, O)),
        "b": rng.standard_normal(O),
    }


@pytest.mark.parametrize(("size", "pooled"), [((4, 6), True), ((5, 7), True), ((4, 3), False)])
def test_gradients(rng, size, pooled):
    report = gradcheck.check_layer(
        block.block_forward, block.block_backward, random_inputs(rng, size), rng, {"pooled": pooled}
    )
    assert report.ok, str(report)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_relu_and_pooling_in_either_order(rng, size):
    inputs = random_inputs(rng, size)
    y, _ = block.block_forward(**inputs, pooled=False)
    affine, _ = conv.conv_forward(**inputs, padding=1)
    np.testing.assert_array_equal(y, activations.relu_forward(affine)[0])
    if min(size) >= 2:
        pooled, _ = block.block_forward(**inputs, pooled=True)
        np.testing.assert_array_equal(pooled, pool.max_pool_forward(y, 2, 2)[0])


@pytest.mark.parametrize("pooled", [False, True])
def test_parameter_gradients_alone(rng, pooled):
    y, cache = block.block_forward(**random_inputs(rng, (5, 7)), pooled=pooled)
    dy = rng.standard_normal(y.shape)
    _, *expected = block.block_backward(dy, cache)
    for gradient, expected_gradient in zip(block.block_parameter_gradients(dy, cache), expected, strict=True):
        np.testing.assert_array_equal(gradient, expected_gradient)


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("O", [16, 20, 32], ids=lambda O: f"{O} channels")
@pytest.mark.parametrize("size", [(16, 18), (13, 15), (4, 2)])
def test_in_one_pass_it_is_the_same(rng, size, O, pooled):
    """Check float32 results, fused and unfused, against float64."""
    inputs = random_inputs(rng, size, 16, O)
    y64, cache64 = block.block_forward(**inputs, pooled=pooled)
    dy = rng.standard_normal(y64.shape)
    expected = [y64, *block.block_backward(dy, cache64)]
    single = {name: array.astype(np.float32) for name, array in inputs.items()}

    def run():
        y, cache = block.block_forward(**single, pooled=pooled)
        dW, db = block.block_parameter_gradients(dy.astype(np.float32), cache)
        results = [y, *block.block_backward(dy.astype(np.float32), cache)]
        np.testing.assert_array_equal(results[2], dW)
        np.testing.assert_array_equal(results[3], db)
        return results

    fused = run()
    with kernels.unfused():
        unfused = run()
    for results in (fused, unfused):
        for actual, desired in zip(results, expected, strict=True):
            assert actual.dtype == np.float32 and actual.shape == desired.shape
            assert np.abs(actual - desired).max() <= 1e-5 * np.abs(desired).max()


def test_unfused_calls_the_functions_of_the_layers(rng, monkeypatch):
    single = {name: array.astype(np.float32) for name, array in random_inputs(rng, (8, 8), 16, 16).items()}
    calls = []
    for module, name in (
        *((conv, "conv_forward"), (pool, "max_pool_forward"), (activations, "relu_forward")),
        *((activations, "relu_backward"), (pool, "max_pool_backward"), (conv, "conv_backward")),
    ):
        function = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, f=function, **kw: calls.append(f.__name__) or f(*args, **kw))
    y, cache = block.block_forward(**single, pooled=True)
    block.block_backward(y, cache)
    assert calls == []
    with kernels.unfused():
        y, cache = block.block_forward(**single, pooled=True)
        block.block_backward(y, cache)
    assert calls == [
        *("conv_forward", "max_pool_forward", "relu_forward"),
        *("relu_backward", "max_pool_backward", "conv_backward"),
    ]


def test_two_forwards_then_both_backwards_in_one_workspace(rng):
    """Check that later calls in the same step overwrite no result."""
    inputs_of_both = [
        {name: array.astype(np.float32) for name, array in random_inputs(rng, (20, 22), 16, 32).items()}
        for _ in range(2)
    ]

    def run_alone(inputs):
        y, cache = block.block_forward(**inputs, pooled=True)
        return [y, *block.block_backward(y, cache)]

    expected = [run_alone(inputs) for inputs in inputs_of_both]
    workspace = Workspace()
    for _ in range(2):
        with workspace.step():
            forwards = [block.block_forward(**inputs, pooled=True) for inputs in inputs_of_both]
            results = [[y, *block.block_backward(y, cache)] for y, cache in forwards]
        for actual, desired in zip(results, expected, strict=True):
            for a, b in zip(actual, desired, strict=True):
                np.testing.assert_array_equal(a, b)
