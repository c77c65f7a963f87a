"""Solution 37: Line search on an upper envelope.

Along a direction, the score of each caption is a line in gamma, and a list chooses its highest line. So a list changes
its choice only at the corners of its upper envelope. Between two corners of any list nothing changes, and the quality
is constant. One gamma in each interval is enough to see all qualities that exist.

Answers to the questions of the page:

1. lines = [2, 0, 3, 1], with the starts -inf, 0.5, 0.8 and 1.2. Line 3 crosses line 0 at 0.8. Line 1 now starts where
   it crosses line 3, at 1.2.
2. gamma = 4, which is 1 beyond the last change, with the quality 14. The slope at 2.5 is 0, as nearly everywhere: so
   gradient descent does not move.
3. BLEU is computed from sums over all captions, so the sum of single scores is another number, with another best gamma.
   A grid misses intervals that are narrower than its step, and computes others many times.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from numpy_sat.decoding.line_search import Candidates


def upper_envelope(slopes: np.ndarray, intercepts: np.ndarray) -> tuple[list[int], list[float]]:
    """Return the lines that are the highest of all somewhere, from left to right.

    Args:
        slopes: (M,) of the lines.
        intercepts: (M,) of the lines.
    Returns:
        lines: indices of the K lines of the envelope.
        starts: the K places gamma from which each of them is the highest; the first is -inf.
    """
    # On the left, the line of the smallest slope is the highest. Of parallel lines, the higher one comes later.
    by_slope = sorted(range(len(slopes)), key=lambda m: (slopes[m], intercepts[m]))

    lines, starts = [], []
    for new in by_slope:
        start = -np.inf
        while lines:
            last = lines[-1]
            difference = slopes[new] - slopes[last]

            # intercept_last + slope_last gamma = intercept_new + slope_new gamma
            start = (intercepts[last] - intercepts[new]) / difference if difference > 0 else -np.inf

            # The last line stays if it is the highest from its start to the start of the new line.
            if start > starts[-1]:
                break
            lines.pop()
            starts.pop()
            start = -np.inf
        lines.append(new)
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
    # score_m = w . f_m + gamma d . f_m: the slopes are d . f, the intercepts w . f
    envelopes = [upper_envelope(features @ direction, features @ weights) for features, _ in lists]

    # The choice of a list changes where a line of its envelope starts. The first line starts at -inf.
    places = sorted({start for _, starts in envelopes for start in starts[1:]})

    # One gamma in each interval: 1 before the first change, between two changes, 1 beyond the last one
    gammas = [0.0]
    if places:
        middles = [(left + right) / 2 for left, right in itertools.pairwise(places)]
        gammas = [places[0] - 1, *middles, places[-1] + 1]

    # sums of each gamma = sum over lists of the statistics of the chosen caption
    sums = []
    for gamma in gammas:
        total = 0
        for (_, statistics), (lines, starts) in zip(lists, envelopes, strict=True):
            choice = lines[np.searchsorted(starts, gamma) - 1]
            total = total + statistics[choice]
        sums.append(total)

    # The quality is that of the sums, not a sum of qualities.
    qualities = quality(np.array(sums))
    best = qualities.argmax()
    return float(gammas[best]), float(qualities[best])
