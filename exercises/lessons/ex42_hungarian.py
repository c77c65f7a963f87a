"""Hungarian matching"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import assignment, set_loss

FACTS = Facts(difficulty=3, minutes=90, builds_on=(27, 40))

INTRO = """\
Goal            Train on a set. VIVO (Hu et al. 2020) predicts the hidden tags of an image, which have no order. So each
                tag may be predicted at any place, but only once. The assignment with the smallest cost chooses the
                places. The Hungarian algorithm (Kuhn 1955) finds it in O(n^3) steps, where trying all takes n!.

Equations       a       = the one-to-one assignment of rows i to columns a_i with the smallest sum of cost[i, a_i]  (R,)
                cost_kl = 1 - p_k(t_l)      place k predicts tag l, p_k = softmax(logits_k)          (places, places)
                loss    = sum over hidden places k of - log p_k(t_{a_k}) / N                       a number, N images
                Potentials u_i and v_j with u_i + v_j <= cost_ij everywhere prove that an assignment is the best one,
                if u_i + v_j = cost_ij for each of its pairs: no assignment costs less than the sum of all potentials.

Worked example  Three rows and columns. Column 0 is the cheapest one for each of them:
                cost = [[1, 2, 3], [2, 4, 6], [3, 6, 9]]   a = [2, 1, 0]   u = [3, 5, 6]   v = [-3, -1, 0]
                a costs 10, and so do the potentials together. If each row in turn takes the cheapest free column, the
                result is [0, 1, 2], which costs 14.
                Two hidden places of one image with the tags 0 and 1:
                p = [[0.5, 0.02, 0.48], [0.74, 0.25, 0.01]]   cost = [[0.5, 0.98], [0.26, 0.75]]   a = [1, 0]
                loss = 4.2131, that is - ln 0.02 - ln 0.74
                1. Add a column [9, 9, 2] to the first cost matrix. Find a and its cost.
                2. Find the loss of the other assignment of the two tags. Which cost would choose it?
                3. Why has a no gradient?

Your task       1. assign: find a, or raise ValueError if R > C. Trap: one case has 12 rows, too many to try all. For
                   each new row, find the shortest path to a free column: to a column, to the row that has it, ...
                     row, total = the new row, 0; no column is final; length_j = infinity
                     repeat: length_j = min(length_j, total + cost[row, j] - u[row] - v[j]) if j is not final
                             column = the one with the smallest length that is not final; total = its length
                             if it is free, the path ends; else it is final, and row = the row that has it
                     u[new row] = total; for each final column j, with its row i: u_i += total - length_j and
                     v_j -= total - length_j; then each row of the path takes the path's next column
                2. match: compute the target of each hidden place, image by image. Trap: other places keep their tags.
                3. set_loss_forward: match, then compute the loss and its cache.

Given           losses.cross_entropy_forward(logits, targets, mask)     the loss of words in exercise 27, and its cache
                softmax.softmax_forward(x)     p and its cache
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import losses, softmax"""

SHAPES = [(3, 3), (2, 5), (5, 5), (1, 3), (12, 12), (7, 10), (9, 9), (12, 14), (11, 11), (10, 10)]  # R, C
CONTESTED = [(6, 6), (9, 9), (10, 12), (12, 12)]
SETS = [(4, 3, 6), (3, 3, 3), (7, 2, 9), (2, 4, 5)]  # K, N, V


def assign_cases(rng):
    """Return random costs, costs under which rows often give their columns away, and the page's example."""
    cases = [{"cost": rng.standard_normal(shape)} for shape in SHAPES]
    cases += [{"cost": _contested(rng, R, C)} for R, C in CONTESTED]
    return [*cases, {"cost": np.array([[1.0, 2, 3], [2, 4, 6], [3, 6, 9]])}]


def _contested(rng, R, C):
    """Return costs for which all rows prefer the first columns, and later rows prefer them most."""
    return np.outer(np.arange(1, R + 1), np.arange(1, C + 1)) + rng.standard_normal((R, C))


def match_cases(rng):
    """Return random sets, of which no tag, one tag or several tags of an image are hidden."""
    cases = []
    for K, N, V in SETS:
        tags = np.stack([rng.permutation(V)[:K] for _ in range(N)], axis=1)
        logits = np.stack([_contested(rng, K, V) for _ in range(N)], axis=1) / (2 * V)
        cases.append({"logits": logits, "tags": tags, "hidden": np.ones((K, N))})
    for K, N, V in SETS:
        tags = np.stack([rng.permutation(V)[:K] for _ in range(N)], axis=1)
        hidden = (rng.random((K, N)) < 0.7).astype(float)
        hidden[:, 0] = 1
        hidden[:, -1] = np.arange(K) == 1
        cases.append({"logits": 2 * rng.standard_normal((K, N, V)), "tags": tags, "hidden": hidden})
    return cases


RESULT = "a = np.empty(R, np.int64)\n    a[row_of[row_of >= 0]] = np.flatnonzero(row_of >= 0)"
GREEDY = """\
a, free = np.empty(R, np.int64), cost.copy()
    for row in range(R):
        a[row] = free[row].argmin()
        free[:, a[row]] = np.inf"""
CHEAPEST_PAIR = """\
a, free = np.empty(R, np.int64), cost.copy()
    for _ in range(R):
        row, column = np.unravel_index(free.argmin(), free.shape)
        a[row] = column
        free[row], free[:, column] = np.inf, np.inf"""
NEW_POTENTIALS = """\
u[new] = total
        u[row_of[is_final]] += total - length[is_final]
        v[is_final] -= total - length[is_final]"""
ASSIGN_MISTAKES = (
    Mistake(RESULT, GREEDY, "each row takes the cheapest free column: an earlier row may have to give its column away"),
    Mistake(
        RESULT,
        CHEAPEST_PAIR,
        "the cheapest pair comes first, again and again: an earlier row may have to give its column away",
    ),
    Mistake(RESULT, "a = cost.argmin(axis=1)", "two rows may get the same column"),
    Mistake(RESULT, "a = row_of[:R]", "the rows of the columns where the columns of the rows belong", "a"),
    Mistake("(cost - u[:, None] - v, row_of, new)", "(cost, row_of, new)", "the potentials are not subtracted"),
    Mistake(NEW_POTENTIALS, "pass", "the potentials never change"),
)

COST = "assignment.assign(1 - p[:, tags[places, n]])"
IMAGES = "np.flatnonzero(hidden.sum(axis=0) > 1):  # a single place has a single choice"
MATCH_MISTAKES = (
    Mistake(COST, "assignment.assign(p[:, tags[places, n]])", "the cost is 1 - p: a likely tag is cheap"),
    Mistake(COST, "assignment.assign(-np.log(p[:, tags[places, n]]))", "- log p is the loss: the cost is 1 - p"),
    Mistake(COST, "assignment.assign(1 - p[:, tags[places, n]].T)", "rows and columns of the cost are swapped"),
    Mistake(COST, "(1 - p[:, tags[places, n]]).argmin(axis=1)", "two places may predict the same tag"),
    Mistake(COST, "np.arange(len(places))", "the tags stay in their order: nothing is matched", "a"),
    Mistake(
        "p, _ = softmax.softmax_forward(logits[places, n])",
        "p = logits[places, n]",
        "logits where p belongs: the softmax is missing",
    ),
    Mistake(
        "targets[places, n] = tags[places[a], n]",
        "targets[places[a], n] = tags[places, n]",
        "the inverse of the assignment: place k gets the tag a_k",
    ),
    *(
        Mistake(
            f"for n in {IMAGES}\n        places = np.flatnonzero(hidden[:, n])",
            f"for n in {images}:\n        places = np.arange(len(hidden))",
            "all places are matched: those that are not hidden keep their tags",
            "places",
        )
        for images in (IMAGES.split(":")[0], "range(tags.shape[1])")
    ),
)

SET_LOSS = "losses.cross_entropy_forward(logits, match(logits, tags, hidden), hidden)"
LOSS_MISTAKES = (
    Mistake(SET_LOSS, "losses.cross_entropy_forward(logits, tags, hidden)", "the tags are not matched"),
    Mistake(
        SET_LOSS,
        "losses.cross_entropy_forward(logits, match(logits, tags, hidden), np.ones_like(hidden))",
        "all places count: those that are not hidden must not",
    ),
    Mistake(
        SET_LOSS,
        "losses.cross_entropy_forward(logits, match(logits, tags, np.ones_like(hidden)), hidden)",
        "all places are matched: only the hidden ones change places",
    ),
)

TASKS = (
    Task(
        assignment,
        "assign",
        assign_cases,
        ("a",),
        {
            "u": "u: potentials of the rows, so that u_i + v_j <= cost_ij, and = at the pairs of the assignment",
            "v": "v: potentials of the columns, which only fall",
            "row_of": "row_of: the row of each column; each row of the path takes the next column of the path",
            "length": "length_j = the shortest length of a path from the new row to column j",
            "path": "path: from the free column back to that of the first step",
            "a": "a: the assignment with the smallest sum of cost_{i,a_i}, no column twice",
        },
        single=False,
        mistakes=ASSIGN_MISTAKES,
    ),
    Task(
        set_loss,
        "match",
        match_cases,
        ("targets",),
        {
            "places": "the hidden places of an image",
            "p": "p_k = softmax(logits_k)",
            "a": "a: the assignment with the smallest sum of the costs 1 - p_k(t_l)",
            "targets": "place k gets the tag t_{a_k}; a place that is not hidden keeps its tag",
        },
        single=False,
        mistakes=MATCH_MISTAKES,
    ),
    Task(
        set_loss,
        "set_loss_forward",
        match_cases,
        ("loss", "likelihood"),
        {
            "loss": "loss = sum over hidden places k of - log p_k(t_{a_k}) / N",
            "likelihood": "the cache is that of the cross-entropy of the matched tags, with `hidden` as its mask",
        },
        mistakes=LOSS_MISTAKES,
    ),
)

HINTS = {
    "assign": (
        "A new row wants a column that is taken. What does its row lose if it goes to another column?",
        "length_j = the smallest total + cost_ij - u_i - v_j over the rows i of the path;  then u_new = total, and for "
        "each final column j with its row i: u_i += total - length_j, v_j -= total - length_j",
        "cost is (R, C), u is (R,), v, length and row_of are (C,). The result is (R,).",
        "For each new row: length = inf, before = -1, row = new, total = 0. Repeat: where total + reduced[row] < "
        "length, set length and before (the column of the step before). column = the smallest that is not final. If it "
        "is free, stop; else it is final, row = row_of[column], total = length[column].",
    ),
    "match": (
        "Which pair of place and tag is cheap? How many costs has an image with three hidden places?",
        "cost_kl = 1 - p_k(t_l);  the target of place k is t_{a_k}",
        "logits is (K, N, V), tags, hidden and targets are (K, N). The costs of an image are (places, places).",
        "places = np.flatnonzero(hidden[:, n]); p[:, tags[places, n]] are the probabilities of the hidden tags; then "
        "targets[places, n] = tags[places[a], n].",
    ),
    "set_loss_forward": (
        "After the assignment, every hidden place has one target. Which loss is that?",
        "loss = sum over hidden places k of - log p_k(t_{a_k}) / N",
        "logits is (K, N, V): places stand where words stand in exercise 27, and images where captions stand.",
        "targets = match(logits, tags, hidden); the mask of the cross-entropy is `hidden`.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    cost = np.array([[1.0, 2, 3], [2, 4, 6], [3, 6, 9]])
    logits = np.log([[[0.5, 0.02, 0.48]], [[0.74, 0.25, 0.01]]])
    inputs = {"logits": logits, "tags": np.array([[0], [1]]), "hidden": np.ones((2, 1))}
    return [
        Example("assign", {"cost": cost}),
        Example("assign", {"cost": np.c_[cost, [9.0, 9, 2]]}),
        Example("match", inputs),
        Example("set_loss_forward", inputs),
    ]
