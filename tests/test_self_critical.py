"""Captions of the model's own, weighed by what they score: the gradient, and how they are drawn."""

from itertools import product

import numpy as np
import pytest

from numpy_sat import captioner, presets, self_critical
from numpy_sat.check import gradcheck
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START, Vocabulary
from numpy_sat.decoders import MODELS
from numpy_sat.metrics import cider

V, MOST = 5, 3  # <start>, <end>, <unk> and two words; captions of at most three
CONFIG = captioner.Config(picture_size=4, stages=((2,),), embedding=3, state=4, attention=5, penalty=0.0)
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


def all_captions(rng, pictures=1):
    words, targets, mask = batches.arrange(CAPTIONS)
    picture = rng.standard_normal((pictures, 4, 4, 3))
    return batches.Batch(picture, words, targets, mask.astype(np.float64))


def probabilities(params, batch):
    """p of each caption of the batch, as the loss of each alone gives it."""
    found = []
    for b in range(batch.words.shape[1]):
        one = batch._replace(**{name: getattr(batch, name)[:, b : b + 1] for name in ("words", "targets", "mask")})
        found.append(np.exp(-captioner.loss_only(params, one, CONFIG).total))
    return np.array(found)


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
    a = captioner.annotate(params, batch.pictures, CONFIG)
    found = self_critical.draw(MODELS["soft"], params, a, draws, MOST, rng)
    times = {caption: 0 for caption in CAPTIONS}
    for caption in found:
        times[tuple(caption)] += 1
    z = (np.array(list(times.values())) - draws * p) / np.sqrt(draws * p * (1 - p))
    assert np.abs(z).max() < 5 and 0.8 < np.sqrt((z**2).mean()) < 1.2


def test_a_rewarded_batch(rng, params, monkeypatch):
    """As many captions of the same pictures; each weighed by its score less that of its picture's greedy caption."""
    vocabulary = Vocabulary(("<start>", "<end>", "<unk>", "red", "square"))
    texts = [["red square", "square"], ["red"], ["square square red"]]
    references = tuple(tuple(text.split() for text in of_one) for of_one in texts)
    split = batches.Split((), None, (), references, ())
    judge = self_critical.judge(split, vocabulary)
    captions = [[3, 4, END], [4, 4, END], [4, 4, 3]]
    words = [vocabulary.decode(caption) for caption in captions]
    scores = self_critical.scores(judge, [0, 1, 2], captions)
    np.testing.assert_allclose(scores, cider.cider_d(words, references) / 100, rtol=1e-12)

    recipe = presets.Recipe(CONFIG, 1, 2, 3, 1e-3, max_words=MOST)
    batch = all_captions(rng, 2)._replace(words=np.zeros((4, 6), int), rows=np.array([2, 0]))
    found = self_critical.rewarded(params, batch, recipe, judge, rng)
    assert found.pictures is batch.pictures and found.words.shape == found.targets.shape == found.mask.shape
    assert found.words.shape[1] == 6 and (found.words[0] == START).all()
    drawn = [found.targets[:, b][found.mask[:, b] > 0] for b in range(6)]
    of_drawn = self_critical.scores(judge, [2, 2, 2, 0, 0, 0], drawn)
    baseline = of_drawn - found.weights
    assert np.ptp(baseline[:3]) < 1e-6 and np.ptp(baseline[3:]) < 1e-6
    a = captioner.annotate(params, batch.pictures, CONFIG)
    monkeypatch.setattr(self_critical, "draw", lambda decoder, params, a, each, most, rng: greedy(params, a, each))
    same = self_critical.rewarded(params, batch, recipe, judge, rng)
    np.testing.assert_allclose(same.weights, 0, atol=1e-6)
    assert len(a) == 2


def greedy(params, a, each):
    """The greedy captions, each so often; those of two words or less end with <end>."""
    found = self_critical.search.beam_search(MODELS["soft"], params, a, 1, MOST)
    return [[*caption.words, END] for caption in found for _ in range(each)]
