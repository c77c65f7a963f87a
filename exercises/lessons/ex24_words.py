"""Neighbors of a word"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.evaluation import neighbors

FACTS = Facts(difficulty=1, minutes=45, builds_on=(2,), chapter="word_vectors")

INTRO = """\
Goal            See what an embedding has learned. Which words have similar vectors? And how do you draw hundreds of
                dimensions in two? One-hot vectors of two words always have cosine 0. Rows of E can be similar.

Equations       cos_v    = E_v . q / (|E_v| |q|)         (V,)     1: the same direction, 0: a right angle, -1: opposite
                E - mean = U diag(s) axes                (k, M) axes   s_1 >= s_2 >= ...; rows of length 1
                share_j  = s_j^2 / sum of all s^2        (k,)     share of the variance along axis j
                x_vj     = (E_v - mean) . axis_j         (V, k)   coordinates of word v in the figure
                The principal axes are the directions of the largest variance around the mean. -axis_j is an axis as
                well. To get the same figure every time, make the number of largest absolute value in each axis
                positive.

Worked example  Seven words, numbered 0 to 6, with M = 2: I, live, in, Rome, Paris, Italy, France.
                E = [[0, 2], [0, -1], [-1, 0], [4, 3], [8, 6], [3, 4], [6, 8]]
                1. The cosine of Rome with Paris is 1, with Italy 24/25. Find those with I, live and in.
                2. nearest(E, 3, 2) is Paris and Italy, [4, 5]. Find nearest(E, 5, 2).
                3. Only the points [1, 1], [5, 4], [9, 7]: mean [5, 4], first axis [0.8, 0.6] with share 1. Find x and
                   axis 2.

Your task       1. cosine_similarity: compare one query with all rows. Trap: a zero vector has no direction. Its cosine
                   is 0.
                2. nearest: return words and cosines, the nearest first, without the word itself. Trap: of equal
                   cosines, the smaller number comes first. It may call cosine_similarity of this file.
                3. principal_axes: return axes and shares. Trap: subtract the mean first. If all rows are equal, the
                   shares are 0, and the axes those of np.linalg.svd.
                4. project: return the coordinates x.

Given           You may use np.linalg.norm, np.linalg.svd and np.linalg.eigh. Nothing here is trained, so there are no
                caches. Then look at the E of a trained model: python -m numpy_sat.words RUN
"""

IMPORTS = "import numpy as np"

SLIDES = np.array([[0, 2], [0, -1], [-1, 0], [4, 3], [8, 6], [3, 4], [6, 8]], float)


def cosine_cases(rng):
    """Return cases of different lengths, a square E with a zero row, a zero query, and the slides' words."""
    E = rng.standard_normal((6, 4)) * [[1], [3], [0.2], [5], [1], [0.7]]
    square = rng.standard_normal((3, 3))
    square[1] = 0
    return [
        {"E": E, "query": 0.3 * rng.standard_normal(4)},
        {"E": square, "query": rng.standard_normal(3)},
        {"E": rng.standard_normal((2, 5)), "query": np.zeros(5)},
        {"E": SLIDES, "query": SLIDES[3]},
    ]


def nearest_cases(rng):
    """Return cases of a word after its double, equal cosines, fewer words than k, and a zero vector."""
    E = rng.standard_normal((8, 3)) * [[1], [1], [0.2], [5], [1], [0.7], [2], [0.3]]
    E[1] = 2 * E[4]
    zero = np.array([[1, 2, 2], [0, 0, 0], [-2, 1, 2]], float)
    return [
        {"E": E, "word": 4, "k": 3},
        {"E": SLIDES, "word": 5, "k": 5},
        {"E": SLIDES, "word": 0, "k": 4},
        {"E": zero, "word": 1, "k": 9},
        {"E": rng.standard_normal((4, 4)), "word": 0, "k": 1},
    ]


def axes_cases(rng):
    """Return cases that test the signs of axes, a square E, a wide E, the lesson's example, and equal vectors."""
    along = rng.standard_normal((7, 1)) * [-2, 3, -2, 0.5]
    return [
        {"E": 3 * along + rng.standard_normal((7, 4)) + 1, "k": 2},
        {"E": (rng.standard_normal((4, 4)) - 2) * [5, 1, 3, 0.5], "k": 3},
        {"E": (1 - rng.standard_normal((3, 5))) * [9, 4, 2, 1, 1], "k": 1},
        {"E": np.array([[1.0, 1], [5, 4], [9, 7]]), "k": 1},
        {"E": np.ones((3, 2)), "k": 2},
    ]


def drive_axes(function, case):
    """Return axes and shares; if all vectors are equal, any axes are right, so return zeros."""
    results = function(**case)
    if np.ptp(case["E"], axis=0).any():
        return results
    axes, shares = results
    return 0 * axes, shares


def project_cases(rng):
    """Return cases with axes of other vectors, axes of any length, and the lesson's example."""
    E = 1 - 3 * rng.standard_normal((5, 3))
    return [
        {"E": E, "axes": neighbors.principal_axes(rng.standard_normal((4, 3)), 2)[0]},
        {"E": rng.standard_normal((3, 3)) + 1, "axes": rng.standard_normal((3, 3))},
        {"E": np.array([[1.0, 1], [5, 4], [9, 7]]), "axes": np.array([[0.8, 0.6]])},
    ]


COSINES = "E @ query / np.where(lengths > 0, lengths, 1)"
LENGTHS = "np.linalg.norm(E, axis=1) * np.linalg.norm(query)"
CENTERED = "np.linalg.norm(E - E.mean(axis=1, keepdims=True), axis=1) * np.linalg.norm(query - query.mean())"
COSINE_MISTAKES = (
    Mistake(
        LENGTHS,
        f"{CENTERED}; E, query = E - E.mean(axis=1, keepdims=True), query - query.mean()",
        "the mean of each vector is subtracted first, which is a correlation; the cosine takes the vectors as they are",
    ),
    Mistake(
        LENGTHS,
        f"{LENGTHS}; E = E - E.mean(axis=0)",
        "the mean vector is subtracted first; the cosine takes the vectors as they are",
    ),
    Mistake(COSINES, f"np.abs({COSINES})", "the absolute value is taken: a cosine may be negative"),
    Mistake(COSINES, "E @ query / lengths", "divided by 0 where a vector is zero: its cosine is 0"),
    Mistake(
        COSINES,
        "E @ query / (np.linalg.norm(E, axis=1) * (np.linalg.norm(query) or 1))",
        "divided by 0 where a vector is zero: its cosine is 0",
    ),
    Mistake(COSINES, "E @ query", "the dot product alone: divide it by both lengths"),
    Mistake(
        LENGTHS,
        "np.linalg.norm(E) * np.linalg.norm(query)",
        "the norm of all of E where the length of each row belongs",
    ),
    Mistake(
        LENGTHS,
        "np.sum(E * E, axis=1) * np.sum(query * query)",
        "squared lengths: the square root is missing",
    ),
    Mistake(LENGTHS, "np.abs(E).sum(axis=1) * np.abs(query).sum()", "sums of absolute values where lengths belong"),
    Mistake(COSINES, "-np.linalg.norm(E - query, axis=1)", "a distance where the cosine belongs"),
    Mistake(COSINES, "1 - E @ query / np.where(lengths > 0, lengths, 1)", "1 - cosine, a distance"),
)

ORDER, OTHERS, PAIR = 'np.argsort(-cosines, kind="stable")', "order[order != word][:k]", "return words, cosines[words]"
NEAREST_MISTAKES = (
    Mistake(OTHERS, "order[:k]", "the word itself is among its neighbors: it must be left out"),
    Mistake(
        OTHERS,
        "order[1 : k + 1]",
        "the first is left out, as if it were the word itself: another of cosine 1 may come before it",
    ),
    Mistake(ORDER, "np.argsort(cosines, kind='stable')", "the smallest cosine comes first: those are the farthest"),
    Mistake(ORDER, "np.argsort(cosines, kind='stable')[::-1]", "of equal cosines the larger number comes first"),
    Mistake(ORDER, "np.argsort(cosines)[::-1]", "of equal cosines the larger number comes first"),
    Mistake(PAIR, "return words, cosines[:k]", "the cosines of words 0 to k - 1, not of those that are returned"),
    Mistake(PAIR, "return words, np.sort(cosines)[::-1][:k]", "the largest cosines, including that with itself"),
    Mistake(
        "cosine_similarity(E, E[word])", "E @ E[word]", "the dot product where the cosine belongs: long vectors win"
    ),
    Mistake(
        "cosine_similarity(E, E[word])",
        "-np.linalg.norm(E - E[word], axis=1)",
        "nearest by distance where the cosine belongs",
    ),
)

ROWS_MEAN = "each vector's own mean is subtracted (axis=1) where the mean vector belongs (axis=0)"
SVD, SIGNED = "np.linalg.svd(centered, full_matrices=False)", "(axes * np.sign(largest))[:k]"
AXES_MISTAKES = (
    Mistake("shares = squares[:k] / (squares.sum() or 1)", "shares = squares[:k]", "not divided by the sum of all s^2"),
    Mistake("(squares.sum() or 1)", "(squares[:k].sum() or 1)", "divided by the first k squares, not by all of them"),
    Mistake("squares = s**2", "squares = s", "s where s^2 belongs: shares are shares of squares"),
    Mistake(SIGNED, "axes[:k]", "the sign is not normalized"),
    Mistake(SIGNED, "(axes * np.sign(axes.sum(axis=1, keepdims=True)))[:k]", "the sign of an axis's sum"),
    Mistake(SIGNED, "(axes * np.sign(axes[:, :1]))[:k]", "the sign of an axis's first number, not of its largest"),
    Mistake(SIGNED, "np.abs(axes)[:k]", "every number of an axis is made positive, not only the largest"),
    Mistake(SVD, f"{SVD}; axes = axes.T", "columns are used as axes; np.linalg.svd returns them as rows"),
    Mistake(
        SVD,
        f"{SVD}; axes = np.linalg.eigh(centered.T @ centered)[1][::-1]",
        "rows are used as axes; np.linalg.eigh returns them as columns",
    ),
    Mistake(SIGNED, "(axes * np.sign(largest))[::-1][:k]", "the last axes, which have the smallest variance"),
    Mistake(
        "E - E.mean(axis=0)",
        "(E - E.mean(axis=0)) / E.std(axis=0)",
        "divided by the standard deviations: here a direction of larger standard deviation counts more",
    ),
    Mistake("E - E.mean(axis=0)", "E - E.mean(axis=1, keepdims=True)", ROWS_MEAN),
    Mistake("E - E.mean(axis=0)", "E - E.mean()", "the mean of all numbers: each of the M columns has a separate mean"),
)

PROJECT_MISTAKES = (
    Mistake("(E - E.mean(axis=0)) @", "(E - E.mean(axis=1, keepdims=True)) @", ROWS_MEAN),
    Mistake(
        "return (E - E.mean(axis=0)) @ axes.T",
        "x = (E - E.mean(axis=0)) @ axes.T; return x / np.linalg.norm(x, axis=0)",
        "each coordinate is divided by its length, as in U: all axes look equally wide",
    ),
    Mistake("(E - E.mean(axis=0)) @", "E @", "the mean is not subtracted"),
    Mistake(
        "(E - E.mean(axis=0)) @",
        "(E - E.mean()) @",
        "the mean of all numbers: each of the M columns has a separate mean",
    ),
)

TASKS = (
    Task(
        neighbors,
        "cosine_similarity",
        cosine_cases,
        ("cosines",),
        {
            "cosines": "cos_v = E_v . query / (|E_v| |query|); 0 where one of the two is zero",
            "lengths": "lengths_v = |E_v| |query|, for every row v",
        },
        mistakes=COSINE_MISTAKES,
        single=False,  # nothing is trained with it
    ),
    Task(
        neighbors,
        "nearest",
        nearest_cases,
        ("words", "cosines"),
        {
            "words": "words = the k words of largest cosine, the largest first, without the word itself",
            "order": "order = all words by decreasing cosine; of equal ones, the smaller number first",
            "cosines": "cosines = the cosines of the returned words with the vector of the given word",
        },
        refused=({"E": np.eye(3), "word": -1, "k": 1}, {"E": np.eye(3), "word": 3, "k": 1}),
        mistakes=NEAREST_MISTAKES,
        single=False,  # nothing is trained with it
    ),
    Task(
        neighbors,
        "principal_axes",
        axes_cases,
        ("axes", "shares"),
        {
            "centered": "centered = E - mean, with the mean over the V vectors",
            "s": "E - mean = U diag(s) axes, s_1 >= s_2 >= ...",
            "axes": "axes = the first k right singular vectors of E - mean, as rows, their largest number positive",
            "largest": "largest = the number of largest absolute value of each axis, which must become positive",
            "squares": "squares_j = s_j^2, the sum of squared distances from the mean along axis_j",
            "shares": "share_j = s_j^2 / sum of all s^2; 0 where that sum is 0",
        },
        drive_axes,
        refused=({"E": np.eye(3), "k": 0}, {"E": np.zeros((2, 5)), "k": 3}, {"E": np.zeros((5, 2)), "k": 3}),
        mistakes=AXES_MISTAKES,
        single=False,  # nothing is trained with it
    ),
    Task(
        neighbors,
        "project",
        project_cases,
        ("x",),
        {"x": "x_vj = (E_v - mean) . axis_j, with the mean over the V vectors"},
        mistakes=PROJECT_MISTAKES,
        single=False,  # nothing is trained with it
    ),
)

HINTS = {
    "cosine_similarity": (
        "E @ query has the V dot products. How many lengths are there to divide by, and what if one of them is 0?",
        "cos_v = E_v . query / (|E_v| |query|), |x| = sqrt(sum over m of x_m^2)",
        "E is (V, M) and query is (M,), so E @ query is (V,). The lengths of the rows are (V,), the query's length "
        "one number.",
        "np.linalg.norm(E, axis=1) are the V lengths of the rows. Where a length is 0, the product is 0: divide by "
        "1 there, np.where(lengths > 0, lengths, 1).",
    ),
    "nearest": (
        "Which word has the largest cosine with Rome? Is it always the first in order, if Paris is the double of Rome?",
        "words = the first k of all words but `word`, by decreasing cosine, equal ones by increasing number",
        "cosines and the order of the words are (V,), without the word itself (V - 1,). Both results are (k,).",
        'np.argsort(-cosines, kind="stable") keeps the order of equal ones. order[order != word] removes the word. '
        "Return cosines[words].",
    ),
    "principal_axes": (
        "From which point are distances measured? Which of the three results of np.linalg.svd holds the axes, and are "
        "they rows or columns?",
        "E - mean = U diag(s) axes; share_j = s_j^2 / sum of all s^2; the sign of each axis such that its number of "
        "largest absolute value is positive",
        "E - mean is (V, M). axes is (k, M), one axis in each row. shares is (k,).",
        "U, s, axes = np.linalg.svd(E - E.mean(axis=0), full_matrices=False): the axes are rows. Their largest numbers "
        "are in the columns np.abs(axes).argmax(axis=1). Multiply each row by the sign of its largest number.",
    ),
    "project": (
        "Where in the figure is a word whose vector is the mean of all?",
        "x_vj = sum over m of (E_vm - mean_m) axis_jm",
        "E - mean is (V, M) and axes is (k, M). x is (V, k), that is (V, M) (M, k).",
        "(E - E.mean(axis=0)) @ axes.T",
    ),
}


def pencil():
    """Return the worked example of the page."""
    E = np.array([[0.0, 2], [0, -1], [-1, 0], [4, 3], [8, 6], [3, 4], [6, 8]])
    points = np.array([[1.0, 1], [5, 4], [9, 7]])
    return [
        Example("cosine_similarity", {"E": E, "query": E[3]}),
        Example("nearest", {"E": E, "word": 3, "k": 2}),
        Example("nearest", {"E": E, "word": 5, "k": 2}),
        Example("principal_axes", {"E": points, "k": 2}),
        Example("project", {"E": points, "axes": np.array([[0.8, 0.6]])}),
    ]
