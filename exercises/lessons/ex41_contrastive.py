"""Polluted tags"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from exercises.lessons.dice import drive
from numpy_sat.decoders import oscar
from numpy_sat.layers import contrastive

FACTS = Facts(difficulty=2, minutes=45, builds_on=(4, 40), chapter="attention_to_transformers")

INTRO = """\
Goal            Teach a model which tags belong to an image and its caption. Oscar (Li et al. 2020) exchanges the tags
                of half of the sequences for those of another image. A number between 0 and 1, computed from the vector
                of the token [CLS], says whether the tags are the image's own.

Equations       s_b  = w . h_b + b_c                 h_b: the vector of [CLS] of sequence b              (B,)
                p_b  = sigm(s_b)                     the probability that the tags are its own           (B,)
                loss = - mean over b of [y_b log p_b + (1 - y_b) log(1 - p_b)]                           a number
                log p = - softplus(-s)    log(1 - p) = - softplus(s)    softplus(x) = log(1 + exp(x))
                ds_b = (p_b - y_b) / B, times dloss
                y_b  is 1 for own tags, and 0 for polluted ones

Worked example  Two sequences. The tags of the first one are its own:
                h = [[ln 4, 7], [0, 3]]   w = [1, 0]   b_c = [0]   y = [1, 0]   p = [0.8, 0.5]   loss = 0.4581
                For dloss = 1, dh = [[-0.1, 0], [0.25, 0]]
                Three sequences with the tags [3, 7], [4, 8] and [3, 7]. The first and the third have equal tags, so
                both may only receive those of the second. The second one may receive those of either.
                1. Find dw and db_c.
                2. pollute (below) draws a matrix whose second row is [0.2, 0.3, 0.7]. Whose tags may sequence 2 get?
                   Then it draws [0.3, 0.9, 0.1]. Find is_own and the new tags of all three.
                3. Why must the new tags differ from the old ones? Which loss has a model that cannot tell them apart?

Your task       1. pollute: draw rng.random((B, B)), then rng.random(B). Sequence b may receive the tags of the sequence
                   with the largest number in row b of the first, among those with different tags. It does so if its
                   number in the second is below POLLUTED. Trap: if no sequence has different tags, it keeps its own.
                2. contrastive_forward: compute the loss. Trap: p rounds to 1 for a score of 40, and log(1 - p) is then
                   infinite. Compute both logarithms from s.
                3. contrastive_backward: compute dh, dw and db_c. Trap: db_c has the shape (1,).

Given           POLLUTED is 0.5               softplus(x)        log(1 + exp(x)) without overflow
                activations.sigmoid_forward(x)        sigm(x) without overflow, and its cache
                The cache ContrastiveCache(h, w, s, y) is packed and unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.decoders.oscar import POLLUTED
from numpy_sat.layers import activations
from numpy_sat.layers.contrastive import ContrastiveCache
from numpy_sat.layers.noisy_or import softplus"""

TAGS = [(9, 1, 2), (6, 2, 3), (8, 4, 2), (3, 3, 9), (4, 1, 1)]  # B, G, different words
SIZES = [(4, 3), (5, 2), (3, 3), (1, 4)]  # B, S


def pollute_cases(rng):
    """Return random tags, of which some are equal, and in the last case all."""
    return [
        {"seed": int(rng.integers(1000)), "tags": 3 + np.sort(rng.integers(0, words, (B, G)), axis=1)}
        for B, G, words in TAGS
    ]


def forward_cases(rng):
    """Return random vectors and labels, and one case with scores far from 0."""
    cases = []
    for B, S in SIZES:
        h, w, b_c = rng.standard_normal((B, S)), rng.standard_normal(S), rng.standard_normal(1)
        cases.append({"h": h, "w": w, "b_c": b_c, "y": (np.arange(B) % 2 == rng.integers(2)).astype(float)})
    extreme = np.array([[900.0], [-900], [40], [-40]]) * np.array([1.0, 0])
    large = {"h": extreme, "w": np.array([1.0, 2]), "b_c": np.zeros(1), "y": np.array([1.0, 0, 0, 1])}
    return [*cases, large]


def backward_cases(rng):
    """Return a random gradient for each forward case."""
    cases = []
    for inputs in forward_cases(rng):
        _, cache = contrastive.contrastive_forward(**inputs)
        cases.append({"dloss": float(rng.standard_normal()), "cache": cache})
    return cases


OTHERS = "np.where(differs, rng.random((B, B)), -1).argmax(axis=1)"
IS_OWN = "(rng.random(B) >= POLLUTED) | ~differs.any(axis=1)"
POLLUTE_MISTAKES = (
    Mistake(
        OTHERS, "rng.random((B, B)).argmax(axis=1)", "the other sequence may have the same tags: the label is wrong"
    ),
    Mistake(
        OTHERS,
        "np.where(~np.eye(B, dtype=bool), rng.random((B, B)), -1).argmax(axis=1)",
        "another sequence may have the same tags: the label is wrong",
    ),
    Mistake(OTHERS, "np.where(differs, rng.random((B, B)), 2).argmin(axis=1)", "the smallest number, not the largest"),
    Mistake(
        OTHERS, "np.where(differs, rng.random((B, B)), -1).argmax(axis=0)", "the columns are compared, not the rows"
    ),
    Mistake(IS_OWN, "rng.random(B) >= POLLUTED", "a sequence without different tags keeps its own: its label is 1"),
    Mistake(
        IS_OWN, "(rng.random(B) < POLLUTED) | ~differs.any(axis=1)", "the sequences below POLLUTED keep their tags"
    ),
    Mistake(
        "return np.where(is_own[:, None], tags, tags[others]), is_own.astype(float)",
        "return np.where(is_own[:, None], tags, tags[others]), 1 - is_own.astype(float)",
        "the labels are inverted: 1 stands for own tags",
    ),
    Mistake(
        "(tags[:, None] != tags).any(axis=2)",
        "(tags[:, None] != tags).all(axis=2)",
        "tags differ if any of them differs, not only if all do",
    ),
    Mistake(
        f"    others = {OTHERS}\n    is_own = {IS_OWN}",
        f"    is_own = {IS_OWN}\n    others = {OTHERS}",
        "rng.random(B) is drawn first: the page gives the order",
    ),
)

LOSS = "(y * noisy_or.softplus(-s) + (1 - y) * noisy_or.softplus(s)).mean()"
NAIVE = "p = 1 / (1 + np.exp(-s)); loss = "
FORWARD_MISTAKES = (
    Mistake(
        f"loss = {LOSS}",
        f"{NAIVE}-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()",
        "log(1 - p) of a p that rounds to 1: use softplus(s)",
    ),
    Mistake(
        f"loss = {LOSS}",
        f"{NAIVE}-(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12)).mean()",
        "a number is added inside of the logarithm: use softplus",
    ),
    Mistake(
        f"loss = {LOSS}",
        f"{NAIVE}-np.where(y == 1, np.log(p), np.log(1 - p)).mean()",
        "log(1 - p) of a p that rounds to 1: use softplus(s)",
    ),
    Mistake(LOSS, "(y * noisy_or.softplus(s) + (1 - y) * noisy_or.softplus(-s)).mean()", "the labels are inverted"),
    Mistake(LOSS, LOSS.replace("mean", "sum"), "a sum where the mean over the sequences belongs"),
    Mistake(LOSS, "(y * noisy_or.softplus(-s)).mean()", "term 2 is missing: polluted tags count, too"),
)

DS = "(p - y) * (dloss / len(y))"
BACKWARD_MISTAKES = (
    Mistake(DS, "(p - y) * dloss", "the division by B is missing: the loss is a mean"),
    Mistake(DS, "(p - y) * p * (1 - p) * (dloss / len(y))", "p (1 - p) cancels: it belongs to the square of an error"),
    Mistake(DS, "(y - p) * (dloss / len(y))", "the sign is flipped: ds is p - y"),
    Mistake(DS, "(p - y) / len(y)", "`dloss` is forgotten"),
    Mistake(DS, "-y * (1 - p) * (dloss / len(y))", "term 2 is missing: polluted tags count, too"),
    Mistake("ds.sum(keepdims=True)", "ds.sum()", "db_c has the shape (1,), as b_c"),
)

TASKS = (
    Task(
        oscar,
        "pollute",
        pollute_cases,
        ("tags", "is_own"),
        {
            "differs": "differs_bc: True if any tag of sequence b differs from that of sequence c",
            "others": "others_b: the sequence with the largest random number among those with different tags",
            "is_own": "is_own: 1 if the second random number is not below POLLUTED, or if no sequence differs",
            "tags": "tags: the own ones, or those of the other sequence",
        },
        drive,
        single=False,
        mistakes=POLLUTE_MISTAKES,
    ),
    Task(
        contrastive,
        "contrastive_forward",
        forward_cases,
        ("loss", "cache"),
        {
            "s": "s_b = w . h_b + b_c",
            "loss": "loss = mean over b of y_b softplus(-s_b) + (1 - y_b) softplus(s_b)",
            "cache": "the cache is ContrastiveCache(h, w, s, y)",
        },
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        contrastive,
        "contrastive_backward",
        backward_cases,
        ("dh", "dw", "db_c"),
        {
            "p": "p_b = sigm(s_b)",
            "ds": "ds_b = (p_b - y_b) dloss / B",
            "dh": "dh_b = ds_b w",
            "dw": "dw = sum over b of ds_b h_b",
            "db_c": "db_c = sum over b of ds_b, of shape (1,)",
        },
        mistakes=BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "pollute": (
        "If a sequence gets the tags of another image, when is the label 0 wrong?",
        "others_b = the c with the largest number among those whose tags differ;  own if its number is at least "
        "POLLUTED or none differs",
        "tags is (B, G). tags[:, None] != tags is (B, B, G), differs is (B, B), others and is_own are (B,).",
        "np.where(differs, rng.random((B, B)), -1).argmax(axis=1) are the others. "
        "np.where(is_own[:, None], tags, tags[others]) are the tags.",
    ),
    "contrastive_forward": (
        "What is log(1 - sigm(s)), written with softplus? Which of the two terms has a sequence with y = 0?",
        "loss = mean over b of y_b softplus(-s_b) + (1 - y_b) softplus(s_b)",
        "h is (B, S), w is (S,), b_c is (1,), s and y are (B,). The loss is a number.",
        "s = h @ w + b_c, then use softplus twice.",
    ),
    "contrastive_backward": (
        "How does the loss of one sequence change with its score, for y = 1 and for y = 0?",
        "ds_b = (p_b - y_b) dloss / B;  dh_b = ds_b w;  dw = sum over b of ds_b h_b;  db_c = sum over b of ds_b",
        "ds is (B,), dh is (B, S), dw is (S,) and db_c is (1,).",
        "p, _ = activations.sigmoid_forward(s); ds[:, None] * w; h.T @ ds; ds.sum(keepdims=True).",
    ),
}


def pencil():
    """Return the worked example of the page."""
    h, y = np.array([[np.log(4), 7.0], [0, 3]]), np.array([1.0, 0])
    inputs = {"h": h, "w": np.array([1.0, 0]), "b_c": np.zeros(1), "y": y}
    _, cache = contrastive.contrastive_forward(**inputs)
    uniforms = np.array([[0.9, 0.1, 0.8], [0.2, 0.3, 0.7], [0.5, 0.4, 0.6]]), np.array([0.3, 0.9, 0.1])
    return [
        Example("contrastive_forward", inputs),
        Example("contrastive_backward", {"dloss": 1.0, "cache": cache}),
        Example("pollute", {"uniforms": uniforms, "tags": np.array([[3, 7], [4, 8], [3, 7]])}),
    ]
