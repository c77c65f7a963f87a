"""Self-critical training: how captions are sampled, how they are weighted, and the gradient."""

from types import SimpleNamespace

import numpy as np
import pytest

from numpy_sat import captioner
from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START, Vocabulary
from numpy_sat.decoders import MODELS, soft, writer
from numpy_sat.decoding import sampling, search
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.metrics import cider
from numpy_sat.system import streams
from numpy_sat.system.workspace import Workspace
from numpy_sat.training.objectives import self_critical
from tests.short_captions import CAPTIONS, MAX_WORDS, V

CONFIG = Recipe().replace(
    image_size=4, stages=((2,),), embedding_size=3, hidden_size=4, attention_size=5, attention_penalty=0.0
)


@pytest.fixture
def params(rng):
    arrays = captioner.init_params(rng, CONFIG, np.log(rng.dirichlet(np.ones(V))), np.float64)
    return {name: array + 0.5 * rng.standard_normal(array.shape) for name, array in arrays.items()}


def all_captions(rng, images=1):
    words, targets, mask = batches.arrange(CAPTIONS)
    image = rng.standard_normal((images, 4, 4, 3))
    return batches.Batch(image, words, targets, mask.astype(np.float64))


def probabilities(params, batch):
    """Return the probability of each caption of the batch, from the loss of a batch with this caption alone."""
    p = []
    for b in range(batch.words.shape[1]):
        single = batch._replace(**{name: getattr(batch, name)[:, b : b + 1] for name in ("words", "targets", "mask")})
        p.append(np.exp(-captioner.loss_only(params, single, CONFIG).total))
    return np.array(p)


@pytest.mark.slow
def test_the_gradient_is_that_of_the_expected_score(rng, params):
    """Compare sum_y p(y) (r(y) - b) d log p(y) over all captions y with differences of sum_y p(y) r(y)."""
    batch, r = all_captions(rng), rng.standard_normal(len(CAPTIONS))
    assert probabilities(params, batch).sum() == pytest.approx(1, abs=1e-12)

    def loss_and_grads(params):
        p = probabilities(params, batch)
        weighted = batch._replace(weights=len(r) * p * (r - 0.7))
        _, grads = captioner.loss_and_grads(params, weighted, CONFIG, rng)
        return -(p @ r), grads

    report = gradcheck.check_loss(loss_and_grads, params)
    assert report.ok, str(report)


def test_captions_are_sampled_with_their_probabilities(rng, params):
    batch, samples = all_captions(rng), 20_000
    p = probabilities(params, batch)
    a = captioner.annotate(params, batch.inputs, CONFIG)
    captions = sampling.draw(writer(CONFIG), params, a, rng.random((MAX_WORDS, samples)))
    counts = {caption: 0 for caption in CAPTIONS}
    for caption in captions:
        counts[tuple(caption)] += 1
    z = (np.array(list(counts.values())) - samples * p) / np.sqrt(samples * p * (1 - p))
    assert np.abs(z).max() < 5 and 0.8 < np.sqrt((z**2).mean()) < 1.2


@pytest.mark.usefixtures("general_decoder")
# dot has the same training code as soft; without weights, vlp and oscar predict hidden words alone (test_vlp.py)
@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("dot", "vlp", "oscar")])
def test_the_gradient_is_proportional_to_the_captions_weights(rng, name):
    """Check every model: weights of 2 double the gradient, and weights of -1 negate it.

    All loss terms count, except the entropy and the reconstruction, which have no weights.
    """
    config = CONFIG.replace(
        **{"model": name, "label_smoothing": 0.1, "reinforce_weight": 0.5, "expected_context": 0.5},
        **{"entropy_weight": 0.0, "reconstruction_weight": 0.0},
    )
    params = captioner.init_params(rng, config, np.log(rng.dirichlet(np.ones(V))), np.float64)
    batch = all_captions(rng, 2)
    batch = batch._replace(words=batch.words[:, :6], targets=batch.targets[:, :6], mask=batch.mask[:, :6])

    def loss_and_grads(*weights, smoothing=0.1):
        weighted = batch._replace(weights=np.array(weights) if weights else None)
        arrays = {name: array.copy() for name, array in params.items()}  # training moves the baseline
        loss, grads = captioner.loss_and_grads(
            arrays, weighted, config.replace(label_smoothing=smoothing), np.random.default_rng(0)
        )
        return loss.word, grads

    expected_loss, expected_grads = loss_and_grads(smoothing=0.0)
    for factor in (1, 2, -1):
        loss, grads = loss_and_grads(*[factor] * 6)
        assert loss == pytest.approx(expected_loss)
        for key, gradient in expected_grads.items():
            np.testing.assert_allclose(grads[key], factor * gradient, rtol=1e-9, atol=1e-12, err_msg=key)


def test_sampled_captions_of_a_batch(rng, params, monkeypatch):
    """Check the sampled captions' number and their weights: the score less that of the image's greedy caption."""
    vocabulary = Vocabulary(("<start>", "<end>", "<unk>", "red", "square"))
    texts = [["red square", "square"], ["red"], ["square square red"]]
    references = tuple(tuple(text.split() for text in image_texts) for image_texts in texts)
    split = batches.Split((), None, (), references, ())
    judge = self_critical.judge_of(split, vocabulary)
    captions = [[3, 4, END], [4, 4, END], [4, 4, 3]]
    words = [vocabulary.decode(caption) for caption in captions]
    scores = self_critical.scores(judge, [0, 1, 2], captions)
    np.testing.assert_allclose(scores, cider.cider_d(words, references) / 100, rtol=1e-12)

    recipe = CONFIG.replace(epochs=1, batch_size=2, captions_per_image=3, learning_rate=1e-3, max_words=MAX_WORDS)
    batch = all_captions(rng, 2)._replace(words=np.zeros((4, 6), int), rows=np.array([2, 0]))
    a = captioner.annotate(params, batch.inputs, CONFIG)
    samples = self_critical.sample_captions(params, batch, recipe, judge, rng)
    np.testing.assert_array_equal(samples.a, a)
    assert samples.config == recipe.replace(expected_context=1.0)
    words, targets, mask = samples.batch.words, samples.batch.targets, samples.batch.mask
    assert words.shape == targets.shape == mask.shape
    assert words.shape[1] == 6 and (words[0] == START).all()
    captions = captions_of(samples.batch)
    for array, expected in zip((words, targets, mask), batches.arrange(captions), strict=True):
        np.testing.assert_array_equal(array, expected)
    assert all(len(caption) == MAX_WORDS or caption[-1] == END for caption in captions)
    scores = self_critical.scores(judge, [2, 2, 2, 0, 0, 0], captions)
    baseline = scores - samples.batch.weights
    assert np.ptp(baseline[:3]) < 1e-6 and np.ptp(baseline[3:]) < 1e-6
    np.testing.assert_allclose(samples.rewards, scores)
    np.testing.assert_allclose(np.repeat(samples.greedy_rewards, 3), baseline, atol=1e-6)
    others = self_critical.sample_captions(params, batch, recipe.replace(reward_baseline="others"), judge, rng)
    scores = self_critical.scores(judge, [2, 2, 2, 0, 0, 0], captions_of(others.batch))
    weights = others.batch.weights
    np.testing.assert_allclose(weights, 1.5 * (scores - np.repeat(scores.reshape(2, 3).mean(1), 3)), atol=1e-6)
    both = (others.greedy_rewards, samples.greedy_rewards)
    assert np.ptp(weights) > 0 and weights.dtype == np.float32 and np.array_equal(*both)
    single = batch._replace(inputs=batch.inputs[1:], words=batch.words[:, :3], rows=batch.rows[1:])
    assert self_critical.sample_captions(params, single, recipe, judge, rng).batch.weights.shape == (3,)
    monkeypatch.setattr(sampling, "draw", lambda decoder, params, a, uniforms: greedy(params, a, uniforms))
    greedy_samples = self_critical.sample_captions(params, batch, recipe, judge, rng)
    np.testing.assert_allclose(greedy_samples.batch.weights, 0, atol=1e-6)


def test_sampling_greedy_decoding_and_training_share_annotation_dropout(rng, params, monkeypatch):
    """Check that both kinds of captions use the same annotations after dropout, and that training drops no more."""
    vocabulary = Vocabulary(("<start>", "<end>", "<unk>", "red", "square"))
    judge = self_critical.judge_of(batches.Split((), None, (), ((["red"],), (["square"],)), ()), vocabulary)
    recipe = CONFIG.replace(annotation_dropout=0.4).replace(
        epochs=1, batch_size=2, captions_per_image=3, learning_rate=1e-3, max_words=MAX_WORDS
    )
    batch = all_captions(rng, 2)._replace(words=np.zeros((4, 6), int), rows=np.arange(2))
    a, inputs = captioner.annotate(params, batch.inputs, CONFIG), []
    draw, beam_search = sampling.draw, search.beam_search

    def recorder(function):
        return lambda decoder, params, a, *rest: inputs.append(a) or function(decoder, params, a, *rest)

    monkeypatch.setattr(sampling, "draw", recorder(draw))
    monkeypatch.setattr(search, "beam_search", recorder(beam_search))
    samples = self_critical.sample_captions(params, batch, recipe, judge, rng)
    is_dropped = (samples.a == 0).all(axis=1, keepdims=True)
    assert 0 < is_dropped.mean() < 1 and samples.config.encoder.annotation_dropout == 0
    np.testing.assert_allclose(samples.a, a * ~is_dropped / 0.6)
    assert len(inputs) == 2 and all(array is samples.a for array in inputs)


def test_the_baseline_is_the_score_of_the_images_greedy_caption(rng, params, monkeypatch):
    vocabulary = Vocabulary(("<start>", "<end>", "<unk>", "red", "square"))
    references = (["red", "square"],), (["red"],), (["square", "square", "red"],)
    judge = self_critical.judge_of(batches.Split((), None, (), references, ()), vocabulary)
    recipe = CONFIG.replace(batch_size=2, captions_per_image=3, max_words=MAX_WORDS)
    batch = all_captions(rng, 2)._replace(words=np.zeros((4, 6), int), rows=np.array([2, 0]))
    captions, arguments = [(4, 3), (3, 4)], []

    def beam_search(decoder, params, a, beam, max_words):
        arguments.append((beam, max_words))
        return [SimpleNamespace(words=words) for words in captions]

    monkeypatch.setattr(search, "beam_search", beam_search)
    samples = self_critical.sample_captions(params, batch, recipe, judge, rng)
    scores = self_critical.scores(judge, [2, 2, 2, 0, 0, 0], captions_of(samples.batch))
    baseline = scores - samples.batch.weights
    expected = self_critical.scores(judge, [2, 0], captions)
    assert arguments == [(1, MAX_WORDS)] and expected.min() > 0 and np.ptp(expected) > 0
    np.testing.assert_allclose(baseline, np.repeat(expected, 3), atol=1e-5)


def test_the_loss_is_the_decoders_on_the_sampled_captions(rng, params):
    vocabulary = Vocabulary(("<start>", "<end>", "<unk>", "red", "square"))
    judge = self_critical.judge_of(batches.Split((), None, (), ((["red"],), (["square"],)), ()), vocabulary)
    recipe = CONFIG.replace(batch_size=2, captions_per_image=3, max_words=MAX_WORDS)
    batch = all_captions(rng, 2)._replace(words=np.zeros((4, 6), int), rows=np.arange(2))
    loss, grads, scores = self_critical.loss_and_grads(params, batch, recipe, judge, np.random.default_rng, Workspace())

    samples = self_critical.sample_captions(params, batch, recipe, judge, np.random.default_rng(streams.CAPTIONS))
    random = np.random.default_rng(streams.DROPOUT)
    expected, _, expected_grads = soft.loss_and_grads(params, samples.a, samples.batch, samples.config, random)
    assert loss == expected and scores == {
        "sampled": 100 * samples.rewards.mean(),
        "greedy": 100 * samples.greedy_rewards.mean(),
    }
    assert grads.keys() == expected_grads.keys()
    assert all(np.array_equal(grads[name], expected_grads[name]) for name in grads)
    assert self_critical.selection_score(recipe, 12.5) == 12.5


def greedy(params, a, uniforms):
    """Return the greedy caption of each image with <end>, as often as the image has uniform numbers."""
    captions_per_image = uniforms.shape[1] // len(a)
    captions = search.beam_search(writer(CONFIG), params, a, 1, MAX_WORDS)
    return [[*caption.words, END] for caption in captions for _ in range(captions_per_image)]


def captions_of(batch):
    """Return the captions of a batch as a list of arrays of word numbers."""
    return [batch.targets[:, b][batch.mask[:, b] > 0] for b in range(batch.targets.shape[1])]
