"""Test METEOR against values computed by hand and against nltk."""

from types import SimpleNamespace

import pytest
from captions import CAT, LAY, random_captions
from nltk.translate.meteor_score import meteor_score

from numpy_sat.metrics import meteor

pytestmark = pytest.mark.usefixtures("no_wordnet")


def test_meteor_by_hand():
    """Check 5 matches in 2 chunks, "the cat" and "on the mat"; P = 5/6, R = 5/7."""
    f_score = (5 / 6) * (5 / 7) / (0.85 * 5 / 6 + 0.15 * 5 / 7)
    assert meteor.meteor([CAT], [[LAY]]) == pytest.approx([100 * f_score * (1 - 0.6 * (2 / 5) ** 0.2)])


def test_meteor_matches_stems_and_takes_the_best_reference():
    """Check that dogs = dog and run = runs are 2 matches in 1 chunk, with P = R = 1."""
    scores = meteor.meteor([["dogs", "run"]], [[["a", "cat"], ["dog", "runs"], ["dogs", "sleep"]]])
    assert scores == pytest.approx([100 * (1 - 0.6 * (1 / 2) ** 0.2)])


def test_meteor_matches_synonyms_if_wordnet_is_installed(use_wordnet):
    assert meteor.meteor([["pup"]], [[["dog"]]]).tolist() == [0]
    assert "no synonyms" in meteor.matching() and "WordNet is missing" in meteor.matching()
    use_wordnet(synonyms)
    assert meteor.meteor([["pup"]], [[["dog"]]]) == pytest.approx([100 * (1 - 0.6)])
    assert meteor.matching() == "METEOR matches words, stems and WordNet's synonyms."


def synonyms(word):
    names = ["dog", "pup"] if word in ("dog", "pup") else []
    return [SimpleNamespace(lemmas=lambda: [SimpleNamespace(name=lambda name=name: name) for name in names])]


def test_meteor_equals_nltk(rng, use_wordnet):
    use_wordnet(synonyms)
    captions, references = random_captions(rng, images=10)
    captions[0].append("pup")
    options = dict(wordnet=SimpleNamespace(synsets=synonyms), alpha=0.85, beta=0.2, gamma=0.6)
    expected = [
        100 * meteor_score(image_references, caption, **options)
        for caption, image_references in zip(captions, references, strict=True)
    ]
    assert meteor.meteor(captions, references) == pytest.approx(expected)


def test_an_unreadable_wordnet_is_not_used(use_wordnet):
    def unreadable(word):
        raise PermissionError("not in the data path")

    use_wordnet(unreadable)
    assert "WordNet cannot be read (not in the data path)" in meteor.matching()
    assert meteor.meteor([["dog"]], [[["dog"]]]) == pytest.approx([40])
