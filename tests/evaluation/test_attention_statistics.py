"""Test the statistics of attention against values computed by hand."""

import math

import numpy as np
import pytest

from numpy_sat.evaluation.attention_statistics import AttentionStatistics, measure


def test_entropy_and_movement_by_hand():
    """Check entropies 0, ln 2, ln 4 and ln 2, and two movements of one half. Between captions nothing moves."""
    first = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]], np.float32)
    second = np.array([[0, 0, 0.5, 0.5]], np.float32)
    statistics = measure([second, first])
    assert statistics.entropy == pytest.approx(math.log(2)) and statistics.most == pytest.approx(math.log(4))
    assert statistics.movement == pytest.approx((0.5 + 0.5) / 2)
    assert statistics.locations == pytest.approx(2) and not statistics.collapsed


def test_movement_is_1_for_disjoint_and_0_for_equal_attention():
    assert measure([np.eye(3)]).movement == 1 and measure([np.full((4, 3), 1 / 3)]).movement == 0
    assert math.isnan(measure([np.eye(3)[:1]]).movement)


def test_collapsed_attention():
    assert measure([np.full((5, 49), 1 / 49)]).collapsed
    assert AttentionStatistics(3.8908, math.log(49), 0.1).collapsed  # a public "hard attention" with BLEU-4 0.2
    for share, collapsed in ((0.96, True), (0.94, False)):
        assert AttentionStatistics(math.log(share * 64), math.log(64), 0.1).collapsed is collapsed
