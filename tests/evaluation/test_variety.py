"""The variety of captions by hand."""

import pytest

from numpy_sat.evaluation.variety import variety


def test_variety_by_hand():
    """Of 16 words "dog" and "a" of the second caption and "a" of the fourth have been in their caption before."""
    captions = ["a dog runs", "a dog dog a sits", "a dog runs", "a dog a cat", "two"]
    train = ["a dog runs", "two cats", "a dog runs far", "a dog a sits"]
    found = variety([text.split() for text in captions], [text.split() for text in train])
    assert found.words == 6 and found.captions == 4 / 5
    assert (found.length, found.shortest, found.longest) == (16 / 5, 1, 5)
    assert found.stutters == 1 / 5  # "dog dog"
    assert variety([["a", "dog", "a", "cat"]], []).stutters == 0
    assert found.repeated == pytest.approx(3 / 16)
    assert found.copied == 2 / 5


def test_captions_without_words():
    found = variety([[], []], [["a"]])
    assert (found.words, found.length, found.repeated, found.copied) == (0, 0, 0, 0)
