"""Check the model of larger clusters against cases that can be computed by hand."""

import pytest

from numpy_sat.bench.scaling import BATCH, SMALL_MESSAGES, Plan, table

PLAN = Plan(fixed=0.1, image=0.02, size=8_000_000, layers=0)


def test_one_rank_reduces_nothing():
    assert PLAN.reduction(1, 1.0, 1.0) == 0
    assert PLAN.step(1, 32, 1.0, 1.0) == pytest.approx(0.1 + 32 * 0.02)
    assert PLAN.efficiency(1, BATCH, 1.0, 1.0) == 1


def test_a_reduction_sends_nearly_twice_the_gradient():
    """On 4 ranks each one sends and receives 2 * 3 / 4 of the bytes, and every reduction takes 2 * 2 messages."""
    assert PLAN.reduction(4, 0, 1e-9) == pytest.approx(1.5 * 8e-3)
    assert PLAN.reduction(4, 1e-3, 0) == pytest.approx(4 * 1e-3 * (1 + SMALL_MESSAGES))
    normed = PLAN._replace(layers=6)
    assert normed.reduction(4, 1e-3, 0) == pytest.approx(4 * 1e-3 * (1 + SMALL_MESSAGES + 12))


def test_the_largest_share_decides():
    assert PLAN.step(3, 32, 0, 0) == pytest.approx(0.1 + 11 * 0.02)


def test_the_fixed_time_limits_a_fixed_batch():
    """Check that, with free communication, 32 ranks with one image each still spend the fixed time of a step."""
    assert PLAN.efficiency(32, 32, 0, 0) == pytest.approx((0.1 + 32 * 0.02) / (32 * (0.1 + 0.02)) * 32 / BATCH)
    assert PLAN.efficiency(32, 32 * BATCH, 0, 0) == pytest.approx(1)


def test_a_fixed_batch_has_no_more_ranks_than_images():
    lines = [line for line in table(PLAN) if line.lstrip().startswith("10 ")]
    assert len(lines) == 8 and " - " in lines[-1] and " - " not in lines[0]
