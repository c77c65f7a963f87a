"""Test the decoder with a visual memory, whose reconstruction of the image depends on words alone."""

import numpy as np
import pytest
import whole_model

from numpy_sat import captioner
from numpy_sat.check import gradcheck
from numpy_sat.decoders import MODELS, visual_memory
from numpy_sat.decoders.fast import visual_memory as fast_visual_memory
from numpy_sat.system.workspace import Workspace

CONFIG = whole_model.TINY.replace(model="visual-memory")
LIKELIHOOD = CONFIG.replace(reconstruction_weight=0.0)


def test_gradients_of_the_whole_model(rng):
    """Check the likelihood's gradients of all parameters. The reconstruction is checked below: its target is fixed."""
    whole_model.check_gradients(rng, LIKELIHOOD)


def test_gradients_of_both_terms(rng):
    """Check the decoder's gradients for images that do not change. The encoder gets none from the reconstruction."""
    config = CONFIG.replace(hidden_size=4, dropout=0.0)
    params, batch = whole_model.params_of(rng, config), whole_model.batch_of(rng, config)
    encoder = {name: params[name] for name in captioner.names_of_encoder(config)}
    decoder = {name: array for name, array in params.items() if name not in encoder}

    def loss_and_grads(decoder):
        loss, grads = captioner.loss_and_grads(encoder | decoder, batch, config, rng)
        return loss.total, {name: grads[name] for name in decoder}

    def loss(decoder):
        return captioner.loss_only(encoder | decoder, batch, config).total

    report = gradcheck.check_loss(loss_and_grads, decoder, loss=loss)
    assert report.ok, str(report)
    _, grads = captioner.loss_and_grads(params, batch, config, rng)
    _, expected = captioner.loss_and_grads(params, batch, config.replace(reconstruction_weight=0.0), rng)
    assert all(np.array_equal(grads[name], expected[name]) for name in encoder)


def test_the_loss_has_two_terms(rng):
    params, batch = whole_model.params_of(rng, CONFIG), whole_model.batch_of(rng, CONFIG)
    a = captioner.annotate(params, batch.inputs, CONFIG)
    V, V_tilde = np.repeat(a.mean(axis=1), 3, axis=0), visual_memory.reconstruct(params, batch.words)
    error = (((V_tilde - V) ** 2).mean(axis=-1) * batch.mask).sum() / 6
    heavy, none = (CONFIG.replace(reconstruction_weight=eta, dropout=0.0) for eta in (2.5, 0.0))
    losses = [captioner.loss_only(params, batch, config) for config in (heavy, none)]
    assert losses[0].total - losses[1].total == pytest.approx(2.5 * error, rel=1e-9) and error > 0.1
    assert losses[0].word == losses[1].word
    loss, _ = captioner.loss_and_grads(params, batch, heavy, rng)
    assert loss == losses[0]


def test_float32_is_float64(rng):
    whole_model.check_float32(rng, CONFIG)


def test_padding_changes_nothing(rng):
    whole_model.check_padding(rng, CONFIG)


def test_steps_are_the_training_recurrence(rng):
    whole_model.check_steps(rng, LIKELIHOOD)


def test_captions(rng):
    whole_model.check_captions(rng, LIKELIHOOD)


def test_the_first_loss(rng):
    whole_model.check_the_start(rng, CONFIG)


# The decoder alone: N 2, L 3, D 4, B 6, T 5, M 7, S 8, V 9.


def decoder_arrays(rng):
    """Draw parameters and annotations."""
    arrays = visual_memory.init_params(rng, 4, 7, 8, np.zeros(9), np.float64)
    arrays["a"] = rng.standard_normal((2, 3, 4))
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in arrays.items()}


def test_weights_at_the_start(rng):
    """Check that weights are normal and scaled by 1 / sqrt(inputs), and the biases."""
    D, M, S, V = 50, 60, 70, 100
    frequencies = rng.standard_normal(V)
    params = visual_memory.init_params(rng, D, M, S, frequencies)
    weights = {
        **{"E": (V, M), "W_xs": (M + D, 4 * S), "W_ss": (S, 4 * S), "W_xu": (M, 4 * S), "W_uu": (S, 4 * S)},
        **{"W_r": (S, D), "L_o": (2 * S, V)},
    }
    assert {name: x.shape for name, x in params.items() if x.ndim == 2} == weights
    for name, shape in weights.items():
        std = 0.5 if name == "E" else shape[0] ** -0.5
        assert params[name].std() == pytest.approx(std, rel=0.05) and abs(params[name].mean()) < 0.1 * std, name
        assert abs(params[name]).max() < 6 * std
    for name in ("b_s", "b_u"):
        np.testing.assert_array_equal(params[name], np.repeat([0, 1, 0, 0], S))
    np.testing.assert_array_equal(params["b_r"], np.zeros(D))
    np.testing.assert_array_equal(params["b_o"], frequencies.astype(np.float32))


def test_gradients_of_the_decoder_along_a_direction(rng):
    """Compare the slope along one direction in the space of all arrays, as test_mutations.py needs it: fast."""
    arrays, (T, B) = decoder_arrays(rng), (5, 6)
    words, mask = rng.integers(0, 9, (T, B)), rng.standard_normal((T, B, 16))
    dlogits, dV_tilde = rng.standard_normal((T, B, 9)), rng.standard_normal((T, B, 4))
    direction = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}

    def decode(step):
        moved = {name: array + step * direction[name] for name, array in arrays.items()}
        return visual_memory.decode_forward(moved, moved["a"], words, mask)

    def value(step):
        logits, V_tilde, _ = decode(step)
        return np.vdot(dlogits, logits) + np.vdot(dV_tilde, V_tilde)

    da, grads = visual_memory.decode_backward(dlogits, dV_tilde, decode(0)[2])
    grads["a"] = da
    assert {name: array.shape for name, array in arrays.items()} == {name: d.shape for name, d in grads.items()}
    assert all(d.flags.c_contiguous for d in grads.values())
    slope = sum(np.vdot(grads[name], direction[name]) for name in arrays)
    assert (value(1e-5) - value(-1e-5)) / 2e-5 == pytest.approx(slope, rel=1e-7)


def test_the_memory_never_sees_the_image(rng):
    """Check that another image changes no bit of the reconstruction, and that each word depends on the image."""
    arrays, words, mask = decoder_arrays(rng), rng.integers(0, 9, (5, 6)), np.ones((5, 6, 16))
    logits, V_tilde, _ = visual_memory.decode_forward(arrays, arrays["a"], words, mask)
    other_logits, other_V_tilde, _ = visual_memory.decode_forward(arrays, -arrays["a"], words, mask)
    np.testing.assert_array_equal(V_tilde, other_V_tilde)
    np.testing.assert_array_equal(V_tilde, visual_memory.reconstruct(arrays, words))
    assert (np.abs(logits - other_logits).max(axis=(1, 2)) > 1e-3).all()


def test_states_are_selected(rng):
    arrays = decoder_arrays(rng)
    state = visual_memory.begin(arrays, arrays["a"])
    rows, words = np.array([1, 0, 1]), np.array([3, 4, 5])
    logits, alpha, beta, following = visual_memory.step(arrays, visual_memory.select(state, rows), words)
    assert alpha.shape == (3, 0) and np.array_equal(beta, np.ones(3))
    for b in range(3):
        alone = visual_memory.select(state, rows[b : b + 1])
        logits_alone, *_, following_alone = visual_memory.step(arrays, alone, words[b : b + 1])
        np.testing.assert_allclose(logits[b], logits_alone[0], rtol=0, atol=1e-14)
        for array, array_alone in zip(following, following_alone, strict=True):
            np.testing.assert_allclose(array[b], array_alone[0], rtol=0, atol=1e-14)


def test_fusing_is_what_float32_does(monkeypatch, rng):
    monkeypatch.setattr(visual_memory, "decode_forward", None)
    params, batch = whole_model.params_of(rng, CONFIG, np.float32), whole_model.batch_of(rng, CONFIG, np.float32)
    a = rng.standard_normal((2, 16, 5)).astype(np.float32)
    MODELS["visual-memory"].loss_and_grads(params, a, batch, CONFIG, rng)
    MODELS["visual-memory"].loss_only(params, a, batch, CONFIG)


def test_two_fused_forwards_then_both_backwards_in_one_workspace(rng):
    params = visual_memory.init_params(rng, 4, 7, 8, np.zeros(9))
    inputs = []
    for T in (5, 3):
        shapes = (2, 3, 4), (T, 6, 16), (T, 6, 9), (T, 6, 4)
        a, mask, *gradients = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
        inputs.append(((params, a, rng.integers(0, 9, (T, 6)), mask), gradients))

    def results(logits, V_tilde, cache, gradients):
        da, grads = fast_visual_memory.decode_backward(*gradients, cache)
        return [logits, V_tilde, da, *grads.values()]

    separate = [results(*fast_visual_memory.decode_forward(*arrays), gradients) for arrays, gradients in inputs]
    with Workspace().step():
        forwards = [fast_visual_memory.decode_forward(*arrays) for arrays, _ in inputs]
        together = [results(*forward, gradients) for forward, (_, gradients) in zip(forwards, inputs, strict=True)]
    for arrays, expected_arrays in zip(together, separate, strict=True):
        for array, expected in zip(arrays, expected_arrays, strict=True):
            np.testing.assert_array_equal(array, expected)
