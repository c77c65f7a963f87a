"""Skip-gram with negative sampling"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import skip_gram

FACTS = Facts(difficulty=2, minutes=45, builds_on=(2, 4), chapter="word_vectors")

INTRO = """\
Goal            Learn word vectors from text alone, as word2vec does (Mikolov et al. 2013). Words that have the same
                neighbors get similar vectors. A softmax over the whole vocabulary would cost too much for each pair of
                words. So the loss asks a smaller question: is this a true pair, or does a random word stand there?

Equations       score_bk = u_bk . v_b, with k = 0, ..., K                                      (B, 1 + K)
                loss     = mean over b of [-log sigm(score_b0) - sum over k >= 1 of log sigm(-score_bk)]    a number
                sigm(x)  = 1 / (1 + exp(-x)), and -log sigm(x) = log(1 + exp(-x))
                dscore   = (sigm(score) - 1) dloss / B for the true pair, k = 0; sigm(score) dloss / B for k >= 1
                dv_b     = sum over k of dscore_bk u_bk                                        (B, M)
                du_bk    = dscore_bk v_b                                                       (B, 1 + K, M)
                v_b is the vector of the center word of pair b. u_b0 is the context vector of a word near it, u_b1 to
                u_bK are the context vectors of K negative samples, which are random words.

Worked example  One pair, one negative sample, M = 2:
                v = [[1, 1]]   u = [[[ln 3, 0], [2, -2]]]   score = [[ln 3, 0]], so sigm(score) is 3/4 and 1/2.
                loss = 0.9808, which is log(4/3) + log(2) = log(8/3). For dloss = 1, dscore = [[-0.25, 0.5]]
                1. Find dv and du. In which direction does gradient descent move v?
                2. A true pair has the score -1000. What is its loss, and what does np.log(1 / (1 + np.exp(1000))) give?
                3. Negative samples are drawn in proportion to count^0.75. One word occurs 81 times, another 16 times.
                   How many times as often as the other is the first one drawn?

Your task       1. skip_gram_forward: compute the loss. Trap: exp(1000) overflows. np.logaddexp(0, x) is
                   log(exp(0) + exp(x)), for any x.
                2. skip_gram_backward: compute dv and du. Trap: v is part of all 1 + K scores.

Given           NumPy is all you need. The cache SkipGramCache(v, u, scores) is packed and unpacked for you. After the
                exercise, train the vectors: python -m numpy_sat.words RUN --vectors skip-gram
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.skip_gram import SkipGramCache"""

SIZES = [  # B, K, M, size of the numbers
    (4, 3, 5, 1),
    (3, 2, 3, 1),  # as many context vectors as pairs, and as numbers in each
    (2, 1, 4, 1),
    (1, 4, 2, 1),
    (3, 2, 4, 40),  # scores of some thousands
]


def forward_cases(rng):
    """Return random vectors of several sizes."""
    return [
        {"v": size * rng.standard_normal((B, M)), "u": size * rng.standard_normal((B, 1 + K, M)) + 0.3}
        for B, K, M, size in SIZES
    ]


def backward_cases(rng):
    """Return a random dloss for each forward case."""
    forwards = [skip_gram.skip_gram_forward(**inputs) for inputs in forward_cases(rng)]
    return [{"dloss": rng.standard_normal(), "cache": cache} for _, cache in forwards]


LOSS = "np.logaddexp(0, -scores[:, 0]) + np.logaddexp(0, scores[:, 1:]).sum(axis=1)"
FORWARD_MISTAKES = (
    Mistake(
        LOSS,
        "-np.log(1 / (1 + np.exp(-scores[:, 0]))) - np.log(1 / (1 + np.exp(scores[:, 1:]))).sum(axis=1)",
        "the logarithm of a sigmoid that is rounded to 0: use np.logaddexp",
    ),
    Mistake(
        LOSS,
        "np.log(1 + np.exp(-scores[:, 0])) + np.log(1 + np.exp(scores[:, 1:])).sum(axis=1)",
        "exp overflows for large scores: use np.logaddexp",
    ),
    Mistake(
        LOSS,
        "np.logaddexp(0, -scores[:, 0]) + np.logaddexp(0, scores[:, 1:]).mean(axis=1)",
        "the mean over negative samples where their sum belongs",
    ),
    Mistake(
        LOSS,
        "np.logaddexp(0, -scores[:, 0]) + np.logaddexp(0, -scores[:, 1:]).sum(axis=1)",
        "negative samples count as true pairs: their sign is the opposite",
    ),
    Mistake(
        LOSS,
        "np.logaddexp(0, scores[:, 0]) + np.logaddexp(0, -scores[:, 1:]).sum(axis=1)",
        "true pair and negative samples are exchanged: both signs are flipped",
    ),
    Mistake(
        LOSS,
        "np.logaddexp(0, scores).sum(axis=1)",
        "the true pair counts as a negative sample: its sign is the opposite",
    ),
    *(
        Mistake(
            LOSS,
            f"{log_sum} - scores[:, 0]",
            "a softmax over the 1 + K words: each word has a sigmoid of its own",
        )
        for log_sum in ("np.logaddexp.reduce(scores, axis=1)", "np.log(np.exp(scores).sum(axis=1))")
    ),
    Mistake(LOSS, f"-({LOSS})", "the sign of the loss is flipped"),
    Mistake("loss.mean()", "loss.mean() / u.shape[1]", "divided by 1 + K as well: the mean is over pairs alone"),
)

SIGMOID = "0.5 * (1 + np.tanh(0.5 * scores))"
BACKWARD_MISTAKES = (
    Mistake(
        SIGMOID,
        f"{SIGMOID} * (1 - {SIGMOID})",
        "the slope of the sigmoid where that of log sigm belongs: dscore is sigm(score) or sigm(score) - 1",
    ),
    Mistake(
        "dscores *= dloss / len(v)",
        f"dscores *= {SIGMOID} * (1 - {SIGMOID}) * (dloss / len(v))",
        "the slope of the sigmoid does not belong here: dscore is sigm(score) or sigm(score) - 1",
        "dscores",
    ),
    Mistake(SIGMOID, "scores.copy()", "the score where its sigmoid belongs"),
    Mistake(SIGMOID, "0.5 * (1 - np.tanh(0.5 * scores))", "sigm(-score) where sigm(score) belongs"),
    Mistake("v[:, None]", "u", "`u` where `v` belongs: the gradient of one factor contains the other"),
    Mistake(
        SIGMOID,
        "np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))",
        "a softmax over the 1 + K words: each word has a sigmoid of its own",
    ),
    Mistake("dscores[:, 0] -= 1", "dscores -= 1", "1 is subtracted for the negative samples as well"),
    Mistake("dscores[:, 0] -= 1", "dscores[:, 1:] -= 1", "1 is subtracted for the negative samples, not the true pair"),
    Mistake("dscores[:, 0] -= 1", "dscores[0] -= 1", "1 is subtracted for the first pair, not for the first word"),
    Mistake(
        'np.einsum("bk,bkm->bm", dscores, u)',
        "dscores[:, :1] * u[:, 0]",
        "the terms of the negative samples are missing: v is part of all 1 + K scores",
    ),
    Mistake(
        'np.einsum("bk,bkm->bm", dscores, u)',
        "(dscores[..., None] * u).mean(axis=1)",
        "the mean over 1 + K scores where their sum belongs",
    ),
)

TASKS = (
    Task(
        skip_gram,
        "skip_gram_forward",
        forward_cases,
        ("loss", "cache"),
        {
            "scores": "score_bk = u_bk . v_b",
            "loss": "loss = mean over b of [log(1 + exp(-score_b0)) + sum over k >= 1 of log(1 + exp(score_bk))]",
            "cache": "the cache is SkipGramCache(v, u, scores)",
        },
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        skip_gram,
        "skip_gram_backward",
        backward_cases,
        ("dv", "du"),
        {
            "dscores": "dscore_bk = (sigm(score_bk) - 1 for k = 0, sigm(score_bk) for k >= 1) dloss / B",
            "dv": "dv_b = sum over k of dscore_bk u_bk",
            "du": "du_bk = dscore_bk v_b",
        },
        mistakes=BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "skip_gram_forward": (
        "Which of the 1 + K scores should be large, and which small? Which function of a score is its loss?",
        "score_bk = u_bk . v_b;  loss_b = log(1 + exp(-score_b0)) + sum over k >= 1 of log(1 + exp(score_bk))",
        "v is (B, M), u is (B, 1 + K, M), scores is (B, 1 + K). The loss of each pair is (B,), its mean one number.",
        "scores = np.einsum('bkm,bm->bk', u, v); np.logaddexp(0, -scores[:, 0]) is the true pairs' loss, "
        "np.logaddexp(0, scores[:, 1:]).sum(axis=1) that of the negative samples.",
    ),
    "skip_gram_backward": (
        "What is the slope of log(1 + exp(x))? And of log(1 + exp(-x))? How many scores contain v?",
        "dscore_b0 = (sigm(score_b0) - 1) dloss / B;  dscore_bk = sigm(score_bk) dloss / B;  dv_b = sum over k of "
        "dscore_bk u_bk",
        "dscores is (B, 1 + K), as (B, 1 + K, 1) beside u and beside v[:, None], (B, 1, M). dv is (B, M), du is (B, "
        "1 + K, M).",
        "dscores = (1 + np.tanh(scores / 2)) / 2, which is sigm without overflow; dscores[:, 0] -= 1; dscores *= dloss "
        "/ B; then dv is (dscores[..., None] * u).sum(axis=1).",
    ),
}


def pencil():
    """Return the worked example of the page."""
    inputs = {"v": np.array([[1.0, 1]]), "u": np.array([[[np.log(3), 0], [2, -2]]])}
    _, cache = skip_gram.skip_gram_forward(**inputs)
    return [Example("skip_gram_forward", inputs), Example("skip_gram_backward", {"dloss": 1.0, "cache": cache})]
