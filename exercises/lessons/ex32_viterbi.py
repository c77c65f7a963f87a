"""Phrases that share a region"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.decoding import viterbi

FACTS = Facts(difficulty=2, minutes=45, builds_on=(31,), chapter="six_ways")

INTRO = """\
Goal            Find the best of all assignments without trying them all. Exercise 31 gives a score to each word and
                region. Taken alone, each word picks its best region, and "a", "red" and "circle" may disagree. So a
                reward beta is added for two neighboring words with the same region (Karpathy and Li 2014). The Viterbi
                algorithm finds the best assignment exactly, in one pass over the words and one way back.

Equations       maximize  sum over t of scores[t, a_t] + beta * (number of t with a_t = a_{t+1})      a: (T,)
                best_0i   = scores[0, i]                                                              (R,)
                best_ti   = scores[t, i] + max over j of (best_{t-1, j} + beta if j = i)              (R,)
                before_ti = the j of that maximum                                                     (R,)
                best_ti is the largest sum of the words 0 to t if word t is at region i. The last word takes the
                largest of them, a_{T-1} = argmax over i of best_{T-1, i}. Each earlier word follows from the one
                after it, a_{t-1} = before_t[a_t].

Worked example  Three words, two regions: scores = [[3, 1], [0, 2], [2, 1]]
                With beta = 0, each word picks its own best region: a = [0, 1, 0], with the sum 7.
                With beta = 1.5:   best_0 = [3, 1]   best_1 = [4.5, 5]   best_2 = [8, 7.5]
                1. Find before_1, before_2 and a. Which word changes its region, and why does it not take the larger
                   number of best_1?
                2. From which beta on do all three words share a region?
                3. How many assignments of 12 words to 64 regions would you have to try otherwise?

Your task       viterbi: return the best assignment a, as integers.
                Trap: the way back starts at the last word. The largest entry of best_t alone does not say where word t
                is, because later words count as well.

Given           NumPy is all you need. There is no cache, because nothing here is trained. Equal sums do not occur in
                the check. A comparison of all j with all i is fast enough: it takes T R^2 steps.
"""

IMPORTS = "import numpy as np"

SIZES = [  # T, R, beta
    (9, 4, 0.7),
    (7, 5, 0.0),
    (8, 3, 1.5),
    (4, 6, 0.4),
    (5, 5, 1.0),
    (6, 3, 40.0),  # all words share a region
    (7, 2, 0.3),
    (6, 5, 0.6),
    (1, 4, 1.0),
    (3, 1, 1.0),
]


def cases(rng):
    """Return random scores of several sizes and betas, and the lesson's example."""
    example = {"scores": np.array([[3.0, 1], [0, 2], [2, 1]]), "beta": 1.5}
    return [*({"scores": rng.standard_normal((T, R)), "beta": beta} for T, R, beta in SIZES), example]


STEP = "best = scores[t] + np.where(stay, best + beta, best[first])"
BACK = "a[t - 1] = before[t, a[t]]"
MISTAKES = (
    Mistake("stay = best + beta >= best[first]", "stay = best + beta >= best + beta", "no word changes its region"),
    Mistake(
        BACK,
        "a[t - 1] = first",
        "the largest sum of all is followed for every word: follow the region of the word after it",
    ),
    *(
        Mistake("best = scores[0]", f"best = {zeros}", "the scores of the first word are left out")
        for zeros in ("np.zeros(R)", "-1e-15 * np.arange(R)")  # of equal sums, the own region or the first one
    ),
    Mistake(
        f"before[t] = np.where(stay, np.arange(R), first)\n        {STEP}",
        "sums = best[:, None] - beta * np.eye(R)\n"
        "        before[t], best = sums.argmax(axis=0), scores[t] + sums.max(axis=0)",
        "the sign of beta is flipped: it rewards neighbors that share a region",
        "best",
    ),
    Mistake("a[-1] = best.argmax()", "a[-1] = scores[-1].argmax()", "the last word's own scores, without the sum"),
    Mistake("a[-1] = best.argmax()", "a[-1] = 0", "the way back starts at region 0, not at the best of the last word"),
    Mistake(
        "before[t] = np.where(stay, np.arange(R), first)",
        "before[t] = np.arange(R)",
        "the way back never changes the region",
    ),
    Mistake(
        "before[t] = np.where(stay, np.arange(R), first)",
        "before[t] = first",
        "the way back always takes the best region of all, also where the word's own region with beta is better",
    ),
    Mistake(
        STEP,
        "best = scores[t] + np.where(np.arange(R) == first, best + beta, best[first])",
        "beta counts only for the best region so far: each region may come from itself",
    ),
    Mistake(STEP, "best = scores[t] + best", "each region continues itself: the best region of all is left out"),
    *(
        Mistake(STEP, f"best = scores[t] + {largest}", "`beta` is compared but not added to the sum", "best")
        for largest in ("np.where(stay, best, best[first])", "best[first]")
    ),
    Mistake(
        "return a",
        "a = scores.argmax(axis=1)\n    return a",
        "each word takes its own best region: beta is ignored",
        "a",
    ),
    Mistake(
        "return a",
        """\
for t in range(1, T):
        sums = scores[t] + beta * (np.arange(R) == a[t - 1])
        a[t] = sums.argmax() if t > 1 else (scores[1] + beta * (np.arange(R) == scores[0].argmax())).argmax()
    a[0] = scores[0].argmax()
    return a""",
        "each word is chosen from the left, and never changed later: the words after it count as well",
        "a",
    ),
    Mistake("return a", "return a[::-1]", "the assignment is in the order of the way back: reverse it", "a"),
)

TASKS = (
    Task(
        viterbi,
        "viterbi",
        cases,
        ("a",),
        {
            "best": "best_ti = scores[t, i] + max over j of (best_{t-1, j} + beta if j = i), from best_0 = scores[0]",
            "first": "best_{t-1, j} + beta if j = i is largest at j = i, or at the j of the largest best_{t-1, j}",
            "stay": "word t stays at region i if best_{t-1, i} + beta is at least the largest best_{t-1, j}",
            "before": "before_ti = the j with the largest best_{t-1, j} + beta if j = i",
            "a": "a_{T-1} = argmax over i of best_{T-1, i};  a_{t-1} = before_t[a_t]",
        },
        mistakes=MISTAKES,
    ),
)

HINTS = {
    "viterbi": (
        "Suppose you know, for each region, the best sum of the words so far that ends there. How does the next word "
        "change these sums? What must you remember to find the way back?",
        "best_ti = scores[t, i] + max over j of (best_{t-1, j} + beta if j = i);  before_ti = the j of the maximum",
        "scores is (T, R), best is (R,), before is (T, R), its first row unused. a is (T,) integers.",
        "sums = best[:, None] + beta * np.eye(R) has row j and column i; before[t] = sums.argmax(axis=0), best = "
        "scores[t] + sums.max(axis=0). Then a[-1] = best.argmax(), and a[t - 1] = before[t, a[t]] for t from T - 1 "
        "down to 1.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    scores = np.array([[3.0, 1], [0, 2], [2, 1]])
    return [Example("viterbi", {"scores": scores, "beta": beta}) for beta in (0.0, 1.5)]
