"""Test the scores of constant captions against the metrics themselves."""

import pytest
from captions import random_captions

from numpy_sat.evaluation import constants
from numpy_sat.metrics import bleu, cider


def test_constants_score_as_they_would_one_by_one(rng):
    _, references = random_captions(rng, images=9)
    references = [[*texts, ["a"]] for texts in references]  # "a" is in every image, so its idf is 0
    candidates = [*(texts[0] for texts in references), [], ["a"], ["a", "dog", "a", "dog", "a"], ["unseen"]]
    bleu_scores, cider_scores = constants.bleu_4(candidates, references), constants.cider_d(candidates, references)
    for words, bleu_score, cider_score in zip(candidates, bleu_scores, cider_scores, strict=True):
        assert bleu_score == pytest.approx(bleu.bleu([words] * 9, references)[3], abs=1e-10)
        assert cider_score == pytest.approx(cider.cider_d([words] * 9, references).mean(), abs=1e-10)
