"""BLEU from counts: by hand, and against BLEU of a corpus."""

import math

import numpy as np
import pytest
from captions import CAT, LAY, random_captions

from numpy_sat.metrics import bleu, bleu_counts


def test_bleu_by_hand_with_and_without_brevity():
    """5 of 6 words, 3 of 5 pairs, 1 of 4 triples, 0 of 3 quadruples; 6 words for the reference's 7."""
    counts = bleu_counts.count([CAT], [[LAY]])
    assert counts.tolist() == [[5, 3, 1, 0, 6, 5, 4, 3, 6, 7]]
    plain = [5 / 6, math.sqrt(5 / 6 * 3 / 5), (5 / 6 * 3 / 5 * 1 / 4) ** (1 / 3), 0]
    assert bleu_counts.bleu_of(counts[0], brevity=False) == pytest.approx([100 * score for score in plain])
    brief = math.exp(1 - 7 / 6)
    assert bleu_counts.bleu_of(counts[0]) == pytest.approx([100 * brief * score for score in plain])


def test_a_sure_beginning_has_all_its_words_right_and_is_too_short():
    counts = bleu_counts.count([["a", "man"]], [["a man in a red boat".split(), "a man who sits".split()]])
    assert bleu_counts.bleu_of(counts[0], brevity=False)[0] == pytest.approx(100)
    assert bleu_counts.bleu_of(counts[0])[0] == pytest.approx(100 * math.exp(1 - 4 / 2))


def test_bleu_of_counts_is_bleu_of_the_corpus(rng):
    for _ in range(20):
        captions, said = random_captions(rng, images=8)
        summed = bleu_counts.count(captions, said).sum(axis=0)
        np.testing.assert_allclose(bleu_counts.bleu_of(summed), bleu.bleu(captions, said), atol=1e-10)
