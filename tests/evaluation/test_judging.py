"""Test the scores of captions against values computed by hand, and the errors of wrong arguments."""

import math

import pytest
from captions import NAMES

from numpy_sat.evaluation import judging
from numpy_sat.system.errors import InputError

pytestmark = pytest.mark.usefixtures("no_wordnet")


def test_score_by_hand():
    """Check two images. Each score is a ratio of sums of counts, or a mean over the images."""
    captions = {"1.jpg": "A dog sits .", "2.jpg": "a cat sits"}
    scores = judging.score(captions, {"2.jpg": ["A cat sits."], "1.jpg": ["a dog runs"], "3.jpg": ["unused"]})
    assert list(scores) == NAMES
    exact_meteor = 1 - 0.6 * (1 / 3) ** 0.2  # 3 matches, 1 chunk
    partial_meteor = 2 / 3 * (1 - 0.6 * (1 / 2) ** 0.2)  # 2 matches, P = R = 2/3
    expected = {
        "BLEU-1": 5 / 6,
        "BLEU-2": math.sqrt(5 / 6 * 3 / 4),
        "BLEU-3": (5 / 6 * 3 / 4 * 1 / 2) ** (1 / 3),
        "BLEU-4": 0,
        "METEOR": (exact_meteor + partial_meteor) / 2,
        "ROUGE-L": (2 / 3 + 1) / 2,
        "CIDEr-D": 5,
    }
    assert scores == pytest.approx({name: 100 * score for name, score in expected.items()})


def test_only_bleu_has_a_brevity_penalty():
    captions, references = {"1": "a dog runs", "2": "a cat"}, {"1": ["a dog runs far away"], "2": ["a cat sits here"]}
    with_penalty, without = (judging.score(captions, references, brevity) for brevity in (True, False))
    penalty = math.exp(1 - 9 / 5)
    assert [with_penalty[name] for name in NAMES[:2]] == pytest.approx([penalty * without[name] for name in NAMES[:2]])
    assert [with_penalty[name] for name in NAMES[4:]] == [without[name] for name in NAMES[4:]]
    assert judging.intervals(captions, references, brevity=False)["BLEU-1"] == pytest.approx((100, 100))
    short, long = judging.judge(captions, references), judging.judge({"1": "a dog runs far", "2": "a cat"}, references)
    assert long.difference(short, brevity=False)["BLEU-1"] == pytest.approx((0, 0))
    assert long.difference(short)["BLEU-1"][1] > 1


def test_a_caption_equal_to_a_reference_has_the_highest_score():
    """Check the highest scores. CIDEr-D is lower for captions with fewer than 4 words, and METEOR is always below 100.

    CIDEr-D counts 0 for each order of n-grams that a caption is too short for.
    """
    texts = {"1": "a dog runs on the grass", "2": "two cats sit by a wall", "3": "he jumps"}
    alone = judging.score(texts, {name: [text] for name, text in texts.items()})
    assert alone["CIDEr-D"] == pytest.approx(1000 * (1 + 1 + 2 / 4) / 3)
    del texts["3"]
    scores = judging.score(texts, {name: [text, "something else"] for name, text in texts.items()})
    assert [scores[name] for name in (*NAMES[:4], "ROUGE-L")] == pytest.approx([100] * 5)
    assert scores["METEOR"] == pytest.approx(100 * (1 - 0.6 * (1 / 6) ** 0.2))


def test_captions_without_matches_or_words_score_0():
    references = {"1": ["a dog runs"], "2": ["a cat sits"]}
    for caption in ("no such thing", ".", ""):
        assert set(judging.score({"1": caption, "2": caption}, references).values()) == {0.0}
    assert set(judging.score({"1": "."}, {"1": [".", "a dog"]}).values()) == {0.0}


def test_a_reference_without_words_does_not_change_the_scores():
    scores = judging.score({"1": "a dog", "2": "a cat"}, {"1": ["a dog", "..."], "2": ["a cat"]})
    assert scores["ROUGE-L"] == pytest.approx(100) and all(map(math.isfinite, scores.values()))


@pytest.mark.parametrize(
    ("captions", "references", "message"),
    [
        ({}, {}, "no caption to judge"),
        ({"1": "a"}, {}, "1 has a caption but no references"),
        ({"1": "a"}, {"1": []}, "1: no reference has a word"),
        ({"1": "a"}, {"1": [" . "]}, "1: no reference has a word"),
        ({"1": "a"}, {"1": "a dog"}, "1: references must be a list of texts, not 'a dog'"),
        ({"1": "a"}, {"1": [["a", "dog"]]}, "1: references must be a list of texts"),
        ({"1": ["a", "dog"]}, {"1": ["a"]}, "1: the caption must be a text, not"),
        ({"1": None}, {"1": ["a"]}, "1: the caption must be a text, not None"),
        (["a dog"], [["a dog"]], "must be {image: text}"),
    ],
)
def test_wrong_arguments(captions, references, message):
    with pytest.raises(InputError, match=message):
        judging.score(captions, references)
