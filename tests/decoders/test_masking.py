"""Test which words are hidden."""

import numpy as np
import pytest

from numpy_sat.decoders import masking


def test_at_least_one_and_at_most_three_words_are_chosen(rng):
    lengths = np.array([1, 2, 5, 8, 12, 40] * 50)
    real = np.arange(40)[:, None] < lengths
    choice = masking.choose(rng, real * 1.0, 0.25)
    assert not (choice & ~real).any()
    np.testing.assert_array_equal(choice.sum(axis=0), [1, 1, 1, 2, 3, 3] * 50)
    assert choice[:5, 2::6].any(axis=1).all()  # every word may be chosen, the last one, too


def test_what_becomes_of_the_chosen_words(rng):
    """Check the shares of [MASK], of other words and of words that stay. No word becomes <start>, <end> or <unk>."""
    V, words = 1000, np.full((100, 400), 7)
    choice = rng.random(words.shape) < 0.5
    hidden = masking.hide(rng, words, choice, V)
    np.testing.assert_array_equal(hidden[~choice], 7)
    kinds = hidden[choice]
    assert (kinds == V).mean() == pytest.approx(0.8, abs=0.01)
    assert (kinds == 7).mean() == pytest.approx(0.1, abs=0.01)
    others = kinds[(kinds != V) & (kinds != 7)]
    assert others.min() >= 3 and others.max() < V and len(np.unique(others)) > 500
