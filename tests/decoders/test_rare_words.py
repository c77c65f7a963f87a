"""Tests of decoders/rare_words.py: the logits of every model, and what the adjustment does to captions."""

import numpy as np
import pytest

from numpy_sat import captioner, decoders
from numpy_sat.decoding import search
from tests.whole_model import TINY, batch_of, params_of


@pytest.mark.parametrize("model", ["soft", "dot", "hard", "tell", "log-bilinear", "brnn", "transformer"])
def test_logits_are_lower_by_tau_times_the_bias(rng, model):
    config = TINY.replace(model=model, hidden_size=8)
    params = params_of(rng, config)
    a = captioner.annotate(params, batch_of(rng, config).inputs, config)
    plain, adjusted = decoders.writer(config), decoders.writer(config.replace(rare_words=0.4))
    words = np.zeros(len(a), int)
    before, after = (writer.step(params, writer.begin(params, a), words)[0] for writer in (plain, adjusted))
    np.testing.assert_allclose(after, before - 0.4 * params["b_o"], rtol=1e-12)


def test_with_tau_1_a_decoder_of_biases_alone_prefers_no_word(rng):
    config = TINY.replace(max_words=1)
    params = params_of(rng, config)
    for name in ("L_h", "L_z", "L_o"):
        params[name][:] = 0
    params["b_o"][:] = np.arange(len(params["b_o"]))
    images = batch_of(rng, config).inputs
    likeliest = search.caption_images(params, config, images, 1, 1)[0].words[0]
    assert likeliest == len(params["b_o"]) - 1
    rare = search.caption_images(params, config.replace(rare_words=1.0), images, 1, 1)[0]
    np.testing.assert_allclose(rare.log_p, 2 * -np.log(len(params["b_o"])), rtol=1e-6)
