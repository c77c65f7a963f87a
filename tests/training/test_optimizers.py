"""Optimizers against their published definitions, gradient clipping, and the learning-rate schedule."""

import itertools

import numpy as np
import pytest

from numpy_sat.training import optimizers


def params_and_grads(rng):
    shapes = {"W": (3, 4), "b": (4,)}
    return [{name: rng.standard_normal(shape) for name, shape in shapes.items()} for _ in range(2)]


def test_adam_matches_its_definition(rng):
    params, _ = params_and_grads(rng)
    state, w = {}, params["W"].copy()
    m = v = 0
    for t in range(1, 6):
        grads = {name: rng.standard_normal(x.shape) for name, x in params.items()}
        optimizers.adam_update(params, grads, state, 0.01)
        assert state.keys() == {"t", "m.W", "v.W", "m.b", "v.b"} and state["t"].tolist() == [t]
        m = 0.9 * m + 0.1 * grads["W"]
        v = 0.999 * v + 0.001 * grads["W"] ** 2
        w = w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        for array, expected in ((params["W"], w), (state["m.W"], m), (state["v.W"], v)):
            np.testing.assert_allclose(array, expected, rtol=1e-12)


def test_adams_first_step_is_the_learning_rate(rng):
    params, grads = params_and_grads(rng)
    before = params["b"].copy()
    optimizers.adam_update(params, grads, {}, 0.01)
    np.testing.assert_allclose(params["b"], before - 0.01 * np.sign(grads["b"]), rtol=1e-5)


def test_rmsprop_matches_its_definition(rng):
    params, _ = params_and_grads(rng)
    state, w, v = {}, params["W"].copy(), 0
    for _ in range(5):
        grads = {name: rng.standard_normal(x.shape) for name, x in params.items()}
        optimizers.rmsprop_update(params, grads, state, 0.01)
        assert state.keys() == {"v.W", "v.b"}
        v = 0.95 * v + 0.05 * grads["W"] ** 2
        w = w - 0.01 * grads["W"] / (np.sqrt(v) + 1e-6)
        np.testing.assert_allclose(params["W"], w, rtol=1e-12)


@pytest.mark.parametrize("update", ["adam_update", "rmsprop_update"])
def test_ema_of_trained_weights(rng, update):
    """Check that the EMA starts as the weights, is separate from them, and exists only for weights with a gradient."""
    params, state, expected = params_and_grads(rng)[0] | {"fixed": np.ones(2)}, {}, {}
    assert all(optimizers.ema_params(params, state)[name] is array for name, array in params.items())
    for t in range(4):
        grads = {name: rng.standard_normal(params[name].shape) for name in "Wb"}
        getattr(optimizers, update)(params, grads, state, 0.1)
        optimizers.average_weights(params, state, 0.75)
        for name in "Wb":
            expected[name] = 0.75 * expected[name] + 0.25 * params[name] if t else params[name].copy()
    ema = optimizers.ema_params(params, state)
    assert ema.keys() == params.keys() and ema["fixed"] is params["fixed"]
    for name in "Wb":
        np.testing.assert_allclose(ema[name], expected[name], rtol=1e-12)
        assert np.abs(ema[name] - params[name]).min() > 1e-3


@pytest.mark.parametrize("update", ["adam_update", "rmsprop_update"])
def test_updates_work_in_place_and_keep_dtype_and_gradients(update):
    target = np.linspace(-1, 1, 5, dtype=np.float32)
    params, state = {"x": np.zeros(5, np.float32)}, {}
    array = params["x"]
    for _ in range(1500):
        grads = {"x": params["x"] - target}
        copy = grads["x"].copy()
        getattr(optimizers, update)(params, grads, state, 0.01)
        assert np.array_equal(grads["x"], copy)
    assert params["x"] is array and array.dtype == np.float32
    assert all(np.asarray(value).dtype in (np.float32, np.int64) for value in state.values())
    assert np.abs(array - target).max() < 0.02


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping(dtype):
    grads = {"a": 3 * np.ones(4, dtype), "b": 4 * np.ones((2, 2), dtype)}
    for largest in (100, 10.5):
        assert optimizers.clip_by_norm(grads, largest) == pytest.approx(10)
        assert grads["a"][0] == 3
    single = {"c": np.array([10.0], dtype)}
    assert optimizers.clip_by_norm(single, 9.5) == 10
    assert single["c"] == pytest.approx(9.5)
    assert optimizers.clip_by_norm(grads, 5) == pytest.approx(10)
    assert grads["a"][0] == pytest.approx(1.5) and grads["b"][0, 0] == pytest.approx(2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("update", ["adam_update", "rmsprop_update"])
def test_shortening_a_step_changes_the_learning_rate(rng, update, dtype):
    """Check that weight decay shrinks too, that other parameters take full steps, and that all change in place."""
    params = {name: rng.standard_normal((3, 4)).astype(dtype) for name in "VW"}
    slow_params, (state, slow_state) = {name: array.copy() for name, array in params.items()}, ({}, {})
    for _ in range(4):
        grads = {name: rng.standard_normal((3, 4)).astype(dtype) for name in "VW"}
        before, array = {"W": params["W"].copy()}, params["W"]
        for weights, weights_state, rate in ((params, state, 0.1), (slow_params, slow_state, 0.03)):
            optimizers.decay_weights(weights, grads, rate * 0.5)
            getattr(optimizers, update)(weights, grads, weights_state, rate)
        optimizers.shorten_step(params, before, 0.3)
        assert params["W"] is array and array.dtype == dtype
    np.testing.assert_allclose(params["W"], slow_params["W"], rtol=0, atol=1e-6 if dtype == np.float32 else 1e-15)
    assert np.abs(params["V"] - slow_params["V"]).max() > 0.01


def test_the_learning_rate_rises_then_falls():
    rates = [optimizers.cosine_rate(step, 100, 0.1, 10) for step in range(100)]
    np.testing.assert_allclose(rates[:10], 0.1 * np.arange(1, 11) / 10)
    np.testing.assert_allclose(rates[10:], 0.1 * (0.01 + 0.99 * (1 + np.cos(np.pi * np.arange(90) / 90)) / 2))
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))


@pytest.mark.parametrize("warmup", [0, 10])
def test_the_learning_rate_at_the_ends(warmup):
    """Check the peak after warmup, and 1 % of it from the last step on, also in a schedule of a single step."""
    assert optimizers.cosine_rate(warmup, 100, 0.1, warmup) == pytest.approx(0.1)
    for step in (100, 150):
        assert optimizers.cosine_rate(step, 100, 0.1, warmup) == pytest.approx(0.001)
    assert optimizers.cosine_rate(warmup, warmup, 0.1, warmup) == pytest.approx(0.1)
    assert optimizers.cosine_rate(warmup + 1, warmup, 0.1, warmup) == pytest.approx(0.001)


def test_weight_decay_shrinks_matrices_and_filters_with_a_gradient():
    params = {name: np.full(shape, 2.0) for name, shape in {"W": (2, 3), "F": (1, 1, 2, 2), "b": (3,), "s": ()}.items()}
    params["fixed"], array = np.full((2, 2), 2.0), params["W"]
    optimizers.decay_weights(params, {"W": None, "F": None, "b": None, "s": None}, share=0.25)
    np.testing.assert_array_equal(params["W"], np.full((2, 3), 1.5))
    np.testing.assert_array_equal(params["F"], np.full((1, 1, 2, 2), 1.5))
    np.testing.assert_array_equal(params["b"], np.full(3, 2.0))
    assert params["s"] == 2
    np.testing.assert_array_equal(params["fixed"], np.full((2, 2), 2.0))
    assert params["W"] is array
