"""Soft attention"""

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.layers import attention

INTRO = """\
To learn: how the decoder attends to an image. Before each word, its hidden state h gives every location a score e. The
softmax turns the scores into weights alpha. The weighted mean of the annotations a_i is the context vector z.

    (4) e_bi = v . tanh(keys_i + query_b)        query_b = h_b W_h;  keys_i = W_a a_i + b_a, given
    (5) alpha_b = softmax(e_b) over locations    (6) z_b = sum over i of alpha_bi a_i       b a caption, i a location

The slides call "hello" the query and "ciao" the key, the reverse of common usage. In this code, as elsewhere, the
decoder's state gives the query. The locations give the keys, which are compared, and the values, which are read.

The B captions belong to the N images in order, B / N to each: caption b to image b // (B / N). So reshape the query
h @ W_h, (B, A), to (N, B / N, 1, A), and add keys[:, None]. Each is broadcast along the axis that it lacks. Its
gradient is a sum along this axis: dkeys over the captions of an image, dquery over locations.

attend_backward: alpha has two uses, (6) and, outside, the attention penalty of the loss. dalpha is the gradient from
outside. Add the gradient from (6) to it before you go back through the softmax.

The caches are ScoreCache(h, W_h, v, u), ContextCache(alpha, a) and AttendCache(score, softmax, context). u is the
second result of activations.tanh_forward(s), TanhCache(tanh(s)), of shape (N, B / N, L, A). AttendCache holds the
caches that score_forward, softmax.softmax_forward and context_forward return.

You may use activations.tanh_forward, tanh_backward(dy, cache.u), which is dy * (1 - y^2), softmax.softmax_forward
and softmax_backward. In attend, call your four other functions by name (each check uses the library's for the rest).

Predict before you run: N = B = 1, a = [[[1, 0], [3, 4]]], and v = 0. All scores are 0, so alpha = [[1/2, 1/2]] and z
is the mean annotation, [[2, 2]]. Now dz = [[1, 1]]. Which gradients do alpha and a receive from (6)?
([[1, 7]] for alpha, because dalpha_i = a_i . dz; find da yourself.)
Find de if dalpha = [[0, 0]], and if dalpha = [[6, 0]]. Why is the second one zero?"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import activations, softmax
from numpy_sat.layers.attention import AttendCache, ContextCache, ScoreCache"""

# N, B, L, D, S, A: three captions per image, no two sizes equal; one caption per image; as many equal as possible.
SIZES = [(2, 6, 5, 8, 4, 7), (3, 3, 4, 2, 5, 6), (3, 9, 3, 3, 3, 3)]


def random_cases(rng, **shapes):
    """Return a case of random arrays for each of SIZES. shapes: {argument: its axes, such as "NLA"}."""
    cases = []
    for numbers in SIZES:
        size = dict(zip("NBLDSA", numbers, strict=True))
        cases.append({name: rng.standard_normal([size[axis] for axis in axes]) for name, axes in shapes.items()})
    return cases


def score_cases(rng):
    """Return random keys, hidden states and weights."""
    return random_cases(rng, keys="NLA", h="BS", W_h="SA", v="A")


def score_backward_cases(rng):
    """Return a random de for each forward case."""
    cases = []
    for inputs in score_cases(rng):
        e, cache = attention.score_forward(**inputs)
        cases.append({"de": rng.standard_normal(e.shape), "cache": cache})
    return cases


def context_cases(rng):
    """Return random weights, which need not sum to 1, and annotations."""
    return random_cases(rng, alpha="BL", a="NLD")


def context_backward_cases(rng):
    """Return a random dz for each forward case."""
    cases = []
    for inputs in context_cases(rng):
        z, cache = attention.context_forward(**inputs)
        cases.append({"dz": rng.standard_normal(z.shape), "cache": cache})
    return cases


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
OTHER_IMAGE = "caption b belongs to image b // (B / N), not b mod N: the captions of one image are side by side"

SCORE_MISTAKES = (
    Mistake("e = (u @ v)", "e = ((keys[:, None] + query) @ v)", "the tanh is left out of the score"),
    Mistake("(h @ W_h).reshape(N, -1, 1, A)", "(h @ W_h).reshape(-1, N, 1, A).swapaxes(0, 1)", OTHER_IMAGE),
    Mistake(
        "activations.tanh_forward(keys[:, None] + query)",
        "(lambda y: (y + query, activations.TanhCache(y + query)))(np.tanh(keys[:, None]))",
        "the tanh is applied to keys alone; it belongs around the sum of keys and query",
    ),
    Mistake("(u @ v)", "u.sum(axis=-1)", "the factor `v` is missing"),
)

SCORE_BACKWARD_MISTAKES = (
    Mistake("du.sum(axis=1)", "du[:, 0].copy()", "only the first caption of the image counts, not the sum over all"),
    Mistake("du.sum(axis=1)", "du.reshape(-1, L, A)", "the sum over the captions of an image is missing"),
)

CONTEXT_MISTAKES = (Mistake("alpha.reshape(N, -1, L)", "alpha.reshape(-1, N, L).swapaxes(0, 1)", OTHER_IMAGE),)

CONTEXT_BACKWARD_MISTAKES = (
    Mistake("a.swapaxes(1, 2)", "a.reshape(N, D, L)", "`a` is reshaped where it should be transposed: swapaxes(1, 2)"),
    Mistake(
        "alpha.reshape(N, -1, L).swapaxes(1, 2)",
        "alpha.reshape(N, L, -1)",
        "`alpha` is reshaped where it should be transposed: swapaxes(1, 2)",
    ),
    Mistake(
        "swapaxes(1, 2) @ dz", "swapaxes(1, 2) @ dz / dz.shape[1]", "a mean over the captions where the sum belongs"
    ),
)

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
        "score_forward",
        score_cases,
        ("e", "cache"),
        {
            "query": "query_b = h_b W_h, one for each caption, the same for all locations of its image",
            "u": "u_bi = tanh(keys_i + query_b), with keys_i of the caption's image",
            "e": "(4) e_bi = v . tanh(keys_i + query_b), summed over the A components",
            "cache": "the cache is ScoreCache(h, W_h, v, u), with u of tanh(keys_i + query_b), (N, B / N, L, A)",
        },
        mistakes=SCORE_MISTAKES,
    ),
    Task(
        attention,
        "score_backward",
        score_backward_cases,
        ("dkeys", "dh", "dW_h", "dv"),
        {
            "u": "u = cache.u.y, the tanh of the forward pass",
            "de": "de reshaped to (N, B / N, L), like the axes of u",
            "dv": "(4) dv = sum over captions b and locations i of de_bi u_bi",
            "du": "(4) du_bi = de_bi v * (1 - u_bi^2), through v and then through the tanh",
            "dkeys": "dkeys_i = sum of du_bi over the captions b of the image",
            "dquery": "dquery_b = sum of du_bi over the locations i",
            "dW_h": "dW_h = h^T dquery, summed over the captions",
            "dh": "dh = dquery W_h^T",
        },
        mistakes=SCORE_BACKWARD_MISTAKES,
    ),
    Task(
        attention,
        "context_forward",
        context_cases,
        ("z", "cache"),
        {
            "z": "(6) z_b = sum over locations i of alpha_bi a_i, with a_i of the caption's image",
            "cache": "the cache is ContextCache(alpha, a)",
        },
        mistakes=CONTEXT_MISTAKES,
    ),
    Task(
        attention,
        "context_backward",
        context_backward_cases,
        ("dalpha", "da"),
        {
            "dz": "dz reshaped to (N, B / N, D)",
            "dalpha": "(6) dalpha_bi = a_i . dz_b, summed over the D components",
            "da": "(6) da_i = sum over the captions b of the image of alpha_bi dz_b",
        },
        mistakes=CONTEXT_BACKWARD_MISTAKES,
    ),
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
    "score_forward": (
        "Which of keys, query and v depends on the image, and which on the caption? Which axes does each of them need?",
        "e_bi = sum over k of v_k tanh(keys_ik + query_bk), query_b = h_b W_h, keys of image b // (B / N)",
        "query = (h @ W_h).reshape(N, -1, 1, A). keys[:, None] + query is (N, B / N, L, A). Its tanh @ v has no "
        "last axis; reshape(-1, L) gives (B, L).",
    ),
    "score_backward": (
        "keys_i is broadcast over the captions of its image, query_b over locations. What is a broadcast backward?",
        "du_bi = de_bi v * (1 - u_bi^2);  dkeys_i = sum over b of du_bi;  dquery_b = sum over i of du_bi;  "
        "dv = sum over b and i of de_bi u_bi",
        "With de as (N, B / N, L): du = activations.tanh_backward(de[..., None] * v, cache.u), dkeys = du.sum(axis=1), "
        "dquery = du.sum(axis=2).reshape(-1, A). Then dW_h = h.T @ dquery, dh = dquery @ W_h.T.",
    ),
    "context_forward": (
        "Which axis of alpha and of a is the location? How do you combine each caption with its own image only?",
        "z_b = sum over i of alpha_bi a_i, a of image b // (B / N)",
        "alpha.reshape(N, -1, L) @ a multiplies (B / N, L) by (L, D) image by image; then reshape to (B, D).",
    ),
    "context_backward": (
        "What does alpha_bi multiply, and what does a_i? How many captions' z contain one a_i?",
        "dalpha_bi = sum over d of a_id dz_bd;  da_i = sum over the image's captions b of alpha_bi dz_b",
        "With dz as (N, B / N, D) and alpha as (N, B / N, L): dalpha = dz @ a.swapaxes(1, 2), reshaped to (B, L); "
        "da = alpha.swapaxes(1, 2) @ dz.",
    ),
    "attend_forward": (
        "Three lines, one for each equation. What does each pass to the next?",
        "e = score(keys, h, W_h, v);  alpha = softmax(e);  z = context(alpha, a)",
        "e, cache_score = score_forward(keys, h, W_h, v); alpha, cache_softmax = softmax.softmax_forward(e); ...",
    ),
    "attend_backward": (
        "Which two uses does alpha have? Before which step must you add their gradients?",
        "de = softmax backward of (dalpha + the gradient of alpha through (6))",
        "dalpha_context, da = context_backward(dz, cache.context), then "
        "de = softmax.softmax_backward(dalpha + dalpha_context, cache.softmax), then score_backward.",
    ),
}
