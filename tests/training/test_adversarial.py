"""Adversarial training: the discriminator's gradients, the policy gradient of its reward, roll-outs, and resuming."""

import dataclasses
from functools import partial

import numpy as np
import pytest

from numpy_sat import captioner
from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, Vocabulary
from numpy_sat.decoders import attend_tell, soft, writer
from numpy_sat.decoding import sampling
from numpy_sat.experiment import checkpoint, runs
from numpy_sat.experiment.recipe import SETTINGS, Recipe
from numpy_sat.layers import losses
from numpy_sat.system.errors import InputError
from numpy_sat.system.workspace import Workspace
from numpy_sat.training import objectives
from numpy_sat.training.objectives import adversarial, discriminator, reinforce, samples, straight_through
from tests.short_captions import CAPTIONS, MAX_WORDS, V

SIZE = 5  # hidden size of the discriminator
CONFIG = Recipe().replace(
    **{"image_size": 4, "stages": ((2,),), "embedding_size": 3, "hidden_size": 4, "attention_size": 5},
    **{"attention_penalty": 0.0, "objective": "adversarial", "max_words": MAX_WORDS, "captions_per_image": 3},
)


@pytest.fixture
def params(rng):
    arrays = captioner.init_params(rng, CONFIG, np.log(rng.dirichlet(np.ones(V))), np.float64)
    return {name: array + 0.5 * rng.standard_normal(array.shape) for name, array in arrays.items()}


@pytest.fixture
def net(rng):
    arrays = discriminator.init_params(rng, (16, 4), V, SIZE, np.float64)
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in arrays.items()}


def batch_of(rng, captions, images=2):
    """Return a batch of random images with these captions, and the annotations of random numbers."""
    words, targets, mask = batches.arrange(captions)
    inputs = rng.standard_normal((images, 4, 4, 3))
    return batches.Batch(inputs, words, targets, mask.astype(np.float64))


@pytest.mark.slow
def test_gradients_of_the_discriminator(rng, net):
    a = rng.standard_normal((2, 16, 4))
    real = batch_of(rng, [[3, END], [4, 3, END], [3, 3, 4], [END]])
    generated = batch_of(rng, [[4, END], [END], [3, END], [4, 4, 3, 3, END], [3, 2], [4]])

    def loss_and_grads(params):
        loss, grads, _ = discriminator.loss_and_grads(params, a, real, generated, 0.7)
        return loss, grads

    report = gradcheck.check_loss(loss_and_grads, net)
    assert report.ok, str(report)


def test_the_discriminator_pairs_captions_with_images(rng, net):
    """Check the three kinds of probabilities against those of single captions. The wrong image is the previous one."""
    a = rng.standard_normal((2, 16, 4))
    captions, sampled = [[3, END], [4, 3, END], [3, 3, 4], [END]], [[4, 4, END], [4, END]]
    _, _, r = discriminator.loss_and_grads(net, a, batch_of(rng, captions), batch_of(rng, sampled), 1.0)

    def alone(image, caption):
        (probability,) = discriminator.rewards(net, a[image : image + 1], np.array([0]), [caption])
        return probability

    images = np.array([0, 0, 1, 1])
    np.testing.assert_allclose(r["real"], [alone(n, caption) for n, caption in zip(images, captions, strict=True)])
    np.testing.assert_allclose(
        r["mismatched"], [alone(1 - n, caption) for n, caption in zip(images, captions, strict=True)]
    )
    np.testing.assert_allclose(r["generated"], [alone(0, sampled[0]), alone(1, sampled[1])])
    np.testing.assert_allclose(discriminator.rewards(net, a, images, captions), r["real"])
    assert len({*r["real"], *r["mismatched"]}) == 8


def word_log_probabilities(params, a, batch):
    """Return log p of every word of every caption, (T, B), 0 at padding."""
    mask_h = np.ones((*batch.words.shape, CONFIG.decoder.hidden_size))
    logits, _, _ = attend_tell.decode_forward(params, a, batch.words, mask_h, soft.parts_of(CONFIG))
    _, cache = losses.cross_entropy_forward(logits, batch.targets, batch.mask)
    return losses.word_log_probabilities(cache)


@pytest.mark.parametrize("by_word", [False, True])
def test_the_policy_gradient_is_that_of_the_expected_reward(rng, params, net, by_word):
    """Compare the mean of the policy gradient over all captions with differences of sum_y p(y) r(y).

    By word, V_t is the exact expected reward of the captions that begin with the same t words.
    """
    batch, a = batch_of(rng, CAPTIONS, images=1), rng.standard_normal((1, 16, 4))
    r = discriminator.rewards(net, a, np.zeros(len(CAPTIONS), int), CAPTIONS)
    assert np.ptp(r) > 0.1
    begin_alike = {
        (t, b): np.array([other[: t + 1] == caption[: t + 1] for other in CAPTIONS])
        for b, caption in enumerate(CAPTIONS)
        for t in range(len(caption))
    }
    some_params = {name: params[name] for name in ("W_h0", "W_h", "L_z", "b_o", "b")}

    def probabilities(some):
        return np.exp(word_log_probabilities({**params, **some}, a, batch).sum(axis=0))

    def loss_and_grads(some):
        p = probabilities(some)
        assert p.sum() == pytest.approx(1, abs=1e-12)
        weights = len(r) * p * (r - 0.3)
        if by_word:
            weights = np.zeros(batch.mask.shape)
            for (t, b), alike in begin_alike.items():
                weights[t, b] = len(r) * p[b] * (p[alike] @ r[alike] / p[alike].sum() - 0.3)
        weighted = batch._replace(weights=weights)
        _, _, grads = soft.loss_and_grads({**params, **some}, a, weighted, CONFIG, rng)
        return -(p @ r), {name: grads[name] for name in some}

    report = gradcheck.check_loss(loss_and_grads, some_params, loss=lambda some: -(probabilities(some) @ r))
    assert report.ok, str(report)


def drawn_samples(rng, params, recipe):
    batch = batch_of(rng, [[3, END], [4, 3, END], [3, 3, 4], [END], [4, END], [4, 4, 4]])
    return samples.draw(params, batch._replace(rows=np.arange(2)), recipe, rng), batch


def test_roll_outs_estimate_the_expected_reward(rng, params):
    """Reward captions by their last word. A word's value is then the share of endings with that word."""
    recipe = CONFIG.replace(rollouts=3000)
    sample, _ = drawn_samples(rng, params, recipe)

    def reward(images, captions):
        return np.array([float(caption[-1] == END) + 10 * n for n, caption in zip(images, captions, strict=True)])

    caption_rewards = reward(sample.images, sample.captions)
    values = reinforce.word_values(params, sample, reward, caption_rewards, recipe, rng)
    decoder = writer(CONFIG)
    for b, caption in enumerate(sample.captions):
        assert values[len(caption) - 1, b] == caption_rewards[b] and (values[len(caption) :, b] == 0).all()
        if len(caption) > 1:
            a = sample.a[sample.images[b] :][:1]
            whole = sampling.draw(decoder, params, a, rng.random((MAX_WORDS, 20_000)))
            ends = [other[-1] == END for other in whole if other[0] == caption[0]]
            assert values[0, b] == pytest.approx(np.mean(ends) + 10 * sample.images[b], abs=0.05)
    assert any(len(caption) > 1 for caption in sample.captions)


def test_the_gradient_of_the_reward_at_soft_words(rng, net):
    a, y = rng.standard_normal((2, 16, 4)), rng.dirichlet(np.ones(V), (3, 4))
    mask = (np.arange(3)[:, None] < [3, 1, 2, 3]) * 1.0
    weights = rng.standard_normal(4)

    def loss_and_grads(words):
        r, dy = discriminator.reward_and_gradient(net, a, words["y"], mask)
        return r @ weights, {"y": dy * weights[:, None]}

    report = gradcheck.check_loss(loss_and_grads, {"y": y})
    assert report.ok, str(report)
    hard = np.eye(V)[[[3, 4, 1, 3], [4, 0, 1, 3], [1, 0, 0, 4]]]
    captions = [[3, 4, 1], [4], [1, 1], [3, 3, 4]]
    expected = discriminator.rewards(net, a, np.array([0, 0, 1, 1]), captions)
    np.testing.assert_allclose(discriminator.reward_and_gradient(net, a, hard, mask)[0], expected)


def test_the_straight_through_gradient_points_along_the_exact_one(rng, params, net):
    """Compare the mean of many steps with the exact gradient of sum_y p(y) r(y): biased, but an ascent direction."""
    recipe = CONFIG.replace(gradient="straight-through", gumbel_temperature=0.5)
    batch = batch_of(rng, [[3, END]] * 4000, images=1)
    generated = straight_through.step(params, batch, recipe, net, np.random.default_rng, Workspace())
    everything = batch_of(rng, CAPTIONS, images=1)
    r = discriminator.rewards(net, generated.a, np.zeros(len(CAPTIONS), int), CAPTIONS)
    p = np.exp(word_log_probabilities(params, generated.a, everything).sum(axis=0))
    assert generated.rewards.mean() == pytest.approx(p @ r, abs=0.02) and generated.loss.total < 0
    weighted = everything._replace(weights=len(r) * p * r)
    _, _, exact = soft.loss_and_grads(params, generated.a, weighted, CONFIG, rng)
    cosines = [
        (generated.grads[name] * exact[name]).sum()
        / np.linalg.norm(generated.grads[name])
        / np.linalg.norm(exact[name])
        for name in ("b_o", "L_o", "L_h")
    ]
    assert min(cosines) > 0.3


@pytest.mark.parametrize("rollouts", [0, 2])
def test_a_step_moves_the_discriminator_towards_real_captions(rng, params, net, rollouts):
    recipe = CONFIG.replace(rollouts=rollouts, reward_baseline="others", discriminator_rate=0.01)
    batch = batch_of(rng, [[3, END], [4, 3, END], [3, 3, 4], [END], [4, END], [4, 4, 4]])
    opponent = adversarial.Opponent(net, {})
    before = {name: array.copy() for name, array in net.items()}
    random = np.random.default_rng
    first = adversarial.loss_and_grads(params, batch, recipe, opponent, random, Workspace())
    assert all(np.abs(net[name] - before[name]).max() > 1e-4 for name in net)
    for _ in range(20):
        *_, scores = adversarial.loss_and_grads(params, batch, recipe, opponent, random, Workspace())
    assert scores["real"] > first[2]["real"] and scores.keys() == {"sampled", "real", "mismatched"}
    assert opponent.optimizer["t"] == 21
    sample = samples.draw(params, batch, recipe, np.random.default_rng(4))
    weighted = samples.weigh(sample, partial(discriminator.rewards, before, sample.a), recipe)
    loss, grads = samples.policy_step(params, weighted, random, Workspace())
    assert first[1].keys() == grads.keys()
    if not rollouts:
        assert first[0] == loss and all(np.array_equal(first[1][name], grads[name]) for name in grads)


def test_every_objective_has_a_module():
    assert tuple(objectives.OBJECTIVES) == SETTINGS["objective"].choices
    members = ("prepare", "loss_and_grads", "selection_score", "measure", "AVERAGES_WEIGHTS", "RATE_FACTOR")
    for module in (*objectives.OBJECTIVES.values(), *objectives.STAGES.values()):
        assert all(hasattr(module, member) for member in members), module.__name__


def test_a_checkpoint_keeps_the_discriminator_and_refuses_another(rng, params, tmp_path):
    """Check that it is created once, from the seed, and that a checkpoint with other shapes is an error."""
    captions = (np.array([3, END]),)
    images = rng.integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    split = batches.Split(("a", "b"), images, (captions, captions), (), ())
    params = {name: array.astype(np.float32) for name, array in params.items()}
    words = Vocabulary(("<start>", "<end>", "<unk>", "red", "square"))
    run = runs.Run(tmp_path, {"seed": 3}, CONFIG, words, params, {}, runs.Progress(), {})
    opponent = adversarial.prepare(run, split)
    assert opponent.params is run.objective["params"] and opponent.params["W_f"].shape == (16 * 32, 128)
    batch = batch_of(rng, [[3, END], [4, 3, END], [3, 3, 4], [END], [4, END], [4, 4, 4]])._replace(
        inputs=batches.scale_pixels(images)
    )
    adversarial.loss_and_grads(params, batch, CONFIG, opponent, np.random.default_rng, Workspace())
    runs.save_last(run)
    stored = checkpoint.load(tmp_path / "last.npz").objective
    assert {part: list(arrays) for part, arrays in stored.items()} == {
        part: list(arrays) for part, arrays in run.objective.items()
    }
    resumed = dataclasses.replace(run, objective=stored)
    opponent = adversarial.prepare(resumed, split)
    assert all(np.array_equal(opponent.params[name], array) for name, array in run.objective["params"].items())
    del stored["optimizer"]["m.W_hh"]
    with pytest.raises(InputError, match=r"last\.npz: does not fit .*: optimizer/m.W_hh is missing"):
        adversarial.prepare(resumed, split)
