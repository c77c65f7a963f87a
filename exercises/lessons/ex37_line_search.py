"""Line search on an upper envelope"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.decoding import line_search
from numpy_sat.decoding.line_search import Candidates

FACTS = Facts(difficulty=3, minutes=75, builds_on=(16, 17), chapter="six_ways")

INTRO = """\
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
"""

IMPORTS = """\
from collections.abc import Callable, Sequence

import numpy as np

from numpy_sat.decoding.line_search import Candidates"""

LINES = (7, 12, 4, 1, 2)  # M
LISTS = [  # M of each list, F, S
    ((6, 5, 7), 3, 2),
    ((4, 4), 4, 3),
    ((3, 1, 5, 4), 2, 2),
    ((8,), 3, 2),
    ((1, 1), 2, 2),  # one caption each: nothing changes
]


def envelope_cases(rng):
    """Return random lines, lines of which many drop out, parallel lines, and the lesson's example."""
    cases = [{"slopes": rng.standard_normal(M), "intercepts": rng.standard_normal(M)} for M in LINES]
    slopes = np.sort(rng.standard_normal(6))
    low = {"slopes": slopes, "intercepts": np.array([1, -3, -4, -5, -4, 1.5]) + 0.1 * rng.standard_normal(6)}
    order = rng.permutation(6)
    low = {name: values[order] for name, values in low.items()}
    parallel = {"slopes": np.array([1.0, -1, 1, -1, 0]), "intercepts": np.array([0.7, -1.1, -0.4, -0.2, 0.3])}
    example = {"slopes": np.array([0.0, 1, -1, 0.5]), "intercepts": np.array([0.5, -0.5, 1, 0.1])}
    return [*cases, low, parallel, example]


def drive_envelope(function, case):
    """Return lines and starts as arrays, filled up to M entries, so that all cases can be compared entry by entry."""
    lines, starts = function(**case)
    missing = max(0, len(case["slopes"]) - len(lines))
    return np.append(lines, missing * [-1]).astype(int), np.append(starts, missing * [np.inf])


def ratio(sums):
    """Return the quotient of the first two sums, as a precision is."""
    return sums[:, 0] / sums[:, 1]


def first(sums):
    """Return the first sum."""
    return sums[:, 0]


def search_cases(rng):
    """Return random lists, where the quality is a quotient of sums, and the lesson's example."""
    cases = []
    for sizes, F, S in LISTS:
        lists = [Candidates(rng.standard_normal((M, F)), rng.random((M, S)) + 0.1) for M in sizes]
        weights, direction = rng.standard_normal((2, F))
        cases.append({"lists": lists, "weights": weights, "direction": direction, "quality": ratio})
    left = {**example_lists(1.0), "quality": lambda sums: -sums[:, 0]}  # the first interval is the best
    steep = {**left, "direction": 10 * left["direction"]}
    return [*cases, example_lists(1.0), example_lists(9.0), left, steep]


def example_lists(last):
    """Return the lesson's example with a last statistic."""
    lists = [
        Candidates(np.array([[1.0, 0], [0.5, 1]]), np.array([[1.0], [5]])),
        Candidates(np.array([[4.0, 0], [2, 1], [-1, 2]]), np.array([[0.0], [3], [last]])),
    ]
    return {"lists": lists, "weights": np.array([1.0, 0]), "direction": np.array([0.0, 1]), "quality": first}


ORDER, CROSS = "np.lexsort((intercepts, slopes))", "(intercepts[lines[-1]] - intercepts[line]) / rise"
ENVELOPE_MISTAKES = (
    Mistake(ORDER, f"{ORDER}[::-1]", "from the largest slope to the smallest: on the left, the smallest is highest"),
    Mistake(ORDER, "np.arange(len(slopes))", "the lines are not sorted by slope"),
    Mistake(ORDER, "np.lexsort((slopes, intercepts))", "sorted by intercept where the slope belongs"),
    Mistake(
        ORDER,
        "np.lexsort((-intercepts, slopes))",
        "of parallel lines the lowest counts: the highest belongs",
    ),
    Mistake(CROSS, "(intercepts[line] - intercepts[lines[-1]]) / rise", "the sign of the crossing is flipped"),
    Mistake(CROSS, "rise / (intercepts[lines[-1]] - intercepts[line])", "the crossing is upside down"),
    Mistake(
        CROSS,
        "(intercepts[lines[0]] - intercepts[line]) / (slopes[line] - slopes[lines[0]] or 1)",
        "the crossing with the first line where that with the last one belongs",
    ),
    Mistake(
        """\
            lines.pop()  # the new line is above the last one wherever that is above all others
            starts.pop()
        else:""",
        """\
            lines.pop()
            starts.pop()
            if lines:
                start = (intercepts[lines[-1]] - intercepts[line]) / (slopes[line] - slopes[lines[-1]] or 1)
                break
        else:""",
        "at most one line is dropped for each new one: try again until the new line starts to the right",
        "lines",
    ),
    Mistake(
        "if start > starts[-1]:",
        "if True:",
        "no line is ever dropped: a line that starts to the right of the next one is nowhere the highest",
        "lines",
    ),
    Mistake(
        "    return lines, starts",
        "    starts[0] = 0.0\n    return lines, starts",
        "the first start is -inf, not 0: gamma may be negative",
        "starts",
    ),
)

LINES_OF = "upper_envelope(features @ direction, features @ weights)"
GAMMA = "float((left[best] + right[best]) / 2)"
SEARCH_MISTAKES = (
    Mistake(
        LINES_OF,
        "upper_envelope(features @ weights, features @ direction)",
        "slopes and intercepts are exchanged: the slope is d . f, the intercept w . f",
    ),
    Mistake(
        "quality(sums)",
        "quality(sums) * (np.arange(len(sums)) > 0) * (np.arange(len(sums)) < len(sums) - 1)",
        "the intervals before the first change and after the last one are left out",
    ),
    Mistake(
        "int(qualities.argmax())", "int(qualities.argmin())", "the interval of the lowest quality, not the highest"
    ),
    Mistake(GAMMA, "float(left[best])", "the left end of the interval where its middle belongs"),
    Mistake(GAMMA, "float(right[best])", "the right end of the interval where its middle belongs"),
    Mistake(
        "int(qualities.argmax())",
        "int(qualities[1:-1].argmax()) + 1 if len(qualities) > 2 else 0",
        "the intervals before the first change and after the last one are left out",
    ),
    Mistake(
        "sums = np.vstack([total, total + np.concatenate(changes)[order].cumsum(axis=0)])",
        "sums = np.vstack([total, total + np.concatenate(changes).cumsum(axis=0)])",
        "the changes are not sorted by their place",
    ),
    Mistake(
        "return float((left[best] + right[best]) / 2), float(qualities[best])",
        """\
gammas = (left + right) / 2
    picks = [[s[(f @ (weights + g * direction)).argmax()] for f, s in lists] for g in gammas]
    qualities = np.array([np.mean([quality(pick[None])[0] for pick in row]) for row in picks])
    return float(gammas[qualities.argmax()]), float(qualities.max())""",
        "the mean of the qualities of single captions: quality takes the sums over all lists",
        "qualities",
    ),
    Mistake(
        "return float((left[best] + right[best]) / 2), float(qualities[best])",
        """\
gammas = (left + right) / 2
    picks = [[s[(f @ (weights + g * direction)).argmax()] for f, s in lists] for g in gammas]
    qualities = np.array([np.sum([quality(pick[None])[0] for pick in row]) for row in picks])
    return float(gammas[qualities.argmax()]), float(qualities.max())""",
        "the sum of the qualities of single captions: quality takes the sums over all lists",
        "qualities",
    ),
)

TASKS = (
    Task(
        line_search,
        "upper_envelope",
        envelope_cases,
        ("lines", "starts"),
        {
            "rise": "rise = slope of the new line - slope of the last line, not below 0",
            "start": "the new line starts at gamma = (intercept_last - intercept_new) / (slope_new - slope_last)",
            "lines": "lines: by increasing slope; the last one is dropped if the new one does not start to its right "
            "(the check fills the list up with -1)",
            "starts": "starts: -inf, then where each line crosses the one before it (the check fills the list up with "
            "inf)",
        },
        drive_envelope,
        single=False,
        mistakes=ENVELOPE_MISTAKES,
    ),
    Task(
        line_search,
        "line_search",
        search_cases,
        ("gamma", "best_quality"),
        {
            "lines": "the best captions of a list: upper_envelope of slope_m = d . f_m and intercept_m = w . f_m",
            "total": "left of all changes, each list chooses its first line",
            "places": "places: where any of the lists changes its best caption, sorted",
            "sums": "sums of each interval = sum over lists of the statistics of the best caption there",
            "qualities": "qualities = quality(sums), one for each interval",
            "gamma": "gamma = the middle of the best interval, or 1 beyond the first or last change",
            "best_quality": "quality of the sums in the best interval",
        },
        single=False,
        mistakes=SEARCH_MISTAKES,
    ),
)

HINTS = {
    "upper_envelope": (
        "Far to the left, which line is the highest? When a steeper line is added, from where on is it above the last "
        "line of the envelope? What if that is before the last line even starts?",
        "start of the new line = (intercept_last - intercept_new) / (slope_new - slope_last);  drop the last line "
        "while this is not above its start",
        "slopes and intercepts are (M,). lines and starts are lists of K numbers, K at most M.",
        "For each line in np.lexsort((intercepts, slopes)): while lines: compute start; if start > starts[-1]: break; "
        "else pop both. Without any line left, start is -inf. A parallel line has the start -inf, too.",
    ),
    "line_search": (
        "Between which places is the choice of every list the same? How many qualities do you need?",
        "slope_m = d . f_m;  intercept_m = w . f_m;  quality of an interval = quality(sum of the chosen statistics)",
        "features are (M, F), statistics (M, S). The sums of E intervals are (E, S), quality gives (E,) numbers. gamma "
        "is one number.",
        "Collect starts[1:] of all lists and sort them. For a gamma inside each interval, add up statistics[lines[k]] "
        "of all lists, with k = np.searchsorted(starts, gamma) - 1. Then quality(np.array(sums)).argmax().",
    ),
}


def pencil():
    """Return the worked example of the page."""
    slopes, intercepts = np.array([0.0, 1, -1, 0.5]), np.array([0.5, -0.5, 1, 0.1])
    return [
        Example("upper_envelope", {"slopes": slopes[:3], "intercepts": intercepts[:3]}),
        Example("upper_envelope", {"slopes": slopes, "intercepts": intercepts}),
        Example("line_search", example_lists(1.0)),
        Example("line_search", example_lists(9.0)),
    ]
