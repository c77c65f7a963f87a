"""Test captions without repeated content words, with probabilities computed by hand and with real decoders."""

import math

import numpy as np
import pytest
from whole_model import TINY, params_of

from numpy_sat.data.content_words import stem_numbers
from numpy_sat.data.vocabulary import END, SPECIALS, Vocabulary
from numpy_sat.decoders import MODELS
from numpy_sat.decoding import ensemble, repetition, search
from numpy_sat.decoding.trace import trace_images
from numpy_sat.evaluation.variety import repeats_content
from numpy_sat.experiment.runs import Model

WORDS = Vocabulary((*SPECIALS, "a", "dog", "dogs", "hat"))
ONCE = TINY.replace(no_repeats=True)
# a, dog(s), hat, hats, ... for V = 11
ELEVEN = Vocabulary((*SPECIALS, "a", "the", "dog", "dogs", "hat", "hats", "runs", "running"))


class Fixed:
    """A decoder that gives each word the same probability at every step."""

    rank = None

    def __init__(self, **p):
        self.logits = np.log([p.get(word.strip("<>"), 1e-300) for word in WORDS.words])

    def begin(self, params, a):
        return len(a)

    def select(self, state, rows):
        return len(rows)

    def step(self, params, state, words):
        B = len(words)
        return np.tile(self.logits, (B, 1)), np.zeros((B, 1)), np.ones(B), state


def test_stems():
    assert stem_numbers(WORDS).tolist() == [-1, -1, -1, -1, 0, 0, 1]


def test_a_stem_is_written_once():
    """Check "dog a hat a ...": after "dog", 0.6 of the probability is excluded, and 0.1 more after "hat"."""
    decoder = Fixed(dog=0.5, dogs=0.1, a=0.05, hat=0.2, end=0.15)
    free, once = (
        search.beam_search(repetition.restricted(decoder, stems), {}, np.zeros((2, 1, 1)), 1, 3)
        for stems in (None, stem_numbers(WORDS))
    )
    assert [WORDS.decode(caption.words) for caption in free] == [["dog", "dog", "dog"]] * 2
    assert [WORDS.decode(caption.words) for caption in once] == [["dog", "hat"]] * 2
    assert once[0].log_p == pytest.approx(math.log(0.5 * 0.2 / 0.4 * 0.15 / 0.2))


def test_function_words_may_be_repeated():
    decoder = repetition.restricted(Fixed(a=0.6, dog=0.3, end=0.1), stem_numbers(WORDS))
    (caption,) = search.beam_search(decoder, {}, np.zeros((1, 1, 1)), 1, 4)
    assert WORDS.decode(caption.words) == ["a"] * 4


@pytest.mark.parametrize("model", [model for model in MODELS if model != "detected-words"])
@pytest.mark.parametrize("beam", [1, 3])
def test_no_decoder_repeats_content(rng, model, beam):
    """Compare with the setting off, which repeats words in captions of some decoders."""
    config = ONCE.replace(model=model, heads=3 if model in ("transformer", "vlp", "oscar") else 1)
    params = params_of(rng, config, np.float32, moved=1.0)
    bias = next(array for array in params.values() if array.shape == (len(ELEVEN),))
    bias[END], bias[ELEVEN.encode(["dog"])[0]] = -30, 8  # long captions with many dogs
    images = rng.integers(0, 256, (12, 8, 8, 3), np.uint8)
    captions = {
        once: search.caption_images(
            params, config, images, beam, 7, stems=repetition.stems_of(config.replace(no_repeats=once), ELEVEN)
        )
        for once in (False, True)
    }
    repeats = {once: [repeats_content(ELEVEN.decode(c.words)) for c in captions[once]] for once in captions}
    assert not any(repeats[True])
    assert any(repeats[False]) or model not in ("soft", "dot", "hard", "tell")  # with these random weights
    for free, once, repeated in zip(captions[False], captions[True], repeats[False], strict=True):
        assert beam > 1 or repeated or free.words == once.words


def test_the_setting_reaches_traces_and_ensembles(rng):
    params = params_of(rng, ONCE, np.float32)
    images = rng.integers(0, 256, (6, 8, 8, 3), np.uint8)
    model = Model(params, ONCE, ELEVEN, {}, {})
    expected = search.caption_images(params, ONCE, images, 2, ONCE.decoding.max_words, stems=stem_numbers(ELEVEN))
    texts = [ELEVEN.decode(caption.words) for caption in expected]
    assert [entry.texts[:-1] for entry in trace_images(model, images, 2)] == texts
    joint = ensemble.caption_images(ensemble.of([model]), [images], 2)
    assert [ELEVEN.decode(caption.words) for caption in joint] == texts
    assert repetition.restricted(model, None) is model
