"""CIDEr-D by hand."""

import math

import pytest
from captions import CAT

from numpy_sat.metrics import cider


def test_cider_by_hand():
    """Both images have "a", whose idf is ln 2/2 = 0; all else weighs ln 2 and cancels.

    First: one of two words that weigh, one of two pairs: (1/2 + 1/2 + 0 + 0) / 4. Second: words, pairs and the triple
    agree, and there are no four words: (1 + 1 + 1 + 0) / 4.
    """
    captions = ["a dog sits".split(), "a cat sits".split()]
    references = [["a dog runs".split()], ["a cat sits".split()]]
    assert cider.cider_d(captions, references) == pytest.approx([250, 750])


def test_cider_clips_and_expects_the_length():
    """ "dog" has 2 ln 2 and 1 ln 2: min 1, so 1 * 1 / (2 * sqrt 2), of 4 orders; one word is missing."""
    found = cider.cider_d([["dog", "dog"], ["a"]], [["a dog runs".split()], ["a cat sits".split()]])
    assert found == pytest.approx([1000 * math.exp(-1 / (2 * 36)) / (2 * math.sqrt(2)) / 4, 0])


def test_cider_is_the_mean_over_references():
    captions, other = ["a dog sits".split(), ["x"]], [["a cat sits".split()]]
    once = cider.cider_d(captions, [["a dog runs".split()], *other])[0]
    twice = cider.cider_d(captions, [["a dog runs".split(), "a bird flies".split()], *other])[0]
    assert twice == pytest.approx(once / 2)  # with the bird it has "a" in common, which weighs nothing


def test_idf_counts_images_not_references():
    """ "dog" stands in two references of one image of three; "a" in all three; "owl" in none, which counts as one."""
    said = [[cider.count_ngrams(text.split()) for text in texts] for texts in (["a dog", "dog"], ["a"], ["a"])]
    idf = cider.Idf(said)
    assert [idf.value((word,)) for word in ("dog", "a", "owl")] == pytest.approx([math.log(3), 0, math.log(3)])


def test_cider_of_a_single_image_is_0():
    assert cider.cider_d([CAT], [[CAT]]).tolist() == [0]
