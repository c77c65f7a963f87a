"""Test the log-probabilities of given captions."""

import numpy as np
import pytest

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.decoding import likelihood
from numpy_sat.experiment.recipe import Recipe
from tests.short_captions import CAPTIONS, V

CONFIG = Recipe().replace(image_size=4, stages=((2,),), embedding_size=3, hidden_size=4, attention_size=5)


@pytest.mark.parametrize("model", ["soft", "tell"])
def test_the_probabilities_of_all_captions_sum_to_1(rng, model):
    """Check two images, and compare single captions with the loss."""
    config = CONFIG.replace(model=model, attention_penalty=0.0)
    arrays = captioner.init_params(rng, config, np.log(rng.dirichlet(np.ones(V))), np.float64)
    params = {name: array + 0.5 * rng.standard_normal(array.shape) for name, array in arrays.items()}
    inputs, decoder = rng.standard_normal((2, 4, 4, 3)), decoders.writer(config)
    state = decoder.begin(params, captioner.annotate(params, inputs, config))
    images = np.repeat([0, 1], len(CAPTIONS))
    log_p = likelihood.log_probabilities(decoder, params, decoder.select(state, images), 2 * CAPTIONS).reshape(2, -1)
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=1e-9)
    for image, k in ((0, 3), (1, 3), (1, len(CAPTIONS) - 1)):
        words, targets, mask = batches.arrange([CAPTIONS[k]])
        batch = batches.Batch(inputs[image : image + 1], words, targets, mask.astype(float))
        assert log_p[image, k] == pytest.approx(-captioner.loss_only(params, batch, config).total)
    assert abs(log_p[0, 3] - log_p[1, 3]) > 1e-3
