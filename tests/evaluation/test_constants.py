"""Scores of a constant caption, against the metrics themselves."""

import pytest
from captions import random_captions

from numpy_sat.evaluation import constants
from numpy_sat.metrics import bleu, cider


def test_constants_score_as_they_would_one_by_one(rng):
    _, said = random_captions(rng, images=9)
    said = [[*texts, ["a"]] for texts in said]  # which then weighs nothing
    candidates = [*(texts[0] for texts in said), [], ["a"], ["a", "dog", "a", "dog", "a"], ["unseen"]]
    bleus, ciders = constants.bleu_4(candidates, said), constants.cider_d(candidates, said)
    for words, of_bleu, of_cider in zip(candidates, bleus, ciders, strict=True):
        assert of_bleu == pytest.approx(bleu.bleu([words] * 9, said)[3], abs=1e-10)
        assert of_cider == pytest.approx(cider.cider_d([words] * 9, said).mean(), abs=1e-10)
