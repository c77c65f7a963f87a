"""Test the model with hard attention: its gradients, its rewards and its attention modes.

test_hard_attention.py proves that the mean of its gradients is the gradient of the bound. test_attend_tell.py tests its
recurrence.
"""

from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import whole_model

from numpy_sat import captioner, decoders, kernels
from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import START
from numpy_sat.decoders import attend_tell, hard, soft
from numpy_sat.decoders.fast import recurrence
from numpy_sat.decoding import search
from numpy_sat.layers import hard_attention, softmax
from numpy_sat.system.workspace import Workspace

pytestmark = pytest.mark.usefixtures("general_decoder")
CONFIG = whole_model.TINY.replace(model="hard", reinforce_weight=1.0, entropy_weight=0.3)
SMALL = CONFIG.replace(
    image_size=4, stages=((2,), (3,)), embedding_size=4, hidden_size=5, attention_size=2
)  # small enough for a fast gradient check
V, LENGTHS = whole_model.V, whole_model.LENGTHS
T, B = max(LENGTHS), len(LENGTHS)


def model_of(rng, config=CONFIG, dtype=np.float64, moved=0.3):
    """Draw the parameters and a batch of a recipe."""
    return whole_model.params_of(rng, config, dtype, moved), whole_model.batch_of(rng, config, dtype)


def seeded(params, batch, config, seed=5):
    """Run captioner.loss_and_grads with a fixed seed, without changing the baseline."""
    params = {**params, "baseline": params["baseline"].copy()}
    return captioner.loss_and_grads(params, batch, config, np.random.default_rng(seed))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"reward_to_go": True, "reinforce_weight": 0.4, "penalty_normalization": "mean", "penalty_target": "T/L"},
        pytest.param({"authors_code": True, "label_smoothing": 0.0}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_gradients_of_the_whole_model(rng, monkeypatch, options):
    """Check the gradient of the loss minus advantages times log p(s | a), with fixed samples and advantages."""
    config = SMALL.replace(**options)
    params, batch = model_of(rng, config)
    baseline = {"baseline": params.pop("baseline")}
    advantages, log_ps = [], []
    advantage, log_p_forward = hard_attention.advantage, hard_attention.location_log_p_forward

    def frozen(*arguments):
        if not advantages:
            advantages.append(advantage(*arguments))
        return advantages[0]

    def recording(*arguments):
        log_p, cache = log_p_forward(*arguments)
        log_ps.append(log_p)
        return log_p, cache

    monkeypatch.setattr(hard_attention, "advantage", frozen)
    monkeypatch.setattr(hard_attention, "location_log_p_forward", recording)
    sampled = ~hard.toss(after_dropout(config), 2, B, config)

    def loss_and_grads(params):
        loss, grads = seeded({**params, **baseline}, batch, config)
        reward = config.loss.reinforce_weight / B * (advantages[0] * log_ps[-1] * sampled).sum()
        untrained = config.loss.attention_penalty * loss.penalty if config.loss.authors_code else 0
        return loss.total - reward - untrained, grads

    report = gradcheck.check_loss(loss_and_grads, params)
    assert report.ok, str(report)
    assert {array.name for array in report.arrays} == set(params) and "w_beta" not in params


def after_dropout(config):
    """Return the random numbers of `seeded` after those of the dropout mask, which draws none without dropout."""
    rng = np.random.default_rng(5)
    if config.decoder.dropout:
        rng.random((T, B, config.decoder.hidden_size), dtype=np.float32)
    return rng


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_expected_context_alone_is_soft_attention_without_a_gate(rng, dtype):
    config = CONFIG.replace(expected_context=1.0, entropy_weight=0.0)
    params, batch = model_of(rng, config, dtype)
    a = rng.standard_normal((2, 16, 5)).astype(dtype)
    soft_params = {name: array for name, array in params.items() if name != "baseline" and "." not in name}
    loss, da, grads = hard.loss_and_grads(params, a, batch, config, np.random.default_rng(5))
    without_gate = config.replace(model="soft", without=("gate",))
    expected = soft.loss_and_grads(soft_params, a, batch, without_gate, np.random.default_rng(5))
    close = partial(np.testing.assert_allclose, rtol=0, atol=1e-12 if dtype is np.float64 else 2e-5)
    close(loss, expected[0], rtol=1e-6)
    close(da, expected[1])
    assert grads.keys() == expected[2].keys() == soft_params.keys()
    for name, gradient in grads.items():
        close(gradient, expected[2][name], err_msg=name)
    close(hard.loss_only(params, a, batch, config), soft.loss_only(soft_params, a, batch, without_gate), rtol=1e-6)


@pytest.mark.parametrize("authors_code", [False, True])
def test_float32_is_float64(rng, authors_code):
    """Compare float32, fused and unfused, with and without a workspace, with float64. No input changes."""
    config = whole_model.LARGER.replace(model="hard", reward_to_go=not authors_code, authors_code=authors_code)
    params, batch = model_of(rng, config, moved=0.03)
    loss, expected = seeded(params, batch, config)
    params = {name: x.astype(np.float32) for name, x in params.items()}
    batch = batch._replace(inputs=batch.inputs.astype(np.float32), mask=batch.mask.astype(np.float32))
    before = [x.copy() for x in (*params.values(), *batch[:4])]
    workspace, results = Workspace(), []
    for memory in (nullcontext, workspace.step, workspace.step):
        with memory():
            loss32, grads = seeded(params, batch, config)
            results.append((loss32, {name: gradient.copy(order="K") for name, gradient in grads.items()}))
    with kernels.unfused():
        results.append(seeded(params, batch, config))
    assert all(map(np.array_equal, before, (*params.values(), *batch[:4])))
    for loss32, grads in results:
        assert loss32.total == pytest.approx(loss.total, rel=1e-5)
        assert grads.keys() == expected.keys()
        for name, gradient in grads.items():
            assert gradient.dtype == np.float32 and gradient.flags.c_contiguous, name
            assert np.abs(gradient - expected[name]).max() <= 2e-5 * np.abs(expected[name]).max() + 1e-6, name
    for name in expected:
        assert np.array_equal(results[0][1][name], results[2][1][name]), name


def test_fusing_is_what_float32_does(rng, monkeypatch):
    monkeypatch.setattr(attend_tell, "decode_forward", None)
    params, batch = model_of(rng, dtype=np.float32)
    seeded(params, batch, CONFIG)
    captioner.loss_only(params, batch, CONFIG)


def test_two_fused_forwards_then_both_backwards_in_one_workspace(rng):
    params = hard.init_params(rng, 5, CONFIG, np.zeros(V))
    inputs, expected = [], np.arange(6) % 2 == 0
    for words in (5, 3):
        a, mask_h = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 7, 5), (words, 6, 9)))
        douts = [rng.standard_normal(shape).astype(np.float32) for shape in ((words, 6, V), (words, 6, 7))]
        modes = hard.training_modes(rng.random((words, 6)), expected)
        inputs.append(((params, a, rng.integers(0, V, (words, 6)), mask_h, hard.DECODER_PARTS, modes), douts))

    def results(logits, alpha, cache, douts):
        da, grads = recurrence.decode_backward(*douts, cache)
        return [logits, alpha, recurrence.locations(cache), da, *grads.values()]

    separate = [results(*recurrence.decode_forward(*arrays), douts) for arrays, douts in inputs]
    with Workspace().step():
        forwards = [recurrence.decode_forward(*arrays) for arrays, _ in inputs]
        together = [results(*forward, douts) for forward, (_, douts) in zip(forwards, inputs, strict=True)]
    for arrays, expected_arrays in zip(together, separate, strict=True):
        for array, expected_array in zip(arrays, expected_arrays, strict=True):
            np.testing.assert_array_equal(array, expected_array)


def test_padding_changes_nothing(rng):
    config = CONFIG.replace(dropout=0.0)
    params, batch = model_of(rng, config)
    padding = batch.mask == 0
    other = batch._replace(words=np.where(padding, 3, batch.words), targets=np.where(padding, V - 1, batch.targets))
    for options in ({}, {"reward_to_go": True}, {"authors_code": True}):
        (loss, grads), (loss_other, others) = (seeded(params, b, config.replace(**options)) for b in (batch, other))
        assert loss == loss_other
        for name, gradient in grads.items():
            np.testing.assert_allclose(others[name], gradient, rtol=0, atol=1e-13 * np.abs(gradient).max())


def test_the_coin_is_tossed_for_every_image(rng):
    """Check the fraction of heads, one toss per image, and one toss per batch in the authors' variant."""
    tosses = np.array([hard.toss(rng, 4, 12, CONFIG.replace(expected_context=0.3)) for _ in range(2000)]).reshape(
        2000, 4, 3
    )
    assert (tosses == tosses[..., :1]).all()
    assert tosses[..., 0].mean() == pytest.approx(0.3, abs=0.03)
    assert np.corrcoef(tosses[..., 0].T)[np.triu_indices(4, 1)] == pytest.approx(0, abs=0.1)
    tosses = np.array([hard.toss(rng, 4, 12, CONFIG.replace(authors_code=True)) for _ in range(2000)])
    assert (tosses == tosses[:, :1]).all() and tosses.mean() == pytest.approx(0.5, abs=0.05)
    assert not any(hard.toss(rng, 4, 12, CONFIG.replace(expected_context=0.0)).any() for _ in range(50))
    assert all(hard.toss(rng, 4, 12, CONFIG.replace(expected_context=1.0)).all() for _ in range(50))


@pytest.mark.parametrize("authors_code", [False, True])
def test_the_baseline_moves_towards_log_p(rng, authors_code):
    """Compare with log p from the loss without dropout; the authors' variant divides it by T."""
    config = CONFIG.replace(dropout=0.0, authors_code=authors_code)
    params, batch = model_of(rng, config)
    params["baseline"][:] = -5
    loss, grads = captioner.loss_and_grads(params, batch, config, rng)
    log_p = -loss.word * sum(LENGTHS) / B / (T if authors_code else 1)
    assert params["baseline"] == pytest.approx(0.9 * -5 + 0.1 * log_p, rel=1e-12)
    assert "baseline" not in grads


@pytest.mark.parametrize(
    "options", [{}, {"reward_to_go": True}, {"authors_code": True}, {"expected_context": 0.0}], ids=str
)
def test_gradients_of_alpha_are_their_definition(rng, options):
    """Compare with equation 12 and the attention penalty, computed in loops for the same samples."""
    config = CONFIG.replace(dropout=0.0, reinforce_weight=0.7, **options)
    params, batch = model_of(rng, config)
    params, a = {name: x for name, x in params.items() if "." not in name}, rng.standard_normal((2, 16, 5))
    params["baseline"][:] = -5
    loss, da, grads = hard.loss_and_grads(params, a, batch, config, np.random.default_rng(5))
    numbers = after_dropout(config)
    expected, uniforms = hard.toss(numbers, 2, B, config), numbers.random((T, B))
    mask_h = np.ones((T, B, 9))
    modes = hard.training_modes(uniforms, expected)
    logits, alpha, cache = attend_tell.decode_forward(params, a, batch.words, mask_h, hard.DECODER_PARTS, modes)
    s = attend_tell.locations(cache)
    log_q, p, total = softmax.log_softmax(logits), np.exp(softmax.log_softmax(logits)), 0.0
    dlogits, dalpha = np.zeros_like(logits), np.zeros_like(alpha)
    for b, length in enumerate(LENGTHS):
        log_p = [log_q[t, b, batch.targets[t, b]] for t in range(length)]
        missing = 1 - alpha[:length, b].sum(axis=0)
        total += config.loss.attention_penalty * (missing**2).sum() / B
        for t in range(length):
            q = 0.1 / V + 0.9 * np.eye(V)[batch.targets[t, b]]
            dlogits[t, b] = (p[t, b] - q) / B
            entropy = -(alpha[t, b] * np.log(alpha[t, b])).sum()
            total -= (q @ log_q[t, b] + config.loss.entropy_weight * entropy) / B
            dalpha[t, b] += config.loss.entropy_weight / B * (np.log(alpha[t, b]) + 1)
            advantage = sum(log_p) + 5
            if config.loss.reward_to_go:
                advantage = sum(log_p[t:]) + 5 * (length - t) / np.mean(LENGTHS)
            if config.loss.authors_code:
                advantage = sum(log_p) / T + 5
            else:
                dalpha[t, b] -= config.loss.attention_penalty * 2 / B * missing
            if not expected[b]:
                dalpha[t, b, s[t, b]] -= config.loss.reinforce_weight / B * advantage / alpha[t, b, s[t, b]]
    assert loss.total == pytest.approx(total, rel=1e-12)
    expected_da, expected_grads = attend_tell.decode_backward(dlogits, dalpha, cache)
    np.testing.assert_allclose(da, expected_da, rtol=0, atol=1e-12)
    assert grads.keys() == expected_grads.keys()
    for name, gradient in grads.items():
        np.testing.assert_allclose(gradient, expected_grads[name], rtol=0, atol=1e-11, err_msg=name)


def gradients(params, batch, **options):
    """Compute gradients with a fixed seed and with these settings."""
    return seeded(params, batch, CONFIG.replace(**options))[1]


def test_every_option_has_its_effect(rng):
    """Check that REINFORCE and entropy scale with their lambdas, and reach only parameters that alpha depends on."""
    params, batch = model_of(rng)
    none = gradients(params, batch, reinforce_weight=0.0, entropy_weight=0.0)
    for name, zero in (("reinforce_weight", {"entropy_weight": 0.0}), ("entropy_weight", {"reinforce_weight": 0.0})):
        single, double = (gradients(params, batch, **{name: value}, **zero) for value in (1.0, 2.0))
        for array in none:
            expected = 2 * (single[array] - none[array])
            np.testing.assert_allclose(double[array] - none[array], expected, rtol=0, atol=1e-11)
        changed = {array for array in none if np.abs(single[array] - none[array]).max() > 1e-6}
        assert {"W_a", "b_a", "W_h", "v", "W_x", "W_hh", "E", "conv1_1.W"} <= changed
        assert not changed & {"L_h", "L_z", "L_o", "b_o"}  # the parameters of the output
    without = gradients(params, batch, reinforce_weight=0.0, entropy_weight=0.0, attention_penalty=0.0)
    assert np.abs(none["v"] - without["v"]).max() > 1e-3
    authors = {"authors_code": True, "reinforce_weight": 0.0, "entropy_weight": 0.0}
    for array, expected in gradients(params, batch, **authors, attention_penalty=0.0).items():
        np.testing.assert_array_equal(gradients(params, batch, **authors)[array], expected)
    assert gradients(params, batch, reward_to_go=True)["v"] != pytest.approx(gradients(params, batch)["v"], rel=1e-3)


def test_without_samples_there_is_no_reward(rng):
    """Check also that samples pass no gradient to alpha when all three weights are zero."""
    params, batch = model_of(rng)
    expected = [gradients(params, batch, expected_context=1.0, reinforce_weight=value) for value in (0.0, 1.0)]
    for array, gradient in expected[0].items():
        np.testing.assert_array_equal(expected[1][array], gradient)
    sampled = gradients(
        params, batch, expected_context=0.0, reinforce_weight=0.0, entropy_weight=0.0, attention_penalty=0.0
    )
    assert not any(sampled[array].any() for array in ("W_a", "b_a", "W_h", "v"))


def test_the_same_seed_samples_the_same(rng):
    params, batch = model_of(rng)
    (loss, grads), (again, grads_again), (other, _) = (seeded(params, batch, CONFIG, seed=k) for k in (1, 1, 2))
    assert loss == again != other
    assert all(np.array_equal(grads[name], grads_again[name]) for name in grads)


def test_the_start(rng):
    """Check that the initial parameters are those of soft attention without a gate."""
    frequencies = rng.standard_normal(V)
    params = hard.init_params(np.random.default_rng(1), 5, CONFIG, frequencies)
    soft_params = soft.init_params(np.random.default_rng(1), 5, CONFIG.replace(without=("gate",)), frequencies)
    baseline = params.pop("baseline")
    assert baseline.shape == (1,) and baseline == 0 and baseline.dtype == np.float32
    assert params.keys() == soft_params.keys()
    assert all(np.array_equal(params[name], array) for name, array in soft_params.items())


@pytest.mark.parametrize("attention_mode", hard.ATTENTION_MODES)
def test_steps_are_the_training_recurrence(rng, attention_mode):
    """Compare every attention mode with decode_forward, whose samples give the same locations."""
    params, batch = model_of(rng)
    a, words = rng.standard_normal((2, 16, 5)), batch.words
    uniforms, expected = rng.random((T, B)), np.full(B, attention_mode == "expected")
    config = CONFIG.replace(attention_mode=attention_mode)
    state = hard.select(hard.begin(params, a, config, FixedNumbers(uniforms)), np.repeat([0, 1], 3))
    steps = []
    for column in words:
        logits, alpha, beta, state = hard.step(params, state, column)
        steps.append((logits, alpha))
        assert np.array_equal(beta, np.ones(B)) and beta.dtype == alpha.dtype
    if attention_mode == "argmax":
        uniforms = numbers_for_argmax(np.stack([alpha for _, alpha in steps]))
    modes, mask_h = hard.training_modes(uniforms, expected), np.ones((T, B, 9))
    logits, alpha, _ = attend_tell.decode_forward(params, a, words, mask_h, hard.DECODER_PARTS, modes)
    for t in range(T):
        np.testing.assert_allclose(steps[t][0], logits[t], rtol=0, atol=1e-12)
        np.testing.assert_allclose(steps[t][1], alpha[t], rtol=0, atol=1e-13)
    if attention_mode == "expected":
        log_p = np.take_along_axis(softmax.log_softmax(logits), batch.targets[..., None], axis=-1)[..., 0]
        config = CONFIG.replace(label_smoothing=0.0, attention_penalty=0.0)
        expected_loss = -(log_p * batch.mask).sum() / B
        assert hard.loss_only(params, a, batch, config).total == pytest.approx(expected_loss, rel=1e-12)


class FixedNumbers:
    """A stand-in for a Generator that returns these rows of uniform numbers in turn."""

    def __init__(self, rows):
        self.rows = iter(rows)

    def random(self, size):
        row = next(self.rows)
        assert row.shape == (size,)
        return row


def numbers_for_argmax(alpha):
    """Return uniform numbers with which the most probable location is sampled. alpha: (T, B, L)."""
    argmax = alpha.argmax(axis=-1)[..., None]
    return np.take_along_axis(alpha.cumsum(axis=-1) - alpha / 2, argmax, axis=-1)[..., 0]


def test_captions_of_every_attention_mode(rng):
    params = whole_model.params_of(rng, CONFIG, np.float32)
    images = rng.integers(0, 256, (3, CONFIG.encoder.image_size, CONFIG.encoder.image_size, 3), np.uint8)
    a = captioner.annotate(params, batches.scale_pixels(images), CONFIG)
    modes = hard.expected_mode, hard.argmax_mode, hard.sample_mode(np.random.default_rng(0))
    captions_by_mode = []
    for name, mode in zip(hard.ATTENTION_MODES, modes, strict=True):
        config = CONFIG.replace(attention_mode=name)
        captions_by_mode.append(search.caption_images(params, config, images, 2, 5))
        direct = search.beam_search(hard_with(mode), params, a, 2, 5)
        repeated = search.caption_images(params, config, images, 2, 5)
        for caption, second, third in zip(captions_by_mode[-1], repeated, direct, strict=True):
            assert caption.words == second.words == third.words and caption.log_p == second.log_p == third.log_p
    for captions in captions_by_mode:
        for caption in captions:
            assert 1 <= len(caption.words) <= 5 and START not in caption.words
            assert caption.alpha.shape == (len(caption.words) + 1, 16)
            np.testing.assert_allclose(caption.alpha.sum(axis=1), 1, rtol=1e-5)
            assert np.array_equal(caption.beta, np.ones(len(caption.words) + 1))
    assert len({tuple(caption.log_p for caption in captions) for captions in captions_by_mode}) == 3
    expected = search.beam_search(decoders.writer(CONFIG), params, a, 2, 5)
    assert [caption.log_p for caption in captions_by_mode[0]] == [caption.log_p for caption in expected]


def hard_with(mode):
    """Return the functions of the decoder with this mode."""
    begin = partial(attend_tell.begin, parts=hard.DECODER_PARTS, mode=mode)
    return SimpleNamespace(begin=begin, step=hard.step, select=hard.select)


def test_samples_continue_from_batch_to_batch_and_depend_on_the_seed(rng):
    """Check that later batches use new random numbers, and that another seed samples other locations."""
    params = whole_model.params_of(rng, CONFIG, np.float32)
    image = rng.integers(0, 256, (1, CONFIG.encoder.image_size, CONFIG.encoder.image_size, 3), np.uint8)
    config, images = CONFIG.replace(attention_mode="sample"), np.repeat(image, 8, axis=0)
    log_ps = [caption.log_p for caption in search.caption_images(params, config, images, 1, 5, size=1)]
    assert len(set(log_ps)) > 1
    a = captioner.annotate(params, batches.scale_pixels(image), CONFIG)
    writers = [decoders.writer(config, seed) for seed in (0, *range(8))]
    log_ps_by_seed = [search.beam_search(writer, params, a, 1, 5)[0].log_p for writer in writers]
    assert log_ps_by_seed[0] == log_ps_by_seed[1] == log_ps[0] and len(set(log_ps_by_seed)) > 1
