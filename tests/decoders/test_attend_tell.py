"""Test the decoder: one word, the recurrence over a caption, its parts, and its initial parameters."""

import numpy as np
import pytest
import whole_model
from tiny_captioner import LENGTHS, TINY, V, tiny_batch, tiny_params

from numpy_sat import captioner
from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.decoders import attend_tell, dot, hard, parts, soft
from numpy_sat.decoders.attentions import dot as dot_attention
from numpy_sat.decoders.attentions import hard as hard_attention
from numpy_sat.decoders.attentions import mean, mean_value
from numpy_sat.decoders.attentions import soft as soft_attention
from numpy_sat.system.errors import InputError

ALL = attend_tell.Parts(soft_attention)  # a decoder with all parts


@pytest.mark.slow
@pytest.mark.parametrize("part", parts.PARTS)
def test_gradients_without_a_part(rng, general_decoder, part):
    config = TINY.replace(without=(part,))
    params, batch = tiny_params(rng, config), tiny_batch(rng)
    assert not set(params) & set(parts.PARTS[part])

    def loss_and_grads(params):
        loss, grads = captioner.loss_and_grads(params, batch, config, np.random.default_rng(5))
        return loss.total, grads

    report = gradcheck.check_loss(loss_and_grads, params)
    assert report.ok, str(report)
    assert {array.name for array in report.arrays} == set(params)


def test_a_missing_part_does_nothing(rng):
    """Check uniform attention, a gate of 1, and logits that depend on h_t alone."""
    words, a = rng.integers(0, V, (3, 6)), rng.standard_normal((2, 16, 5))
    for part in parts.PARTS:
        config = TINY.replace(without=(part,))
        params = tiny_params(rng, config)
        state = soft.select(soft.begin(params, a, config), np.repeat([0, 1], 3))
        for column in words:
            before, (logits, alpha, beta, state) = state, soft.step(params, state, column)
        assert np.array_equal(alpha, np.full((6, 16), 1 / 16)) == (part == "attention")
        assert (beta == 1).all() == (part == "gate")
        linear = state.h @ params["L_h"] @ params["L_o"] + params["b_o"]
        assert np.allclose(logits, linear, rtol=0, atol=1e-12) == (part == "deep output")
        assert before.h.shape == state.h.shape


def test_unknown_parts_are_refused(rng):
    with pytest.raises(ValueError, match="without: eyes: there are attention, gate, deep output"):
        tiny_params(rng, TINY.replace(without=("gate", "eyes")))


def test_the_loss_is_the_mean_over_captions(rng):
    """Check that the losses of single captions average to the loss of the batch."""
    params, batch = tiny_params(rng), tiny_batch(rng)
    config = TINY.replace(dropout=0.0)
    together = captioner.loss_only(params, batch, config)
    alone = []
    for b, length in enumerate(LENGTHS):
        caption = batches.Batch(
            batch.inputs[b // 3 : b // 3 + 1],
            *(array[:length, b : b + 1] for array in (batch.words, batch.targets, batch.mask)),
        )
        alone.append(captioner.loss_only(params, caption, config))
    assert together.total == pytest.approx(np.mean([loss.total for loss in alone]), rel=1e-12)
    assert together.penalty == pytest.approx(np.mean([loss.penalty for loss in alone]), rel=1e-12)
    words = np.average([loss.word for loss in alone], weights=LENGTHS)
    assert together.word == pytest.approx(words, rel=1e-12)


def test_starts_at_the_unigram_entropy(rng):
    """Check that the output bias alone has a loss near the unigram entropy, far below ln V."""
    frequencies = np.array([0.001, 0.1, 0.009, 0.4, 0.2, 0.05, 0.04, 0.05, 0.05, 0.05, 0.05])
    config = TINY.replace(dropout=0.0, attention_penalty=0.0)
    params = captioner.init_params(rng, config, np.log(frequencies), np.float64)
    params["L_o"] *= 0
    targets = rng.choice(V, p=frequencies, size=(200, 50))
    batch = batches.Batch(rng.standard_normal((1, 8, 8, 3)), np.zeros_like(targets), targets, np.ones((200, 50)))
    entropy = -(frequencies * np.log(frequencies)).sum()
    assert captioner.loss_only(params, batch, config).word == pytest.approx(entropy, abs=0.03)
    assert entropy < np.log(V) - 0.4


def test_biases_at_the_start(rng):
    params = captioner.init_params(rng, TINY, np.log(np.full(V, 1 / V)))
    S = TINY.decoder.hidden_size
    assert np.array_equal(params["b"], np.repeat([0, 1, 0, 0], S))
    assert np.allclose(params["b_o"], -np.log(V))


def test_weights_at_the_start(rng):
    """Check that weights are normal and scaled by 1 / sqrt(inputs), which keeps the scale of the signal."""
    D, M, S, A = 50, 60, 70, 80
    params = attend_tell.init_params(rng, D, M, S, A, np.zeros(100))
    shapes = {
        **{"E": (100, M), "W_h0": (D, S), "b_h0": (S,), "W_c0": (D, S), "b_c0": (S,)},
        **{"W_a": (D, A), "b_a": (A,), "W_h": (S, A), "v": (A,), "w_beta": (S,), "b_beta": (1,)},
        **{"W_x": (M + D, 4 * S), "W_hh": (S, 4 * S), "b": (4 * S,)},
        **{"L_h": (S, M), "L_z": (D, M), "L_o": (M, 100), "b_o": (100,)},
    }
    assert {name: array.shape for name, array in params.items()} == shapes
    for name, array in params.items():
        assert array.dtype == np.float32
        if name.startswith("b"):
            assert name in ("b", "b_o") or not array.any()
        else:
            scale = 0.5 if name == "E" else len(array) ** -0.5
            assert abs(array.std() / scale - 1) < 4 / np.sqrt(2 * array.size), name
            assert abs(array.mean() / scale) < 4 / np.sqrt(array.size), name
            assert abs((np.abs(array) < scale).mean() - 0.683) < 2 / np.sqrt(array.size), name


RECURRENCE = {  # name of a decoder: its Parts, and the parameters that one word reads besides those of the LSTM
    "soft": (ALL, ("W_h", "v", "w_beta", "b_beta")),
    "soft without a gate": (ALL._replace(gate=False), ("W_h", "v")),
    "dot": (attend_tell.Parts(dot_attention), ("W_q", "W_v", "w_beta", "b_beta")),
    "hard": (attend_tell.Parts(hard_attention, gate=False), ("W_h", "v")),
    "mean": (attend_tell.Parts(mean), ("w_beta", "b_beta")),
}


@pytest.mark.parametrize("name", RECURRENCE)
def test_gradients_of_the_recurrence(request, rng, name):
    """Check one word. N 2, L 3, D 5, B 6, A 7 (12 with three heads), M 8, S 9; four captions sample."""
    if name != "soft":
        request.getfixturevalue("general_decoder")
    decoder_parts, names = RECURRENCE[name]
    params = decoder_arrays(rng, "dot" if name == "dot" else "mlp")
    params = {name: params[name] for name in (*names, "W_x", "W_hh", "b")}
    keys = {"dot": (3, 2, 3, 4), "mean": (2, 5)}.get(name, (2, 3, 7))
    shapes = {"a": (2, 3, 5), "keys": keys, "Ey": (6, 8), "h": (6, 9), "c": (6, 9)}
    inputs = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    uniforms, expected, mode = np.array([0.01, 0.5, 0.99, 0.5, 0.5, 0.99]), np.arange(6) % 3 == 1, None
    if name == "hard":
        (mode,) = hard.training_modes(uniforms[None], expected)

    def forward(a, keys, Ey, h, c, **weights):
        h, c, z, alpha, cache = attend_tell.recur_forward(weights, a, keys, Ey, h, c, decoder_parts, mode)
        assert h.shape == c.shape == (6, 9) and z.shape == (6, 12 if name == "dot" else 5) and alpha.shape == (6, 3)
        if name == "hard":
            sampled, s = np.flatnonzero(~expected), cache.attend.s
            np.testing.assert_array_equal(z[sampled], a[sampled // 3, s[sampled]])
            assert s[0] == 0 and s[2] == s[5] == 2
        return h, c, z, alpha, cache

    def backward(dh, dc, dz, dalpha, cache):
        da, *input_grads, grads = attend_tell.recur_backward(dh, dc, dz, dalpha, cache)
        assert grads.keys() == params.keys()
        return da + np.zeros(shapes["a"]), *input_grads, *(grads[name] for name in params)

    report = gradcheck.check_layer(forward, backward, {**inputs, **params}, rng)
    assert report.ok, str(report)


def decoder_arrays(rng, score="mlp"):
    """Draw parameters and annotations. N 2, L 4, D 5, A 7 (12 with the score "dot", three heads), M 8, S 9, V 11."""
    arrays = attend_tell.init_params(rng, 5, 8, 9, 7, np.zeros(V), np.float64)
    if score == "dot":
        arrays = dot.init_params(rng, 5, TINY.replace(attention_size=12, heads=3), np.zeros(V), np.float64)
    arrays["a"] = rng.standard_normal((2, 4, 5))
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in arrays.items()}


DECODERS = {  # name of a decoder: its Parts, and the names of the parts that have no parameters
    "soft": (ALL, ()),
    "soft without a gate": (ALL._replace(gate=False), ("gate",)),
    "soft without deep output": (ALL._replace(deep_output=False), ("deep output",)),
    "soft without attention": (ALL._replace(attention=mean), ("attention",)),
    "dot": (attend_tell.Parts(dot_attention), ()),
    "dot without attention": (attend_tell.Parts(mean_value), ("attention",)),
    "hard": (attend_tell.Parts(hard_attention, gate=False), ("gate",)),
}


@pytest.mark.parametrize("name", DECODERS)
def test_gradients_of_the_decoder_along_a_direction(request, rng, name):
    """Compare the slope along one direction in the space of all arrays.

    The check is fast enough for the thousands of runs of test_mutations.py.
    """
    if name != "soft":
        request.getfixturevalue("general_decoder")
    (decoder_parts, left_out), score = DECODERS[name], "dot" if name.startswith("dot") else "mlp"
    arrays, (T, B, L) = parts.removed(decoder_arrays(rng, score), left_out), (3, 6, 4)
    words, mask_h, uniforms = rng.integers(0, V, (T, B)), rng.standard_normal((T, B, 9)), rng.random((T, B))
    dlogits, dalpha = rng.standard_normal((T, B, V)), rng.standard_normal((T, B, L))
    direction = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}
    modes = hard.training_modes(uniforms, np.arange(B) % 2 == 0) if name == "hard" else None

    def decode(step):
        moved = {name: array + step * direction[name] for name, array in arrays.items()}
        return attend_tell.decode_forward(moved, moved["a"], words, mask_h, decoder_parts, modes)

    def loss(step):
        logits, alpha, _ = decode(step)
        return np.vdot(dlogits, logits) + np.vdot(dalpha, alpha)

    _, alpha, cache = decode(0)
    da, grads = attend_tell.decode_backward(dlogits, dalpha, cache)
    grads["a"] = da
    assert {name: array.shape for name, array in arrays.items()} == {name: d.shape for name, d in grads.items()}
    assert all(d.flags.c_contiguous for d in grads.values())
    slope = sum(np.vdot(grads[name], direction[name]) for name in arrays)
    assert (loss(1e-5) - loss(-1e-5)) / 2e-5 == pytest.approx(slope, rel=1e-7)
    assert alpha.shape == (T, B, L)
    if "attention" in left_out:
        np.testing.assert_array_equal(alpha, 1 / L)
    if name == "hard":
        sampled, s = np.array([1, 3, 5]), attend_tell.locations(cache)
        expected = [mode(alpha_t)[1] for mode, alpha_t in zip(modes, alpha, strict=True)]
        np.testing.assert_array_equal(s, expected)
        np.testing.assert_array_equal(cache.output.z[:, sampled], arrays["a"][sampled // 3, s[:, sampled]])


def test_the_first_state_is_its_definition(rng):
    params = decoder_arrays(rng)
    a = params["a"]
    h0, c0, _ = attend_tell.first_state_forward(params, a)
    state = attend_tell.begin(params, a, ALL)
    for n in range(2):
        abar = sum(a[n]) / 4
        for result, name in ((h0, "h0"), (c0, "c0")):
            expected = np.tanh(abar @ params[f"W_{name}"] + params[f"b_{name}"])
            np.testing.assert_allclose(result[n], expected, rtol=0, atol=1e-14)
        np.testing.assert_allclose(state.keys[n], a[n] @ params["W_a"] + params["b_a"], rtol=0, atol=1e-13)
    for result, expected in ((state.a, a), (state.h, h0), (state.c, c0)):
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("name", DECODERS)
def test_decoding_step_by_step_is_the_training_recurrence(rng, name):
    (decoder_parts, left_out), score = DECODERS[name], "dot" if name.startswith("dot") else "mlp"
    params, words, T = parts.removed(decoder_arrays(rng, score), left_out), rng.integers(0, V, (3, 2)), 3
    mode = hard.expected_mode if name == "hard" else None
    logits, alpha, _ = attend_tell.decode_forward(
        params, params["a"], words, np.ones((T, 2, 9)), decoder_parts, T * [mode]
    )
    state = attend_tell.begin(params, params["a"], decoder_parts, mode)
    for t, column in enumerate(words):
        step_logits, step_alpha, beta, state = attend_tell.step(params, state, column)
        assert np.allclose(step_logits, logits[t], rtol=0, atol=1e-13)
        assert np.allclose(step_alpha, alpha[t], rtol=0, atol=1e-14)
        assert state.weights.shape[1:] == step_alpha.shape  # the weights of each head; alpha is their mean
        assert np.allclose(state.weights.mean(axis=0), step_alpha, rtol=0, atol=1e-14)
        assert beta.shape == (2,) and ((0 < beta) & (beta < 1)).all() if decoder_parts.gate else (beta == 1).all()


def test_decoding_step_by_step_keeps_the_weights_of_a_single_location(rng):
    decoder_parts, left_out = DECODERS["hard"]
    params = parts.removed(decoder_arrays(rng, "mlp"), left_out)
    state = attend_tell.begin(params, params["a"], decoder_parts, hard.argmax_mode)
    _, alpha, _, state = attend_tell.step(params, state, rng.integers(0, V, 2))
    np.testing.assert_array_equal(state.weights, np.eye(alpha.shape[1])[None, alpha.argmax(axis=1)])


@pytest.mark.parametrize("model", ["hard", "tell"])
def test_models_without_parts_refuse_without(rng, model):
    with pytest.raises(InputError, match=f"without=gate: the model {model} has no parts that can be left out"):
        tiny_params(rng, TINY.replace(model=model, without=("gate",)))


@pytest.mark.parametrize(("model", "heads"), [("soft", 1), ("dot", 2), ("hard", 1)])
def test_attend_to_in_decoding_step_by_step(rng, model, heads):
    """Compare with the weights of the whole image, divided by the sum of those that remain."""
    config = whole_model.TINY.replace(model=model, heads=heads, dropout=0.0)
    fewer, whole = whole_model.check_attend_to(rng, config)
    np.testing.assert_allclose(fewer, whole / whole.sum(axis=2, keepdims=True), rtol=0, atol=1e-12)
