"""ensemble: the mean of what several models expect, and what they must share."""

import numpy as np
import pytest

from numpy_sat import captioner
from numpy_sat.data.vocabulary import SPECIALS, Vocabulary
from numpy_sat.decoders import writer
from numpy_sat.decoding import ensemble, search
from numpy_sat.experiment import runs
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.system.errors import InputError

WORDS = Vocabulary((*SPECIALS, *"abcdefgh"))


def model(seed, size=8, **settings):
    """A small model that has learned nothing, and so prefers words of its own."""
    config = Recipe().replace(
        image_size=size, stages=((4,), (5,)), embedding_size=6, hidden_size=7, attention_size=5, **settings
    )
    recipe = config.replace(max_words=6, length_power=0.7)
    params = captioner.init_params(np.random.default_rng(seed), config, np.zeros(len(WORDS)))
    params["L_o"] = 2 * np.random.default_rng(seed).standard_normal(params["L_o"].shape).astype(np.float32)
    return runs.Model(params, recipe, WORDS, {}, {})


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (5, 8, 8, 3), np.uint8)


def test_of_one_it_writes_what_the_one_writes(images):
    one = model(0)
    alone = search.caption_images(one.params, one.recipe, images, 3, 6, 0.7)
    found = ensemble.caption_images(ensemble.of([one]), [images], 3, size=2)
    assert [caption.words for caption in found] == [caption.words for caption in alone]
    np.testing.assert_allclose([c.log_p for c in found], [c.log_p for c in alone], rtol=1e-5)


def test_the_mean_of_the_probabilities(images, rng):
    """Step by step, of models of different kinds, with captions chosen and repeated; one sees more pixels."""
    several = [model(0), model(1, size=12, model="tell"), model(2, model="dot")]
    together = ensemble.of(several)
    larger = rng.integers(0, 256, (5, 12, 12, 3), np.uint8)
    images = [given.astype(np.float32) / 127.5 - 1 for given in (images, larger, images)]
    states, rows = together.begin(None, list(zip(*images, strict=True))), np.repeat(np.arange(5), 2)
    states = together.select(states, rows)
    written = np.zeros(10, int), np.arange(10) % 8 + 3
    expected = np.zeros((2, 10, len(WORDS)))
    for one, given in zip(several, images, strict=True):
        decoder, params = writer(one.recipe), one.params
        state = decoder.begin(params, captioner.annotate(params, given, one.recipe))
        state = decoder.select(state, rows)
        for t, words in enumerate(written):
            logits, _, _, state = decoder.step(params, state, words)
            p = np.exp(logits.astype(np.float64))
            expected[t] += p / p.sum(axis=1, keepdims=True) / 3
    for t, words in enumerate(written):
        log_p, alpha, beta, states = together.step(None, states, words)
        np.testing.assert_allclose(np.exp(log_p), expected[t], rtol=1e-5)
        assert alpha.shape == (10, 0) and beta.shape == (10,)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (model(1)._replace(vocabulary=Vocabulary((*SPECIALS, *"hgfedcba"))), "needs models with the same vocabulary"),
        (model(1, blind=True), "the same inputs: blind is True, not False"),
    ],
)
def test_models_that_do_not_go_together(other, words):
    with pytest.raises(InputError, match=words):
        ensemble.of([model(0), other])
