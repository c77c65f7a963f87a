"""Scaled dot-product attention"""

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.layers import dot_attention

INTRO = """\
To learn: queries, keys and values, the attention of today's language models (Vaswani et al. 2017). Exercise 11's
score is a small net with a tanh; this one asks how far two vectors point the same way. Of one head:

    query_b = h_b W_q        keys_i = a_i W_k, given, once an image        values_i = a_i W_v
    (4) e_bi = query_b . keys_i / sqrt(K)     (5) alpha_b = softmax(e_b)     (6) z_b = sum over i of alpha_bi values_i

A sum of K products is about sqrt(K) times as large as one of them: divided by that, scores do not grow with K.

The slides call "hello" the query and "ciao" the key, the reverse of common usage. "ciao" is about to be written: its
decoder's state asks, so it has the query. "hello" is looked at: by its key it is found, and its value is what it gives.

Several heads: one alpha looks mostly at one place. So each head has K numbers and matrices of its own, and looks where
it will: W_q is (heads, S, K), W_v (heads, D, K), keys (heads, N, L, K), e and each head's alpha (heads, B, L). In z,
(B, heads K), stands what they found side by side: first the K numbers of head 0, then those of head 1, and so on.
attend_forward shows outside, where the penalty is, one alpha, (B, L): the heads' mean. What comes back to that mean,
dalpha, is every head's, divided by the number of heads. @ multiplies stacks: h @ W_q is (heads, B, K).
(6) is linear, so its order is free: mix the annotations first, seen_b = sum over i of alpha_bi a_i, (heads, B, D), and
W_v multiplies one vector a caption, not one a location: z_b = seen_b W_v. Caption b belongs to image b // (B / N).

The caches are ScoreCache(keys, h, W_q, query), query as (heads, N, B / N, K); ContextCache(alpha, a, W_v, seen); and
AttendCache(score, softmax, context), the caches of (4), softmax.softmax_forward and (6). You may use
softmax.softmax_forward and softmax_backward; and in attend your four others, by their names.

Predict before you run: N = B = 1, two heads with K = 1, h = [[1]], both W_q = [[1]], a = [[[4], [8]]]; the first head's
keys are [ln 3, 0], the second's [0, ln 3]. So the alphas are [3/4, 1/4] and [1/4, 3/4]: what does their mean tell?
With W_v = [[1]] and [[10]] z is [[5, 70]]. Now dz = [[1, 0]] and dalpha = 0: of the first head de = [-3/4, 3/4], and
dW_v = [[5]]; da = [[3/4], [1/4]]. What reaches the second head? Find dh.
And if dz = 0 and dalpha = [[2, 0]]: which dalpha does each head get, and which de?"""

IMPORTS = """\
import math

import numpy as np

from numpy_sat.layers import softmax
from numpy_sat.layers.dot_attention import AttendCache, ContextCache, ScoreCache"""

# heads, N, B, L, D, S, K: no two sizes equal; one head, one image; one caption an image; all that can be is equal.
SIZES = [(3, 2, 8, 5, 9, 6, 7), (1, 1, 3, 4, 5, 6, 2), (2, 3, 3, 4, 2, 5, 6), (3, 3, 9, 3, 3, 3, 3)]


def random_cases(rng, **shapes):
    """A case for each of SIZES. shapes: {argument: its axes, G the heads', as "GNLK"}."""
    cases = []
    for numbers in SIZES:
        size = dict(zip("GNBLDSK", numbers, strict=True))
        cases.append({name: rng.standard_normal([size[axis] for axis in axes]) for name, axes in shapes.items()})
    return cases


def score_cases(rng):
    """Random keys, states and weights."""
    return random_cases(rng, keys="GNLK", h="BS", W_q="GSK")


def score_backward_cases(rng):
    """Return a random de for each forward case."""
    cases = []
    for inputs in score_cases(rng):
        e, cache = dot_attention.score_forward(**inputs)
        cases.append({"de": rng.standard_normal(e.shape), "cache": cache})
    return cases


def context_cases(rng):
    """Any weights, which need not sum to 1."""
    return random_cases(rng, alpha="GBL", a="NLD", W_v="GDK")


def context_backward_cases(rng):
    """Return a random dz for each forward case."""
    cases = []
    for inputs in context_cases(rng):
        z, cache = dot_attention.context_forward(**inputs)
        cases.append({"dz": rng.standard_normal(z.shape), "cache": cache})
    return cases


def attend_cases(rng):
    """Random annotations, and keys that are not made from them."""
    return random_cases(rng, a="NLD", keys="GNLK", h="BS", W_q="GSK", W_v="GDK")


def attend_forward_cases(rng):
    """These, and scores in the thousands, whose exp would overflow."""
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


OTHER_IMAGE = "caption b is taken to image b mod N; those of one image stand side by side: b // (B / N)"
BY_ROOT_A = "divided by sqrt(heads K), of all heads together, where sqrt(K), of one, belongs"
ROOT = "/ math.sqrt(K)"

SCORE_MISTAKES = (
    Mistake(ROOT, "/ K", "divided by K, where its root belongs"),
    Mistake(ROOT, "* math.sqrt(K)", "multiplied by sqrt(K), where it divides"),
    Mistake(ROOT, "/ math.sqrt(heads * K)", BY_ROOT_A),
    Mistake(ROOT, "/ math.sqrt(h.shape[1])", "divided by the root of S, where K, the size of query and key, belongs"),
    Mistake(ROOT, "/ math.sqrt(heads)", "divided by the root of the number of heads, where K belongs"),
    Mistake(ROOT, "/ math.sqrt(L)", "divided by the root of the number of locations, where K belongs"),
    Mistake(
        "(h @ W_q).reshape(heads, N, B // N, K)",
        "(h @ W_q).reshape(heads, B // N, N, K).swapaxes(1, 2)",
        OTHER_IMAGE,
    ),
    Mistake("(h @ W_q)", "(h @ W_q[:1]).repeat(heads, axis=0)", "every head asks by the first head's W_q"),
)

SCORE_BACKWARD_MISTAKES = (
    Mistake(ROOT, "/ K", "divided by K, where its root belongs"),
    Mistake(ROOT, "* math.sqrt(K)", "multiplied by sqrt(K), where it divides"),
    Mistake(ROOT, "/ math.sqrt(heads * K)", BY_ROOT_A),
    Mistake("(dproduct @ keys)", "(dproduct @ keys / math.sqrt(K))", "divided by sqrt(K) twice"),
    Mistake(
        "dproduct.swapaxes(2, 3) @ query", "dproduct.swapaxes(2, 3) @ query / math.sqrt(K)", "divided by sqrt(K) twice"
    ),
    Mistake(
        "dproduct.swapaxes(2, 3) @ query",
        "dproduct.swapaxes(2, 3) @ query * math.sqrt(K)",
        "the division by sqrt(K) is missing: the key has met the query in a product that was divided by it",
    ),
    Mistake(
        "dproduct.swapaxes(2, 3) @ query",
        "dproduct.reshape(heads, N, L, B // N) @ query",
        "`de` is reshaped where it should be transposed: swapaxes(2, 3)",
    ),
    Mistake("de.reshape(heads, N, B // N, L)", "de.reshape(heads, B // N, N, L).swapaxes(1, 2)", OTHER_IMAGE),
    Mistake(".sum(axis=0)", "[0].copy()", "only the first head counts: h has made the query of every head"),
)

CONTEXT_MISTAKES = (
    Mistake("(seen @ W_v)", "(seen @ W_v[:1].repeat(heads, axis=0))", "every head has the first head's W_v"),
    Mistake("alpha.reshape(heads, N, B // N, L)", "alpha.reshape(heads, B // N, N, L).swapaxes(1, 2)", OTHER_IMAGE),
    Mistake(
        ".swapaxes(0, 1).reshape(B, heads * K)",
        ".transpose(1, 2, 0).reshape(B, heads * K)",
        "in z the heads' numbers take turns; the K numbers of one head stand side by side",
    ),
    Mistake(
        ".swapaxes(0, 1).reshape(B, heads * K)",
        ".reshape(B, heads * K)",
        "reshape alone deals a caption's numbers out to others: the captions' axis must come first, swapaxes(0, 1)",
    ),
)

CONTEXT_BACKWARD_MISTAKES = (
    Mistake(
        "dz.reshape(B, heads, K).swapaxes(0, 1)",
        "dz.reshape(heads, B, K)",
        "reshape alone deals a caption's numbers out to others: dz is cut to (B, heads, K), then swapaxes(0, 1)",
    ),
    Mistake(
        "dz.reshape(B, heads, K).swapaxes(0, 1)",
        "dz.reshape(B, K, heads).transpose(2, 0, 1)",
        "dz is taken for one in which the heads' numbers take turns; those of one head stand side by side",
    ),
    Mistake(
        "(dseen @ a.swapaxes(1, 2))",
        "(dseen @ a.reshape(N, D, L))",
        "`a` is reshaped where it should be transposed: swapaxes(1, 2)",
    ),
    Mistake(
        "alpha.reshape(heads, N, B // N, L).swapaxes(2, 3) @ dseen).sum(axis=0)",
        "alpha.reshape(heads, N, B // N, L).swapaxes(2, 3) @ dseen)[0].copy()",
        "only the first head counts: every head has mixed the same annotations",
    ),
)

SOFTMAX = "alpha, cache_softmax = softmax.softmax_forward(e)"
MEAN = "alpha.mean(axis=0), AttendCache"

ATTEND_MISTAKES = (
    Mistake(
        SOFTMAX,
        "alpha = softmax.softmax_forward(e.swapaxes(0, 2))[0].swapaxes(0, 2).copy(); "
        "cache_softmax = softmax.SoftmaxCache(alpha)",
        "the softmax goes over the heads, where it should go over the locations",
    ),
    Mistake(
        SOFTMAX,
        "alpha = softmax.softmax_forward(e.swapaxes(1, 2))[0].swapaxes(1, 2).copy(); "
        "cache_softmax = softmax.SoftmaxCache(alpha)",
        "the softmax goes over the captions, where it should go over the locations",
    ),
    Mistake(
        SOFTMAX,
        "alpha = softmax.softmax_forward(e.mean(axis=0))[0] + 0 * e; cache_softmax = softmax.SoftmaxCache(alpha)",
        "the softmax is of the heads' mean score: every head has an alpha of its own",
    ),
    Mistake(
        SOFTMAX,
        "alpha = np.exp(e) / np.exp(e).sum(axis=2, keepdims=True); cache_softmax = softmax.SoftmaxCache(alpha)",
        "exp overflows where scores are large: softmax.softmax_forward takes off the maximum first",
    ),
    Mistake(MEAN, "alpha.sum(axis=0), AttendCache", "the heads' sum is returned for alpha, where their mean belongs"),
    Mistake(
        MEAN, "alpha.max(axis=0), AttendCache", "the heads' maximum is returned for alpha, where their mean belongs"
    ),
    Mistake(MEAN, "alpha[0].copy(), AttendCache", "the first head's alpha is returned, where the mean of all belongs"),
)

BACK = "softmax.softmax_backward(dalpha_context + dalpha_mean, cache.softmax)"

ATTEND_BACKWARD_MISTAKES = (
    Mistake(
        "dalpha / len(dalpha_context)", "dalpha", "the mean over heads has the derivative 1 / heads: it is missing"
    ),
    Mistake("dalpha / len(dalpha_context)", "dalpha * len(dalpha_context)", "multiplied by the number of heads"),
    Mistake(BACK, f"{BACK[:-1].replace(' + dalpha_mean', '')})", "`dalpha`, what comes from outside, is left out"),
    Mistake(
        BACK,
        "softmax.softmax_backward(dalpha_context, cache.softmax) + dalpha_mean",
        "`dalpha` is added to de, behind the softmax; it is alpha's",
    ),
    Mistake(
        BACK,
        "(dalpha_context + dalpha_mean) * cache.softmax.p * (1 - cache.softmax.p)",
        "p (1 - p) is only the diagonal of the softmax's derivative: every e_j moves every alpha_i",
    ),
    Mistake(
        "dalpha_mean = dalpha / len(dalpha_context)",
        "dalpha_mean = np.zeros_like(dalpha_context); dalpha_mean[0] = dalpha",
        "`dalpha` is given to the first head alone, where each gets its share",
    ),
)
ATTEND_BACKWARD = "(4) dkeys, dh, dW_q = back through the score of de"

TASKS = (
    Task(
        dot_attention,
        "score_forward",
        score_cases,
        ("e", "cache"),
        {
            "query": "query_b = h_b W_q of every head, (heads, B, K) as (heads, N, B / N, K)",
            "e": "(4) e_bi = query_b . keys_i / sqrt(K) of every head, keys_i those of the caption's own image",
            "cache": "the cache is ScoreCache(keys, h, W_q, query), query as (heads, N, B / N, K)",
        },
        mistakes=SCORE_MISTAKES,
    ),
    Task(
        dot_attention,
        "score_backward",
        score_backward_cases,
        ("dkeys", "dh", "dW_q"),
        {
            "dproduct": "dproduct_bi, of query_b . keys_i, = de_bi / sqrt(K)",
            "dkeys": "(4) dkeys_i = sum over the captions b of the image of de_bi / sqrt(K) query_b",
            "dquery": "(4) dquery_b = sum over the locations i of de_bi / sqrt(K) keys_i",
            "dW_q": "dW_q = h^T dquery of every head, summed over the captions",
            "dh": "dh = dquery W_q^T, summed over the heads, as h has made the query of each",
        },
        mistakes=SCORE_BACKWARD_MISTAKES,
    ),
    Task(
        dot_attention,
        "context_forward",
        context_cases,
        ("z", "cache"),
        {
            "seen": "seen_b = sum over locations i of alpha_bi a_i of every head, a_i of the caption's own image",
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
            "dz": "dz cut into what each head has written, (heads, B, K)",
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
            "alpha": "(5) alpha_b = softmax(e_b) over the locations, of every head; returned is the heads' mean",
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
            "dalpha_context": "(6) dalpha_context_bi = a_i . dseen_b, what the context sends to each head's alpha",
            "da": "(6) dalpha_context, da, dW_v = back through the context of dz",
            "dW_v": "(6) dalpha_context, da, dW_v = back through the context of dz",
            "dalpha_mean": "dalpha_mean = dalpha / heads, of every head: alpha outside is the heads' mean",
            "de": "(5) de = back through the softmax of dalpha_context + dalpha / heads, both sides that alpha goes to",
            "dkeys": ATTEND_BACKWARD,
            "dh": ATTEND_BACKWARD,
            "dW_q": ATTEND_BACKWARD,
        },
        mistakes=ATTEND_BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "score_forward": (
        "Which captions may meet which keys? Which axes must query and keys have in common, so that @ pairs them so?",
        "e_bi = sum over k of query_bk keys_ik / sqrt(K), query_b = h_b W_q, keys of image b // (B / N)",
        "query = (h @ W_q).reshape(heads, N, B // N, K); query @ keys.swapaxes(2, 3) is (heads, N, B / N, L). Divide "
        "by math.sqrt(K), a number of Python's, which leaves float32 as it is; np.sqrt(K) would not.",
    ),
    "score_backward": (
        "e_bi is a product of two vectors, divided by a constant. What does each of the vectors get? Who has used h?",
        "dkeys_i = sum over b of de_bi query_b / sqrt(K);  dquery_b = sum over i of de_bi keys_i / sqrt(K);  "
        "dh = sum over the heads of dquery W_q^T",
        "With dproduct = de.reshape(heads, N, B // N, L) / math.sqrt(K): dkeys = dproduct.swapaxes(2, 3) @ query, "
        "dquery = (dproduct @ keys).reshape(heads, B, K), dW_q = h.T @ dquery, dh = (dquery @ W_q.swapaxes(1, 2))"
        ".sum(axis=0).",
    ),
    "context_forward": (
        "How does a caption meet its own image only? In which order do z's numbers come: head or component first?",
        "seen_b = sum over i of alpha_bi a_i, a of image b // (B / N);  z_b = the heads' seen_b W_v, side by side",
        "alpha.reshape(heads, N, B // N, L) @ a, reshaped to (heads, B, D), is seen; seen @ W_v is (heads, B, K); "
        "swapaxes(0, 1) makes it (B, heads, K), and reshape(B, heads * K) what is asked for.",
    ),
    "context_backward": (
        "Undo the forward's last step first: which of dz's numbers are head g's? How many heads have used one a_i?",
        "dW_v = seen^T dz;  dseen = dz W_v^T;  dalpha_bi = a_i . dseen_b;  "
        "da_i = sum over the heads and the image's captions b of alpha_bi dseen_b",
        "dz = dz.reshape(B, heads, K).swapaxes(0, 1); with dseen as (heads, N, B / N, D) dalpha = dseen @ "
        "a.swapaxes(1, 2), and da = (alpha.reshape(heads, N, B // N, L).swapaxes(2, 3) @ dseen).sum(axis=0).",
    ),
    "attend_forward": (
        "Three lines, one for each equation. What does each give to the next, and what of alpha is shown outside?",
        "e = score(keys, h, W_q);  alpha = softmax(e);  z = context(alpha, a, W_v);  returned: the mean over heads",
        "e, cache_score = score_forward(keys, h, W_q); alpha, cache_softmax = softmax.softmax_forward(e); ... and "
        "alpha.mean(axis=0) is returned.",
    ),
    "attend_backward": (
        "Who reads a head's alpha? If the mean of three numbers is to grow by 1, what has each of them to do with it?",
        "de = softmax backward of (what (6) sends to each head's alpha + dalpha / heads)",
        "dalpha_context, da, dW_v = context_backward(dz, cache.context), then de = softmax.softmax_backward("
        "dalpha_context + dalpha / heads, cache.softmax), heads being len(dalpha_context), then score_backward.",
    ),
}
