"""Words and regions"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import alignment

FACTS = Facts(difficulty=2, minutes=60, builds_on=(3, 5), chapter="six_ways")

INTRO = """\
Goal            Find out which part of an image a word speaks about, from pairs of images and captions alone. Each word
                picks its best region, and the sum is the score of image and sentence (Karpathy and Li 2014). The margin
                loss asks that the right pairs score higher than all wrong ones. No region has a label.

Equations       products_kitb = v_ki . s_tb                    (K, R, T, B)   region i of image k, word t of sentence b
                S_kb     = sum over words t of max over i of products_kitb                    (K, B)
                dv_ki    = sum of dS_kb s_tb over the words (t, b) whose best region it is    (K, R, H)
                ds_tb    = sum over images k of dS_kb v_ki, with i the word's best region     (T, B, H)
                sentences_kl = S_kl - S_kk + 1   another sentence l for image k               (K, K)
                images_kl    = S_kl - S_ll + 1   another image k for sentence l               (K, K)
                loss     = (sum of max(0, sentences_kl) + sum of max(0, images_kl)) / K       both over all l != k
                dS_kl    = dloss / K times the number of its terms above 0, for l != k                (K, K)
                dS_kk    = -dloss / K times the number of terms above 0 that subtract S_kk

Worked example  Two images of two regions, and one sentence of two words:
                v = [[[1, 0], [0, 2]], [[0, 3], [1, 1]]]   s = [[[1, 0]], [[0, 1]]]   S = [[3], [4]]
                1. For dS = [[1], [-1]], ds = [[[0, -1]], [[0, -1]]]. Find dv.
                Two pairs, K = 2: scores = [[3, 4], [1, 4.5]]
                sentences_01 = 4 - 3 + 1 = 2, and sentences_10 = 1 - 4.5 + 1 = -2.5, which counts 0.
                images_01 = 4 - 4.5 + 1 = 0.5, and images_10 = 1 - 3 + 1 = -1, which counts 0. So loss = 1.25
                2. For dloss = 1, find dS. Which scores does a step of gradient descent raise?
                3. If all v_i are 0 at the start, what are dv and ds?

Your task       1. score_forward: compute S, and keep the best region of each word for the cache.
                   Trap: a word at padding, where mask is 0, adds nothing. A best product below 0 counts, too.
                2. score_backward: compute dv and ds. Trap: several words can have the same best region.
                3. margin_forward: compute the loss, and for the cache which terms are above 0.
                   Trap: the right pairs, l = k, have no term.
                4. margin_backward: compute dS. Trap: S_kk is part of many terms.

Given           NumPy is all you need. The caches ScoreCache(v, s, best, mask) and MarginCache(over_sentences,
                over_images) are packed and unpacked for you. best is (K, T, B). over_... are (K, K), True or False.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.alignment import MarginCache, ScoreCache"""

SIZES = [  # sentences' words, K, R, H
    ((3, 1, 4), 2, 3, 5),
    ((2, 3), 4, 2, 3),
    ((3, 3, 2), 3, 3, 3),  # square
    ((2, 1), 1, 1, 2),  # one region
]
PAIRS = (4, 3, 1)  # K


def score_cases(rng):
    """Return sentences of different lengths, with vectors also at padding. Some words fit no region well."""
    cases = []
    for lengths, K, R, H in SIZES:
        T, B = max(lengths), len(lengths)
        mask = (np.arange(T)[:, None] < lengths).astype(float)
        cases.append({"v": rng.standard_normal((K, R, H)), "s": rng.standard_normal((T, B, H)), "mask": mask})
    return cases


def score_backward_cases(rng):
    """Return a random dS for each forward case."""
    forwards = [alignment.score_forward(**inputs) for inputs in score_cases(rng)]
    return [{"dS": rng.standard_normal(S.shape), "cache": cache} for S, cache in forwards]


def margin_cases(rng):
    """Return scores whose terms are above 0 and below it."""
    return [{"S": 1.5 * rng.standard_normal((K, K)) + 0.5 * np.eye(K)} for K in PAIRS]


def margin_backward_cases(rng):
    """Return a random dloss for each forward case."""
    forwards = [alignment.margin_forward(**inputs) for inputs in margin_cases(rng)]
    return [{"dloss": rng.standard_normal(), "cache": cache} for _, cache in forwards]


LARGEST = "np.take_along_axis(products, best[:, None], axis=1)[:, 0]"
SCORE_MISTAKES = (
    Mistake("products.argmax(axis=1)", "products.argmin(axis=1)", "the worst region of each word, not the best"),
    Mistake("(largest * mask).sum(axis=1)", "largest.sum(axis=1)", "`mask` is forgotten: padding counts as words"),
    Mistake(LARGEST, "np.maximum(products.max(axis=1), 0)", "a largest product below 0 counts as 0: there is no relu"),
    Mistake(LARGEST, "products.sum(axis=1)", "the sum over regions where the largest product belongs"),
    Mistake(LARGEST, "products.mean(axis=1)", "the mean over regions where the largest product belongs"),
    Mistake(LARGEST, "np.abs(products).max(axis=1)", "absolute values: the largest product itself belongs"),
    Mistake(
        "(largest * mask).sum(axis=1)",
        "(largest * mask).sum(axis=1) / mask.sum(axis=0)",
        "the mean over words where their sum belongs",
    ),
    Mistake(
        "(largest * mask).sum(axis=1)",
        "(products * mask).sum(axis=2).max(axis=1)",
        "the largest sum of one region for all words: each word has a best region of its own",
    ),
)

SCORE_BACK_MISTAKES = (
    Mistake(
        "(dS[:, None] * mask)[:, None]",
        "np.broadcast_to(dS[:, None], mask[None].repeat(K, 0).shape)[:, None]",
        "`mask` is forgotten: padding gets a gradient",
    ),
    Mistake(
        "dproducts = dproducts.reshape(K * R, T * B)",
        "dproducts = (np.zeros((K, R, T, B), v.dtype) + (dS[:, None] * mask)[:, None]).reshape(K * R, T * B)",
        "every region gets a gradient: only the best region of a word does",
    ),
    Mistake(
        "ds = dproducts.T @ v.reshape(K * R, H)",
        "ds = (dproducts.T @ v.reshape(K * R, H)) / K",
        "the mean over images where their sum belongs",
    ),
    Mistake(
        "dv = dproducts @ s.reshape(T * B, H)",
        "last = {}; dv = np.zeros((K * R, H), v.dtype); "
        "[dv.__setitem__(i, dproducts[i, j] * s.reshape(T * B, H)[j]) for i, j in np.argwhere(dproducts)]",
        "a region that is the best of several words gets the gradient of only one: = where += belongs",
    ),
)

BOTH = "sentences[over_sentences].sum() + images[over_images].sum()"
MARGIN_MISTAKES = (
    Mistake(BOTH, "sentences[over_sentences].sum()", "the term of the other images of each sentence is missing"),
    Mistake(BOTH, "images[over_images].sum()", "the term of the other sentences of each image is missing"),
    Mistake(
        "K, right, others = len(S), np.diag(S), ~np.eye(len(S), dtype=bool)",
        "K, right, others = len(S), np.diag(S), np.ones(S.shape, bool)",
        "the right pairs have a term: each adds the margin 1, leave out l = k",
        "over_sentences",
    ),
    Mistake(
        "S - right[:, None] + 1, S - right + 1",
        "S - right[:, None], S - right",
        "the margin 1 is missing",
    ),
    Mistake(
        "S - right[:, None] + 1, S - right + 1",
        "right[:, None] - S + 1, right - S + 1",
        "the signs of S_kl and S_kk are exchanged: the right pair should score higher",
    ),
    Mistake(
        f"loss = ({BOTH}) / K",
        f"loss = ({BOTH}) / (K * max(1, K - 1))",
        "the mean over the wrong pairs where their sum belongs: divide by K alone",
    ),
    Mistake(f"loss = ({BOTH}) / K", f"loss = {BOTH}", "the division by K is missing"),
)

MARGIN_BACK_MISTAKES = (
    Mistake(
        "dS[np.diag_indices(K)] -= over_sentences.sum(axis=1) + over_images.sum(axis=0)",
        "pass",
        "the gradient of the right pairs S_kk is missing",
        "dS",
    ),
    Mistake(
        "over_sentences.sum(axis=1) + over_images.sum(axis=0)",
        "over_sentences.sum(axis=0) + over_images.sum(axis=1)",
        "the terms of S_kk are summed over the wrong axis: sentences_kl over l, images_lk over l",
    ),
    Mistake(
        "over_sentences.sum(axis=1) + over_images.sum(axis=0)",
        "over_sentences.any(axis=1) + over_images.any(axis=0)",
        "S_kk counts once where it counts once for each term above 0",
    ),
    Mistake(
        "over_sentences.astype(np.float64) + over_images",
        "(over_sentences | over_images).astype(np.float64)",
        "a score with both terms above 0 counts once where it counts twice",
    ),
)

TASKS = (
    Task(
        alignment,
        "score_forward",
        score_cases,
        ("S", "cache"),
        {
            "products": "products_kitb = v_ki . s_tb, for all regions and words",
            "best": "best_ktb = the region i of image k with the largest products_kitb",
            "largest": "largest_ktb = max over regions i of products_kitb",
            "S": "S_kb = sum over words t of mask_tb max over regions i of v_ki . s_tb",
            "cache": "the cache is ScoreCache(v, s, best, mask)",
        },
        mistakes=SCORE_MISTAKES,
    ),
    Task(
        alignment,
        "score_backward",
        score_backward_cases,
        ("dv", "ds"),
        {
            "dproducts": "dproducts_kitb = dS_kb mask_tb at the best region i of the word, 0 at the others",
            "dv": "dv_ki = sum over t and b of dproducts_kitb s_tb",
            "ds": "ds_tb = sum over k and i of dproducts_kitb v_ki",
        },
        mistakes=SCORE_BACK_MISTAKES,
    ),
    Task(
        alignment,
        "margin_forward",
        margin_cases,
        ("loss", "cache"),
        {
            "right": "S_kk, the score of the right pair",
            "sentences": "sentences_kl = S_kl - S_kk + 1: another sentence l for image k",
            "images": "images_kl = S_kl - S_ll + 1: another image k for sentence l",
            "over_sentences": "over_sentences_kl: sentences_kl > 0 and l != k",
            "over_images": "over_images_kl: images_kl > 0 and l != k",
            "loss": "loss = (sum of max(0, sentences_kl) + sum of max(0, images_kl)) / K, both over l != k",
            "cache": "the cache is MarginCache(over_sentences, over_images)",
        },
        mistakes=MARGIN_MISTAKES,
    ),
    Task(
        alignment,
        "margin_backward",
        margin_backward_cases,
        ("dS",),
        {
            "dS": "dS_kl = dloss / K (over_sentences_kl + over_images_kl); on the diagonal, minus the number of terms "
            "above 0 that subtract S_kk",
        },
        single=False,
        mistakes=MARGIN_BACK_MISTAKES,
    ),
)

HINTS = {
    "score_forward": (
        "Which region may each word choose? Over what is the sum, and what must it leave out?",
        "S_kb = sum over t of mask_tb max over i of v_ki . s_tb",
        "v is (K, R, H), s is (T, B, H). Their products are (K, R, T, B), the largest ones (K, T, B). S is (K, B).",
        "np.einsum('kih,tbh->kitb', v, s) are the products; .argmax(axis=1) is best, .max(axis=1) times mask is summed "
        "over axis 1, the words.",
    ),
    "score_backward": (
        "If a region is not the best one of a word, how much does S change when the region moves a little?",
        "dproducts_kitb = dS_kb mask_tb at i = best_ktb, else 0;  dv_ki = sum over t, b of dproducts_kitb s_tb",
        "dS is (K, B), mask (T, B), so dS[:, None] * mask is (K, T, B). dproducts, the gradient "
        "of products, is (K, R, T, B). dv is (K, R, H), ds is (T, B, H).",
        "np.put_along_axis(dproducts, best[:, None], (dS[:, None] * mask)[:, None], axis=1) puts the gradients where "
        "they belong; then two einsums or matrix products.",
    ),
    "margin_forward": (
        "Each score of a wrong pair is compared with two right ones. Which two? By how much must it be lower?",
        "sentences_kl = S_kl - S_kk + 1;  images_kl = S_kl - S_ll + 1;  only values above 0 count, and only l != k",
        "S is (K, K). np.diag(S) is (K,): as (K, 1) it is subtracted from rows, as (1, K) from columns. loss is one "
        "number.",
        "over_sentences = (S - np.diag(S)[:, None] + 1 > 0) & ~np.eye(K, dtype=bool); sum the values there, do the "
        "same for columns, and divide by K.",
    ),
    "margin_backward": (
        "Each term above 0 contains two scores. With which signs?",
        "dS_kl = (over_sentences_kl + over_images_kl) dloss / K;  dS_kk = -(their sums over row k and column k) "
        "dloss / K",
        "dS is (K, K). The sum of over_sentences over l is (K,), axis 1; that of over_images over k is (K,), axis 0.",
        "dS = over_sentences.astype(float) + over_images; then subtract over_sentences.sum(axis=1) + "
        "over_images.sum(axis=0) on the diagonal, and multiply by dloss / K.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    v = np.array([[[1.0, 0], [0, 2]], [[0, 3], [1, 1]]])
    inputs = {"v": v, "s": np.array([[[1.0, 0]], [[0, 1]]]), "mask": np.ones((2, 1))}
    scores = {"S": np.array([[3.0, 4], [1, 4.5]])}
    _, cache = alignment.score_forward(**inputs)
    _, margin_cache = alignment.margin_forward(**scores)
    return [
        Example("score_forward", inputs),
        Example("score_backward", {"dS": np.array([[1.0], [-1]]), "cache": cache}),
        Example("margin_forward", scores),
        Example("margin_backward", {"dloss": 1.0, "cache": margin_cache}),
    ]
