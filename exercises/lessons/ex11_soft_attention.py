"""Soft attention, score and context"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import attention

FACTS = Facts(difficulty=3, minutes=75, builds_on=(3,), chapter="soft_attention")

INTRO = """\
Goal            Let the decoder look at an image. Before each word, its hidden state h gives every location a score e.
                The softmax turns the scores into weights alpha. The weighted mean of the annotations a_i is the context
                z. Here you write the first and the last of these steps. Exercise 28 joins all three.

Equations       (4) e_bi = v . tanh(keys_i + query_b)        (B, L)      query_b = h_b W_h; keys_i is an input
                (6) z_b  = sum over i of alpha_bi a_i        (B, D)      caption b, location i of its image
                In (4), every caption of an image meets every location. Each array is stretched along the axis that it
                lacks, and its gradient is a sum along this axis. One image with 2 captions and 3 locations:
                               location 1   location 2   location 3
                caption 1      k1 + q1      k2 + q1      k3 + q1     ---> dquery_1     sums along the rows
                caption 2      k1 + q2      k2 + q2      k3 + q2     ---> dquery_2     (over locations)
                               dkeys_1      dkeys_2      dkeys_3     sums down the columns (over the image's captions)

Worked example  Score:    keys = [[[ln 2], [ln 3]]]   h = [[1], [2]]   W_h = [[0]]   v = [5]   e = [[3, 4], [3, 4]]
                          because tanh(ln 2) = 0.6 and tanh(ln 3) = 0.8
                          de = [[1, 2], [3, 4]]   dkeys = [[[12.8], [10.8]]]      Find dv and dW_h. Why is dh zero?
                Context:  a = [[[1, 0], [3, 4]]]   alpha = [[1/2, 1/2]]   z = [[2, 2]]
                          dz = [[1, 1]]   dalpha = [[1, 7]]                   Find da.

Your task       1. score_forward: reshape the query, (B, A), to (N, B / N, 1, A), and add keys[:, None]. Trap: caption b
                   belongs to image b // (B / N). The captions of an image are side by side.
                2. score_backward: go back through v and the tanh, then compute the two sums of the drawing.
                3. context_forward: compute (6), each caption with its own image. @ multiplies stacks of matrices.
                4. context_backward: compute dalpha and da. Trap: an annotation is read by all captions of its image.

Given           Call u, cache_u = activations.tanh_forward(s), where s and u are (N, B / N, L, A). tanh_backward(dy,
                cache_u) is dy * (1 - u^2). The caches are packed and unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import activations
from numpy_sat.layers.attention import ContextCache, ScoreCache"""

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
    Mistake(
        "keys[:, None] + query)",
        "(np.tile(keys, (len(h) // N, 1, 1)) + query.reshape(-1, 1, A)).reshape(N, -1, L, A))",
        OTHER_IMAGE,
    ),
)

SCORE_BACKWARD_MISTAKES = (
    Mistake(
        "dsum.sum(axis=1)", "dsum[:, 0].copy()", "only the first caption of the image counts, not the sum over all"
    ),
    Mistake("dsum.sum(axis=1)", "dsum.reshape(-1, L, A)", "the sum over the captions of an image is missing"),
    Mistake("dsum.sum(axis=1)", "dsum.reshape(-1, N, L, A).sum(axis=0)", OTHER_IMAGE),
)

CONTEXT_MISTAKES = (
    Mistake(
        "(alpha.reshape(N, -1, L) @ a).reshape(-1, D)",
        "alpha @ a",
        "every caption with every image: a caption reads the annotation vectors of its own image alone",
    ),
    Mistake(
        "(alpha.reshape(N, -1, L) @ a).reshape(-1, D)",
        "np.einsum('bl,nld->bd', alpha, a)",
        "a sum over all images: a caption reads the annotation vectors of its own image alone",
    ),
    Mistake("alpha.reshape(N, -1, L)", "alpha.reshape(-1, N, L).swapaxes(0, 1)", OTHER_IMAGE),
    Mistake(
        "(alpha.reshape(N, -1, L) @ a)",
        "np.einsum('bl,bld->bd', alpha, np.tile(a, (len(alpha) // N, 1, 1)))",
        OTHER_IMAGE,
    ),
)

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
    Mistake(
        "alpha.reshape(N, -1, L).swapaxes(1, 2) @ dz",
        "alpha[..., None] * dz.reshape(-1, 1, D)",
        "the sum over the captions of an image is missing",
    ),
    Mistake(
        "dz @ a.swapaxes(1, 2)",
        "np.einsum('bd,bld->bl', dz.reshape(-1, D), np.tile(a, (len(alpha) // N, 1, 1)))",
        OTHER_IMAGE,
    ),
    Mistake(
        "alpha.reshape(N, -1, L).swapaxes(1, 2) @ dz",
        "np.einsum('jnl,jnd->nld', alpha.reshape(-1, N, L), dz.reshape(-1, N, D))",
        OTHER_IMAGE,
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
            "du": "(4) du_bi = de_bi v, the gradient of u",
            "dsum": "(4) dsum_bi = du_bi * (1 - u_bi^2), through the tanh to the sum keys_i + query_b",
            "dkeys": "dkeys_i = sum of dsum_bi over the captions b of the image",
            "dquery": "dquery_b = sum of dsum_bi over the locations i",
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
)

HINTS = {
    "score_forward": (
        "Which of keys, query and v depends on the image, and which on the caption? Which axes does each of them need?",
        "e_bi = sum over k of v_k tanh(keys_ik + query_bk), query_b = h_b W_h, keys of image b // (B / N)",
        "keys is (N, L, A), as (N, 1, L, A). query is h W_h, (B, A), as (N, B / N, 1, A). Their sum and u are (N, B / "
        "N, L, A). @ v, (A,), leaves (N, B / N, L): as rows, e is (B, L).",
        "query = (h @ W_h).reshape(N, -1, 1, A). keys[:, None] + query is (N, B / N, L, A). Its tanh @ v has no "
        "last axis; reshape(-1, L) gives (B, L).",
    ),
    "score_backward": (
        "keys_i is broadcast over the captions of its image, query_b over locations. What is a broadcast backward?",
        "du_bi = de_bi v;  dsum_bi = du_bi * (1 - u_bi^2);  dkeys_i = sum over b of dsum_bi;  dquery_b = sum over i of "
        "dsum_bi;  dv = sum over b and i of de_bi u_bi",
        "de as (N, B / N, L), with a new last axis, times v, (A,), is (N, B / N, L, A), as u. dkeys, (N, L, A), lacks "
        "the axis of captions; dquery, (B, A), the axis of locations; dv, (A,), all three. dW_h is (S, B) (B, A).",
        "With de as (N, B / N, L): dsum = activations.tanh_backward(de[..., None] * v, cache_u), dkeys = "
        "dsum.sum(axis=1), dquery = dsum.sum(axis=2).reshape(-1, A). Then dW_h = h.T @ dquery, dh = dquery @ W_h.T.",
    ),
    "context_forward": (
        "Which axis of alpha and of a is the location? How do you combine each caption with its own image only?",
        "z_b = sum over i of alpha_bi a_i, a of image b // (B / N)",
        "alpha is (B, L), as (N, B / N, L). a is (N, L, D). Image by image, (B / N, L) (L, D) gives (N, B / N, D): as "
        "rows, z is (B, D).",
        "alpha.reshape(N, -1, L) @ a multiplies (B / N, L) by (L, D) image by image; then reshape to (B, D).",
    ),
    "context_backward": (
        "What does alpha_bi multiply, and what does a_i? How many captions' z contain one a_i?",
        "dalpha_bi = sum over d of a_id dz_bd;  da_i = sum over the image's captions b of alpha_bi dz_b",
        "dz as (N, B / N, D) times a with swapped axes, (N, D, L), is (N, B / N, L): as rows, dalpha is (B, L). alpha "
        "as (N, L, B / N) times dz is (N, L, D), as da.",
        "With dz as (N, B / N, D) and alpha as (N, B / N, L): dalpha = dz @ a.swapaxes(1, 2), reshaped to (B, L); "
        "da = alpha.swapaxes(1, 2) @ dz.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    keys = np.log([[[2.0], [3]]])
    scores = {"keys": keys, "h": np.array([[1.0], [2]]), "W_h": np.zeros((1, 1)), "v": np.array([5.0])}
    context = {"alpha": np.array([[0.5, 0.5]]), "a": np.array([[[1.0, 0], [3, 4]]])}
    _, score_cache = attention.score_forward(**scores)
    _, context_cache = attention.context_forward(**context)
    return [
        Example("score_forward", scores),
        Example("score_backward", {"de": np.array([[1.0, 2], [3, 4]]), "cache": score_cache}),
        Example("context_forward", context),
        Example("context_backward", {"dz": np.ones((1, 2)), "cache": context_cache}),
    ]
