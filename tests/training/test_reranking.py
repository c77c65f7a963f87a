"""Test the fit of the weights that rank lists of captions."""

import numpy as np
import pytest

from numpy_sat.decoding.line_search import Candidates
from numpy_sat.training.objectives import reranking


def quality(lists, weights):
    return np.mean([statistics[(features @ weights).argmax(), 0] for features, statistics in lists])


def test_weights_of_a_known_ranking(rng):
    """Check lists whose quality is a linear function of two features: the fit finds the best caption of almost all."""
    lists = []
    for _ in range(60):
        features = rng.standard_normal((6, 4))
        lists.append(Candidates(features, features[:, :1] - 2 * features[:, 2:3]))
    weights = reranking.best_weights(lists, np.array([0.0, 1, 0, 0]), np.arange(4), rng)
    best = np.mean([statistics.max() for _, statistics in lists])
    assert quality(lists, weights) > best - 0.05 > quality(lists, np.array([0.0, 1, 0, 0])) + 0.5
    assert np.linalg.norm(weights) == pytest.approx(1)
    assert weights[2] / weights[0] == pytest.approx(-2, rel=0.3)


def test_other_features_keep_no_weight(rng):
    lists = [Candidates(rng.standard_normal((5, 3)), rng.random((5, 1))) for _ in range(20)]
    weights = reranking.best_weights(lists, np.array([1.0, 0, 0]), np.array([0, 2]), rng)
    assert weights[1] == 0 and quality(lists, weights) >= quality(lists, np.array([1.0, 0, 0]))
