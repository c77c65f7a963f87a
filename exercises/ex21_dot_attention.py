"""Exercise 21: Scaled dot-product attention                (difficulty 3 of 3, about 75 minutes; builds on exercise 11)

To learn: queries, keys and values, the attention of today's language models (Vaswani et al. 2017). The score of
exercise 11 is a small network with a tanh. Here the score is a dot product. For one head:

    query_b = h_b W_q        keys_i = a_i W_k, given                       values_i = a_i W_v
    (4) e_bi = query_b . keys_i / sqrt(K)                 (6) z_b = sum over i of alpha_bi values_i

A sum of K products is about sqrt(K) times as large as one of them. The division keeps the scores from growing with K.

Several heads: one alpha attends mostly to one location. So each head has K numbers and separate matrices, and attends
to other locations: W_q is (heads, S, K), W_v (heads, D, K), keys (heads, N, L, K), e and each head's alpha (heads, B,
L). z, (B, heads K), holds the results side by side: first the K numbers of head 0, then those of head 1, and so on.
@ multiplies stacks: h @ W_q is (heads, B, K).
(6) is linear, so the order is free. Average the annotations first, seen_b = sum over i of alpha_bi a_i, (heads, B, D).
Then W_v multiplies one vector per caption instead of one per location: z_b = seen_b W_v. Caption b belongs to image
b // (B / N).

The caches are ScoreCache(keys, h, W_q, query), with query as (heads, N, B / N, K), and ContextCache(alpha, a, W_v,
seen).

Predict before you run: N = B = 1, two heads with K = 1, a = [[[4], [8]]]. The alphas are [3/4, 1/4] and [1/4, 3/4].
With W_v = [[1]] and [[10]], z is [[5, 70]]. Now dz = [[1, 0]]. For the first head, dW_v = [[5]]; da = [[3/4], [1/4]].
What are the gradients of the second head?
Run             python -m exercises check 21      python -m exercises hint 21
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
