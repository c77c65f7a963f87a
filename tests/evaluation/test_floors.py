"""Test the floors with which scores are compared."""

import pytest
from captions import as_texts, random_captions

from numpy_sat.evaluation import floors, judging
from numpy_sat.system.errors import InputError

pytestmark = pytest.mark.usefixtures("no_wordnet")


@pytest.mark.parametrize("by", ["BLEU-4", "CIDEr-D"])
def test_no_reference_is_a_better_constant(rng, by):
    _, references = as_texts(*random_captions(rng, images=15))
    scores = {
        text: judging.score(dict.fromkeys(references, text), references)[by]
        for texts in references.values()
        for text in texts
    }
    best = floors.best_constant(references, by)
    assert scores[best] == pytest.approx(max(scores.values())) and scores[best] > 0


def test_shuffling_moves_every_caption_to_another_image(rng):
    for images in (2, 3, 50):
        captions = {f"{k}.jpg": f"caption {k}" for k in rng.permutation(images)}
        shuffled = floors.shuffled(captions, seed=1)
        assert list(shuffled) == list(captions) and sorted(shuffled.values()) == sorted(captions.values())
        assert all(shuffled[name] != text for name, text in captions.items())
    assert shuffled == floors.shuffled(captions, seed=1) != floors.shuffled(captions, seed=2)
    assert floors.shuffled({"1": "alone"}) == {"1": "alone"}


def test_one_reference_is_judged_by_the_others():
    captions, references = floors.one_against_the_others({"1": ["a", "b", "c"], "2": ("d", "e", "f")}, 1)
    assert captions == {"1": "b", "2": "e"} and references == {"1": ["a", "c"], "2": ["d", "f"]}
    for references, k in (({"1": ["a", "b"]}, 2), ({"1": ["a"]}, 0)):
        with pytest.raises(InputError, match="too few"):
            floors.one_against_the_others(references, k)
