"""Exact line search for the weights that re-rank lists of captions (Och 2003, minimum error rate training).

Along a direction d, the weights are w + gamma d. The score of a caption with features f is (w + gamma d) . f, a line in
gamma. The best caption of a list changes only where the upper envelope of its lines changes from one line to the next.
So the quality of the best captions of all lists is constant between these places, and each interval is tried once.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class Candidates(NamedTuple):
    """The M captions of one list."""

    features: np.ndarray  # (M, F)
    statistics: np.ndarray  # (M, S) what the captions add to the sums from which their quality is computed


def upper_envelope(slopes: np.ndarray, intercepts: np.ndarray) -> tuple[list[int], list[float]]:
    """Return the lines that are the highest of all somewhere, from left to right.

    Args:
        slopes: (M,) of the lines.
        intercepts: (M,) of the lines.
    Returns:
        lines: indices of the K lines of the envelope.
        starts: the K places gamma from which each of them is the highest; the first is -inf.
    """
    lines, starts = [], []
    order = np.lexsort((intercepts, slopes))  # on the left, the line of the smallest slope is the highest
    slopes, intercepts = slopes.tolist(), intercepts.tolist()  # Python's numbers are faster one by one
    for line in order.tolist():
        while lines:
            rise = slopes[line] - slopes[lines[-1]]
            # the two lines cross where intercept + slope gamma is equal; a parallel line is higher everywhere
            start = (intercepts[lines[-1]] - intercepts[line]) / rise if rise > 0 else -np.inf
            if start > starts[-1]:
                break
            lines.pop()  # the new line is above the last one wherever that is above all others
            starts.pop()
        else:
            start = -np.inf
        lines.append(line)
        starts.append(start)
    return lines, starts


def line_search(
    lists: Sequence[Candidates], weights: np.ndarray, direction: np.ndarray, quality: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float]:
    """Find the step along a direction after which the best captions of all lists have the highest quality.

    Args:
        lists: Candidates of each image.
        weights: (F,) the weights before the step.
        direction: (F,).
        quality: function from sums of statistics, (E, S), to their qualities, (E,).
    Returns:
        gamma: the step. It is in the middle of the best interval, or 1 beyond the last change.
        quality: the quality after it.
    """
    total, places, changes = 0.0, [], []
    for features, statistics in lists:
        lines, starts = upper_envelope(features @ direction, features @ weights)
        total = total + statistics[lines[0]]
        places += starts[1:]
        changes.append(np.diff(statistics[lines], axis=0))
    if not places:
        return 0.0, float(quality(total[None])[0])
    places, order = np.sort(places), np.argsort(places, kind="stable")
    sums = np.vstack([total, total + np.concatenate(changes)[order].cumsum(axis=0)])
    # interval k lies between the places k - 1 and k
    left, right = np.append(places[0] - 2, places), np.append(places, places[-1] + 2)
    qualities = np.where(right > left, quality(sums), -np.inf)
    best = int(qualities.argmax())
    return float((left[best] + right[best]) / 2), float(qualities[best])
