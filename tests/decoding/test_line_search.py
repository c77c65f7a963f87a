"""Test the upper envelope of lines, and the exact line search."""

import numpy as np
import pytest

from numpy_sat.decoding import line_search
from numpy_sat.decoding.line_search import Candidates


def test_an_envelope_by_hand():
    # 1 - gamma is highest up to 0.5, then 0.5 up to 1, then gamma - 0.5; the others lie below
    slopes, intercepts = np.array([0.0, 1, -1, 0, -0.5]), np.array([0.5, -0.5, 1, 0.4, 0.5])
    lines, starts = line_search.upper_envelope(slopes, intercepts)
    assert (lines, starts) == ([2, 0, 1], [-np.inf, 0.5, 1.0])


def test_the_envelope_is_the_maximum(rng):
    for M in (1, 2, 5, 30):
        slopes, intercepts = rng.integers(-3, 4, M) * 1.0, rng.integers(-3, 4, M) * 1.0
        lines, starts = line_search.upper_envelope(slopes, intercepts)
        assert starts[0] == -np.inf and (np.diff(starts[1:]) > 0).all() and (np.diff(slopes[lines]) > 0).all()
        for gamma in rng.uniform(-5, 5, 50):
            line = lines[np.searchsorted(starts, gamma) - 1]
            assert slopes[line] * gamma + intercepts[line] == pytest.approx((slopes * gamma + intercepts).max())


def draw(rng, images=6, M=8, F=3, S=2):
    return [Candidates(rng.standard_normal((M, F)), rng.random((M, S))) for _ in range(images)]


def quality(sums):
    return sums[:, 0] / sums[:, 1]


def best_quality(lists, weights):
    return quality(sum(statistics[(features @ weights).argmax()] for features, statistics in lists)[None])[0]


def test_no_step_of_a_fine_grid_is_better(rng):
    for _ in range(5):
        lists, weights, direction = draw(rng), rng.standard_normal(3), rng.standard_normal(3)
        gamma, best = line_search.line_search(lists, weights, direction, quality)
        assert best_quality(lists, weights + gamma * direction) == pytest.approx(best)
        others = [best_quality(lists, weights + g * direction) for g in np.linspace(-20, 20, 2001)]
        assert best >= max(others) - 1e-12


def test_a_list_of_one_caption_leaves_the_weights(rng):
    lists = draw(rng, M=1)
    gamma, best = line_search.line_search(lists, np.ones(3), np.ones(3), quality)
    assert gamma == 0 and best == pytest.approx(best_quality(lists, np.ones(3)))


def test_a_search_by_hand():
    # the best caption of the first list changes at 0.5, that of the second at 2 and at 3
    first = Candidates(np.array([[1.0, 0], [0.5, 1]]), np.array([[1.0], [5]]))
    second = Candidates(np.array([[4.0, 0], [2, 1], [-1, 2]]), np.array([[0.0], [3], [1]]))

    def searched(factor):
        return line_search.line_search(
            [first, second], np.array([1.0, 0]), np.array([0.0, 1]), lambda s: factor * s[:, 0]
        )

    assert searched(1.0) == (2.5, 8.0)  # between 2 and 3 both lists choose their best caption
    assert searched(-1.0) == (-0.5, -1.0)  # 1 to the left of the first change
    second.statistics[2] = 9
    assert searched(1.0) == (4.0, 14.0)  # 1 to the right of the last one


def test_changes_at_one_place_happen_together():
    lists = 2 * [Candidates(np.array([[0.0, 0], [0, 1]]), np.array([[1.0], [2]]))]
    gamma, best = line_search.line_search(
        lists, np.array([1.0, 0]), np.array([0.0, 1]), lambda s: -((s[:, 0] - 3) ** 2)
    )
    assert (gamma, best) == (-1.0, -1.0)  # the sum 3 occurs nowhere
