"""Test the variety of captions against values computed by hand."""

import pytest

from numpy_sat.evaluation.variety import ends_badly, repeats_content, variety


def test_variety_by_hand():
    """Check 16 words with 3 repetitions: "dog" and "a" in the second caption, "a" in the fourth."""
    captions = ["a dog runs", "a dog dog a sits", "a dog runs", "a dog a cat", "two"]
    train = ["a dog runs", "two cats", "a dog runs far", "a dog a sits"]
    statistics = variety([text.split() for text in captions], [text.split() for text in train])
    assert statistics.words == 6 and statistics.captions == 4 / 5
    assert (statistics.length, statistics.shortest, statistics.longest) == (16 / 5, 1, 5)
    assert statistics.stutters == 1 / 5  # "dog dog"
    assert variety([["a", "dog", "a", "cat"]], []).stutters == 0
    assert statistics.repeated == pytest.approx(3 / 16)
    assert statistics.content == 1 / 5 and statistics.copied == 2 / 5
    assert statistics.endings == 0 and variety([["a"], ["a", "dog"]], []).endings == 1 / 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a man in a hat is wearing a hat", True),
        ("a man is kayaking in a kayak", True),
        ("a man in a red shirt is in the water with the dog", False),
        ("", False),
    ],
)
def test_repeated_content_words(text, expected):
    assert repeats_content(text.split()) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a man is standing on a", True),
        ("two dogs run in the", True),
        ("a man and a woman with", True),
        ("a dog with its leash on", False),
        ("a dog chases another", False),
        ("", False),
    ],
)
def test_bad_endings(text, expected):
    assert ends_badly(text.split()) is expected


def test_captions_without_words():
    statistics = variety([[], []], [["a"]])
    assert (statistics.words, statistics.length, statistics.repeated, statistics.copied) == (0, 0, 0, 0)
