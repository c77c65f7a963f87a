"""Test BLEU against values computed by hand and against nltk's corpus BLEU."""

import math
import warnings

import numpy as np
import pytest
from captions import CAT, LAY, random_captions
from nltk.translate.bleu_score import corpus_bleu

from numpy_sat.metrics import bleu


def nltk_bleu(captions, references):
    """Return BLEU-1 to BLEU-4 in percent, as nltk computes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # if no n-gram matches, nltk warns and uses a tiny number instead of 0
        scores = corpus_bleu(references, captions, [(1 / n,) * n for n in bleu.ORDERS])
    return [100 * float(score) if score > 1e-50 else 0.0 for score in scores]


def test_bleu_by_hand():
    """Check the scores where 5 of 6 words, 3 of 5 pairs, 1 of 4 triples and no 4-gram match 7 reference words."""
    caption = "the cat sat on the mat".split()
    reference = "the cat lay down on the mat".split()
    brevity = math.exp(1 - 7 / 6)
    expected = [5 / 6, math.sqrt(5 / 6 * 3 / 5), (5 / 6 * 3 / 5 * 1 / 4) ** (1 / 3)]
    scores = bleu.bleu([caption], [[reference]])
    assert scores[:3] == pytest.approx([100 * brevity * score for score in expected])
    assert scores[3] == 0.0


def test_bleu_of_a_caption_equal_to_one_of_its_references_is_100():
    references = [["a", "dog", "runs", "far"], ["two", "dogs"]]
    assert bleu.bleu([["a", "dog", "runs", "far"]], [references]) == pytest.approx([100] * 4)


def test_bleu_by_hand_with_and_without_brevity_penalty():
    """Check the counts of 5 of 6 words, 3 of 5 pairs, 1 of 4 triples, 0 of 3 4-grams; 6 words against 7."""
    counts = bleu.count([CAT], [[LAY]])
    assert counts.tolist() == [[5, 3, 1, 0, 6, 5, 4, 3, 6, 7]]
    precise = [5 / 6, math.sqrt(5 / 6 * 3 / 5), (5 / 6 * 3 / 5 * 1 / 4) ** (1 / 3), 0]
    assert bleu.from_counts(counts[0], brevity=False) == pytest.approx([100 * score for score in precise])
    penalty = math.exp(1 - 7 / 6)
    assert bleu.from_counts(counts[0]) == pytest.approx([100 * penalty * score for score in precise])


def test_a_short_caption_has_full_precision_and_a_brevity_penalty():
    counts = bleu.count([["a", "man"]], [["a man in a red boat".split(), "a man who sits".split()]])
    assert bleu.from_counts(counts[0], brevity=False)[0] == pytest.approx(100)
    assert bleu.from_counts(counts[0])[0] == pytest.approx(100 * math.exp(1 - 4 / 2))


def test_corpus_bleu_equals_nltk(rng):
    for _ in range(20):
        captions, references = random_captions(rng, images=8)
        expected = nltk_bleu(captions, references)
        np.testing.assert_allclose(bleu.bleu(captions, references), expected, atol=1e-10)
        np.testing.assert_allclose(bleu.from_counts(bleu.count(captions, references).sum(axis=0)), expected, atol=1e-10)


@pytest.mark.parametrize("captions", [[[]], [["a"]], [["a"], []], [["x", "y"]]])
def test_captions_without_words_or_matches_score_as_in_nltk(captions):
    references = [[["a", "dog"], ["dogs", "run", "far"]]] * len(captions)
    assert bleu.bleu(captions, references) == pytest.approx(nltk_bleu(captions, references))
