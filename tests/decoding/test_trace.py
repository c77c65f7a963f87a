"""Test traces of captions: they agree with beam search, and with what the decoder predicts."""

import numpy as np
import pytest
from tiny_captioner import TINY, V, tiny_batch, tiny_params

from numpy_sat.data.vocabulary import END, SPECIALS, Vocabulary
from numpy_sat.decoding import search
from numpy_sat.decoding.trace import LIKELIEST, trace_images
from numpy_sat.experiment import runs

WORDS = Vocabulary((*SPECIALS, *(f"word{k}" for k in range(V - len(SPECIALS)))))
MODELS = {
    "soft": {},
    "soft without gate": {"without": ("gate",)},
    "dot": {"model": "dot", "heads": 2},
    "hard, expected": {"model": "hard"},
    "hard, argmax": {"model": "hard", "attention_mode": "argmax"},
    "hard, sample": {"model": "hard", "attention_mode": "sample"},
    "transformer": {"model": "transformer", "hidden_size": 8, "heads": 2, "layers": 2},
    "tell": {"model": "tell"},
    "detected-words": {"model": "detected-words"},
}


def model_of(rng, name):
    """Return a tiny runs.Model."""
    config = TINY.replace(**MODELS[name], max_words=5)
    return runs.Model(tiny_params(rng, config), config, WORDS, {}, {})


def search_of(model, images, beam):
    """Return the search.Captions of the same images."""
    decoding = model.recipe.decoding
    return search.caption_images(model.params, model.recipe, images, beam, decoding.max_words, decoding.length_power)


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("name", MODELS)
def test_a_trace_is_that_of_the_search(rng, name, beam):
    """Check words, attention and gate, and that the words' probabilities give the log-probability of the caption."""
    model, images = model_of(rng, name), tiny_batch(rng).inputs
    captions = search_of(model, images, beam)
    traces = trace_images(model, images, beam)
    for trace, caption in zip(traces, captions, strict=True):
        assert trace.texts == [*WORDS.decode(caption.words), "<end>"] and trace.log_p == caption.log_p
        np.testing.assert_array_equal(trace.alpha, caption.alpha)
        assert sum(np.log(word.probability) for word in trace.words) == pytest.approx(caption.log_p, abs=1e-9)
        if name in ("soft", "dot", "transformer"):
            assert trace.beta == caption.beta.tolist() and 0 < min(trace.beta) < 1
        else:
            assert trace.beta is None


@pytest.mark.parametrize("name", MODELS)
def test_heads_and_locations(rng, name):
    """Check that heads have the mean alpha, and that hard attention names the location it has read."""
    model, images = model_of(rng, name), tiny_batch(rng).inputs
    words = [word for trace in trace_images(model, images, 2) for word in trace.words]
    if name in ("dot", "transformer"):
        for word in words:
            assert word.heads.shape == (2, 16)
            np.testing.assert_allclose(word.heads.mean(axis=0), word.alpha)
        assert any(not np.allclose(*word.heads) for word in words)
    else:
        assert all(word.heads.shape == (0, len(word.alpha)) for word in words)
    locations = [word.location for word in words]
    if name == "hard, argmax":
        assert locations == [word.alpha.argmax() for word in words]
    elif name == "hard, sample":
        assert len(set(locations)) > 1 and all(word.alpha[word.location] > 0 for word in words)
        assert locations != [word.alpha.argmax() for word in words]
    else:
        assert locations == [None] * len(words)


def test_the_likeliest_words_and_beams(rng):
    """Compare with the decoder's own predictions after the words before, and with the beams of shorter captions."""
    model, images = model_of(rng, "soft"), tiny_batch(rng).inputs
    for trace in trace_images(model, images, beam=3):
        for t, word in enumerate(trace.words):
            probabilities = [probability for _, probability in word.likeliest]
            assert len(probabilities) == LIKELIEST and probabilities == sorted(probabilities, reverse=True)
            written = dict(word.likeliest).get(word.text)
            assert written == word.probability or word.probability <= probabilities[-1]
            before = tuple(trace.texts[:t])
            (beam,) = [beam for beam in word.beams if beam.words == before]
            log_p = sum(np.log(earlier.probability) for earlier in trace.words[:t])
            assert beam.log_p == pytest.approx(log_p, abs=1e-9)
            assert len(word.beams) == (3 if t else 1) and len(set(word.beams)) == len(word.beams)


def test_a_finished_beam_keeps_its_log_probability():
    """Check beams that are finished before the search ends, while the others grow."""
    rng = np.random.default_rng(5)
    model = model_of(rng, "soft")
    model.params["b_o"][END] += 1
    repeated = 0
    for trace in trace_images(model, tiny_batch(rng).inputs, beam=6):
        beams = [beam for word in trace.words for beam in word.beams if "<end>" in beam.words]
        assert len(set(beams)) == len({beam.words for beam in beams})
        repeated += len(beams) - len(set(beams))
    assert repeated


def test_a_trace_without_padding(rng):
    (trace,) = trace_images(model_of(rng, "dot"), tiny_batch(rng).inputs[:1], 1)
    shorter = trace.without_padding(3)
    np.testing.assert_allclose(shorter.alpha[:, :2], trace.alpha[:, :2])
    np.testing.assert_allclose(shorter.alpha[:, 2], trace.alpha[:, 2:].sum(axis=1))
    assert shorter.words[0].heads.shape == (2, 3) and shorter.texts == trace.texts
