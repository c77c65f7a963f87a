"""Scaled dot-product attention"""

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.layers import dot_attention

INTRO = """\
To learn: queries, keys and values, the attention of today's language models (Vaswani et al. 2017). The score of
exercise 11 is a small network with a tanh. Here the score is a dot product. For one head:

    query_b = h_b W_q        keys_i = a_i W_k, given                       values_i = a_i W_v
    (4) e_bi = query_b . keys_i / sqrt(K)     (5) alpha_b = softmax(e_b)     (6) z_b = sum over i of alpha_bi values_i

A sum of K products is about sqrt(K) times as large as one of them. The division keeps the scores from growing with K.

The slides call "hello" the query and "ciao" the key, the reverse of common usage. The decoder is about to write "ciao":
its hidden state gives the query. "hello" is read: its key is compared with the query, and its value is what z receives.

Several heads: one alpha attends mostly to one location. So each head has K numbers and separate matrices, and attends
to other locations: W_q is (heads, S, K), W_v (heads, D, K), keys (heads, N, L, K), e and each head's alpha (heads, B,
L). z, (B, heads K), holds the results side by side: first the K numbers of head 0, then those of head 1, and so on.
attend_forward returns one alpha for the attention penalty, (B, L): the mean over the heads. The gradient of this mean,
dalpha, goes to every head, divided by the number of heads. @ multiplies stacks: h @ W_q is (heads, B, K).
(6) is linear, so the order is free. Average the annotations first, seen_b = sum over i of alpha_bi a_i, (heads, B, D).
Then W_v multiplies one vector per caption instead of one per location: z_b = seen_b W_v. Caption b belongs to image
b // (B / N).

The caches are ScoreCache(keys, h, W_q, query), with query as (heads, N, B / N, K); ContextCache(alpha, a, W_v, seen);
and AttendCache(score, softmax, context), the caches of (4), softmax.softmax_forward and (6). You may use
softmax.softmax_forward and softmax_backward. In attend, call your four other functions by name.

Predict before you run: N = B = 1, two heads with K = 1, h = [[1]], both W_q = [[1]], a = [[[4], [8]]]. The first head's
keys are [ln 3, 0], the second's [0, ln 3]. So the alphas are [3/4, 1/4] and [1/4, 3/4]. What does their mean hide?
With W_v = [[1]] and [[10]], z is [[5, 70]]. Now dz = [[1, 0]] and dalpha = 0. For the first head, de = [-3/4, 3/4] and
dW_v = [[5]]; da = [[3/4], [1/4]]. What are the gradients of the second head? Find dh.
If dz = 0 and dalpha = [[2, 0]], which dalpha does each head have, and which de?"""

IMPORTS = """\
import math

import numpy as np

from numpy_sat.layers import softmax
from numpy_sat.layers.dot_attention import AttendCache, ContextCache, ScoreCache"""

# heads, N, B, L, D, S, K: no two sizes equal; one head, one image; one caption per image; as many equal as possible.
SIZES = [(3, 2, 8, 5, 9, 6, 7), (1, 1, 3, 4, 5, 6, 2), (2, 3, 3, 4, 2, 5, 6), (3, 3, 9, 3, 3, 3, 3)]


def random_cases(rng, **shapes):
    """Return a case of random arrays for each of SIZES. shapes: {argument: its axes, such as "GNLK", G for heads}."""
    cases = []
    for numbers in SIZES:
        size = dict(zip("GNBLDSK", numbers, strict=True))
        cases.append({name: rng.standard_normal([size[axis] for axis in axes]) for name, axes in shapes.items()})
    return cases


def score_cases(rng):
    """Return random keys, hidden states and weights."""
    return random_cases(rng, keys="GNLK", h="BS", W_q="GSK")


def score_backward_cases(rng):
    """Return a random de for each forward case."""
    cases = []
    for inputs in score_cases(rng):
        e, cache = dot_attention.score_forward(**inputs)
        cases.append({"de": rng.standard_normal(e.shape), "cache": cache})
    return cases


def context_cases(rng):
    """Return random weights, which need not sum to 1, annotations and matrices."""
    return random_cases(rng, alpha="GBL", a="NLD", W_v="GDK")


def context_backward_cases(rng):
    """Return a random dz for each forward case."""
    cases = []
    for inputs in context_cases(rng):
        z, cache = dot_attention.context_forward(**inputs)
        cases.append({"dz": rng.standard_normal(z.shape), "cache": cache})
    return cases


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


OTHER_IMAGE = "caption b belongs to image b // (B / N), not b mod N: the captions of one image are side by side"
BY_ROOT_A = "divided by sqrt(heads K), the root for all heads together, where sqrt(K), for one head, belongs"
ROOT = "/ math.sqrt(K)"

SCORE_MISTAKES = (
    Mistake(ROOT, "/ K", "divided by K where its root belongs"),
    Mistake(ROOT, "* math.sqrt(K)", "multiplied by sqrt(K) instead of divided by it"),
    Mistake(ROOT, "/ math.sqrt(heads * K)", BY_ROOT_A),
    Mistake(ROOT, "/ math.sqrt(h.shape[1])", "divided by the root of S where K, the size of query and key, belongs"),
    Mistake(ROOT, "/ math.sqrt(heads)", "divided by the root of the number of heads where K belongs"),
    Mistake(ROOT, "/ math.sqrt(L)", "divided by the root of the number of locations where K belongs"),
    Mistake(
        "(h @ W_q).reshape(heads, N, B // N, K)",
        "(h @ W_q).reshape(heads, B // N, N, K).swapaxes(1, 2)",
        OTHER_IMAGE,
    ),
    Mistake("(h @ W_q)", "(h @ W_q[:1]).repeat(heads, axis=0)", "every head uses the first head's W_q"),
)

SCORE_BACKWARD_MISTAKES = (
    Mistake(ROOT, "/ K", "divided by K where its root belongs"),
    Mistake(ROOT, "* math.sqrt(K)", "multiplied by sqrt(K) instead of divided by it"),
    Mistake(ROOT, "/ math.sqrt(heads * K)", BY_ROOT_A),
    Mistake("(dproduct @ keys)", "(dproduct @ keys / math.sqrt(K))", "divided by sqrt(K) twice"),
    Mistake(
        "dproduct.swapaxes(2, 3) @ query", "dproduct.swapaxes(2, 3) @ query / math.sqrt(K)", "divided by sqrt(K) twice"
    ),
    Mistake(
        "dproduct.swapaxes(2, 3) @ query",
        "dproduct.swapaxes(2, 3) @ query * math.sqrt(K)",
        "the division by sqrt(K) is missing: the product of key and query is divided by it",
    ),
    Mistake(
        "dproduct.swapaxes(2, 3) @ query",
        "dproduct.reshape(heads, N, L, B // N) @ query",
        "`de` is reshaped where it should be transposed: swapaxes(2, 3)",
    ),
    Mistake("de.reshape(heads, N, B // N, L)", "de.reshape(heads, B // N, N, L).swapaxes(1, 2)", OTHER_IMAGE),
    Mistake(".sum(axis=0)", "[0].copy()", "only the first head counts: the query of every head comes from h"),
)

CONTEXT_MISTAKES = (
    Mistake("(seen @ W_v)", "(seen @ W_v[:1].repeat(heads, axis=0))", "every head uses the first head's W_v"),
    Mistake("alpha.reshape(heads, N, B // N, L)", "alpha.reshape(heads, B // N, N, L).swapaxes(1, 2)", OTHER_IMAGE),
    Mistake(
        ".swapaxes(0, 1).reshape(B, heads * K)",
        ".transpose(1, 2, 0).reshape(B, heads * K)",
        "in z, the heads' numbers are interleaved; the K numbers of one head must be side by side",
    ),
    Mistake(
        ".swapaxes(0, 1).reshape(B, heads * K)",
        ".reshape(B, heads * K)",
        "reshape alone mixes up the captions: the caption axis must come first, swapaxes(0, 1)",
    ),
)

CONTEXT_BACKWARD_MISTAKES = (
    Mistake(
        "dz.reshape(B, heads, K).swapaxes(0, 1)",
        "dz.reshape(heads, B, K)",
        "reshape alone mixes up the captions: reshape dz to (B, heads, K), then swapaxes(0, 1)",
    ),
    Mistake(
        "dz.reshape(B, heads, K).swapaxes(0, 1)",
        "dz.reshape(B, K, heads).transpose(2, 0, 1)",
        "dz is split as if the heads' numbers were interleaved, but those of one head are side by side",
    ),
    Mistake(
        "(dseen @ a.swapaxes(1, 2))",
        "(dseen @ a.reshape(N, D, L))",
        "`a` is reshaped where it should be transposed: swapaxes(1, 2)",
    ),
    Mistake(
        "alpha.reshape(heads, N, B // N, L).swapaxes(2, 3) @ dseen).sum(axis=0)",
        "alpha.reshape(heads, N, B // N, L).swapaxes(2, 3) @ dseen)[0].copy()",
        "only the first head counts: every head reads the same annotations",
    ),
)

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
        "score_forward",
        score_cases,
        ("e", "cache"),
        {
            "query": "query_b = h_b W_q of every head, (heads, B, K) reshaped to (heads, N, B / N, K)",
            "e": "(4) e_bi = query_b . keys_i / sqrt(K) of every head, with keys_i of the caption's image",
            "cache": "the cache is ScoreCache(keys, h, W_q, query), with query as (heads, N, B / N, K)",
        },
        mistakes=SCORE_MISTAKES,
    ),
    Task(
        dot_attention,
        "score_backward",
        score_backward_cases,
        ("dkeys", "dh", "dW_q"),
        {
            "dproduct": "dproduct_bi = de_bi / sqrt(K), the gradient of query_b . keys_i",
            "dkeys": "(4) dkeys_i = sum over the captions b of the image of de_bi / sqrt(K) query_b",
            "dquery": "(4) dquery_b = sum over the locations i of de_bi / sqrt(K) keys_i",
            "dW_q": "dW_q = h^T dquery of every head, summed over the captions",
            "dh": "dh = dquery W_q^T, summed over the heads, because the query of each comes from h",
        },
        mistakes=SCORE_BACKWARD_MISTAKES,
    ),
    Task(
        dot_attention,
        "context_forward",
        context_cases,
        ("z", "cache"),
        {
            "seen": "seen_b = sum over locations i of alpha_bi a_i of every head, with a_i of the caption's image",
            "z": "(6) z_b = seen_b W_v of every head, the heads side by side",
            "cache": "the cache is ContextCache(alpha, a, W_v, seen)",
        },
        mistakes=CONTEXT_MISTAKES,
    ),
    Task(
        dot_attention,
        "context_backward",
        context_backward_cases,
        ("dalpha", "da", "dW_v"),
        {
            "dz": "dz split by heads, (heads, B, K)",
            "dW_v": "(6) dW_v = seen^T dz of every head, summed over the captions",
            "dseen": "(6) dseen_b = dz_b W_v^T of every head",
            "dalpha": "(6) dalpha_bi = a_i . dseen_b, summed over the D components",
            "da": "(6) da_i = sum over the heads and the captions b of the image of alpha_bi dseen_b",
        },
        mistakes=CONTEXT_BACKWARD_MISTAKES,
    ),
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
    "score_forward": (
        "Which captions use which keys? Which axes must query and keys share, so that @ pairs them?",
        "e_bi = sum over k of query_bk keys_ik / sqrt(K), query_b = h_b W_q, keys of image b // (B / N)",
        "query = (h @ W_q).reshape(heads, N, B // N, K); query @ keys.swapaxes(2, 3) is (heads, N, B / N, L). Divide "
        "by math.sqrt(K), a Python float, which keeps float32. np.sqrt(K) would not.",
    ),
    "score_backward": (
        "e_bi is a product of two vectors, divided by a constant. What is the gradient of each? Which heads use h?",
        "dkeys_i = sum over b of de_bi query_b / sqrt(K);  dquery_b = sum over i of de_bi keys_i / sqrt(K);  "
        "dh = sum over the heads of dquery W_q^T",
        "With dproduct = de.reshape(heads, N, B // N, L) / math.sqrt(K): dkeys = dproduct.swapaxes(2, 3) @ query, "
        "dquery = (dproduct @ keys).reshape(heads, B, K), dW_q = h.T @ dquery, dh = (dquery @ W_q.swapaxes(1, 2))"
        ".sum(axis=0).",
    ),
    "context_forward": (
        "How do you combine each caption with its own image only? Which comes first in z: head or component?",
        "seen_b = sum over i of alpha_bi a_i, a of image b // (B / N);  z_b = the heads' seen_b W_v, side by side",
        "seen = alpha.reshape(heads, N, B // N, L) @ a, reshaped to (heads, B, D); seen @ W_v is (heads, B, K); "
        "swapaxes(0, 1) makes it (B, heads, K), and reshape(B, heads * K) gives z.",
    ),
    "context_backward": (
        "Undo the forward's last step first: which numbers of dz belong to head g? How many heads use one a_i?",
        "dW_v = seen^T dz;  dseen = dz W_v^T;  dalpha_bi = a_i . dseen_b;  "
        "da_i = sum over the heads and the image's captions b of alpha_bi dseen_b",
        "dz = dz.reshape(B, heads, K).swapaxes(0, 1); with dseen as (heads, N, B / N, D) dalpha = dseen @ "
        "a.swapaxes(1, 2), and da = (alpha.reshape(heads, N, B // N, L).swapaxes(2, 3) @ dseen).sum(axis=0).",
    ),
    "attend_forward": (
        "Three lines, one for each equation. What does each pass to the next, and which alpha do you return?",
        "e = score(keys, h, W_q);  alpha = softmax(e);  z = context(alpha, a, W_v);  return the mean alpha over heads",
        "e, cache_score = score_forward(keys, h, W_q); alpha, cache_softmax = softmax.softmax_forward(e); ... and "
        "return alpha.mean(axis=0).",
    ),
    "attend_backward": (
        "Which two uses does a head's alpha have? What is the derivative of a mean of three numbers by each of them?",
        "de = softmax backward of (the gradient of each head's alpha through (6) + dalpha / heads)",
        "dalpha_context, da, dW_v = context_backward(dz, cache.context), then de = softmax.softmax_backward("
        "dalpha_context + dalpha / heads, cache.softmax) with heads = len(dalpha_context), then score_backward.",
    ),
}
