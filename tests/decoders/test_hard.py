"""The model with hard attention: its gradients, its rewards, and the modes of its attention while it writes.

test_hard_attention.py proves that the mean of its gradients is the gradient of the bound. test_captioner.py tests its
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
)  # quick to check
V, LENGTHS = whole_model.V, whole_model.LENGTHS
T, B = max(LENGTHS), len(LENGTHS)


def model_of(rng, config=CONFIG, dtype=np.float64, moved=0.3):
    return whole_model.params_of(rng, config, dtype, moved), whole_model.batch_of(rng, config, dtype)


def seeded(params, batch, config, seed=5):
    """captioner.loss_and_grads with the same draws every time, and a baseline that stays."""
    params = {**params, "baseline": params["baseline"].copy()}
    return captioner.loss_and_grads(params, batch, config, np.random.default_rng(seed))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"reward_to_go": True, "reinforce_weight": 0.4, "penalty_normalization": "mean", "penalty_target": "T/L"},
        {"authors_code": True, "label_smoothing": 0.0},
    ],
    ids=str,
)
def test_gradients_of_the_whole_model(rng, monkeypatch, options):
    """With the same draws and advantages all of it is the gradient of the loss and of advantages times log p(s | a)."""
    config = SMALL.replace(**options)
    params, batch = model_of(rng, config)
    baseline = {"baseline": params.pop("baseline")}
    advantages, log_p = [], []
    advantage, log_p_forward = hard_attention.advantage, hard_attention.location_log_p_forward

    def frozen(*arguments):
        if not advantages:
            advantages.append(advantage(*arguments))
        return advantages[0]

    def noted(*arguments):
        found = log_p_forward(*arguments)
        log_p.append(found[0])
        return found

    monkeypatch.setattr(hard_attention, "advantage", frozen)
    monkeypatch.setattr(hard_attention, "location_log_p_forward", noted)
    drawn = ~hard.toss(after_dropout(config), 2, B, config)

    def loss_and_grads(params):
        loss, grads = seeded({**params, **baseline}, batch, config)
        reward = config.loss.reinforce_weight / B * (advantages[0] * log_p[-1] * drawn).sum()
        untrained = config.loss.attention_penalty * loss.penalty if config.loss.authors_code else 0
        return loss.total - reward - untrained, grads

    report = gradcheck.check_loss(loss_and_grads, params)
    assert report.ok, str(report)
    assert {array.name for array in report.arrays} == set(params) and "w_beta" not in params


def after_dropout(config):
    """The random numbers of `seeded`, those of dropout used up."""
    rng = np.random.default_rng(5)
    rng.random((T, B, config.decoder.hidden_size), dtype=np.float32)
    return rng


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_with_the_expected_context_alone_it_is_soft_attention_without_a_gate(rng, dtype):
    config = CONFIG.replace(expected_context=1.0, entropy_weight=0.0)
    params, batch = model_of(rng, config, dtype)
    a = rng.standard_normal((2, 16, 5)).astype(dtype)
    of_soft = {name: array for name, array in params.items() if name != "baseline" and "." not in name}
    loss, da, grads = hard.loss_and_grads(params, a, batch, config, np.random.default_rng(5))
    without_gate = config.replace(model="soft", without=("gate",))
    expected = soft.loss_and_grads(of_soft, a, batch, without_gate, np.random.default_rng(5))
    close = partial(np.testing.assert_allclose, rtol=0, atol=1e-12 if dtype is np.float64 else 2e-5)
    close(loss, expected[0], rtol=1e-6)
    close(da, expected[1])
    assert grads.keys() == expected[2].keys() == of_soft.keys()
    for name, gradient in grads.items():
        close(gradient, expected[2][name], err_msg=name)
    close(hard.loss_only(params, a, batch, config), soft.loss_only(of_soft, a, batch, without_gate), rtol=1e-6)


@pytest.mark.parametrize("as_authors", [False, True])
def test_float32_is_float64(rng, as_authors):
    """Fused and not, with a workspace and without; the baseline moves, and no other input changes."""
    config = whole_model.LARGER.replace(model="hard", reward_to_go=not as_authors, authors_code=as_authors)
    params, batch = model_of(rng, config, moved=0.03)
    loss, right = seeded(params, batch, config)
    params = {name: x.astype(np.float32) for name, x in params.items()}
    batch = batch._replace(inputs=batch.inputs.astype(np.float32), mask=batch.mask.astype(np.float32))
    before = [x.copy() for x in (*params.values(), *batch[:4])]
    workspace, found = Workspace(), []
    for memory in (nullcontext, workspace.step, workspace.step):
        with memory():
            loss32, grads = seeded(params, batch, config)
            found.append((loss32, {name: gradient.copy(order="K") for name, gradient in grads.items()}))
    with kernels.unfused():
        found.append(seeded(params, batch, config))
    assert all(map(np.array_equal, before, (*params.values(), *batch[:4])))
    for loss32, grads in found:
        assert loss32.total == pytest.approx(loss.total, rel=1e-5)
        assert grads.keys() == right.keys()
        for name, gradient in grads.items():
            assert gradient.dtype == np.float32 and gradient.flags.c_contiguous, name
            assert np.abs(gradient - right[name]).max() <= 2e-5 * np.abs(right[name]).max() + 1e-6, name
    for name in right:
        assert np.array_equal(found[0][1][name], found[2][1][name]), name


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

    alone = [results(*recurrence.decode_forward(*arrays), douts) for arrays, douts in inputs]
    with Workspace().step():
        forwards = [recurrence.decode_forward(*arrays) for arrays, _ in inputs]
        together = [results(*forward, douts) for forward, (_, douts) in zip(forwards, inputs, strict=True)]
    for found, right in zip(together, alone, strict=True):
        for x, y in zip(found, right, strict=True):
            np.testing.assert_array_equal(x, y)


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
    """Captions of an image alike; a share of config.expected; as the authors, all of a batch alike."""
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


@pytest.mark.parametrize("as_authors", [False, True])
def test_the_baseline_moves_towards_log_p(rng, as_authors):
    """Which without dropout is the loss; as the authors have it, a mean over the T words of the longest."""
    config = CONFIG.replace(dropout=0.0, authors_code=as_authors)
    params, batch = model_of(rng, config)
    params["baseline"][:] = -5
    loss, grads = captioner.loss_and_grads(params, batch, config, rng)
    log_p = -loss.word * sum(LENGTHS) / B / (T if as_authors else 1)
    assert params["baseline"] == pytest.approx(0.9 * -5 + 0.1 * log_p, rel=1e-12)
    assert "baseline" not in grads


@pytest.mark.parametrize(
    "options", [{}, {"reward_to_go": True}, {"authors_code": True}, {"expected_context": 0.0}], ids=str
)
def test_what_alpha_learns_by_is_its_definition(rng, options):
    """Eq. 12 and the penalty, number by number, sent back through the decoder with the same draws."""
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
            better = sum(log_p) + 5
            if config.loss.reward_to_go:
                better = sum(log_p[t:]) + 5 * (length - t) / np.mean(LENGTHS)
            if config.loss.authors_code:
                better = sum(log_p) / T + 5
            else:
                dalpha[t, b] -= config.loss.attention_penalty * 2 / B * missing
            if not expected[b]:
                dalpha[t, b, s[t, b]] -= config.loss.reinforce_weight / B * better / alpha[t, b, s[t, b]]
    assert loss.total == pytest.approx(total, rel=1e-12)
    right_da, right = attend_tell.decode_backward(dlogits, dalpha, cache)
    np.testing.assert_allclose(da, right_da, rtol=0, atol=1e-12)
    assert grads.keys() == right.keys()
    for name, gradient in grads.items():
        np.testing.assert_allclose(gradient, right[name], rtol=0, atol=1e-11, err_msg=name)


def gradients(params, batch, **options):
    return seeded(params, batch, CONFIG.replace(**options))[1]


def test_what_each_option_does(rng):
    """REINFORCE and entropy are proportional to their lambdas, and reach what alpha is made of, and nothing else."""
    params, batch = model_of(rng)
    none = gradients(params, batch, reinforce_weight=0.0, entropy_weight=0.0)
    for name, zero in (("reinforce_weight", {"entropy_weight": 0.0}), ("entropy_weight", {"reinforce_weight": 0.0})):
        one, two = (gradients(params, batch, **{name: value}, **zero) for value in (1.0, 2.0))
        for array in none:
            np.testing.assert_allclose(two[array] - none[array], 2 * (one[array] - none[array]), rtol=0, atol=1e-11)
        changed = {array for array in none if np.abs(one[array] - none[array]).max() > 1e-6}
        assert {"W_a", "b_a", "W_h", "v", "W_x", "W_hh", "E", "conv1_1.W"} <= changed
        assert not changed & {"L_h", "L_z", "L_o", "b_o"}  # what is after all looking
    without = gradients(params, batch, reinforce_weight=0.0, entropy_weight=0.0, attention_penalty=0.0)
    assert np.abs(none["v"] - without["v"]).max() > 1e-3
    authors = {"authors_code": True, "reinforce_weight": 0.0, "entropy_weight": 0.0}
    for array, right in gradients(params, batch, **authors, attention_penalty=0.0).items():
        np.testing.assert_array_equal(gradients(params, batch, **authors)[array], right)
    assert gradients(params, batch, reward_to_go=True)["v"] != pytest.approx(gradients(params, batch)["v"], rel=1e-3)


def test_without_draws_there_is_no_reward(rng):
    """Nor does alpha learn anything but by draws, entropy and penalty where nothing is expected."""
    params, batch = model_of(rng)
    expected = [gradients(params, batch, expected_context=1.0, reinforce_weight=value) for value in (0.0, 1.0)]
    for array, right in expected[0].items():
        np.testing.assert_array_equal(expected[1][array], right)
    drawn = gradients(
        params, batch, expected_context=0.0, reinforce_weight=0.0, entropy_weight=0.0, attention_penalty=0.0
    )
    assert not any(drawn[array].any() for array in ("W_a", "b_a", "W_h", "v"))


def test_the_same_numbers_draw_the_same(rng):
    params, batch = model_of(rng)
    (loss, grads), (again, grads_again), (other, _) = (seeded(params, batch, CONFIG, seed=k) for k in (1, 1, 2))
    assert loss == again != other
    assert all(np.array_equal(grads[name], grads_again[name]) for name in grads)


def test_the_start(rng):
    """Soft attention's parameters without a gate."""
    frequencies = rng.standard_normal(V)
    params = hard.init_params(np.random.default_rng(1), 5, CONFIG, frequencies)
    of_soft = soft.init_params(np.random.default_rng(1), 5, CONFIG.replace(without=("gate",)), frequencies)
    baseline = params.pop("baseline")
    assert baseline.shape == (1,) and baseline == 0 and baseline.dtype == np.float32
    assert params.keys() == of_soft.keys()
    assert all(np.array_equal(params[name], array) for name, array in of_soft.items())


@pytest.mark.parametrize("way", ["everywhere", "at the likeliest", "by chance"])
def test_steps_are_the_training_recurrence(rng, way):
    """Each way of looking, of captions of two images, against decode_forward with draws of that kind."""
    params, batch = model_of(rng)
    a, words = rng.standard_normal((2, 16, 5)), batch.words
    uniforms, expected = rng.random((T, B)), np.full(B, way == "everywhere")
    config = CONFIG.replace(
        attention_mode={"everywhere": "expected", "at the likeliest": "argmax", "by chance": "sample"}[way]
    )
    state = hard.select(hard.begin(params, a, config, Numbers(uniforms)), np.repeat([0, 1], 3))
    found = []
    for column in words:
        logits, alpha, beta, state = hard.step(params, state, column)
        found.append((logits, alpha))
        assert np.array_equal(beta, np.ones(B)) and beta.dtype == alpha.dtype
    if way == "at the likeliest":
        uniforms = numbers_of_the_likeliest(np.stack([alpha for _, alpha in found]))
    modes, mask_h = hard.training_modes(uniforms, expected), np.ones((T, B, 9))
    logits, alpha, _ = attend_tell.decode_forward(params, a, words, mask_h, hard.DECODER_PARTS, modes)
    for t in range(T):
        np.testing.assert_allclose(found[t][0], logits[t], rtol=0, atol=1e-12)
        np.testing.assert_allclose(found[t][1], alpha[t], rtol=0, atol=1e-13)
    if way == "everywhere":
        log_p = np.take_along_axis(softmax.log_softmax(logits), batch.targets[..., None], axis=-1)[..., 0]
        config = CONFIG.replace(label_smoothing=0.0, attention_penalty=0.0)
        right = -(log_p * batch.mask).sum() / B
        assert hard.loss_only(params, a, batch, config).total == pytest.approx(right, rel=1e-12)


class Numbers:
    """In a Generator's place: its uniform numbers are these rows, in turn."""

    def __init__(self, rows):
        self.rows = iter(rows)

    def random(self, size):
        row = next(self.rows)
        assert row.shape == (size,)
        return row


def numbers_of_the_likeliest(alpha):
    """Uniform numbers with which the likeliest location is drawn. alpha: (T, B, L)."""
    most = alpha.argmax(axis=-1)[..., None]
    return np.take_along_axis(alpha.cumsum(axis=-1) - alpha / 2, most, axis=-1)[..., 0]


def test_captions_are_written_in_each_way(rng):
    params = whole_model.params_of(rng, CONFIG, np.float32)
    images = rng.integers(0, 256, (3, CONFIG.encoder.image_size, CONFIG.encoder.image_size, 3), np.uint8)
    a = captioner.annotate(params, batches.scale_pixels(images), CONFIG)
    modes = hard.expected_mode, hard.argmax_mode, hard.sample_mode(np.random.default_rng(0))
    found = []
    for name, mode in zip(hard.ATTENTION_MODES, modes, strict=True):
        config = CONFIG.replace(attention_mode=name)
        found.append(search.caption_images(params, config, images, 2, 5))
        by_hand = search.beam_search(hard_with(mode), params, a, 2, 5)
        again = search.caption_images(params, config, images, 2, 5)
        for caption, same, other in zip(found[-1], again, by_hand, strict=True):
            assert caption.words == same.words == other.words and caption.log_p == same.log_p == other.log_p
    for captions in found:
        for caption in captions:
            assert 1 <= len(caption.words) <= 5 and START not in caption.words
            assert caption.alpha.shape == (len(caption.words) + 1, 16)
            np.testing.assert_allclose(caption.alpha.sum(axis=1), 1, rtol=1e-5)
            assert np.array_equal(caption.beta, np.ones(len(caption.words) + 1))
    assert len({tuple(caption.log_p for caption in captions) for captions in found}) == 3
    expected = search.beam_search(decoders.writer(CONFIG), params, a, 2, 5)
    assert [caption.log_p for caption in found[0]] == [caption.log_p for caption in expected]


def hard_with(mode):
    begin = partial(attend_tell.begin, parts=hard.DECODER_PARTS, mode=mode)
    return SimpleNamespace(begin=begin, step=hard.step, select=hard.select)


def test_samples_go_on_from_batch_to_batch_and_begin_with_the_seed(rng):
    """An image of a later batch is not looked at with the numbers of the first; another seed draws others."""
    params = whole_model.params_of(rng, CONFIG, np.float32)
    image = rng.integers(0, 256, (1, CONFIG.encoder.image_size, CONFIG.encoder.image_size, 3), np.uint8)
    config, images = CONFIG.replace(attention_mode="sample"), np.repeat(image, 8, axis=0)
    found = [caption.log_p for caption in search.caption_images(params, config, images, 1, 5, size=1)]
    assert len(set(found)) > 1
    a = captioner.annotate(params, batches.scale_pixels(image), CONFIG)
    writers = [decoders.writer(config, seed) for seed in (0, *range(8))]
    seeds = [search.beam_search(writer, params, a, 1, 5)[0].log_p for writer in writers]
    assert seeds[0] == seeds[1] == found[0] and len(set(seeds)) > 1
