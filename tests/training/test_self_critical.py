"""Captions of the model's own, weighed by what they score: the gradient, and how they are drawn."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from numpy_sat import captioner
from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START, Vocabulary
from numpy_sat.decoders import MODELS, soft, writer
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.metrics import cider
from numpy_sat.system import streams
from numpy_sat.system.workspace import Workspace
from numpy_sat.training.objectives import self_critical

V, MOST = 5, 3  # <start>, <end>, <unk> and two words; captions of at most three
CONFIG = Recipe().replace(
    image_size=4, stages=((2,),), embedding_size=3, hidden_size=4, attention_size=5, attention_penalty=0.0
)
CAPTIONS = [
    (*words, *end)
    for length in range(MOST + 1)
    for words in product([word for word in range(V) if word != END], repeat=length)
    for end in ([()] if length == MOST else [(END,)])
]  # all there are: with <end>, or cut where they are as long as they may be


@pytest.fixture
def params(rng):
    found = captioner.init_params(rng, CONFIG, np.log(rng.dirichlet(np.ones(V))), np.float64)
    return {name: array + 0.5 * rng.standard_normal(array.shape) for name, array in found.items()}


def all_captions(rng, images=1):
    words, targets, mask = batches.arrange(CAPTIONS)
    image = rng.standard_normal((images, 4, 4, 3))
    return batches.Batch(image, words, targets, mask.astype(np.float64))


def probabilities(params, batch):
    """p of each caption of the batch, as the loss of each alone gives it."""
    found = []
    for b in range(batch.words.shape[1]):
        one = batch._replace(**{name: getattr(batch, name)[:, b : b + 1] for name in ("words", "targets", "mask")})
        found.append(np.exp(-captioner.loss_only(params, one, CONFIG).total))
    return np.array(found)


@pytest.mark.slow
def test_the_gradient_is_that_of_the_expected_score(rng, params):
    """Over all captions there are: sum_y p(y) (r(y) - b) d log p(y) against differences of sum_y p(y) r(y)."""
    batch, r = all_captions(rng), rng.standard_normal(len(CAPTIONS))
    assert probabilities(params, batch).sum() == pytest.approx(1, abs=1e-12)

    def loss_and_grads(params):
        p = probabilities(params, batch)
        weighed = batch._replace(weights=len(r) * p * (r - 0.7))
        _, grads = captioner.loss_and_grads(params, weighed, CONFIG, rng)
        return -(p @ r), grads

    report = gradcheck.check_loss(loss_and_grads, params)
    assert report.ok, str(report)


def test_captions_are_drawn_as_often_as_they_are_likely(rng, params):
    batch, draws = all_captions(rng), 20_000
    p = probabilities(params, batch)
    a = captioner.annotate(params, batch.inputs, CONFIG)
    found = self_critical.draw(writer(CONFIG), params, a, rng.random((MOST, draws)))
    times = {caption: 0 for caption in CAPTIONS}
    for caption in found:
        times[tuple(caption)] += 1
    z = (np.array(list(times.values())) - draws * p) / np.sqrt(draws * p * (1 - p))
    assert np.abs(z).max() < 5 and 0.8 < np.sqrt((z**2).mean()) < 1.2


class Table:
    """A decoder of places, one after the other: each has p of the next word by the word before."""

    def __init__(self, p):
        self.p, self.steps = np.array(p), 0

    def begin(self, params, a):
        """An image's first place is what its annotations say."""
        return a[:, 0, 0].astype(int)

    def step(self, params, state, words):
        self.steps += 1
        with np.errstate(divide="ignore"):
            return np.log(self.p[state, words]), None, None, np.minimum(state + 1, len(self.p) - 1)

    def select(self, state, rows):
        return state[rows]


def test_captions_are_drawn_by_their_uniform_numbers():
    """Of each image's p, from the word before on; to <end>, which is no. 1, or as long as there are numbers."""
    table = Table(
        [
            [[0.25, 0.25, 0.5], [0, 0, 1], [0.5, 0.25, 0.25]],
            [[0.75, 0.25, 0], [0, 0, 1], [0, 0.5, 0.5]],
            [[0.25, 0.25, 0.5], [0.5, 0.5, 0], [0.75, 0.25, 0]],
        ]
    )
    a = np.arange(2.0)[:, None, None]
    uniforms = np.array([[0.25, 0.6, 0.0, 0.8], [0.9, 0.5, 0.74, 0.9], [0.49, 0.3, 0.75, 0.9]])
    assert self_critical.draw(table, {}, a, uniforms) == [[END], [2, 2, 0], [0, 2, END], [END]] and table.steps == 3
    assert self_critical.draw(table, {}, a, uniforms[:2, 1:3]) == [[2, 2], [0, 2]]
    assert self_critical.draw(table, {}, a[:1], uniforms[:, 1:2]) == [[2, 2, 0]]
    table.steps = 0
    assert self_critical.draw(table, {}, a[:1], np.full((9, 2), 0.25)) == [[END]] * 2 and table.steps == 1


def test_p_that_add_up_to_less_than_one_leave_no_word_out():
    """Rounding may leave the last sum a little short of 1, and the largest number below 1 beyond it."""
    for V in (3, 10, 300):
        found = self_critical.draw(
            Table(np.full((1, V, V), 1 / V)), {}, np.zeros((1, 1, 1)), np.full((1, 1), 1 - 2**-53)
        )
        assert found == [[V - 1]]


def test_words_of_small_logits_are_drawn_in_float64():
    """300 words of float32, added up in it, are off by more than this uniform number is from the edge."""
    p = np.random.default_rng(3).dirichlet(np.ones(300)).astype(np.float32)

    class Single(Table):
        def step(self, params, state, words):
            logits, *others = super().step(params, state, words)
            return logits.astype(np.float32), *others

    exact = np.exp(np.log(p).astype(np.float64)).cumsum()
    edges = exact[[100, 200, 280]] / exact[-1]
    for word, edge in zip([100, 200, 280], edges, strict=True):
        for nudge, expected in ((-1e-9, word), (1e-9, word + 1)):
            decoder, uniforms = Single(np.full((1, 300, 300), p)), np.full((1, 1), edge + nudge)
            assert self_critical.draw(decoder, {}, np.zeros((1, 1, 1)), uniforms) == [[expected]]


@pytest.mark.usefixtures("general_decoder")
@pytest.mark.parametrize("name", [name for name in MODELS if name != "dot"])  # which trains as soft does
def test_captions_count_as_much_as_they_weigh(rng, name):
    """In every model, and in all that it learns by: twice r - b is twice the gradient, and -1 is its opposite."""
    config = CONFIG.replace(
        model=name, label_smoothing=0.1, reinforce_weight=0.5, entropy_weight=0.0, expected_context=0.5
    )
    params = captioner.init_params(rng, config, np.log(rng.dirichlet(np.ones(V))), np.float64)
    batch = all_captions(rng, 2)
    batch = batch._replace(words=batch.words[:, :6], targets=batch.targets[:, :6], mask=batch.mask[:, :6])

    def gradients(*weights, smoothing=0.1):
        weighed = batch._replace(weights=np.array(weights) if weights else None)
        own = {name: array.copy() for name, array in params.items()}  # a baseline moves
        found = captioner.loss_and_grads(
            own, weighed, config.replace(label_smoothing=smoothing), np.random.default_rng(0)
        )
        return found[0].word, found[1]

    word, once = gradients(smoothing=0.0)
    for factor in (1, 2, -1):
        of_word, times = gradients(*[factor] * 6)
        assert of_word == pytest.approx(word)
        for key, gradient in once.items():
            np.testing.assert_allclose(times[key], factor * gradient, rtol=1e-9, atol=1e-12, err_msg=key)


def test_sampled_captions_of_a_batch(rng, params, monkeypatch):
    """As many captions of the same images; each weighed by its score less that of its image's greedy caption."""
    vocabulary = Vocabulary(("<start>", "<end>", "<unk>", "red", "square"))
    texts = [["red square", "square"], ["red"], ["square square red"]]
    references = tuple(tuple(text.split() for text in of_one) for of_one in texts)
    split = batches.Split((), None, (), references, ())
    judge = self_critical.prepare(split, vocabulary)
    captions = [[3, 4, END], [4, 4, END], [4, 4, 3]]
    words = [vocabulary.decode(caption) for caption in captions]
    scores = self_critical.scores(judge, [0, 1, 2], captions)
    np.testing.assert_allclose(scores, cider.cider_d(words, references) / 100, rtol=1e-12)

    recipe = CONFIG.replace(epochs=1, batch_size=2, captions_per_image=3, learning_rate=1e-3, max_words=MOST)
    batch = all_captions(rng, 2)._replace(words=np.zeros((4, 6), int), rows=np.array([2, 0]))
    a = captioner.annotate(params, batch.inputs, CONFIG)
    given, found, config, mean_drawn, mean_greedy = self_critical.sample_captions(params, batch, recipe, judge, rng)
    np.testing.assert_array_equal(given, a)
    assert config == recipe.replace(expected_context=1.0)
    assert found.words.shape == found.targets.shape == found.mask.shape
    assert found.words.shape[1] == 6 and (found.words[0] == START).all()
    drawn = [found.targets[:, b][found.mask[:, b] > 0] for b in range(6)]
    for array, expected in zip((found.words, found.targets, found.mask), batches.arrange(drawn), strict=True):
        np.testing.assert_array_equal(array, expected)
    assert all(len(caption) == MOST or caption[-1] == END for caption in drawn)
    of_drawn = self_critical.scores(judge, [2, 2, 2, 0, 0, 0], drawn)
    baseline = of_drawn - found.weights
    assert np.ptp(baseline[:3]) < 1e-6 and np.ptp(baseline[3:]) < 1e-6
    np.testing.assert_allclose([mean_drawn, mean_greedy], [100 * of_drawn.mean(), 100 * baseline.mean()], rtol=1e-5)
    others = recipe.replace(reward_baseline="others")
    _, found, _, _, mean_greedy_too = self_critical.sample_captions(params, batch, others, judge, rng)
    drawn = [found.targets[:, b][found.mask[:, b] > 0] for b in range(6)]
    of_drawn = self_critical.scores(judge, [2, 2, 2, 0, 0, 0], drawn)
    np.testing.assert_allclose(
        found.weights, 1.5 * (of_drawn - np.repeat(of_drawn.reshape(2, 3).mean(1), 3)), atol=1e-6
    )
    assert np.ptp(found.weights) > 0 and found.weights.dtype == np.float32 and mean_greedy_too == mean_greedy
    alone = batch._replace(inputs=batch.inputs[1:], words=batch.words[:, :3], rows=batch.rows[1:])
    assert self_critical.sample_captions(params, alone, recipe, judge, rng).batch.weights.shape == (3,)
    monkeypatch.setattr(self_critical, "draw", lambda decoder, params, a, uniforms: greedy(params, a, uniforms))
    same = self_critical.sample_captions(params, batch, recipe, judge, rng)
    np.testing.assert_allclose(same.batch.weights, 0, atol=1e-6)


def test_annotations_drop_out_alike_where_captions_are_drawn_judged_and_learned(rng, params, monkeypatch):
    """Of the vectors that the batch has then, both kinds of captions come; training drops nothing more."""
    vocabulary = Vocabulary(("<start>", "<end>", "<unk>", "red", "square"))
    judge = self_critical.prepare(batches.Split((), None, (), ((["red"],), (["square"],)), ()), vocabulary)
    recipe = CONFIG.replace(annotation_dropout=0.4).replace(
        epochs=1, batch_size=2, captions_per_image=3, learning_rate=1e-3, max_words=MOST
    )
    batch = all_captions(rng, 2)._replace(words=np.zeros((4, 6), int), rows=np.arange(2))
    a, seen = captioner.annotate(params, batch.inputs, CONFIG), []
    drawing, searching = self_critical.draw, self_critical.search.beam_search

    def noting(function):
        return lambda decoder, params, a, *rest: seen.append(a) or function(decoder, params, a, *rest)

    monkeypatch.setattr(self_critical, "draw", noting(drawing))
    monkeypatch.setattr(self_critical.search, "beam_search", noting(searching))
    found = self_critical.sample_captions(params, batch, recipe, judge, rng)
    dropped = (found.a == 0).all(axis=1, keepdims=True)
    assert 0 < dropped.mean() < 1 and found.config.encoder.annotation_dropout == 0
    np.testing.assert_allclose(found.a, a * ~dropped / 0.6)
    assert len(seen) == 2 and all(array is found.a for array in seen)


def test_the_baseline_is_the_score_of_the_images_greedy_caption(rng, params, monkeypatch):
    vocabulary = Vocabulary(("<start>", "<end>", "<unk>", "red", "square"))
    references = (["red", "square"],), (["red"],), (["square", "square", "red"],)
    judge = self_critical.prepare(batches.Split((), None, (), references, ()), vocabulary)
    recipe = CONFIG.replace(batch_size=2, captions_per_image=3, max_words=MOST)
    batch = all_captions(rng, 2)._replace(words=np.zeros((4, 6), int), rows=np.array([2, 0]))
    captions, seen = [(4, 3), (3, 4)], []

    def search_greedily(decoder, params, a, beam, max_words):
        seen.append((beam, max_words))
        return [SimpleNamespace(words=words) for words in captions]

    monkeypatch.setattr(self_critical.search, "beam_search", search_greedily)
    samples = self_critical.sample_captions(params, batch, recipe, judge, rng)
    targets, mask = samples.batch.targets, samples.batch.mask
    sampled = [targets[:, b][mask[:, b] > 0] for b in range(6)]
    baseline = self_critical.scores(judge, [2, 2, 2, 0, 0, 0], sampled) - samples.batch.weights
    expected = self_critical.scores(judge, [2, 0], captions)
    assert seen == [(1, MOST)] and expected.min() > 0 and np.ptp(expected) > 0
    np.testing.assert_allclose(baseline, np.repeat(expected, 3), atol=1e-5)


def test_the_loss_is_the_decoders_on_the_sampled_captions(rng, params):
    vocabulary = Vocabulary(("<start>", "<end>", "<unk>", "red", "square"))
    judge = self_critical.prepare(batches.Split((), None, (), ((["red"],), (["square"],)), ()), vocabulary)
    recipe = CONFIG.replace(batch_size=2, captions_per_image=3, max_words=MOST)
    batch = all_captions(rng, 2)._replace(words=np.zeros((4, 6), int), rows=np.arange(2))
    loss, grads, scores = self_critical.loss_and_grads(params, batch, recipe, judge, np.random.default_rng, Workspace())

    samples = self_critical.sample_captions(params, batch, recipe, judge, np.random.default_rng(streams.CAPTIONS))
    random = np.random.default_rng(streams.DROPOUT)
    expected, _, expected_grads = soft.loss_and_grads(params, samples.a, samples.batch, samples.config, random)
    assert loss == expected and scores == {"sampled": samples.sampled, "greedy": samples.greedy}
    assert grads.keys() == expected_grads.keys()
    assert all(np.array_equal(grads[name], expected_grads[name]) for name in grads)
    assert self_critical.selection_score(recipe, 12.5) == 12.5


def greedy(params, a, uniforms):
    """The greedy captions, each as often as there are numbers for; those of two words or less end with <end>."""
    each = uniforms.shape[1] // len(a)
    found = self_critical.search.beam_search(writer(CONFIG), params, a, 1, MOST)
    return [[*caption.words, END] for caption in found for _ in range(each)]
