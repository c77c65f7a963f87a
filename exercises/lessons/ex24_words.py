"""Neighbours of a word"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.evaluation import neighbors

INTRO = """\
To learn: how one sees what an embedding has learned: which words have become alike, and how hundreds of dimensions
are drawn in two.

The slides: "I live in Rome / Paris / Italy / France" has 7 words, so one-hot words have length 7, and the cosine of
any two different ones is 0. one_hot @ E == E[index] gives each word a row of E instead, and rows may be alike:

    cos_v = E_v . q / (|E_v| |q|)        q: the vector asked about. 1: the same direction; 0: a right angle

It asks for directions alone: a vector and its double have cosine 1. The nearest words are those of largest cosine.

To draw words, look along the directions in which they lie furthest apart, seen from their mean:

    E - mean = U diag(s) axes            singular values s_1 >= s_2 >= ..., rows of axes of length 1
    share_j  = s_j^2 / sum of all s^2    how much of the words' squared distances from the mean axis_j shows
    x_vj     = (E_v - mean) . axis_j     where word v is drawn

-axis_j would do as well as axis_j. So that an image is the same every time, take the one in which the number of
largest absolute value is positive.

Predict before you run. The seven words, with M = 2: I [0, 2], live [0, -1], in [-1, 0], Rome [4, 3], Paris [8, 6],
Italy [3, 4], France [6, 8], numbered 0 to 6.
  1. Of Rome: the cosine with Paris is 1, with Italy 24/25. With I, live and in?
  2. nearest(E, 3, 2) is Paris and Italy, [4, 5], for of equal cosines the smaller number comes first. And of Italy?
  3. Only the points [1, 1], [5, 4], [9, 7]: mean [5, 4], first axis [0.8, 0.6], its share 1. What is x? And axis 2?

np.linalg.norm and np.linalg.svd may be used, np.linalg.eigh too. nearest may call cosine_similarity of this file.
A zero vector has no direction: its cosine with any other is 0. Nothing here is trained, so there are no caches.
Then look at an E that was: python -m numpy_sat.words RUN"""

IMPORTS = "import numpy as np"

SLIDES = np.array([[0, 2], [0, -1], [-1, 0], [4, 3], [8, 6], [3, 4], [6, 8]], float)


def cosine_cases(rng):
    """Lengths of all sizes; a square E with a zero row; a zero query; the slides' words."""
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
    """Of a word with a double before it, and unlike lengths; equal cosines; fewer words than asked for; a zero word."""
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
    """An axis whose sum and first number are negative; square; fewer vectors than numbers each; the pencil's; equal."""
    along = rng.standard_normal((7, 1)) * [-2, 3, -2, 0.5]
    return [
        {"E": 3 * along + rng.standard_normal((7, 4)) + 1, "k": 2},
        {"E": (rng.standard_normal((4, 4)) - 2) * [5, 1, 3, 0.5], "k": 3},
        {"E": (1 - rng.standard_normal((3, 5))) * [9, 4, 2, 1, 1], "k": 1},
        {"E": np.array([[1.0, 1], [5, 4], [9, 7]]), "k": 1},
        {"E": np.ones((3, 2)), "k": 2},
    ]


def drive_axes(function, case):
    """Axes and shares; where all vectors are equal, any axes will do, so zeros stand for them."""
    found = function(**case)
    if np.ptp(case["E"], axis=0).any():
        return found
    axes, shares = found
    return 0 * axes, shares


def project_cases(rng):
    """On axes that belong to other vectors, too, and of any length."""
    E = 1 - 3 * rng.standard_normal((5, 3))
    return [
        {"E": E, "axes": neighbors.principal_axes(rng.standard_normal((4, 3)), 2)[0]},
        {"E": rng.standard_normal((3, 3)) + 1, "axes": rng.standard_normal((3, 3))},
        {"E": np.array([[1.0, 1], [5, 4], [9, 7]]), "axes": np.array([[0.8, 0.6]])},
    ]


COSINES = "E @ query / np.where(lengths > 0, lengths, 1)"
LENGTHS = "np.linalg.norm(E, axis=1) * np.linalg.norm(query)"
COSINE_MISTAKES = (
    Mistake(COSINES, "E @ query / lengths", "divided by 0 where a vector is zero: its cosine is 0"),
    Mistake(
        COSINES,
        "E @ query / (np.linalg.norm(E, axis=1) * (np.linalg.norm(query) or 1))",
        "divided by 0 where a vector is zero: its cosine is 0",
    ),
    Mistake(COSINES, "E @ query", "the dot product alone: it is to be divided by both lengths"),
    Mistake(LENGTHS, "np.linalg.norm(E) * np.linalg.norm(query)", "the length of all of E, where each row has its own"),
    Mistake(
        LENGTHS,
        "np.sum(E * E, axis=1) * np.sum(query * query)",
        "squared lengths: the square root is missing",
    ),
    Mistake(LENGTHS, "np.abs(E).sum(axis=1) * np.abs(query).sum()", "sums of absolute values in place of lengths"),
    Mistake(COSINES, "-np.linalg.norm(E - query, axis=1)", "a distance, where the cosine of an angle belongs"),
    Mistake(COSINES, "1 - E @ query / np.where(lengths > 0, lengths, 1)", "1 - cosine, a distance"),
)

ORDER, OTHERS, PAIR = 'np.argsort(-cosines, kind="stable")', "order[order != word][:k]", "return words, cosines[words]"
NEAREST_MISTAKES = (
    Mistake(OTHERS, "order[:k]", "the word itself is among its neighbours: it is to be left out"),
    Mistake(
        OTHERS,
        "order[1 : k + 1]",
        "the first is left out, taken for the word itself: another of cosine 1 may come before it",
    ),
    Mistake(ORDER, "np.argsort(cosines, kind='stable')", "the smallest cosine comes first: those are the farthest"),
    Mistake(ORDER, "np.argsort(cosines, kind='stable')[::-1]", "of equal cosines the larger number comes first"),
    Mistake(ORDER, "np.argsort(cosines)[::-1]", "of equal cosines the larger number comes first"),
    Mistake(PAIR, "return words, cosines[:k]", "the cosines of words 0 to k - 1, not of those that are returned"),
    Mistake(PAIR, "return words, np.sort(cosines)[::-1][:k]", "the largest cosines, that with itself among them"),
    Mistake("cosine_similarity(E, E[word])", "E @ E[word]", "the dot product, where the cosine belongs: long ones win"),
    Mistake(
        "cosine_similarity(E, E[word])",
        "-np.linalg.norm(E - E[word], axis=1)",
        "nearest by distance, where the cosine belongs",
    ),
)

ROWS_MEAN = "each vector's own mean is taken off (axis=1), where the mean vector belongs (axis=0)"
SVD, SIGNED = "np.linalg.svd(centred, full_matrices=False)", "(axes * np.sign(largest))[:k]"
AXES_MISTAKES = (
    Mistake("shares = squares[:k] / (squares.sum() or 1)", "shares = squares[:k]", "not divided by the sum of all s^2"),
    Mistake(
        "(squares.sum() or 1)", "(squares[:k].sum() or 1)", "divided by the k squares that are kept, not by all of them"
    ),
    Mistake("squares = s**2", "squares = s", "s where s^2 belongs: the spread is in squares"),
    Mistake(SIGNED, "axes[:k]", "the sign is left as it comes"),
    Mistake(SIGNED, "(axes * np.sign(axes.sum(axis=1, keepdims=True)))[:k]", "the sign of an axis's sum"),
    Mistake(SIGNED, "(axes * np.sign(axes[:, :1]))[:k]", "the sign of an axis's first number, not of its largest"),
    Mistake(SIGNED, "np.abs(axes)[:k]", "every number of an axis is made positive, not the largest alone"),
    Mistake(SVD, f"{SVD}; axes = axes.T", "columns are taken for the axes; np.linalg.svd returns them as rows"),
    Mistake(
        SVD,
        f"{SVD}; axes = np.linalg.eigh(centred.T @ centred)[1][::-1]",
        "rows are taken for the axes; np.linalg.eigh returns them as columns",
    ),
    Mistake(SIGNED, "(axes * np.sign(largest))[::-1][:k]", "the last axes, along which there is least to see"),
    Mistake(
        "E - E.mean(axis=0)",
        "(E - E.mean(axis=0)) / E.std(axis=0)",
        "divided by the standard deviations: here a direction of larger spread counts for more",
    ),
    Mistake("E - E.mean(axis=0)", "E - E.mean(axis=1, keepdims=True)", ROWS_MEAN),
    Mistake("E - E.mean(axis=0)", "E - E.mean()", "the mean of all numbers: each of the M columns has its own"),
)

PROJECT_MISTAKES = (
    Mistake("(E - E.mean(axis=0)) @", "(E - E.mean(axis=1, keepdims=True)) @", ROWS_MEAN),
    Mistake(
        "return (E - E.mean(axis=0)) @ axes.T",
        "x = (E - E.mean(axis=0)) @ axes.T; return x / np.linalg.norm(x, axis=0)",
        "each coordinate is divided by its length, as in U: so all axes look equally wide",
    ),
    Mistake("(E - E.mean(axis=0)) @", "E @", "the mean is not taken off"),
    Mistake("(E - E.mean(axis=0)) @", "(E - E.mean()) @", "the mean of all numbers: each of the M columns has its own"),
)

TASKS = (
    Task(
        neighbors,
        "cosine_similarity",
        cosine_cases,
        ("cosines",),
        {
            "cosines": "cos_v = E_v . query / (|E_v| |query|); 0 where one of the two is zero",
            "lengths": "|E_v| |query|, a length for every row v",
        },
        mistakes=COSINE_MISTAKES,
    ),
    Task(
        neighbors,
        "nearest",
        nearest_cases,
        ("words", "cosines"),
        {
            "words": "the k words of largest cosine, the largest first, without the word itself",
            "order": "all words by falling cosine, of equal ones the smaller number first",
            "cosines": "the cosines of the returned words with the vector of the word asked about",
        },
        refused=({"E": np.eye(3), "word": -1, "k": 1}, {"E": np.eye(3), "word": 3, "k": 1}),
        mistakes=NEAREST_MISTAKES,
    ),
    Task(
        neighbors,
        "principal_axes",
        axes_cases,
        ("axes", "shares"),
        {
            "centred": "E - mean, the mean over the V vectors",
            "s": "E - mean = U diag(s) axes, s_1 >= s_2 >= ...",
            "axes": "the first k right singular vectors of E - mean, a row each, their largest number positive",
            "largest": "of each axis, the number of largest absolute value, whose sign is to be +",
            "squares": "s_j^2, the sum of squared distances from the mean along axis_j",
            "shares": "share_j = s_j^2 / sum of all s^2; 0 where that sum is 0",
        },
        drive_axes,
        refused=({"E": np.eye(3), "k": 0}, {"E": np.zeros((2, 5)), "k": 3}, {"E": np.zeros((5, 2)), "k": 3}),
        mistakes=AXES_MISTAKES,
    ),
    Task(
        neighbors,
        "project",
        project_cases,
        ("x",),
        {"x": "x_vj = (E_v - mean) . axis_j, the mean over the V vectors"},
        mistakes=PROJECT_MISTAKES,
    ),
)

HINTS = {
    "cosine_similarity": (
        "E @ query has the V dot products. How many lengths are there to divide by, and what if one of them is 0?",
        "cos_v = E_v . query / (|E_v| |query|), |x| = sqrt(sum over m of x_m^2)",
        "np.linalg.norm(E, axis=1) has the V lengths of the rows. Where a length is 0, so is the product: divide by 1 "
        "there, np.where(lengths > 0, lengths, 1).",
    ),
    "nearest": (
        "Which word has the largest cosine with Rome? Is it always the first in order, if Paris is the double of Rome?",
        "words = all but `word`, by falling cosine, of equal ones by rising number, the first k",
        'np.argsort(-cosines, kind="stable") leaves equal ones in order. order[order != word] is without the word; '
        "the cosines that are returned are cosines[words].",
    ),
    "principal_axes": (
        "From where are distances measured? Which of the three things that np.linalg.svd returns has the axes, as rows "
        "or as columns?",
        "E - mean = U diag(s) axes; share_j = s_j^2 / sum of all s^2; the sign of each axis such that its number of "
        "largest absolute value is positive",
        "U, s, axes = np.linalg.svd(E - E.mean(axis=0), full_matrices=False): axes has rows. Its largest are in the "
        "columns np.abs(axes).argmax(axis=1); multiply each row by the sign of its own.",
    ),
    "project": (
        "Where on the image is a word that is just at the mean of all?",
        "x_vj = sum over m of (E_vm - mean_m) axis_jm",
        "(E - E.mean(axis=0)) @ axes.T",
    ),
}
