"""Test Show and Tell, whose LSTM reads the image as its first input."""

import math

import numpy as np
import pytest
import whole_model

from numpy_sat.check import gradcheck
from numpy_sat.decoders import MODELS, show_tell
from numpy_sat.decoders.fast import show_tell as fast_show_tell
from numpy_sat.layers import linear, lstm
from numpy_sat.system.workspace import Workspace

CONFIG = whole_model.TINY.replace(model="tell")


def test_gradients_of_the_whole_model(rng):
    whole_model.check_gradients(rng, CONFIG)


def test_a_blind_model(rng):
    whole_model.check_a_blind_model(rng, CONFIG)


def test_float32_is_float64(rng):
    whole_model.check_float32(rng, CONFIG)


def test_padding_changes_nothing(rng):
    whole_model.check_padding(rng, CONFIG)


def test_steps_are_the_training_recurrence(rng):
    whole_model.check_steps(rng, CONFIG)


def test_captions(rng):
    whole_model.check_captions(rng, CONFIG)


def test_the_first_loss(rng):
    whole_model.check_the_start(rng, CONFIG)


# The decoder alone: N 2, L 3, D 4, B 6, T 5, M 7, S 8, V 9.


def decoder_arrays(rng):
    """Draw parameters and annotations."""
    arrays = show_tell.init_params(rng, 4, 7, 8, np.zeros(9), np.float64)
    arrays["a"] = rng.standard_normal((2, 3, 4))
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in arrays.items()}


def test_weights_at_the_start(rng):
    """Check that weights are normal and scaled by 1 / sqrt(inputs), and the initial biases."""
    D, M, S, V = 50, 60, 70, 100
    frequencies = rng.standard_normal(V)
    params = show_tell.init_params(rng, D, M, S, frequencies)
    shapes = {"W_I": (D, M), "b_I": (M,), "E": (V, M), "W_x": (M, 4 * S), "W_hh": (S, 4 * S), "b": (4 * S,)}
    assert {name: array.shape for name, array in params.items()} == {**shapes, "L_o": (S, V), "b_o": (V,)}
    assert all(array.dtype == np.float32 for array in params.values())
    assert not params["b_I"].any() and np.array_equal(params["b"], np.repeat([0, 1, 0, 0], S))
    assert np.array_equal(params["b_o"], frequencies.astype(np.float32))
    for name in ("W_I", "E", "W_x", "W_hh", "L_o"):
        array, scale = params[name], 0.5 if name == "E" else len(params[name]) ** -0.5
        assert abs(array.std() / scale - 1) < 4 / np.sqrt(2 * array.size), name
        assert abs(array.mean() / scale) < 4 / np.sqrt(array.size), name
        assert abs((np.abs(array) < scale).mean() - 0.683) < 2 / np.sqrt(array.size), name


def test_forward_is_the_definition(rng):
    """Compare with a loop over captions and words; dropout applies to h_t before the output alone."""
    arrays = decoder_arrays(rng)
    a, words, mask_h = arrays["a"], rng.integers(0, 9, (5, 6)), rng.standard_normal((5, 6, 8))
    logits, cache = show_tell.decode_forward(arrays, a, words, mask_h)
    assert logits.shape == (5, 6, 9) and cache.each == 3
    weights = arrays["W_x"], arrays["W_hh"], arrays["b"]
    for b in range(6):
        image = sum(a[b // 3]) / 3 @ arrays["W_I"] + arrays["b_I"]
        h, c, _ = lstm.lstm_forward(image[None], np.zeros((1, 8)), np.zeros((1, 8)), *weights)
        for t in range(5):
            h, c, _ = lstm.lstm_forward(arrays["E"][words[t, b]][None], h, c, *weights)
            expected = (h[0] * mask_h[t, b]) @ arrays["L_o"] + arrays["b_o"]
            np.testing.assert_allclose(logits[t, b], expected, rtol=0, atol=1e-13)


def test_the_image_is_the_first_input_of_one_long_sequence(rng):
    """Compare with one sequence of T + 1 steps from zero states, as in the paper, forward and backward."""
    arrays, (T, B) = decoder_arrays(rng), (5, 6)
    words, dlogits = rng.integers(0, 9, (T, B)), rng.standard_normal((T, B, 9))
    logits, cache = show_tell.decode_forward(arrays, arrays["a"], words, np.ones((T, B, 8)))
    da, grads = show_tell.decode_backward(dlogits, cache)

    abar = arrays["a"].mean(axis=1)
    x = np.concatenate([np.repeat(abar @ arrays["W_I"] + arrays["b_I"], 3, axis=0)[None], arrays["E"][words]])
    zeros = np.zeros((B, 8))
    h, _, cache = lstm.lstm_sequence_forward(x, zeros, zeros, arrays["W_x"], arrays["W_hh"], arrays["b"])
    expected, cache_output = linear.linear_forward(h[1:], arrays["L_o"], arrays["b_o"])
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-13)
    dh, *_ = linear.linear_backward(dlogits, cache_output)
    dx, _, _, *dweights = lstm.lstm_sequence_backward(np.concatenate([zeros[None], dh]), zeros, cache)
    for name, gradient in zip(("W_x", "W_hh", "b"), dweights, strict=True):
        np.testing.assert_allclose(grads[name], gradient, rtol=0, atol=1e-12)
    dimage = dx[0].reshape(2, 3, 7).sum(axis=1)
    np.testing.assert_allclose(grads["b_I"], dimage.sum(axis=0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(grads["W_I"], abar.T @ dimage, rtol=0, atol=1e-12)
    expected_da = np.repeat((dimage @ arrays["W_I"].T)[:, None] / 3, 3, axis=1)
    np.testing.assert_allclose(da, expected_da, rtol=0, atol=1e-12)


def test_gradients_of_the_image(rng):
    arrays = decoder_arrays(rng)
    inputs = {name: arrays[name] for name in ("a", "W_I", "b_I", "W_x", "W_hh", "b")}

    def forward(a, **weights):
        return show_tell.picture_forward(weights, a)

    def backward(dh, dc, cache):
        da, grads = show_tell.picture_backward(dh, dc, cache)
        assert grads.keys() == inputs.keys() - {"a"}
        return da, *(grads[name] for name in inputs if name != "a")

    report = gradcheck.check_layer(forward, backward, inputs, rng)
    assert report.ok, str(report)


def test_gradients_of_the_decoder_along_a_direction(rng):
    """Compare the slope along one direction in the space of all arrays.

    The check is fast enough for the thousands of runs of test_mutations.py.
    """
    arrays, (T, B) = decoder_arrays(rng), (5, 6)
    words, mask_h, dlogits = rng.integers(0, 9, (T, B)), rng.standard_normal((T, B, 8)), rng.standard_normal((T, B, 9))
    direction = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}

    def decode(step):
        moved = {name: array + step * direction[name] for name, array in arrays.items()}
        return show_tell.decode_forward(moved, moved["a"], words, mask_h)

    da, grads = show_tell.decode_backward(dlogits, decode(0)[1])
    grads["a"] = da
    assert {name: array.shape for name, array in arrays.items()} == {name: d.shape for name, d in grads.items()}
    assert all(d.flags.c_contiguous for d in grads.values())
    slope = sum(np.vdot(grads[name], direction[name]) for name in arrays)
    above, below = (np.vdot(dlogits, decode(step)[0]) for step in (1e-5, -1e-5))
    assert (above - below) / 2e-5 == pytest.approx(slope, rel=1e-7)


def test_open_gates_by_hand():
    """Check that the cell state sums the tanh of all inputs when input, forget and output gates are open."""
    open_gates = np.array([1000.0, 1000.0, 1000.0, 0.0])
    params = {
        **{"W_I": np.full((1, 1), 2.0), "b_I": np.full(1, 0.5), "E": np.array([[0.0], [0.3], [-0.7]])},
        **{"W_x": np.array([[0.0, 0, 0, 1]]), "W_hh": np.zeros((1, 4)), "b": open_gates},
        **{"L_o": np.array([[1.0, 0, -2]]), "b_o": np.array([0.0, 0.1, 0])},
    }
    a = np.array([[[0.1], [0.3]], [[-1.0], [1.0]]])  # mean annotations 0.2 and 0
    words = np.array([[0, 0], [1, 2]])
    logits, _ = show_tell.decode_forward(params, a, words, np.ones((2, 2, 1)))
    image_cells = math.tanh(2 * 0.2 + 0.5), math.tanh(0.5)
    for b, inputs in enumerate(([0, 0.3], [0, -0.7])):
        for t in range(2):
            h = math.tanh(image_cells[b] + sum(math.tanh(x) for x in inputs[: t + 1]))
            np.testing.assert_allclose(logits[t, b], [h, 0.1, -2 * h], rtol=0, atol=1e-15)
    state = show_tell.begin(params, a)
    np.testing.assert_allclose(state.c[:, 0], image_cells, rtol=0, atol=1e-15)
    np.testing.assert_allclose(state.h[:, 0], np.tanh(image_cells), rtol=0, atol=1e-15)


def test_closed_input_gates_by_hand(rng):
    """Check that h and c stay zero, so that the logits are the output bias."""
    arrays = decoder_arrays(rng)
    arrays["b"] = np.repeat([-1000.0, 0, 0, 0], 8)
    logits, _ = show_tell.decode_forward(arrays, arrays["a"], rng.integers(0, 9, (2, 2)), np.ones((2, 2, 8)))
    np.testing.assert_array_equal(logits, np.broadcast_to(arrays["b_o"], (2, 2, 9)))


def test_states_are_selected(rng):
    arrays = decoder_arrays(rng)
    state = show_tell.begin(arrays, arrays["a"])
    rows, words = np.array([1, 0, 1]), np.array([3, 4, 5])
    logits, alpha, beta, following = show_tell.step(arrays, show_tell.select(state, rows), words)
    assert alpha.shape == (3, 0) and np.array_equal(beta, np.ones(3))
    assert alpha.dtype == beta.dtype == np.float64
    for b in range(3):
        alone = show_tell.select(state, rows[b : b + 1])
        logits_alone, *_, following_alone = show_tell.step(arrays, alone, words[b : b + 1])
        np.testing.assert_allclose(logits[b], logits_alone[0], rtol=0, atol=1e-14)
        np.testing.assert_allclose(following.h[b], following_alone.h[0], rtol=0, atol=1e-14)
        np.testing.assert_allclose(following.c[b], following_alone.c[0], rtol=0, atol=1e-14)


def test_fusing_is_what_float32_does(monkeypatch, rng):
    monkeypatch.setattr(show_tell, "decode_forward", None)
    params, batch = whole_model.params_of(rng, CONFIG, np.float32), whole_model.batch_of(rng, CONFIG, np.float32)
    a = rng.standard_normal((2, 16, 5)).astype(np.float32)
    MODELS["tell"].loss_and_grads(params, a, batch, CONFIG, rng)
    MODELS["tell"].loss_only(params, a, batch, CONFIG)


def test_two_fused_forwards_then_both_backwards_in_one_workspace(rng):
    params = show_tell.init_params(rng, 4, 7, 8, np.zeros(9))
    inputs = []
    for T in (5, 3):
        a, mask_h, dlogits = (
            rng.standard_normal(shape).astype(np.float32) for shape in ((2, 3, 4), (T, 6, 8), (T, 6, 9))
        )
        inputs.append(((params, a, rng.integers(0, 9, (T, 6)), mask_h), dlogits))

    def results(logits, cache, dlogits):
        da, grads = fast_show_tell.decode_backward(dlogits, cache)
        return [logits, da, *grads.values()]

    separate = [results(*fast_show_tell.decode_forward(*arrays), dlogits) for arrays, dlogits in inputs]
    with Workspace().step():
        forwards = [fast_show_tell.decode_forward(*arrays) for arrays, _ in inputs]
        together = [results(*forward, dlogits) for forward, (_, dlogits) in zip(forwards, inputs, strict=True)]
    for arrays, expected_arrays in zip(together, separate, strict=True):
        for array, expected in zip(arrays, expected_arrays, strict=True):
            np.testing.assert_array_equal(array, expected)
