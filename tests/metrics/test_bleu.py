"""BLEU by hand."""

import math

import pytest

from numpy_sat.metrics import bleu


def test_bleu_by_hand():
    """5 of 6 words, 3 of 5 pairs, 1 of 4 triples match the reference of 7 words; no 4-gram does."""
    caption = "the cat sat on the mat".split()
    reference = "the cat lay down on the mat".split()
    brevity = math.exp(1 - 7 / 6)
    expected = [5 / 6, math.sqrt(5 / 6 * 3 / 5), (5 / 6 * 3 / 5 * 1 / 4) ** (1 / 3)]
    found = bleu.bleu([caption], [[reference]])
    assert found[:3] == pytest.approx([100 * brevity * score for score in expected])
    assert found[3] == 0.0


def test_bleu_of_a_reference_is_100_and_takes_the_best_of_several():
    references = [["a", "dog", "runs", "far"], ["two", "dogs"]]
    assert bleu.bleu([["a", "dog", "runs", "far"]], [references]) == pytest.approx([100] * 4)
