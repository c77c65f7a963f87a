"""Soft attention"""

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.layers import attention

INTRO = """\
To learn: how the decoder looks. Before each word its state h asks every location of the image how useful it is.
The answers are scores e, the softmax makes them shares alpha, and the shares mix the annotations a_i into one z.

    (4) e_bi = v . tanh(keys_i + query_b)        query_b = h_b W_h;  keys_i = W_a a_i + b_a, given, once an image
    (5) alpha_b = softmax(e_b) over locations    (6) z_b = sum over i of alpha_bi a_i       b a caption, i a location

The slides call "hello" the query and "ciao" the key, the reverse of common usage. Here as elsewhere who asks has the
query, the decoder's state; who answers has keys (by which it is found) and values (what it gives): the locations.

The B captions belong to the N images in order, B / N to each: caption b to image b // (B / N). So the query
h @ W_h, (B, A), as (N, B / N, 1, A) meets keys, (N, L, A), as keys[:, None]. Each is stretched along the axis that it
lacks, and its gradient is a sum along just that axis: dkeys over the captions of an image, dquery over locations.

attend_backward: alpha has two readers, (6) and, outside, the penalty of the loss. dalpha is what comes from outside;
what comes from (6) is added to it before the softmax is gone back through.

The caches are ScoreCache(h, W_h, v, u), u the cache that activations.tanh_forward returns beside tanh(s), which is
TanhCache(tanh(s)), of shape (N, B / N, L, A); ContextCache(alpha, a); and AttendCache(score, softmax, context), the
three caches that score_forward, softmax.softmax_forward and context_forward return. Put them in as they come.

You may use activations.tanh_forward, tanh_backward(dy, cache.u), which is dy * (1 - y^2), softmax.softmax_forward
and softmax_backward; and in attend your four others, by their names (each function is judged with ours for the rest).

Predict before you run: N = B = 1, a = [[[1, 0], [3, 4]]], and v = 0. All scores are 0, so alpha = [[1/2, 1/2]] and z
is the mean annotation, [[2, 2]]. Now dz = [[1, 1]]. What does (6) send to alpha, what to a?
([[1, 7]] to alpha, as alpha_i counts a_i . dz; find da yourself.)
Find de if dalpha = [[0, 0]], and if dalpha = [[6, 0]]. Why is the second one zero?"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import activations, softmax
from numpy_sat.layers.attention import AttendCache, ContextCache, ScoreCache"""

# N, B, L, D, S, A: three captions an image and no two sizes equal; one caption an image; all that can be equal is.
SIZES = [(2, 6, 5, 8, 4, 7), (3, 3, 4, 2, 5, 6), (3, 9, 3, 3, 3, 3)]


def random_cases(rng, **shapes):
    """A case for each of SIZES. shapes: {argument: its axes, as "NLA"}."""
    cases = []
    for numbers in SIZES:
        size = dict(zip("NBLDSA", numbers, strict=True))
        cases.append({name: rng.standard_normal([size[axis] for axis in axes]) for name, axes in shapes.items()})
    return cases


def score_cases(rng):
    """Random keys, states and weights."""
    return random_cases(rng, keys="NLA", h="BS", W_h="SA", v="A")


def score_backward_cases(rng):
    """Return a random de for each forward case."""
    cases = []
    for inputs in score_cases(rng):
        e, cache = attention.score_forward(**inputs)
        cases.append({"de": rng.standard_normal(e.shape), "cache": cache})
    return cases


def context_cases(rng):
    """Any weights, which need not sum to 1."""
    return random_cases(rng, alpha="BL", a="NLD")


def context_backward_cases(rng):
    """Return a random dz for each forward case."""
    cases = []
    for inputs in context_cases(rng):
        z, cache = attention.context_forward(**inputs)
        cases.append({"dz": rng.standard_normal(z.shape), "cache": cache})
    return cases


def attend_cases(rng):
    """Random annotations, and keys that are not made from them."""
    return random_cases(rng, a="NLD", keys="NLA", h="BS", W_h="SA", v="A")


def attend_forward_cases(rng):
    """These, and scores in the thousands, whose exp would overflow."""
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
OTHER_IMAGE = "caption b is taken to image b mod N; those of one image stand side by side: b // (B / N)"

SCORE_MISTAKES = (
    Mistake("e = (u @ v)", "e = ((keys[:, None] + query) @ v)", "the tanh is left out of the score"),
    Mistake("(h @ W_h).reshape(N, -1, 1, A)", "(h @ W_h).reshape(-1, N, 1, A).swapaxes(0, 1)", OTHER_IMAGE),
    Mistake(
        "activations.tanh_forward(keys[:, None] + query)",
        "(lambda y: (y + query, activations.TanhCache(y + query)))(np.tanh(keys[:, None]))",
        "the tanh is of keys alone; it belongs around the sum with the query",
    ),
    Mistake("(u @ v)", "u.sum(axis=-1)", "the factor `v` is missing"),
)

SCORE_BACKWARD_MISTAKES = (
    Mistake("du.sum(axis=1)", "du[:, 0].copy()", "the first caption of the image stands in for the sum over all"),
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
        "the softmax goes over an axis of length 1, so that all shares are 1",
    ),
    Mistake(
        SOFTMAX,
        "alpha = softmax.softmax_forward(e.T)[0].T.copy(); cache_softmax = softmax.SoftmaxCache(alpha)",
        "the softmax goes over the captions where it should go over the locations",
    ),
    Mistake(
        SOFTMAX,
        "alpha = np.exp(e - e.max()) / np.exp(e - e.max()).sum(); cache_softmax = softmax.SoftmaxCache(alpha)",
        "the softmax goes over everything where it should go over the locations of one caption",
    ),
    Mistake(
        SOFTMAX,
        "alpha = np.exp(e) / np.exp(e).sum(axis=1, keepdims=True); cache_softmax = softmax.SoftmaxCache(alpha)",
        "exp overflows where scores are large: softmax.softmax_forward takes off the maximum first",
    ),
)

ATTEND_BACKWARD_MISTAKES = (
    Mistake(
        BACK,
        "(dalpha + dalpha_context) * cache.softmax.p * (1 - cache.softmax.p)",
        "p (1 - p) is only the diagonal of the softmax's derivative: every e_j moves every alpha_i",
    ),
    Mistake(
        BACK,
        "softmax.softmax_backward(dalpha_context, cache.softmax) + dalpha",
        "`dalpha` is added to de, behind the softmax; it is alpha's",
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
            "u": "u_bi = tanh(keys_i + query_b), keys_i those of the caption's own image",
            "e": "(4) e_bi = v . tanh(keys_i + query_b), summed over the A components",
            "cache": "the cache is ScoreCache(h, W_h, v, u), u the cache of tanh(keys_i + query_b), (N, B / N, L, A)",
        },
        mistakes=SCORE_MISTAKES,
    ),
    Task(
        attention,
        "score_backward",
        score_backward_cases,
        ("dkeys", "dh", "dW_h", "dv"),
        {
            "u": "u = cache.u.y, the tanh of the forward",
            "de": "de reshaped to (N, B / N, L), as u has its axes",
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
            "z": "(6) z_b = sum over locations i of alpha_bi a_i, a_i those of the caption's own image",
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
            "dalpha_context": "(6) dalpha_context_bi = a_i . dz_b, what the context sends to alpha",
            "da": "(6) da_i = sum over the captions b of the image of alpha_bi dz_b",
            "de": "(5) de = back through the softmax of dalpha + dalpha_context, both sides that alpha goes to",
            "dkeys": "(4) dkeys, dh, dW_h, dv = back through the score of de",
            "dh": "(4) dkeys, dh, dW_h, dv = back through the score of de",
            "dW_h": "(4) dkeys, dh, dW_h, dv = back through the score of de",
            "dv": "(4) dkeys, dh, dW_h, dv = back through the score of de",
        },
        mistakes=ATTEND_BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "score_forward": (
        "Which of keys, query and v depends on the image, which on the caption? So which axes must each be given?",
        "e_bi = sum over k of v_k tanh(keys_ik + query_bk), query_b = h_b W_h, keys of image b // (B / N)",
        "query = (h @ W_h).reshape(N, -1, 1, A). keys[:, None] + query is (N, B / N, L, A); its tanh @ v loses the "
        "last axis, and reshape(-1, L) makes (B, L) of it.",
    ),
    "score_backward": (
        "keys_i was stretched over the captions of its image, query_b over locations. What is a stretch backward?",
        "du_bi = de_bi v * (1 - u_bi^2);  dkeys_i = sum over b of du_bi;  dquery_b = sum over i of du_bi;  "
        "dv = sum over b and i of de_bi u_bi",
        "With de as (N, B / N, L): du = activations.tanh_backward(de[..., None] * v, cache.u), dkeys = du.sum(axis=1), "
        "dquery = du.sum(axis=2).reshape(-1, A). Then dW_h = h.T @ dquery, dh = dquery @ W_h.T.",
    ),
    "context_forward": (
        "Which axis of alpha and of a is the location? How does a caption meet its own image only?",
        "z_b = sum over i of alpha_bi a_i, a of image b // (B / N)",
        "alpha.reshape(N, -1, L) @ a multiplies (B / N, L) by (L, D) image by image; then reshape to (B, D).",
    ),
    "context_backward": (
        "What does alpha_bi multiply, and what does a_i? In how many captions' z does one a_i take part?",
        "dalpha_bi = sum over d of a_id dz_bd;  da_i = sum over the image's captions b of alpha_bi dz_b",
        "With dz as (N, B / N, D) and alpha as (N, B / N, L): dalpha = dz @ a.swapaxes(1, 2), reshaped to (B, L); "
        "da = alpha.swapaxes(1, 2) @ dz.",
    ),
    "attend_forward": (
        "Three lines, one for each equation. What does each give to the next?",
        "e = score(keys, h, W_h, v);  alpha = softmax(e);  z = context(alpha, a)",
        "e, cache_score = score_forward(keys, h, W_h, v); alpha, cache_softmax = softmax.softmax_forward(e); ...",
    ),
    "attend_backward": (
        "Who reads alpha? How many gradients come back to it, and where must they be together?",
        "de = softmax backward of (dalpha + what (6) sends to alpha)",
        "dalpha_context, da = context_backward(dz, cache.context), then "
        "de = softmax.softmax_backward(dalpha + dalpha_context, cache.softmax), then score_backward.",
    ),
}
