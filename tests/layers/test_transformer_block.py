"""Test the block of the Transformer: its gradients, its parts and its start."""

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import gelu, layer_norm, self_attention, transformer_block

N, P, S, HEADS, F = 2, 3, 4, 2, 16  # F = 4 S


def random_params(rng, dtype=np.float64):
    """Draw the parameters of a block, and move all of them away from their start."""
    params = transformer_block.init_params(rng, S, HEADS, np.float64)
    return {name: (array + 0.3 * rng.standard_normal(array.shape)).astype(dtype) for name, array in params.items()}


def random_mask(rng):
    sees = (rng.random((N, P, P)) < 0.6) | np.eye(P, dtype=bool)
    return np.where(sees, 0.0, self_attention.HIDDEN)


@pytest.mark.parametrize(("drops", "first"), [(False, 0), (True, 0), (True, 1)])
def test_gradients(rng, drops, first):
    params, mask = random_params(rng), random_mask(rng)[:, first:]
    masks = rng.choice([0, 1.5], (2, N, P - first, S)) if drops else [1.0, 1.0]

    def forward(x, **arrays):
        return transformer_block.block_forward(x, arrays, mask, *masks)

    def backward(dy, cache):
        dx, grads = transformer_block.block_backward(dy, cache)
        return dx, *(grads[name] for name in params)

    report = gradcheck.check_layer(forward, backward, {"x": rng.standard_normal((N, P, S)), **params}, rng)
    assert report.ok, str(report)


def test_gradients_of_the_feed_forward_network(rng):
    shapes = {"x": (2, 3, 4), "W_1": (4, 7), "b_1": (7,), "W_2": (7, 4), "b_2": (4,)}
    inputs = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    pair = transformer_block.feed_forward_forward, transformer_block.feed_forward_backward
    report = gradcheck.check_layer(*pair, inputs, rng)
    assert report.ok, str(report)


def test_a_block_is_the_two_equations(rng):
    p, mask, x = random_params(rng), random_mask(rng), rng.standard_normal((N, P, S))
    mask_1, mask_2 = rng.standard_normal((2, N, P, S))
    y, _ = transformer_block.block_forward(x, p, mask, mask_1, mask_2)
    n, _ = layer_norm.layer_norm_forward(x, p["gamma_1"], p["beta_1"])
    arrays = (p[name] for name in ("W_q", "W_k", "W_v", "W_o", "b_o"))
    h = x + mask_1 * self_attention.self_attention_forward(n, mask, *arrays)[0]
    n, _ = layer_norm.layer_norm_forward(h, p["gamma_2"], p["beta_2"])
    fed = gelu.gelu_forward(n @ p["W_1"] + p["b_1"])[0] @ p["W_2"] + p["b_2"]
    np.testing.assert_allclose(y, h + mask_2 * fed, rtol=0, atol=1e-13)


def test_without_weights_a_block_is_the_identity(rng):
    params = {name: 0 * array for name, array in random_params(rng).items()}
    x = rng.standard_normal((N, P, S))
    y, _ = transformer_block.block_forward(x, params, random_mask(rng))
    np.testing.assert_array_equal(y, x)


def test_weights_at_the_start(rng):
    """Check that weights are normal and scaled by 1 / sqrt(inputs), scales are 1, and biases and shifts 0."""
    params = transformer_block.init_params(rng, 60, 3)
    assert {name: array.shape for name, array in params.items()} == {
        **{"gamma_1": (60,), "beta_1": (60,), "gamma_2": (60,), "beta_2": (60,)},
        **{name: (60, 3, 20) for name in ("W_q", "W_k", "W_v")},
        **{"W_o": (60, 60), "b_o": (60,), "W_1": (60, 240), "b_1": (240,), "W_2": (240, 60), "b_2": (60,)},
    }
    for name, array in params.items():
        assert array.dtype == np.float32
        if name.startswith("W"):
            std = len(array) ** -0.5
            assert array.std() == pytest.approx(std, rel=0.05) and abs(array.mean()) < 0.1 * std, name
            assert abs(array).max() < 6 * std
        else:
            np.testing.assert_array_equal(array, 1 if name.startswith("gamma") else 0)
