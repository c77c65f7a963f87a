"""Tests of layers.norm_block: convolution, pooling, batch normalization and relu, separately and in one fused pass."""

import numpy as np
import pytest

from numpy_sat import kernels
from numpy_sat.check import gradcheck
from numpy_sat.layers import activations, batch_norm, conv, norm_block, pool


def random_inputs(rng, size, C=3, O=4):
    return {
        "x": rng.standard_normal((2, *size, C)),
        "W": rng.standard_normal((3, 3, C, O)),
        "gamma": rng.standard_normal(O),
        "beta": rng.standard_normal(O),
    }


@pytest.mark.parametrize(("size", "pooled"), [((4, 6), True), ((5, 7), True), ((4, 3), False)])
def test_gradients(rng, size, pooled):
    pair = norm_block.norm_block_forward, norm_block.norm_block_backward
    report = gradcheck.check_layer(*pair, random_inputs(rng, size), rng, {"pooled": pooled})
    assert report.ok, str(report)


@pytest.mark.parametrize("pooled", [False, True])
def test_forward_is_the_definition(rng, pooled):
    x, W, gamma, beta = random_inputs(rng, (5, 6)).values()
    y, _ = norm_block.norm_block_forward(x, W, gamma, beta, pooled)
    expected, _ = conv.conv_forward(x, W, np.zeros(4), padding=1)
    if pooled:
        expected, _ = pool.max_pool_forward(expected, 2, 2)
    mean, var = expected.mean(axis=(0, 1, 2)), expected.var(axis=(0, 1, 2))
    expected = np.maximum(gamma * (expected - mean) / np.sqrt(var + 1e-5) + beta, 0)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
    y = norm_block.norm_block_inference(x, W, gamma, beta, mean, var, pooled)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pooled", [False, True])
def test_parameter_gradients_alone(rng, pooled):
    y, cache = norm_block.norm_block_forward(**random_inputs(rng, (5, 7)), pooled=pooled)
    dy = rng.standard_normal(y.shape)
    _, *expected = norm_block.norm_block_backward(dy, cache)
    for actual, desired in zip(norm_block.norm_block_parameter_gradients(dy, cache), expected, strict=True):
        np.testing.assert_array_equal(actual, desired)


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("O", [16, 20, 32], ids=lambda O: f"{O} channels")
@pytest.mark.parametrize("size", [(16, 18), (13, 15), (4, 2)])
def test_in_one_pass_it_is_the_same(rng, size, O, pooled):
    """Check float32 results, fused and unfused, against float64."""
    inputs = random_inputs(rng, size, 16, O)
    mean, var = rng.standard_normal(O), 1 + rng.random(O)
    y64, cache64 = norm_block.norm_block_forward(**inputs, pooled=pooled)
    dy = rng.standard_normal(y64.shape)
    y_inference = norm_block.norm_block_inference(**inputs, mean=mean, var=var, pooled=pooled)
    expected = [y64, *norm_block.norm_block_backward(dy, cache64), y_inference]
    single = {name: array.astype(np.float32) for name, array in inputs.items()}
    running = {"mean": mean.astype(np.float32), "var": var.astype(np.float32)}

    def run():
        y, cache = norm_block.norm_block_forward(**single, pooled=pooled)
        parameter_grads = norm_block.norm_block_parameter_gradients(dy.astype(np.float32), cache)
        grads = norm_block.norm_block_backward(dy.astype(np.float32), cache)
        for a, b in zip(grads[1:], parameter_grads, strict=True):
            np.testing.assert_array_equal(a, b)
        return [y, *grads, norm_block.norm_block_inference(**single, **running, pooled=pooled)]

    fused = run()
    with kernels.unfused():
        unfused = run()
    for results in (fused, unfused):
        for actual, desired in zip(results, expected, strict=True):
            assert actual.dtype == np.float32 and actual.shape == desired.shape
            assert np.abs(actual - desired).max() <= 3e-5 * np.abs(desired).max()


def test_unfused_calls_the_functions_of_the_layers(rng, monkeypatch):
    single = {name: array.astype(np.float32) for name, array in random_inputs(rng, (8, 8), 16, 16).items()}
    calls = []
    for module, name in (
        *((conv, "conv_forward"), (pool, "max_pool_forward"), (batch_norm, "batch_norm_forward")),
        *((activations, "relu_forward"), (activations, "relu_backward"), (batch_norm, "batch_norm_backward")),
        *((pool, "max_pool_backward"), (conv, "conv_backward")),
    ):
        function = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, f=function, **kw: calls.append(f.__name__) or f(*args, **kw))
    with kernels.unfused():
        y, cache = norm_block.norm_block_forward(**single, pooled=True)
        norm_block.norm_block_backward(y, cache)
    assert calls == [
        *("conv_forward", "max_pool_forward", "batch_norm_forward", "relu_forward"),
        *("relu_backward", "batch_norm_backward", "max_pool_backward", "conv_backward"),
    ]
