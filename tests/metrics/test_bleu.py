"""Test BLEU by hand, and against nltk's BLEU of a corpus."""

import math
import warnings

import numpy as np
import pytest
from captions import CAT, LAY, random_captions
from nltk.translate.bleu_score import corpus_bleu

from numpy_sat.metrics import bleu


def of_nltk(captions, references):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nltk warns where no n-gram matches, and takes a tiny number for the 0
        scores = corpus_bleu(references, captions, [(1 / n,) * n for n in bleu.ORDERS])
    return [100 * float(score) if score > 1e-50 else 0.0 for score in scores]


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


def test_bleu_by_hand_with_and_without_brevity():
    """5 of 6 words, 3 of 5 pairs, 1 of 4 triples, 0 of 3 quadruples; 6 words for the reference's 7."""
    counts = bleu.count([CAT], [[LAY]])
    assert counts.tolist() == [[5, 3, 1, 0, 6, 5, 4, 3, 6, 7]]
    plain = [5 / 6, math.sqrt(5 / 6 * 3 / 5), (5 / 6 * 3 / 5 * 1 / 4) ** (1 / 3), 0]
    assert bleu.from_counts(counts[0], brevity=False) == pytest.approx([100 * score for score in plain])
    brief = math.exp(1 - 7 / 6)
    assert bleu.from_counts(counts[0]) == pytest.approx([100 * brief * score for score in plain])


def test_a_sure_beginning_has_all_its_words_right_and_is_too_short():
    counts = bleu.count([["a", "man"]], [["a man in a red boat".split(), "a man who sits".split()]])
    assert bleu.from_counts(counts[0], brevity=False)[0] == pytest.approx(100)
    assert bleu.from_counts(counts[0])[0] == pytest.approx(100 * math.exp(1 - 4 / 2))


def test_bleu_of_the_corpus_is_that_of_nltk(rng):
    for _ in range(20):
        captions, said = random_captions(rng, images=8)
        expected = of_nltk(captions, said)
        np.testing.assert_allclose(bleu.bleu(captions, said), expected, atol=1e-10)
        np.testing.assert_allclose(bleu.from_counts(bleu.count(captions, said).sum(axis=0)), expected, atol=1e-10)


@pytest.mark.parametrize("captions", [[[]], [["a"]], [["a"], []], [["x", "y"]]])
def test_captions_without_words_or_matches_score_as_with_nltk(captions):
    references = [[["a", "dog"], ["dogs", "run", "far"]]] * len(captions)
    assert bleu.bleu(captions, references) == pytest.approx(of_nltk(captions, references))
