"""Confidence intervals of scores and of their differences."""

import math

import numpy as np
import pytest
from captions import NAMES, as_texts, random_captions

from numpy_sat.evaluation import bootstrap, judging
from numpy_sat.metrics import bleu
from numpy_sat.system.errors import InputError

pytestmark = pytest.mark.usefixtures("no_wordnet")


def test_bleu_of_a_resample_is_bleu_of_its_captions(rng):
    captions, said = random_captions(rng, images=12)
    drawn = bootstrap.resample(12, seed=3)[5]
    again = np.repeat(np.arange(12), drawn.astype(int))
    expected = bleu.bleu([captions[k] for k in again], [said[k] for k in again])
    np.testing.assert_allclose(bleu.from_counts(drawn @ bleu.count(captions, said)), expected)


def test_resamples_have_as_many_images():
    draws = bootstrap.resample(7, seed=0)
    assert draws.shape == (1000, 7) and (draws.sum(axis=1) == 7).all() and draws.dtype == np.float64
    assert abs(draws.mean(axis=0) - 1).max() < 0.1


def test_interval_is_the_middle_95_percent():
    assert bootstrap.interval(np.arange(1001.0)) == (25.0, 975.0)


def test_intervals_are_the_same_for_the_same_seed_and_hold_the_figures(rng):
    captions, said = random_captions(rng, images=60)
    captions[::3] = [of_one[0] for of_one in said[::3]]
    captions, references = as_texts(captions, said)
    judged = judging.judge(captions, references)
    found = judged.intervals(seed=1)
    assert found == judging.intervals(captions, references, seed=1) != judged.intervals(seed=2)
    assert list(found) == NAMES
    for name, figure in judged.score().items():
        assert found[name][0] < figure < found[name][1]


def test_the_interval_of_a_mean_is_as_wide_as_theory_says(rng):
    """Means of N figures spread with their standard deviation / sqrt N; 95 % lie within 1.96 of it."""
    judged = judging.judge(*as_texts(*random_captions(rng, images=400)))
    low, high = judged.intervals()["ROUGE-L"]
    assert (high - low) / 2 == pytest.approx(1.96 * judged.means["ROUGE-L"].std() / math.sqrt(400), rel=0.1)


def test_differences_are_of_the_same_images(rng):
    captions, said = random_captions(rng, images=80)
    judged = judging.judge(*as_texts(captions, said))
    better = [words if k % 2 else said[k][0] for k, words in enumerate(captions)]
    better = judging.judge(*as_texts(better, said))
    assert set(judged.difference(judged).values()) == {(0.0, 0.0)}
    gained = better.difference(judged)
    for name, (low, high) in gained.items():
        assert 0 < low < better.score()[name] - judged.score()[name] < high
    assert judged.difference(better)["ROUGE-L"] == pytest.approx(tuple(-edge for edge in gained["ROUGE-L"][::-1]))
    assert gained == better.difference(judged, seed=0) != better.difference(judged, seed=1)
    with pytest.raises(InputError, match="same images"):
        judged.difference(judging.judge({"other.jpg": "a"}, {"other.jpg": ["a"]}))
