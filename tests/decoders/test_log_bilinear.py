"""Test the log-bilinear model: a window of words, a linear image term, one embedding table for input and output."""

from types import SimpleNamespace

import numpy as np
import pytest
import whole_model

from numpy_sat.check import gradcheck
from numpy_sat.data.vocabulary import START
from numpy_sat.decoders import MODELS, log_bilinear
from numpy_sat.decoders.fast import log_bilinear as fast_log_bilinear
from numpy_sat.system.errors import InputError
from numpy_sat.system.workspace import Workspace

CONFIG = whole_model.TINY.replace(model="log-bilinear")
MODEL = MODELS["log-bilinear"]


def test_gradients_of_the_whole_model(rng):
    whole_model.check_gradients(rng, CONFIG)


def test_a_blind_model(rng):
    whole_model.check_a_blind_model(rng, CONFIG)


def test_no_part_can_be_left_out(rng):
    with pytest.raises(InputError, match="without=gate: the model log-bilinear has no parts that can be left out"):
        MODEL.init_params(rng, 5, CONFIG.replace(without=("gate",)), np.zeros(11))


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


# The decoder alone: N 2, L 3, D 4, B 6, T 8, n - 1 = 5, M 7, V 9.


def decoder_arrays(rng):
    """Draw parameters and annotations."""
    arrays = log_bilinear.init_params(rng, 4, 7, rng.standard_normal(9), np.float64)
    arrays["a"] = rng.standard_normal((2, 3, 4))
    return arrays


def test_weights_at_the_start(rng):
    """Check that weights are scaled by 1 / sqrt(inputs); E has the inputs of the output."""
    D, M, V = 3, 4, 6
    frequencies, fake_rng = rng.standard_normal(V), SimpleNamespace(standard_normal=np.ones)
    params = log_bilinear.init_params(fake_rng, D, M, frequencies)
    scales = {"E": np.full((V, M), M**-0.5), "C": np.full((5, M, M), (5 * M) ** -0.5), "C_m": np.full((D, M), D**-0.5)}
    assert params.keys() == {*scales, "b_o"} and all(array.dtype == np.float32 for array in params.values())
    for name, array in {**scales, "b_o": frequencies}.items():
        np.testing.assert_array_equal(params[name], array.astype(np.float32))


def test_windows_by_hand():
    words = np.array([[START, START], [3, 4], [5, 6], [7, 8], [9, 3], [4, 5], [6, 7]])
    windows = log_bilinear.windows(words)
    assert windows.dtype == words.dtype
    assert windows[:, 0].tolist() == [
        [0, 0, 0, 0, 0],
        [3, 0, 0, 0, 0],
        [5, 3, 0, 0, 0],
        [7, 5, 3, 0, 0],
        [9, 7, 5, 3, 0],
        [4, 9, 7, 5, 3],
        [6, 4, 9, 7, 5],
    ]
    assert windows[:, 1].tolist()[-1] == [7, 5, 3, 8, 6]
    assert log_bilinear.windows(words[:1]).tolist() == [[[0] * 5] * 2]


def test_by_hand():
    """Check a model with two-dimensional embeddings by hand.

    C_1 is the identity, C_2 rotates by 90 degrees and halves, all other C_i are zero.
    """
    E = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    C = np.zeros((5, 2, 2))
    C[0], C[1] = np.eye(2), [[0, 0.5], [-0.5, 0]]  # a row (p, q) becomes (-q, p) / 2
    params = {"E": E, "C": C, "C_m": np.array([[10.0, 20.0]]), "b_o": np.array([0.0, 0, 0, 7])}
    a = np.array([[[0.1], [0.3]], [[0.0], [0.0]]])  # mean annotations 0.2 and 0
    words = np.array([[0, 0], [1, 3], [2, 1]])
    r_hat = [[[2, 4], [0, 0]], [[3, 4], [1, 1]], [[2, 5.5], [0.5, 0.5]]]
    logits, cache = log_bilinear.decode_forward(params, a, words, np.ones((3, 2, 2)))
    np.testing.assert_allclose(cache.output.x, r_hat, rtol=0, atol=1e-15)
    for t in range(3):
        for b in range(2):
            x, y = r_hat[t][b]
            np.testing.assert_allclose(logits[t, b], [0, x, y, x + y + 7], rtol=0, atol=1e-14)


def test_forward_is_the_definition(rng):
    """Compare with a loop over words and captions; dropout applies to r_hat before the output."""
    arrays = decoder_arrays(rng)
    a, words, mask_r = arrays["a"], rng.integers(0, 9, (8, 6)), rng.standard_normal((8, 6, 7))
    logits, _ = log_bilinear.decode_forward(arrays, a, words, mask_r)
    assert logits.shape == (8, 6, 9)
    for b in range(6):
        for t in range(8):
            r_hat = sum(a[b // 3]) / 3 @ arrays["C_m"]
            for i in range(5):
                r_hat = r_hat + arrays["E"][words[t - i, b] if t >= i else START] @ arrays["C"][i]
            expected = arrays["E"] @ (r_hat * mask_r[t, b]) + arrays["b_o"]
            np.testing.assert_allclose(logits[t, b], expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("rows", "N"), [((6,), 2), ((3, 6), 2), ((2, 1, 2), 2), ((5,), 1)])
def test_gradients_of_the_prediction(rng, rows, N):
    inputs = {
        **{"Ey": rng.standard_normal((*rows, 5, 7)), "abar": rng.standard_normal((N, 4))},
        **{"C": rng.standard_normal((5, 7, 7)), "C_m": rng.standard_normal((4, 7))},
    }
    report = gradcheck.check_layer(log_bilinear.predict_forward, log_bilinear.predict_backward, inputs, rng)
    assert report.ok, str(report)


def test_gradients_along_a_direction(rng):
    """Compare the slope along one direction in the space of all arrays.

    The check is fast enough for the thousands of runs of test_mutations.py.
    """
    config, arrays, batch = CONFIG.replace(embedding_size=7), decoder_arrays(rng), whole_model.batch_of(rng, CONFIG)
    batch = batch._replace(words=batch.words % 9, targets=batch.targets % 9)
    direction = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}

    def loss_and_grads(step):
        moved = {name: array + step * direction[name] for name, array in arrays.items()}
        loss, da, grads = MODEL.loss_and_grads(moved, moved["a"], batch, config, np.random.default_rng(5))
        return loss.total, {**grads, "a": da}

    _, grads = loss_and_grads(0)
    assert {name: array.shape for name, array in arrays.items()} == {name: d.shape for name, d in grads.items()}
    assert all(d.flags.c_contiguous for d in grads.values())
    slope = sum(np.vdot(grads[name], direction[name]) for name in arrays)
    (above, _), (below, _) = loss_and_grads(1e-5), loss_and_grads(-1e-5)
    assert (above - below) / 2e-5 == pytest.approx(slope, rel=1e-7)


def test_only_the_last_words_count(rng):
    """Check that a word changes only the logits of the next n - 1 words."""
    arrays = decoder_arrays(rng)
    words, mask_r = rng.integers(0, 9, (8, 6)), np.ones((8, 6, 7))
    logits, _ = log_bilinear.decode_forward(arrays, arrays["a"], words, mask_r)
    changed_words = words.copy()
    changed_words[1] = (words[1] + 1) % 9
    changed_logits, _ = log_bilinear.decode_forward(arrays, arrays["a"], changed_words, mask_r)
    assert (changed_logits != logits).any(axis=(1, 2)).tolist() == [False, *[True] * 5, False, False]


def test_dropout_applies_in_training_alone(rng):
    params, batch = whole_model.params_of(rng, CONFIG), whole_model.batch_of(rng, CONFIG)
    a = rng.standard_normal((2, 16, 5))
    first, second = (MODEL.loss_and_grads(params, a, batch, CONFIG, rng)[0] for _ in range(2))
    assert first != second and first.penalty == 0
    without_dropout = CONFIG.replace(dropout=0.0)
    loss = MODEL.loss_only(params, a, batch, CONFIG)
    assert loss == MODEL.loss_only(params, a, batch, without_dropout)
    assert loss == MODEL.loss_and_grads(params, a, batch, without_dropout, rng)[0]


def test_states_are_selected(rng):
    arrays = decoder_arrays(rng)
    state = log_bilinear.begin(arrays, arrays["a"])
    np.testing.assert_allclose(state.abar, sum(arrays["a"].swapaxes(0, 1)) / 3, rtol=0, atol=1e-15)
    assert np.array_equal(state.window, np.full((2, 5), START))
    words = np.array([3, 4])
    _, alpha, beta, state = log_bilinear.step(arrays, state, words)
    assert alpha.shape == (2, 0) and np.array_equal(beta, np.ones(2))
    assert state.window.tolist() == [[3, 0, 0, 0, 0], [4, 0, 0, 0, 0]]
    state = log_bilinear.select(state, np.array([0, 0, 1, 1]))
    *_, state = log_bilinear.step(arrays, state, np.array([5, 6, 7, 8]))
    assert state.window[:, :3].tolist() == [[5, 3, 0], [6, 3, 0], [7, 4, 0], [8, 4, 0]]
    assert state.abar.shape == (2, 4)


def test_fusing_is_what_float32_does(monkeypatch, rng):
    monkeypatch.setattr(log_bilinear, "predict_forward", None)
    params, batch = whole_model.params_of(rng, CONFIG, np.float32), whole_model.batch_of(rng, CONFIG, np.float32)
    a = rng.standard_normal((2, 16, 5)).astype(np.float32)
    MODEL.loss_and_grads(params, a, batch, CONFIG, rng)
    MODEL.loss_only(params, a, batch, CONFIG)


def test_two_fused_forwards_then_both_backwards_in_one_workspace(rng):
    params = {name: x.astype(np.float32) for name, x in decoder_arrays(rng).items()}
    inputs = []
    for T in (5, 3):
        mask_r, dlogits = (rng.standard_normal(shape).astype(np.float32) for shape in ((T, 6, 7), (T, 6, 9)))
        inputs.append(((params, params["a"], rng.integers(0, 9, (T, 6)), mask_r), dlogits))

    def results(logits, cache, dlogits):
        da, grads = fast_log_bilinear.decode_backward(dlogits, cache)
        return [logits, da, *grads.values()]

    separate = [results(*fast_log_bilinear.decode_forward(*arrays), dlogits) for arrays, dlogits in inputs]
    with Workspace().step():
        forwards = [fast_log_bilinear.decode_forward(*arrays) for arrays, _ in inputs]
        together = [results(*forward, dlogits) for forward, (_, dlogits) in zip(forwards, inputs, strict=True)]
    for arrays, expected_arrays in zip(together, separate, strict=True):
        for array, expected in zip(arrays, expected_arrays, strict=True):
            np.testing.assert_array_equal(array, expected)
