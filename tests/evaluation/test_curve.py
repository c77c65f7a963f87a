"""Test the height of a point above a curve."""

import numpy as np
import pytest

from numpy_sat.evaluation import bootstrap, curve
from numpy_sat.evaluation.bootstrap import Share


def point(x, y, noise=0.0):
    """Return a Point of three resamples whose y vary around that of the whole set."""
    return curve.Point(np.full(4, float(x)), y + noise * np.array([0.0, -1, 0, 1]))


def test_heights_by_hand():
    """Check points between those of a curve, which are not in order, and a point beside it."""
    points = [point(3, 50), point(1, 10), point(2, 20)]
    height = curve.height_above(point(2.5, 40, noise=2), points)
    assert height.value == pytest.approx(5) and (height.low, height.high) == pytest.approx((3.1, 6.9))
    assert curve.height_above(point(1, 8), points).value == pytest.approx(-2)
    assert curve.height_above(point(0.9, 8), points) is None
    # points whose y vary together have a height that does not vary
    together = curve.height_above(point(2, 22, noise=2), [point(x, y, noise=2) for x, y in ((1, 10), (2, 20), (3, 50))])
    assert together == pytest.approx((2, 2, 2))


def test_the_whole_set_comes_first():
    counts = bootstrap.resample(5, seed=0)
    assert curve.with_whole(counts).shape == (1001, 5) and (curve.with_whole(counts)[0] == 1).all()
    x, y = point(1, 10, noise=2).shares
    assert x == (1, 1, 1) and y.value == 10 and (y.low, y.high) == pytest.approx((8.1, 11.9))


def test_verdicts():
    sentences = [
        curve.verdict("run", height, "CIDEr-D", "nothing")
        for height in (Share(1, 0.5, 2), Share(-1, -2, -0.5), Share(1, -1, 3), None)
    ]
    assert sentences == [
        "run: +1.0 CIDEr-D (+0.5 to +2.0), above.",
        "run: -1.0 CIDEr-D (-2.0 to -0.5), below.",
        "run: +1.0 CIDEr-D (-1.0 to +3.0), no difference beyond chance.",
        "run: nothing.",
    ]
