"""Test CIDEr-D against values computed by hand."""

import math

import pytest
from captions import CAT

from numpy_sat.metrics import cider


def test_cider_by_hand():
    """Check two images. Both have "a", whose idf is ln 2/2 = 0; all other weights are ln 2 and cancel.

    In the first image, one of two weighted words and one of two pairs match: (1/2 + 1/2 + 0 + 0) / 4. In the second,
    all words, pairs and triples match, and there is no 4-gram: (1 + 1 + 1 + 0) / 4.
    """
    captions = ["a dog sits".split(), "a cat sits".split()]
    references = [["a dog runs".split()], ["a cat sits".split()]]
    assert cider.cider_d(captions, references) == pytest.approx([250, 750])


def test_cider_clips_counts_and_penalizes_other_lengths():
    """Check the clipping of "dog" from 2 ln 2 to 1 ln 2: 1 * 1 / (2 * sqrt 2) over 4 orders, with one word less."""
    scores = cider.cider_d([["dog", "dog"], ["a"]], [["a dog runs".split()], ["a cat sits".split()]])
    assert scores == pytest.approx([1000 * math.exp(-1 / (2 * 36)) / (2 * math.sqrt(2)) / 4, 0])


def test_cider_is_the_mean_over_references():
    captions, second_image = ["a dog sits".split(), ["x"]], [["a cat sits".split()]]
    one_reference = cider.cider_d(captions, [["a dog runs".split()], *second_image])[0]
    two_references = cider.cider_d(captions, [["a dog runs".split(), "a bird flies".split()], *second_image])[0]
    assert two_references == pytest.approx(one_reference / 2)  # the bird shares only "a", whose weight is 0


def test_idf_counts_images_not_references():
    """Check words of three images: "dog" in two references of one image, "a" in all, "owl" in none (counts as one)."""
    counts = [[cider.count_ngrams(text.split()) for text in texts] for texts in (["a dog", "dog"], ["a"], ["a"])]
    idf = cider.Idf(counts)
    assert [idf.value((word,)) for word in ("dog", "a", "owl")] == pytest.approx([math.log(3), 0, math.log(3)])


def test_cider_of_a_single_image_is_0():
    assert cider.cider_d([CAT], [[CAT]]).tolist() == [0]
