"""GloVe"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import glove

FACTS = Facts(difficulty=1, minutes=40, builds_on=(2,), chapter="word_vectors")

INTRO = """\
Goal            Learn word vectors from counts. GloVe (Pennington, Socher and Manning 2014) first counts how often the
                word j occurs near the word i. Then it fits the logarithm of each count by a product of two vectors and
                two biases. Skip-gram reads the text pair by pair; GloVe reads it once, to count.

Equations       difference_p = w_p . w~_p + b_p + b~_p - log X_p                                        (P,)
                f(X_p)       = min(1, X_p / x_max)^power                                                (P,)
                loss         = mean over the P pairs of f(X_p) difference_p^2                           a number
                dscore_p     = 2 f(X_p) difference_p dloss / P                                          (P,)
                dw_p         = dscore_p w~_p    dw~_p = dscore_p w_p                                    (P, M) each
                db_p         = dscore_p         db~_p = dscore_p                                        (P,) each
                A pair p is two words i and j with the count X_p = X_ij, above 0. w_p and b_p belong to i, w~_p
                (`w_tilde`) and b~_p to j. The weight f grows with the count up to x_max (`largest`), and is 1 above.

Worked example  Two pairs, M = 2, x_max = 16, power = 3/4, all biases 0:
                w = [[1, 2], [1, 1]]   w_tilde = [[1, 1], [3, 1]]   counts = [1, 81]   weight = [0.125, 1]
                difference = [3, -0.3944], because log(81) = 4.3944. The loss is (9/8 + 0.1556) / 2: loss = 0.6403
                1. For dloss = 1, find db and dw.
                2. Why does f not grow above x_max? And why is there no pair with X = 0?
                3. If all w and w~ are 0 at the start, what are dw and dw~? What is db of the second pair?

Your task       1. glove_forward: compute the loss, and difference and weight for the cache.
                   Trap: the weight has the exponent, and it stops at 1.
                2. glove_backward: compute the four gradients. Trap: dw contains w~, and dw~ contains w.

Given           NumPy is all you need. The cache GloveCache(w, w_tilde, difference, weight) is packed and unpacked for
                you. A word is part of many pairs; the caller looks up its rows and adds their gradients. After the
                exercise, train the vectors: python -m numpy_sat.words RUN --vectors glove
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.glove import GloveCache"""

SIZES = [  # P, M, options
    (5, 3, {}),
    (3, 3, {"largest": 10.0}),
    (4, 2, {"largest": 20.0, "power": 0.5}),
    (1, 4, {"largest": 5.0, "power": 2.0}),
]


def forward_cases(rng):
    """Return random vectors and biases, and counts below 1, below x_max and above it."""
    cases = []
    for P, M, options in SIZES:
        w, w_tilde = rng.standard_normal((2, P, M))
        b, b_tilde = rng.standard_normal((2, P))
        counts = np.resize([3.0, 250, 0.25, 7.5, 40], P)
        cases.append({"w": w, "w_tilde": w_tilde, "b": b, "b_tilde": b_tilde, "counts": counts, **options})
    return cases


def backward_cases(rng):
    """Return a random dloss for each forward case."""
    forwards = [glove.glove_forward(**inputs) for inputs in forward_cases(rng)]
    return [{"dloss": rng.standard_normal(), "cache": cache} for _, cache in forwards]


WEIGHT, LOSS = "np.minimum(1, counts / largest) ** power", "(weight * difference * difference).mean()"
FORWARD_MISTAKES = (
    Mistake(WEIGHT, "(counts / largest) ** power", "the weight grows above 1: it stops at x_max"),
    Mistake(WEIGHT, "np.where(counts < largest, counts / largest, 1)", "the exponent of the weight is missing"),
    Mistake(WEIGHT, "np.maximum(1, counts / largest) ** power", "the larger of the two, not the smaller one"),
    Mistake(WEIGHT, "np.minimum(counts, largest) ** power", "the count is not divided by x_max"),
    Mistake(WEIGHT, "np.minimum(1, (counts / largest) ** power * (counts < largest))", "the weight is 0 above x_max"),
    Mistake("np.log(counts)", "counts", "the count where its logarithm belongs"),
    Mistake("np.log(counts)", "np.log1p(counts)", "log(1 + X) where log X belongs"),
    Mistake("np.log(counts)", "np.log(counts / counts.sum())", "the logarithm of the share where that of X belongs"),
    Mistake("np.log(counts)", "np.log2(counts)", "the logarithm to base 2: np.log belongs"),
    Mistake(LOSS, "(weight * difference * difference).sum()", "the sum over pairs where their mean belongs"),
    Mistake(
        LOSS,
        "(weight * difference * difference).sum() / weight.sum()",
        "divided by the sum of the weights where the number of pairs belongs",
    ),
    Mistake(LOSS, "((weight * difference) ** 2).mean()", "the weight is squared, too"),
    Mistake(LOSS, "0.5 * (weight * difference * difference).mean()", "the factor 1/2 does not belong here"),
)

TASKS = (
    Task(
        glove,
        "glove_forward",
        forward_cases,
        ("loss", "cache"),
        {
            "difference": "difference_p = w_p . w~_p + b_p + b~_p - log X_p",
            "weight": "f(X_p) = min(1, X_p / x_max)^power",
            "loss": "loss = mean over p of f(X_p) difference_p^2",
            "cache": "the cache is GloveCache(w, w_tilde, difference, weight)",
        },
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        glove,
        "glove_backward",
        backward_cases,
        ("dw", "dw_tilde", "db", "db_tilde"),
        {
            "dscore": "dscore_p = 2 f(X_p) difference_p dloss / P",
            "dw": "dw_p = dscore_p w~_p",
            "dw_tilde": "dw~_p = dscore_p w_p",
            "db": "db_p = dscore_p",
            "db_tilde": "db~_p = dscore_p",
        },
    ),
)

HINTS = {
    "glove_forward": (
        "What should the product and the biases be equal to? How much does a rare pair count?",
        "difference_p = w_p . w~_p + b_p + b~_p - log X_p;  f = min(1, X_p / x_max)^power;  loss = mean of f "
        "difference^2",
        "w and w_tilde are (P, M), their product summed over axis 1 is (P,), as biases, counts and weight. loss is one "
        "number.",
        "difference = (w * w_tilde).sum(axis=1) + b + b_tilde - np.log(counts); weight = np.minimum(1, counts / "
        "largest) ** power.",
    ),
    "glove_backward": (
        "Call the sum of the product and the biases the score. What is the slope of the loss in the score?",
        "dscore_p = 2 f difference_p dloss / P;  dw_p = dscore_p w~_p;  dw~_p = dscore_p w_p;  db_p = db~_p = dscore_p",
        "dscore is (P,), as (P, 1) beside w and w_tilde, (P, M).",
        "dscore = 2 * dloss / len(w) * weight * difference; return dscore[:, None] * w_tilde, dscore[:, None] * w, "
        "dscore and a copy of dscore.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    inputs = {"w": np.array([[1.0, 2], [1, 1]]), "w_tilde": np.array([[1.0, 1], [3, 1]])}
    inputs |= {"b": np.zeros(2), "b_tilde": np.zeros(2), "counts": np.array([1.0, 81]), "largest": 16.0}
    _, cache = glove.glove_forward(**inputs)
    return [Example("glove_forward", inputs), Example("glove_backward", {"dloss": 1.0, "cache": cache})]
