"""Test the faithfulness of attention against values computed by hand."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from whole_model import TINY

from numpy_sat import decoders
from numpy_sat.data.content_words import stem_numbers
from numpy_sat.data.vocabulary import END, SPECIALS, Vocabulary
from numpy_sat.decoders import MODELS
from numpy_sat.evaluation import faithfulness

A, DOG, HAT = (len(SPECIALS) + k for k in range(3))
VOCABULARY = (*SPECIALS, "a", "dog", "hat")
ALPHA = np.array([0.5, 0.2, 0.1, 0.1, 0.1])


class State(NamedTuple):
    """The state of the decoder below: the evidence for a dog at each remaining location, and their weights."""

    a: np.ndarray  # (B, K)
    alpha: np.ndarray  # (B, K)
    written: list  # the words that each step read


def writer():
    """Return a decoder that writes "dog" with the probability sum_i alpha_i a_i, and else "a" or "hat"."""

    def begin(params, a):
        return State(a[:, :, 0], np.tile(ALPHA, (len(a), 1)), [])

    def step(params, state, words):
        z = (state.alpha * state.a).sum(axis=1)
        p = np.full((len(words), len(VOCABULARY)), 1e-300)
        p[:, DOG], p[:, A], p[:, HAT] = z, (1 - z) / 2, (1 - z) / 2
        return np.log(p), state.alpha, np.ones(len(words)), state._replace(written=[*state.written, list(words)])

    def attend_to(state, images, locations):
        alpha = state.alpha[images[:, None], locations]
        return State(state.a[images[:, None], locations], alpha / alpha.sum(axis=1, keepdims=True), state.written)

    return decoders.Writer(begin, step, None, attend_to=attend_to)


class NotRandom:
    """A random generator whose first location is always the second one."""

    def permuted(self, rows, axis):
        return np.tile([1, 0, 2, 3, 4], (len(rows), 1))


def test_falls_by_hand():
    """Check "a dog" and "dog dog". Of five locations one is removed, and only the nouns count."""
    a = np.array([[0.9, 0.7, 0.5, 0.1, 0.1], [0.5, 0.5, 0.5, 0.5, 0.5]])[..., None]
    captions = [(A, DOG, END), (DOG, DOG, END)]
    is_content = stem_numbers(Vocabulary(VOCABULARY)) >= 0
    assert [word for word, content in zip(VOCABULARY, is_content, strict=True) if content] == ["dog", "hat"]
    totals, counts = faithfulness.falls(writer(), {}, a, captions, is_content, NotRandom())
    # p(dog) = 0.66 with all locations; 0.21 / 0.5 without the first, 0.52 / 0.8 without the second, 0.65 / 0.9 without
    # the last. The second image has the same evidence everywhere.
    expected = [math.log(0.66 / p) for p in (0.21 / 0.5, 0.52 / 0.8, 0.65 / 0.9)]
    np.testing.assert_allclose(totals, [expected, [0, 0, 0]], rtol=0, atol=1e-12)
    assert counts.tolist() == [1, 2]
    result = faithfulness.summarize(totals, counts, 5)
    assert (result.words, result.removed, result.locations) == (3, 1, 5)
    assert result.largest.value == pytest.approx(expected[0] / 3)
    assert result.random.value == pytest.approx(expected[1] / 3)


def test_intervals_are_those_of_images():
    """Check that two words of one image are one case, and that equal images have an interval of width 0."""
    result = faithfulness.summarize(np.tile([0.4, 0.1, 0.0], (30, 1)), np.full(30, 2), 49)
    assert (result.largest.low, result.largest.high) == pytest.approx((0.2, 0.2))
    assert (result.ratio.value, result.ratio.low, result.ratio.high) == pytest.approx((4, 4, 4))
    assert result.removed == 10 and result.words == 60


def test_there_is_no_ratio_to_nothing():
    """Check that random locations must make a difference beyond chance."""
    totals = np.array([[0.4, 0.1, 0.0], [0.4, -0.1, 0.0]] * 10)
    assert all(map(math.isnan, faithfulness.summarize(totals, np.ones(20, int), 49).ratio))


@pytest.mark.parametrize(("L", "k"), [(49, 10), (64, 13), (5, 1), (2, 1), (3, 1), (196, 39)])
def test_a_fifth_of_the_locations(L, k):
    assert faithfulness.removed_locations(L) == k


@pytest.mark.parametrize("model", MODELS)
def test_models_without_attention_have_no_faithfulness(model):
    config = TINY.replace(model=model)
    assert (decoders.writer(config).attend_to is not None) == (model in ("soft", "dot", "hard", "transformer"))
    assert decoders.writer(config.replace(blind=True)).attend_to is None
    assert decoders.writer(config.replace(without=("attention",))).attend_to is None
