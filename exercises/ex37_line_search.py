"""Exercise 37: Line search on an upper envelope    (difficulty 3 of 3, about 75 minutes; builds on exercises 16 and 17)

Goal            Find the best weights where there is no gradient. A beam search gives a list of captions for each image,
                and weights w choose one by its features f: its log p, its length, and so on. Their quality, such as
                BLEU, changes in steps when w changes. Along one direction, all steps can be found exactly (Och 2003).

Equations       score_m(gamma) = (w + gamma d) . f_m = intercept_m + slope_m gamma       a line for each caption m
                intercept_m = w . f_m     slope_m = d . f_m                              (M,) each
                The weights after a step gamma along the direction d are w + gamma d.
                Lines i and j cross at gamma = (intercept_i - intercept_j) / (slope_j - slope_i).
                The best caption of a list is the highest line. The upper envelope says which line that is, from left to
                right: `lines` with ever larger slopes, each from its place in `starts` on. Add the lines one by one, by
                increasing slope. A new line starts where it crosses the last one of the envelope. If that is not to the
                right of the start of the last line, the last line is nowhere the highest: drop it, and try again.
                The quality at gamma is quality(sum over lists of the statistics of their best captions at gamma).

Worked example  slopes = [0, 1, -1]   intercepts = [0.5, -0.5, 1]   lines = [2, 0, 1]   starts[1] = 0.5   starts[2] = 1
                1. A fourth line has the slope 0.5 and the intercept 0.1. Find lines and starts.
                Two lists with w = [1, 0] and d = [0, 1]. Each caption has one statistic, and the quality is their sum:
                features (1, 0), (0.5, 1) with the statistics 1, 5; features (4, 0), (2, 1), (-1, 2) with 0, 3, 1.
                The first list changes at 0.5, the second at 2 and 3. The sums are 1, 5, 8, 6. So gamma = 2.5
                2. Find gamma if the last statistic is 9 in place of 1. And what is the slope of the quality at 2.5?
                3. Why not add up the BLEU of each caption, and why not try a grid of numbers gamma?

Your task       1. upper_envelope: return lines and starts, with -inf first. Trap: one line may drop several others. Of
                   parallel lines the highest counts.
                2. line_search: return gamma and the quality after it. gamma is in the middle of the best interval
                   between two changes of any list, or 1 beyond the first or the last change. It is 0 without changes.
                   Trap: `quality` takes sums over all lists. It is not a sum.

Given           A list is Candidates(features, statistics), of the shapes (M, F) and (M, S). quality takes the sums
                of E intervals, (E, S), and returns (E,) numbers. You may call upper_envelope of this file. In the
                check, no three lines meet in a point.

Run             python -m exercises check 37   python -m exercises hint 37   python -m exercises check 37 --pencil
Read            exercises/chapters/six_ways.md: the longer story, with figures
"""

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
    raise NotImplementedError("exercise 37: upper_envelope")


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
    raise NotImplementedError("exercise 37: line_search")
