"""Soft attention, all three steps"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from exercises.lessons.ex11_soft_attention import random_cases
from numpy_sat.layers import attention

FACTS = Facts(difficulty=2, minutes=30, builds_on=(4, 11), chapter="soft_attention")

INTRO = """\
Goal            Join the three steps of soft attention: score, softmax, mean. You meet an array with two uses: alpha
                makes the context, and the attention penalty of exercise 13 reads it too.

Equations       (4) e_bi    = v . tanh(keys_i + h_b W_h)         (B, L)     attention.score_forward, score_backward
                (5) alpha_b = softmax(e_b) over locations        (B, L)     softmax.softmax_forward, softmax_backward
                (6) z_b     = sum over i of alpha_bi a_i         (B, D)     attention.context_forward, context_backward

                dz ---> (6) ---> dalpha from (6) ---> + ---> (5) ---> de ---> (4) ---> dkeys, dh, dW_h, dv
                         |                             ^
                         +---> da                      dalpha, the argument: from the penalty

Worked example  N = B = 1, with h W_h = 0, and tanh(1000) = 1:
                a = [[[1, 0], [3, 4]]]   keys = [[[1000], [0]]]   v = [ln 3]   e = [[ln 3, 0]]
                alpha = [[3/4, 1/4]]   z = [[1.5, 1]]
                dz = [[1, 1]]   dalpha = [[0, 0]]   so alpha receives [[1, 7]] from (6), and de = [[-1.125, 1.125]]
                Find de for dalpha = [[6, 0]]. Why must it be so?

Your task       1. attend_forward: call the three steps in order. Each returns its result and its cache.
                2. attend_backward: call the three backward functions in reverse. Trap: add the two gradients of alpha
                   before you go back through the softmax, not after it. Add them in a new array: `dalpha +=` would
                   change an argument.

Given           attention.score_forward(keys, h, W_h, v)      returns e, cache
                attention.score_backward(de, cache)           returns dkeys, dh, dW_h, dv
                softmax.softmax_forward(e)                    returns alpha, cache
                softmax.softmax_backward(dalpha, cache)       returns de
                attention.context_forward(alpha, a)           returns z, cache
                attention.context_backward(dz, cache)         returns dalpha, da
                You wrote them in exercises 11 and 4. Call them through their modules. The cache AttendCache holds the
                caches of the three steps, cache_score, cache_softmax and cache_context. It is packed and unpacked for
                you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import attention, softmax
from numpy_sat.layers.attention import AttendCache"""


def attend_cases(rng):
    """Return random annotations, and keys that are independent of them."""
    return random_cases(rng, a="NLD", keys="NLA", h="BS", W_h="SA", v="A")


def attend_forward_cases(rng):
    """Return the cases of attend_cases, and one with scores in the thousands, whose exp would overflow."""
    cases = attend_cases(rng)
    return [*cases, {**cases[0], "v": 1000 * cases[0]["v"]}]


def attend_backward_cases(rng):
    """Return a random dz and dalpha for each forward case."""
    cases = []
    for inputs in attend_cases(rng):
        z, alpha, cache = attention.attend_forward(**inputs)
        dz, dalpha = rng.standard_normal(z.shape), rng.standard_normal(alpha.shape)
        cases.append({"dz": dz, "dalpha": dalpha, "cache": cache})
    return cases


SOFTMAX = "alpha, cache_softmax = softmax.softmax_forward(e)"
BACK = "softmax.softmax_backward(dalpha + dalpha_context, cache.softmax)"

ATTEND_MISTAKES = (
    Mistake(
        SOFTMAX,
        "alpha, cache_softmax = softmax.softmax_forward(e[..., None]); alpha = alpha[..., 0]",
        "the softmax goes over an axis of length 1, so all weights are 1",
    ),
    Mistake(
        SOFTMAX,
        "alpha = softmax.softmax_forward(e.T)[0].T.copy(); cache_softmax = softmax.SoftmaxCache(alpha)",
        "the softmax goes over the captions, not over the locations",
    ),
    Mistake(
        SOFTMAX,
        "alpha = np.exp(e - e.max()) / np.exp(e - e.max()).sum(); cache_softmax = softmax.SoftmaxCache(alpha)",
        "the softmax goes over the whole array, not over the locations of one caption",
    ),
    Mistake(
        SOFTMAX,
        "alpha = np.exp(e) / np.exp(e).sum(axis=1, keepdims=True); cache_softmax = softmax.SoftmaxCache(alpha)",
        "exp overflows where scores are large: softmax.softmax_forward subtracts the maximum first",
    ),
)

ATTEND_BACKWARD_MISTAKES = (
    Mistake(
        BACK,
        "(dalpha + dalpha_context) * cache.softmax.p * (1 - cache.softmax.p)",
        "p (1 - p) is only the diagonal of the softmax's derivative: every e_j affects every alpha_i",
    ),
    Mistake(
        BACK,
        "softmax.softmax_backward(dalpha_context, cache.softmax) + dalpha",
        "`dalpha` is added to de, but it is the gradient of alpha: add it before the softmax",
    ),
)


TASKS = (
    Task(
        attention,
        "attend_forward",
        attend_forward_cases,
        ("z", "alpha", "cache"),
        {
            "e": "(4) e = the scores of keys, h, W_h, v",
            "alpha": "(5) alpha_b = softmax(e_b) over the locations",
            "z": "(6) z_b = sum over i of alpha_bi a_i",
            "cache": "the cache is AttendCache(score, softmax, context), the caches of (4), (5), (6)",
        },
        mistakes=ATTEND_MISTAKES,
    ),
    Task(
        attention,
        "attend_backward",
        attend_backward_cases,
        ("da", "dkeys", "dh", "dW_h", "dv"),
        {
            "dalpha_context": "(6) dalpha_context_bi = a_i . dz_b, the gradient of alpha through the context",
            "da": "(6) da_i = sum over the captions b of the image of alpha_bi dz_b",
            "de": "(5) de = softmax_backward(dalpha + dalpha_context), because alpha has two uses",
            "dkeys": "(4) dkeys, dh, dW_h, dv = score_backward(de)",
            "dh": "(4) dkeys, dh, dW_h, dv = score_backward(de)",
            "dW_h": "(4) dkeys, dh, dW_h, dv = score_backward(de)",
            "dv": "(4) dkeys, dh, dW_h, dv = score_backward(de)",
        },
        mistakes=ATTEND_BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "attend_forward": (
        "Three lines, one for each equation. What does each pass to the next?",
        "e = score(keys, h, W_h, v);  alpha = softmax(e);  z = context(alpha, a)",
        "e and alpha are (B, L), z is (B, D). a is (N, L, D) and keys is (N, L, A): only the three functions combine "
        "images with captions.",
        "e, cache_score = attention.score_forward(keys, h, W_h, v); alpha, cache_softmax = "
        "softmax.softmax_forward(e); ...",
    ),
    "attend_backward": (
        "Which two uses does alpha have? Before which step must you add their gradients?",
        "de = softmax backward of (dalpha + the gradient of alpha through (6))",
        "dz is (B, D). dalpha, dalpha_context and de are (B, L). da is (N, L, D), dkeys (N, L, A), dh (B, S), dW_h "
        "(S, A), dv (A,).",
        "dalpha_context, da = attention.context_backward(dz, cache_context), then "
        "de = softmax.softmax_backward(dalpha + dalpha_context, cache_softmax), then attention.score_backward.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    scores = {"keys": np.array([[[1000.0], [0]]]), "h": np.zeros((1, 1)), "W_h": np.zeros((1, 1))}
    scores["v"] = np.array([np.log(3)])
    inputs = {"a": np.array([[[1.0, 0], [3, 4]]]), **scores}
    _, _, cache = attention.attend_forward(**inputs)
    gradients = {"dz": np.ones((1, 2)), "dalpha": np.zeros((1, 2)), "cache": cache}
    return [
        Example("attend_forward", inputs),
        Example("attend_backward", gradients),
        Example("attend_backward", {**gradients, "dalpha": np.array([[6.0, 0]])}),
    ]
