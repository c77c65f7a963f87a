"""Multi-head attention"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from exercises.lessons.ex21_dot_attention import random_cases
from numpy_sat.layers import dot_attention

FACTS = Facts(difficulty=2, minutes=30, builds_on=(21, 28), chapter="from_show_and_tell_to_attention")

INTRO = """\
Goal            Let several heads work as one attention. You join score, softmax and context of exercise 21. One new
                thing comes in: the attention penalty reads one map per word, the mean over the heads. So each head's
                alpha has two uses.

Equations       (4) e      = score of every head         (heads, B, L)  dot_attention.score_forward, score_backward
                (5) alpha  = softmax(e) over locations   (heads, B, L)  softmax.softmax_forward, softmax_backward
                (6) z      = context of every head       (B, heads K)   dot_attention.context_forward, context_backward
                    result = mean of alpha over heads    (B, L)         returned as alpha; dalpha is its gradient

Worked example  N = B = 1, two heads with K = 1, h = [[1]], both W_q = [[1]], a = [[[4], [8]]], W_v = [[1]] and [[10]]:
                keys = [[[[ln 3], [0]]], [[[0], [ln 3]]]]   z = [[5, 70]]   alpha = [[1/2, 1/2]]
                The heads have the alphas [3/4, 1/4] and [1/4, 3/4]. What does their mean hide?
                dz = [[1, 0]]   dalpha = [[0, 0]]   de of head 0 is [-3/4, 3/4]           Find dh.
                If dz = 0 and dalpha = [[2, 0]], which dalpha does each head have, and which de?

Your task       1. attend_forward: call the three steps; return z and the mean of alpha over the heads.
                2. attend_backward: call the three steps in reverse. Trap: dalpha goes to every head, divided by the
                   number of heads. Add it before the softmax.

Given           dot_attention.score_forward(keys, h, W_q)         returns e, cache
                dot_attention.score_backward(de, cache)           returns dkeys, dh, dW_q
                softmax.softmax_forward(e)                        returns alpha, cache
                softmax.softmax_backward(dalpha, cache)           returns de
                dot_attention.context_forward(alpha, a, W_v)      returns z, cache
                dot_attention.context_backward(dz, cache)         returns dalpha, da, dW_v
                Call them through their modules. The cache AttendCache holds the caches of the three steps. It is packed
                and unpacked for you. Its softmax has the alpha of every head.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import dot_attention, softmax
from numpy_sat.layers.dot_attention import AttendCache"""


def attend_cases(rng):
    """Return random annotations, and keys that are independent of them."""
    return random_cases(rng, a="NLD", keys="GNLK", h="BS", W_q="GSK", W_v="GDK")


def attend_forward_cases(rng):
    """Return the cases of attend_cases, and one with scores in the thousands, whose exp would overflow."""
    cases = attend_cases(rng)
    return [*cases, {**cases[0], "W_q": 1000 * cases[0]["W_q"]}]


def attend_backward_cases(rng):
    """Return a random dz and dalpha for each forward case."""
    cases = []
    for inputs in attend_cases(rng):
        z, alpha, cache = dot_attention.attend_forward(**inputs)
        dz, dalpha = rng.standard_normal(z.shape), rng.standard_normal(alpha.shape)
        cases.append({"dz": dz, "dalpha": dalpha, "cache": cache})
    return cases


SOFTMAX = "alpha, cache_softmax = softmax.softmax_forward(e)"
MEAN = "alpha.mean(axis=0), AttendCache"

ATTEND_MISTAKES = (
    Mistake(
        SOFTMAX,
        "alpha = softmax.softmax_forward(e.swapaxes(0, 2))[0].swapaxes(0, 2).copy(); "
        "cache_softmax = softmax.SoftmaxCache(alpha)",
        "the softmax goes over the heads, not over the locations",
    ),
    Mistake(
        SOFTMAX,
        "alpha = softmax.softmax_forward(e.swapaxes(1, 2))[0].swapaxes(1, 2).copy(); "
        "cache_softmax = softmax.SoftmaxCache(alpha)",
        "the softmax goes over the captions, not over the locations",
    ),
    Mistake(
        SOFTMAX,
        "alpha = softmax.softmax_forward(e.mean(axis=0))[0] + 0 * e; cache_softmax = softmax.SoftmaxCache(alpha)",
        "the softmax of the heads' mean score: every head needs its own alpha",
    ),
    Mistake(
        SOFTMAX,
        "alpha = np.exp(e) / np.exp(e).sum(axis=2, keepdims=True); cache_softmax = softmax.SoftmaxCache(alpha)",
        "exp overflows where scores are large: softmax.softmax_forward subtracts the maximum first",
    ),
    Mistake(MEAN, "alpha.sum(axis=0), AttendCache", "the sum over heads is returned as alpha where their mean belongs"),
    Mistake(
        MEAN, "alpha.max(axis=0), AttendCache", "the maximum over heads is returned as alpha where their mean belongs"
    ),
    Mistake(
        MEAN,
        "softmax.softmax_forward(e.mean(axis=0))[0], AttendCache",
        "the softmax of the mean score is returned as alpha, where the mean of the heads' alpha belongs",
    ),
    Mistake(MEAN, "alpha[0].copy(), AttendCache", "the first head's alpha is returned where the mean of all belongs"),
)

BACK = "softmax.softmax_backward(dalpha_context + dalpha_mean, cache.softmax)"

ATTEND_BACKWARD_MISTAKES = (
    Mistake("dalpha / len(dalpha_context)", "dalpha", "the derivative 1 / heads of the mean over heads is missing"),
    Mistake("dalpha / len(dalpha_context)", "dalpha * len(dalpha_context)", "multiplied by the number of heads"),
    Mistake(BACK, f"{BACK[:-1].replace(' + dalpha_mean', '')})", "`dalpha`, the gradient from outside, is left out"),
    Mistake(
        BACK,
        "softmax.softmax_backward(dalpha_context, cache.softmax) + dalpha_mean",
        "`dalpha` is added to de, but it is the gradient of alpha: add it before the softmax",
    ),
    Mistake(
        BACK,
        "(dalpha_context + dalpha_mean) * cache.softmax.p * (1 - cache.softmax.p)",
        "p (1 - p) is only the diagonal of the softmax's derivative: every e_j affects every alpha_i",
    ),
    Mistake(
        "dalpha_mean = dalpha / len(dalpha_context)",
        "dalpha_mean = np.zeros_like(dalpha_context); dalpha_mean[0] = dalpha",
        "`dalpha` goes to the first head alone: every head gets dalpha / heads",
    ),
)
ATTEND_BACKWARD = "(4) dkeys, dh, dW_q = score_backward(de)"

TASKS = (
    Task(
        dot_attention,
        "attend_forward",
        attend_forward_cases,
        ("z", "alpha", "cache"),
        {
            "e": "(4) e = the scores of keys, h, W_q",
            "alpha": "(5) alpha_b = softmax(e_b) over the locations, of every head; return the mean over heads",
            "z": "(6) z_b = sum over i of alpha_bi a_i W_v, the heads side by side",
            "cache": "the cache is AttendCache(score, softmax, context), the caches of (4), (5), (6)",
        },
        mistakes=ATTEND_MISTAKES,
    ),
    Task(
        dot_attention,
        "attend_backward",
        attend_backward_cases,
        ("da", "dkeys", "dh", "dW_q", "dW_v"),
        {
            "dalpha_context": "(6) dalpha_context_bi = a_i . dseen_b, the gradient of each head's alpha through z",
            "da": "(6) dalpha_context, da, dW_v = context_backward(dz)",
            "dW_v": "(6) dalpha_context, da, dW_v = context_backward(dz)",
            "dalpha_mean": "dalpha_mean = dalpha / heads, for every head: the returned alpha is the mean over heads",
            "de": "(5) de = softmax_backward(dalpha_context + dalpha / heads), because alpha has two uses",
            "dkeys": ATTEND_BACKWARD,
            "dh": ATTEND_BACKWARD,
            "dW_q": ATTEND_BACKWARD,
        },
        mistakes=ATTEND_BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "attend_forward": (
        "Three lines, one for each equation. What does each pass to the next, and which alpha do you return?",
        "e = score(keys, h, W_q);  alpha = softmax(e);  z = context(alpha, a, W_v);  return the mean alpha over heads",
        "e and the heads' alpha are (heads, B, L), z is (B, heads K). The alpha that is returned is (B, L), the mean "
        "over heads.",
        "e, cache_score = dot_attention.score_forward(keys, h, W_q); alpha, cache_softmax = "
        "softmax.softmax_forward(e); ... and return alpha.mean(axis=0).",
    ),
    "attend_backward": (
        "Which two uses does a head's alpha have? What is the derivative of a mean of three numbers by each of them?",
        "de = softmax backward of (the gradient of each head's alpha through (6) + dalpha / heads)",
        "dalpha is (B, L), the heads' dalpha_context and de are (heads, B, L). da is (N, L, D), dkeys is (heads, N, "
        "L, K), dh is (B, S), dW_q and dW_v are (heads, S, K) and (heads, D, K).",
        "dalpha_context, da, dW_v = dot_attention.context_backward(dz, cache_context), then de = "
        "softmax.softmax_backward(dalpha_context + dalpha / heads, cache_softmax) with heads = len(dalpha_context), "
        "then dot_attention.score_backward.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    ln3 = np.log(3)
    scores = {"keys": np.array([[[[ln3], [0]]], [[[0], [ln3]]]]), "h": np.ones((1, 1)), "W_q": np.ones((2, 1, 1))}
    inputs = {"a": np.array([[[4.0], [8]]]), **scores, "W_v": np.array([[[1.0]], [[10]]])}
    _, _, cache = dot_attention.attend_forward(**inputs)
    dz, dalpha = np.array([[1.0, 0]]), np.array([[2.0, 0]])
    return [
        Example("attend_forward", inputs),
        Example("attend_backward", {"dz": dz, "dalpha": 0 * dalpha, "cache": cache}),
        Example("attend_backward", {"dz": 0 * dz, "dalpha": dalpha, "cache": cache}),
    ]
