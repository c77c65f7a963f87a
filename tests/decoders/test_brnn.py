"""Test the generator of Karpathy and Li, a simple recurrent network that sees the image at the first step only."""

import numpy as np
import pytest
import whole_model

from numpy_sat.decoders import MODELS, brnn
from numpy_sat.decoders.fast import brnn as fast_brnn
from numpy_sat.system.workspace import Workspace

CONFIG = whole_model.TINY.replace(model="brnn")


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
    arrays = brnn.init_params(rng, 4, 7, 8, np.zeros(9), np.float64)
    arrays["a"] = rng.standard_normal((2, 3, 4))
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in arrays.items()}


def test_weights_at_the_start(rng):
    """Check that weights are normal and scaled by 1 / sqrt(inputs), W_hh is half the identity, and the biases."""
    D, M, S, V = 50, 60, 70, 100
    frequencies = rng.standard_normal(V)
    params = brnn.init_params(rng, D, M, S, frequencies)
    assert {name: x.shape for name, x in params.items()} == {
        **{"W_hi": (D, S), "E": (V, M), "W_hx": (M, S), "W_hh": (S, S), "b_h": (S,), "W_oh": (S, V), "b_o": (V,)}
    }
    stds = {"W_hi": D**-0.5, "E": 0.5, "W_hx": M**-0.5, "W_oh": S**-0.5}
    for name, std in stds.items():
        assert params[name].std() == pytest.approx(std, rel=0.05) and abs(params[name].mean()) < 0.1 * std, name
        assert abs(params[name]).max() < 6 * std
    np.testing.assert_array_equal(params["W_hh"], 0.5 * np.eye(S))
    np.testing.assert_array_equal(params["b_h"], 0)
    np.testing.assert_array_equal(params["b_o"], frequencies.astype(np.float32))


def test_gradients_of_the_decoder_along_a_direction(rng):
    """Compare the slope along one direction in the space of all arrays, as test_mutations.py needs it: fast."""
    arrays, (T, B) = decoder_arrays(rng), (5, 6)
    words, mask_h, dlogits = rng.integers(0, 9, (T, B)), rng.standard_normal((T, B, 8)), rng.standard_normal((T, B, 9))
    direction = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}

    def decode(step):
        moved = {name: array + step * direction[name] for name, array in arrays.items()}
        return brnn.decode_forward(moved, moved["a"], words, mask_h)

    da, grads = brnn.decode_backward(dlogits, decode(0)[1])
    grads["a"] = da
    assert {name: array.shape for name, array in arrays.items()} == {name: d.shape for name, d in grads.items()}
    assert all(d.flags.c_contiguous for d in grads.values())
    slope = sum(np.vdot(grads[name], direction[name]) for name in arrays)
    above, below = (np.vdot(dlogits, decode(step)[0]) for step in (1e-6, -1e-6))  # small: relu has kinks
    assert (above - below) / 2e-6 == pytest.approx(slope, rel=1e-7)


def test_the_equations_by_hand():
    """Check one caption of three words with numbers that a pencil can follow."""
    params = {
        **{"W_hi": np.array([[2.0]]), "E": np.array([[1.0], [-3.0], [2.0]]), "W_hx": np.array([[1.0]])},
        **{"W_hh": np.array([[0.5]]), "b_h": np.array([0.5])},
        **{"W_oh": np.array([[1.0, 0, -1]]), "b_o": np.array([0.0, 0.25, 0])},
    }
    a = np.array([[[0.5], [1.5]]])  # the mean annotation is 1, so b_v = 2
    logits, _ = brnn.decode_forward(params, a, np.array([[0], [1], [2]]), np.ones((3, 1, 1)))
    # h_1 = relu(1 + 0.5 + 2), h_2 = relu(-3 + 0.5 + 0.5 h_1), h_3 = relu(2 + 0.5 + 0.5 h_2)
    np.testing.assert_allclose(logits[:, 0, 0], [3.5, 0, 2.5], rtol=0, atol=1e-15)
    np.testing.assert_allclose(logits[:, 0, 2], [-3.5, 0, -2.5], rtol=0, atol=1e-15)
    np.testing.assert_array_equal(logits[:, 0, 1], 0.25)


def test_the_image_enters_at_the_first_step_only(rng):
    """Check that with W_hh = 0 only the first word depends on the image."""
    arrays = decoder_arrays(rng) | {"W_hh": np.zeros((8, 8))}
    words, mask = rng.integers(0, 9, (3, 2)), np.ones((3, 2, 8))
    logits, _ = brnn.decode_forward(arrays, arrays["a"], words, mask)
    other_logits, _ = brnn.decode_forward(arrays, arrays["a"] + 1, words, mask)
    assert np.abs(logits[0] - other_logits[0]).max() > 1e-3
    np.testing.assert_array_equal(logits[1:], other_logits[1:])


def test_states_are_selected(rng):
    arrays = decoder_arrays(rng)
    state = brnn.begin(arrays, arrays["a"])
    rows, words = np.array([1, 0, 1]), np.array([3, 4, 5])
    logits, alpha, beta, following = brnn.step(arrays, brnn.select(state, rows), words)
    assert alpha.shape == (3, 0) and np.array_equal(beta, np.ones(3)) and not following.image.any()
    for b in range(3):
        logits_alone, *_, following_alone = brnn.step(arrays, brnn.select(state, rows[b : b + 1]), words[b : b + 1])
        np.testing.assert_allclose(logits[b], logits_alone[0], rtol=0, atol=1e-14)
        np.testing.assert_allclose(following.h[b], following_alone.h[0], rtol=0, atol=1e-14)


def test_fusing_is_what_float32_does(monkeypatch, rng):
    monkeypatch.setattr(brnn, "decode_forward", None)
    params, batch = whole_model.params_of(rng, CONFIG, np.float32), whole_model.batch_of(rng, CONFIG, np.float32)
    a = rng.standard_normal((2, 16, 5)).astype(np.float32)
    MODELS["brnn"].loss_and_grads(params, a, batch, CONFIG, rng)
    MODELS["brnn"].loss_only(params, a, batch, CONFIG)


def test_two_fused_forwards_then_both_backwards_in_one_workspace(rng):
    params = brnn.init_params(rng, 4, 7, 8, np.zeros(9))
    inputs = []
    for T in (5, 3):
        a, mask_h, dlogits = (
            rng.standard_normal(shape).astype(np.float32) for shape in ((2, 3, 4), (T, 6, 8), (T, 6, 9))
        )
        inputs.append(((params, a, rng.integers(0, 9, (T, 6)), mask_h), dlogits))

    def results(logits, cache, dlogits):
        da, grads = fast_brnn.decode_backward(dlogits, cache)
        return [logits, da, *grads.values()]

    separate = [results(*fast_brnn.decode_forward(*arrays), dlogits) for arrays, dlogits in inputs]
    with Workspace().step():
        forwards = [fast_brnn.decode_forward(*arrays) for arrays, _ in inputs]
        together = [results(*forward, dlogits) for forward, (_, dlogits) in zip(forwards, inputs, strict=True)]
    for arrays, expected_arrays in zip(together, separate, strict=True):
        for array, expected in zip(arrays, expected_arrays, strict=True):
            np.testing.assert_array_equal(array, expected)
