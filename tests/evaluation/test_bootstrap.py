"""Test the confidence intervals of scores and of their differences."""

import math

import numpy as np
import pytest
from captions import NAMES, as_texts, random_captions

from numpy_sat.evaluation import bootstrap, judging
from numpy_sat.metrics import bleu
from numpy_sat.system.errors import InputError

pytestmark = pytest.mark.usefixtures("no_wordnet")


def test_bleu_of_a_resample_is_bleu_of_its_captions(rng):
    captions, references = random_captions(rng, images=12)
    counts = bootstrap.resample(12, seed=3)[5]
    images = np.repeat(np.arange(12), counts.astype(int))
    expected = bleu.bleu([captions[k] for k in images], [references[k] for k in images])
    np.testing.assert_allclose(bleu.from_counts(counts @ bleu.count(captions, references)), expected)


def test_resamples_have_as_many_images():
    counts = bootstrap.resample(7, seed=0)
    assert counts.shape == (1000, 7) and (counts.sum(axis=1) == 7).all() and counts.dtype == np.float64
    assert abs(counts.mean(axis=0) - 1).max() < 0.1


def test_interval_is_the_middle_95_percent():
    assert bootstrap.interval(np.arange(1001.0)) == (25.0, 975.0)


def test_intervals_depend_on_the_seed_and_contain_the_scores(rng):
    captions, references = random_captions(rng, images=60)
    captions[::3] = [texts[0] for texts in references[::3]]
    captions, references = as_texts(captions, references)
    judged = judging.judge(captions, references)
    intervals = judged.intervals(seed=1)
    assert intervals == judging.intervals(captions, references, seed=1) != judged.intervals(seed=2)
    assert list(intervals) == NAMES
    for name, score in judged.score().items():
        assert intervals[name][0] < score < intervals[name][1]


def test_the_interval_of_a_mean_is_as_wide_as_theory_says(rng):
    """Check against 1.96 standard errors, the standard deviation divided by sqrt N."""
    judged = judging.judge(*as_texts(*random_captions(rng, images=400)))
    low, high = judged.intervals()["ROUGE-L"]
    assert (high - low) / 2 == pytest.approx(1.96 * judged.means["ROUGE-L"].std() / math.sqrt(400), rel=0.1)


def test_differences_are_of_the_same_images(rng):
    captions, references = random_captions(rng, images=80)
    judged = judging.judge(*as_texts(captions, references))
    better = [words if k % 2 else references[k][0] for k, words in enumerate(captions)]
    better = judging.judge(*as_texts(better, references))
    assert set(judged.difference(judged).values()) == {(0.0, 0.0)}
    gain = better.difference(judged)
    for name, (low, high) in gain.items():
        assert 0 < low < better.score()[name] - judged.score()[name] < high
    assert judged.difference(better)["ROUGE-L"] == pytest.approx(tuple(-edge for edge in gain["ROUGE-L"][::-1]))
    assert gain == better.difference(judged, seed=0) != better.difference(judged, seed=1)
    with pytest.raises(InputError, match="same images"):
        judged.difference(judging.judge({"other.jpg": "a"}, {"other.jpg": ["a"]}))


def test_the_jackknife_of_a_mean_is_its_standard_error(rng):
    values = rng.standard_normal(30)
    without = (values.sum() - values) / 29
    share = bootstrap.jackknife(values.mean(), without)
    error = values.std(ddof=1) / np.sqrt(30)
    assert share == pytest.approx((values.mean(), values.mean() - 1.96 * error, values.mean() + 1.96 * error))
    assert bootstrap.jackknife(0.5, np.array([])) == (0.5, 0.5, 0.5)
