"""Test ROUGE-L against values computed by hand."""

import pytest
from captions import CAT, LAY

from numpy_sat.metrics import rouge


def test_rouge_by_hand():
    """Check the common subsequence "the cat .. on the mat" of 5 words: P = 5/6, R = 5/7."""
    expected = (1 + 1.44) * (5 / 6) * (5 / 7) / (5 / 7 + 1.44 * 5 / 6)
    assert rouge.rouge_l([CAT], [[LAY]]) == pytest.approx([100 * expected])


def test_rouge_takes_the_best_precision_and_the_best_recall_over_references():
    """Check that P = 5/6 comes from the long reference and R = 1 from the short one, "the mat"."""
    expected = (1 + 1.44) * (5 / 6) * 1 / (1 + 1.44 * 5 / 6)
    for references in ([LAY, ["the", "mat"]], [["the", "mat"], LAY]):
        assert rouge.rouge_l([CAT], [references]) == pytest.approx([100 * expected])


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        ("a b c d", "b d", 2),
        ("a b c", "c b a", 1),
        ("a x b y a", "a b a", 3),
        ("a a", "a", 1),
        ("a", "b", 0),
        ("", "", 0),
    ],
)
def test_longest_common_subsequence(first, second, common):
    assert rouge.common_words(first.split(), second.split()) == common
    assert rouge.common_words(second.split(), first.split()) == common
