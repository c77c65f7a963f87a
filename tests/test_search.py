"""Beam search against brute force, and what a caption may never be."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from numpy_sat import search
from numpy_sat.data.vocabulary import END, START, UNK

V, L = 6, 4


class ToyDecoder:
    """A decoder whose logits depend on the picture and on all words so far; its state is those words."""

    def __init__(self, rng, end_bonus=0.0):
        self.table = 2 * rng.standard_normal((7, 4, V))
        self.table[..., END] += end_bonus

    def begin(self, params, a):
        return SimpleNamespace(a=a, picture=np.arange(len(a)), past=[() for _ in a])

    def select(self, state, rows):
        return SimpleNamespace(a=state.a, picture=state.picture[rows], past=[state.past[r] for r in rows])

    def logits(self, picture, words):
        return sum(self.table[(word + t) % 7, (picture + t) % 4] for t, word in enumerate(words))

    def step(self, params, state, words):
        past = [(*before, int(word)) for before, word in zip(state.past, words, strict=True)]
        logits = np.stack([self.logits(p, w) for p, w in zip(state.picture, past, strict=True)])
        alpha = np.array([[len(w), w[-1], p, 0] for p, w in zip(state.picture, past, strict=True)], float)
        following = SimpleNamespace(a=state.a, picture=state.picture, past=past)
        return logits, alpha, alpha[:, 0] / 10, following


def log_p(decoder, picture, words):
    """Log probability of the words and <end>, in one go."""
    total, past = 0.0, (START,)
    for word in (*words, END):
        logits = decoder.logits(picture, past)
        total += logits[word] - np.log(np.exp(logits).sum())
        past = (*past, word)
    return total


def brute_force(decoder, picture, max_words, power):
    allowed = [word for word in range(V) if word not in (START, END, UNK)]
    captions = (c for n in range(1, max_words + 1) for c in itertools.product(allowed, repeat=n))
    return max(captions, key=lambda c: log_p(decoder, picture, c) / (len(c) + 1) ** power)


@pytest.mark.parametrize("power", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("end_bonus", [-3.0, 0.0, 2.0])
def test_a_wide_beam_is_brute_force(rng, power, end_bonus):
    decoder = ToyDecoder(rng, end_bonus)
    found = search.beam_search(decoder, {}, np.zeros((3, L, 1)), k=200, max_words=4, length_power=power)
    for picture, caption in enumerate(found):
        best = brute_force(decoder, picture, 4, power)
        assert caption.words == best
        assert caption.log_p == pytest.approx(log_p(decoder, picture, best), abs=1e-12)


def test_one_beam_is_greedy(rng):
    decoder = ToyDecoder(rng)
    (caption,) = search.beam_search(decoder, {}, np.zeros((1, L, 1)), k=1, max_words=5)
    past, words = (START,), []
    while len(words) < 5:
        logits = decoder.logits(0, past)
        logits[[START, UNK] + ([END] if not words else [])] = -np.inf
        if logits.argmax() == END:
            break
        words.append(int(logits.argmax()))
        past = (*past, words[-1])
    assert list(caption.words) == words


@pytest.mark.parametrize("k", [1, 2, 5])
def test_never_empty_and_never_unknown(rng, k):
    decoder = ToyDecoder(rng)
    decoder.table[..., UNK] += 20
    decoder.table[..., START] += 20
    decoder.table[..., END] += 10
    for caption in search.beam_search(decoder, {}, np.zeros((4, L, 1)), k=k, max_words=4):
        assert caption.words and not {START, UNK, END} & set(caption.words)


def test_never_longer_than_asked(rng):
    decoder = ToyDecoder(rng, end_bonus=-50.0)
    for k in (1, 3):
        for caption in search.beam_search(decoder, {}, np.zeros((2, L, 1)), k=k, max_words=3):
            assert 1 <= len(caption.words) <= 3
            assert len(caption.alpha) == len(caption.words) + 1


def test_attention_belongs_to_the_words(rng):
    """The toy's alpha says which word came before; it must match the caption after beams changed places."""
    decoder = ToyDecoder(rng)
    for picture, caption in enumerate(search.beam_search(decoder, {}, np.zeros((3, L, 1)), k=4, max_words=4)):
        steps = len(caption.alpha)
        assert list(caption.alpha[:, 1]) == [START, *caption.words][:steps]
        assert list(caption.alpha[:, 0]) == list(range(1, steps + 1))
        assert set(caption.alpha[:, 2]) == {picture}
        assert np.allclose(caption.beta, caption.alpha[:, 0] / 10)


@pytest.mark.parametrize(("k", "max_words"), [(0, 5), (2, 0)])
def test_bad_arguments(rng, k, max_words):
    with pytest.raises(ValueError, match="at least 1"):
        search.beam_search(ToyDecoder(rng), {}, np.zeros((1, L, 1)), k=k, max_words=max_words)
