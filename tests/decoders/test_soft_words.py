"""Test captions of soft words: the gradient of the soft path with fixed noise, <end>, and equality with sampling."""

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.data.vocabulary import END
from numpy_sat.decoders import MODELS, attend_tell, soft_words, writer
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.layers import gumbel, losses

N, B, L, D, V, T = 2, 4, 3, 5, 6, 4
CONFIG = Recipe().replace(image_size=4, stages=((2,),), embedding_size=3, hidden_size=4, attention_size=2)
MODES = pytest.mark.parametrize(
    ("model", "without"), [("soft", ()), ("soft", ("gate", "deep output")), ("soft", ("attention",)), ("dot", ())]
)


def case(rng, model="soft", without=()):
    """Return the recipe, parameters, annotations and noise. Some captions end early, by a large noise at <end>."""
    config = CONFIG.replace(model=model, without=without)
    params = MODELS[model].init_params(rng, D, config, np.log(rng.dirichlet(np.ones(V))), np.float64)
    params = {name: array + 0.4 * rng.standard_normal(array.shape) for name, array in params.items()}
    noise = gumbel.gumbel_noise(rng.random((T, B, V)))
    noise[:, :, END] -= 9
    noise[1, 0, END] = noise[2, 3, END] = 30
    return config, params, rng.standard_normal((N, L, D)), noise


@MODES
def test_gradients_of_the_soft_path(rng, model, without, request):
    """Check a random linear function of the words up to <end>, with the noise fixed."""
    if (model, without) != ("soft", ()) and request.config.getoption("--impl") != "numpy_sat":
        pytest.skip("exercise 14 is the whole decoder with soft attention only")
    config, params, a, noise = case(rng, model, without)
    parts = MODELS[model].parts_of(config)
    upstream = rng.standard_normal((T, B, V))

    def loss_and_grads(params):
        y, mask, _, cache = soft_words.write_forward(params, a, noise, 0.8, parts, is_hard=False)
        assert mask.sum(axis=0).tolist() == [2, 4, 4, 3]
        loss = (y * upstream * mask[..., None]).sum()
        return loss, soft_words.write_backward(upstream, cache)

    trained = {name: array for name, array in params.items() if name in loss_and_grads(params)[1]}
    assert trained.keys() == params.keys()
    report = gradcheck.check_loss(loss_and_grads, params)
    assert report.ok, str(report)


def test_words_after_the_end_have_no_gradient(rng):
    config, params, a, noise = case(rng)
    parts = MODELS["soft"].parts_of(config)
    _, mask, _, cache = soft_words.write_forward(params, a, noise, 0.8, parts)
    assert mask[:, 0].tolist() == [1, 1, 0, 0]
    after = (1 - mask)[..., None] * rng.standard_normal((T, B, V))
    assert all(np.abs(gradient).max() == 0 for gradient in soft_words.write_backward(after, cache).values())


def test_a_word_has_a_gradient_through_the_words_after_it(rng):
    """Check that a gradient at word 2 alone reaches the logits of the words before it."""
    config, params, a, noise = case(rng)
    parts = MODELS["soft"].parts_of(config)
    _, _, _, cache = soft_words.write_forward(params, a, noise, 0.8, parts)
    dy = np.zeros((T, B, V))
    dy[2] = rng.standard_normal((B, V))
    whole = soft_words.write_backward(dy, cache)["b_o"]
    direct = gumbel.gumbel_softmax_backward(dy[2] * cache.mask[2][:, None], cache.steps[2].gumbel).sum(axis=0)
    assert np.abs(whole - direct).max() > 1e-4


def test_hard_words_are_those_of_the_decoder(rng):
    """Write with noise, read the words back through the decoder, and compare log p of every word."""
    config, params, a, noise = case(rng)
    y, mask, log_p, _ = soft_words.write_forward(params, a, noise, 0.8, MODELS["soft"].parts_of(config))
    targets = y.argmax(axis=-1)
    words = np.concatenate([np.zeros((1, B), int), targets[:-1]])
    logits, _, _ = attend_tell.decode_forward(params, a, words, np.ones((T, B, 4)), MODELS["soft"].parts_of(config))
    _, cache = losses.cross_entropy_forward(logits, targets, mask)
    np.testing.assert_allclose(log_p, losses.word_log_probabilities(cache), atol=1e-12)
    np.testing.assert_array_equal(targets, (logits + noise).argmax(axis=-1))
    state = writer(config).select(writer(config).begin(params, a), np.repeat(np.arange(N), B // N))
    step_logits, *_ = writer(config).step(params, state, words[0])
    np.testing.assert_allclose(step_logits, logits[0], atol=1e-12)
