"""Compute how far a point lies above a curve of other points, with an interval over resampled images.

Training can often exchange one score for another. The points of such an exchange form a curve. A method is better only
if its point lies above the curve.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.evaluation import bootstrap
from numpy_sat.evaluation.bootstrap import Share


class Point(NamedTuple):
    """Two scores of a model on the whole set of images, followed by those on R resamples."""

    x: np.ndarray  # (1 + R,)
    y: np.ndarray  # (1 + R,)

    @property
    def shares(self) -> tuple[Share, Share]:
        """Return x and y, each with its 95 % interval."""
        return tuple(Share(float(values[0]), *bootstrap.interval(values[1:])) for values in self)


def with_whole(counts: np.ndarray) -> np.ndarray:
    """Return the counts of the whole set, 1 for every image, above those of resamples.

    Args:
        counts: (R, N) from bootstrap.resample.
    Returns:
        (1 + R, N).
    """
    return np.vstack([np.ones(counts.shape[1]), counts])


def height_above(point: Point, points: Sequence[Point]) -> Share | None:
    """Compute how far a point lies above a curve at the same x. The curve is linear between its points.

    Args:
        point: the point.
        points: points of the curve, on the same resamples.
    Returns:
        The difference in y with its 95 % interval; None if x lies outside the curve.
    """
    x, y = (np.stack(values, axis=1) for values in zip(*points, strict=True))
    if not x[0].min() <= point.x[0] <= x[0].max():
        return None
    order = np.argsort(x[0])
    heights = [
        own_y - np.interp(own_x, xs[order], ys[order]) for own_x, own_y, xs, ys in zip(*point, x, y, strict=True)
    ]
    return Share(heights[0], *bootstrap.interval(np.array(heights[1:])))


def verdict(name: str, height: Share | None, unit: str, x: str) -> str:
    """Return a sentence about the height of a point.

    Args:
        name: name of the point.
        height: result of height_above.
        unit: unit of y.
        x: what the curve lacks if the height is None, such as "no point of the curve is as diverse".
    """
    if height is None:
        return f"{name}: {x}."
    word = "above" if height.low > 0 else "below" if height.high < 0 else "no difference beyond chance"
    return f"{name}: {height.value:+.1f} {unit} ({height.low:+.1f} to {height.high:+.1f}), {word}."
