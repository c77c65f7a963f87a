"""Exercise 21: Scaled dot-product attention                (difficulty 3 of 3, about 75 minutes; builds on exercise 11)

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

Run             python -m exercises check 21   python -m exercises hint 21   python -m exercises check 21 --pencil
Read            exercises/chapters/from_show_and_tell_to_attention.md: the longer story, with figures
"""

import math

import numpy as np

from numpy_sat.layers.dot_attention import ContextCache, ScoreCache


def score_forward(keys, h, W_q):
    """Score every location for the next word of each caption, for every head (equation 4).

    Args:
        keys: (heads, N, L, K) a_i W_k of every location, computed once per image.
        h: (B, S) hidden states before the word; B / N consecutive captions belong to each image.
        W_q: (heads, S, K) projections of the hidden state.
    Returns:
        e: (heads, B, L) scores.
        cache: what score_backward needs.
    """
    raise NotImplementedError("exercise 21: score_forward")
    return e, ScoreCache(keys, h, W_q, query)


def score_backward(de, cache):
    """Compute the gradients of score_forward.

    Args:
        de: (heads, B, L) gradient of the scores.
        cache: from score_forward.
    Returns:
        dkeys: (heads, N, L, K).
        dh: (B, S).
        dW_q: (heads, S, K).
    """
    keys, h, W_q, query = cache
    raise NotImplementedError("exercise 21: score_backward")


def context_forward(alpha, a, W_v):
    """Compute the context vectors of all heads and concatenate them (equation 6).

    The annotations are summed before they are multiplied by W_v. The result is the same, and W_v multiplies one vector
    per caption instead of one per location.

    Args:
        alpha: (heads, B, L) attention weights; B / N consecutive captions belong to each image.
        a: (N, L, D) annotation vectors.
        W_v: (heads, D, K) projections of the annotations.
    Returns:
        z: (B, heads K) context vectors.
        cache: what context_backward needs.
    """
    raise NotImplementedError("exercise 21: context_forward")
    return z, ContextCache(alpha, a, W_v, seen)


def context_backward(dz, cache):
    """Compute the gradients of context_forward.

    Args:
        dz: (B, heads K) gradient of the context vectors.
        cache: from context_forward.
    Returns:
        dalpha: (heads, B, L).
        da: (N, L, D).
        dW_v: (heads, D, K).
    """
    alpha, a, W_v, seen = cache
    raise NotImplementedError("exercise 21: context_backward")
