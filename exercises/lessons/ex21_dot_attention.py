"""Scaled dot-product attention"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import dot_attention

FACTS = Facts(difficulty=3, minutes=75, builds_on=(11,), chapter="from_show_and_tell_to_attention")

INTRO = """\
Goal            Write the attention of today's language models (Vaswani et al. 2017), with queries, keys and values. In
                exercise 11, a score is a small network with a tanh. Here it is a dot product. Several heads attend to
                several places at once.

Equations       For each head, with its own matrices and K numbers:
                query_b = h_b W_q                               (heads, B, K)    keys_i = a_i W_k: (heads, N, L, K)
                (4) e_bi   = query_b . keys_i / sqrt(K)         (heads, B, L)    keys are given
                    seen_b = sum over i of alpha_bi a_i         (heads, B, D)
                (6) z_b    = seen_b W_v                         (B, heads K)     the heads side by side
                A sum of K products is about sqrt(K) times as large as one of them, and the division undoes that. The
                values of a location are a_i W_v. (6) averages first, because then W_v multiplies one vector per
                caption, not one per location.

Worked example  N = B = 1, two heads with K = 1. The decoder's h is the query; the locations are the keys and values.
                h = [[1]]   W_q = [[[1]], [[1]]]   keys = [[[[ln 3], [0]]], [[[0], [ln 3]]]]
                de = [[[1, -1]], [[0, 0]]]:   dkeys of head 0 is [[[1], [-1]]]                Find dh.
                a = [[[4], [8]]]   alpha = [[[3/4, 1/4]], [[1/4, 3/4]]]   W_v = [[[1]], [[10]]]   z = [[5, 70]]
                dz = [[1, 0]]:   dW_v of head 0 is 5, and da = [[[3/4], [1/4]]]
                Find e of both heads and dalpha. What are the gradients of head 1?

Your task       1. score_forward: @ multiplies stacks: h @ W_q is (heads, B, K). Reshape it to (heads, N, B / N, K).
                2. score_backward. Trap: the query of every head comes from h, so dh is a sum over heads.
                3. context_forward. Trap: the K numbers of one head stand side by side in z, so move the axes before you
                   reshape.
                4. context_backward. Trap: every head reads a, so da is a sum over heads and over the captions of the
                   image.

Given           math.sqrt(K), a Python float, keeps float32. Caption b belongs to image b // (B / N). The caches are
                packed and unpacked for you; `query` in the cache is (heads, N, B / N, K), and `seen` (heads, B, D).
"""

IMPORTS = """\
import math

import numpy as np

from numpy_sat.layers.dot_attention import ContextCache, ScoreCache"""

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
    Mistake(
        "query @ keys.swapaxes(2, 3)",
        "np.einsum('hbk,hblk->hbl', query.reshape(heads, B, K), np.tile(keys, (1, B // N, 1, 1)))",
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
        "(alpha.reshape(heads, N, B // N, L) @ a)",
        "np.einsum('hbl,bld->hbd', alpha, np.tile(a, (B // N, 1, 1)))",
        OTHER_IMAGE,
    ),
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
)

HINTS = {
    "score_forward": (
        "Which captions use which keys? Which axes must query and keys share, so that @ pairs them?",
        "e_bi = sum over k of query_bk keys_ik / sqrt(K), query_b = h_b W_q, keys of image b // (B / N)",
        "query is h W_q, (B, S) times (heads, S, K): (heads, B, K), as (heads, N, B / N, K). keys is (heads, N, L, "
        "K), with swapped axes (heads, N, K, L). The product is (heads, N, B / N, L): e is (heads, B, L).",
        "query = (h @ W_q).reshape(heads, N, B // N, K); query @ keys.swapaxes(2, 3) is (heads, N, B / N, L). Divide "
        "by math.sqrt(K), a Python float, which keeps float32. np.sqrt(K) would not.",
    ),
    "score_backward": (
        "e_bi is a product of two vectors, divided by a constant. What is the gradient of each? Which heads use h?",
        "dkeys_i = sum over b of de_bi query_b / sqrt(K);  dquery_b = sum over i of de_bi keys_i / sqrt(K);  "
        "dh = sum over the heads of dquery W_q^T",
        "de as (heads, N, B / N, L) times keys, (heads, N, L, K), is dquery, (heads, N, B / N, K). With its axes "
        "swapped, times query, it is dkeys, (heads, N, L, K). dW_q is (S, B) times (heads, B, K); dh, (B, S), is "
        "summed over heads.",
        "With dproduct = de.reshape(heads, N, B // N, L) / math.sqrt(K): dkeys = dproduct.swapaxes(2, 3) @ query, "
        "dquery = (dproduct @ keys).reshape(heads, B, K), dW_q = h.T @ dquery, dh = (dquery @ W_q.swapaxes(1, 2))"
        ".sum(axis=0).",
    ),
    "context_forward": (
        "How do you combine each caption with its own image only? Which comes first in z: head or component?",
        "seen_b = sum over i of alpha_bi a_i, a of image b // (B / N);  z_b = the heads' seen_b W_v, side by side",
        "alpha as (heads, N, B / N, L) times a, (N, L, D), is seen, (heads, N, B / N, D), as (heads, B, D). seen W_v "
        "is (heads, B, K). z is (B, heads K), so B comes first: swap before you reshape.",
        "seen = alpha.reshape(heads, N, B // N, L) @ a, reshaped to (heads, B, D); seen @ W_v is (heads, B, K); "
        "swapaxes(0, 1) makes it (B, heads, K), and reshape(B, heads * K) gives z.",
    ),
    "context_backward": (
        "Undo the forward's last step first: which numbers of dz belong to head g? How many heads use one a_i?",
        "dW_v = seen^T dz;  dseen = dz W_v^T;  dalpha_bi = a_i . dseen_b;  "
        "da_i = sum over the heads and the image's captions b of alpha_bi dseen_b",
        "dz, (B, heads K), as (B, heads, K) and swapped, is (heads, B, K). dW_v is (heads, D, B) (heads, B, K). dseen "
        "is (heads, B, D), dalpha is (heads, B, L). da is (N, L, D): captions and heads are summed over.",
        "dz = dz.reshape(B, heads, K).swapaxes(0, 1); with dseen as (heads, N, B / N, D) dalpha = dseen @ "
        "a.swapaxes(1, 2), and da = (alpha.reshape(heads, N, B // N, L).swapaxes(2, 3) @ dseen).sum(axis=0).",
    ),
}


def pencil():
    """Return the worked example of the page."""
    ln3 = np.log(3)
    scores = {"keys": np.array([[[[ln3], [0]]], [[[0], [ln3]]]]), "h": np.ones((1, 1)), "W_q": np.ones((2, 1, 1))}
    alpha, a = np.array([[[3 / 4, 1 / 4]], [[1 / 4, 3 / 4]]]), np.array([[[4.0], [8]]])
    context = {"alpha": alpha, "a": a, "W_v": np.array([[[1.0]], [[10]]])}
    _, cache_score = dot_attention.score_forward(**scores)
    de = np.array([[[1.0, -1]], [[0, 0]]])
    _, cache = dot_attention.context_forward(**context)
    return [
        Example("score_forward", scores),
        Example("score_backward", {"de": de, "cache": cache_score}),
        Example("context_forward", context),
        Example("context_backward", {"dz": np.array([[1.0, 0]]), "cache": cache}),
    ]
