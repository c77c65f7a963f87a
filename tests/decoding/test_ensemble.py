"""Test ensembles: the mean of several models' probabilities, and the settings that they must share."""

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
    """Return a small untrained model. Models of different seeds prefer different words."""
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


def test_an_ensemble_of_one_model_is_that_model(images):
    single = model(0)
    expected = search.caption_images(single.params, single.recipe, images, 3, 6, 0.7)
    captions = ensemble.caption_images(ensemble.of([single]), [images], 3, size=2)
    assert [caption.words for caption in captions] == [caption.words for caption in expected]
    np.testing.assert_allclose([c.log_p for c in captions], [c.log_p for c in expected], rtol=1e-5)


def test_the_mean_of_the_probabilities(images, rng):
    """Check each step for different decoders and image sizes, with repeated captions."""
    models = [model(0), model(1, size=12, model="tell"), model(2, model="dot")]
    mixture = ensemble.of(models)
    large_images = rng.integers(0, 256, (5, 12, 12, 3), np.uint8)
    inputs = [pixels.astype(np.float32) / 127.5 - 1 for pixels in (images, large_images, images)]
    states, rows = mixture.begin(None, list(zip(*inputs, strict=True))), np.repeat(np.arange(5), 2)
    states = mixture.select(states, rows)
    previous_words = np.zeros(10, int), np.arange(10) % 8 + 3
    expected = np.zeros((2, 10, len(WORDS)))
    for member, member_inputs in zip(models, inputs, strict=True):
        decoder, params = writer(member.recipe), member.params
        state = decoder.begin(params, captioner.annotate(params, member_inputs, member.recipe))
        state = decoder.select(state, rows)
        for t, words in enumerate(previous_words):
            logits, _, _, state = decoder.step(params, state, words)
            p = np.exp(logits.astype(np.float64))
            expected[t] += p / p.sum(axis=1, keepdims=True) / 3
    for t, words in enumerate(previous_words):
        log_p, alpha, beta, states = mixture.step(None, states, words)
        np.testing.assert_allclose(np.exp(log_p), expected[t], rtol=1e-5)
        assert alpha.shape == (10, 0) and beta.shape == (10,)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (model(1)._replace(vocabulary=Vocabulary((*SPECIALS, *"hgfedcba"))), "needs models with the same vocabulary"),
        (model(1, blind=True), "the same inputs: blind is True, not False"),
        (model(1, source_words=tuple(100 * "w")), r"the same inputs: source_words is .{57}\.\.\., not \(\)\."),
    ],
)
def test_models_that_cannot_form_an_ensemble(other, message):
    with pytest.raises(InputError, match=message):
        ensemble.of([model(0), other])
