"""Exercise 21: Scaled dot-product attention.

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
And if dz = 0 and dalpha = [[2, 0]]: which dalpha does each head get, and which de?
"""

import math

import numpy as np

from numpy_sat.layers import softmax
from numpy_sat.layers.dot_attention import AttendCache, ContextCache, ScoreCache


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
    raise NotImplementedError("exercise 21: context_backward")


def attend_forward(a, keys, h, W_q, W_v):
    """Compute the context vectors and the attention weights of all heads (equations 4 to 6).

    Args:
        a: (N, L, D) annotation vectors.
        keys: (heads, N, L, K) a_i W_k of every location, computed once per image.
        h: (B, S) hidden states before the word; B / N consecutive captions belong to each image.
        W_q: (heads, S, K) projections of the hidden state.
        W_v: (heads, D, K) projections of the annotations.
    Returns:
        z: (B, heads K) context vectors, those of the heads concatenated.
        alpha: (B, L) mean of the heads' attention weights; each row sums to 1.
        cache: what attend_backward needs.
    """
    raise NotImplementedError("exercise 21: attend_forward")


def attend_backward(dz, dalpha, cache):
    """Compute the gradients of attend_forward.

    Args:
        dz: (B, heads K) gradient of the context vectors.
        dalpha: (B, L) gradient of the returned mean weights, for example from the attention penalty.
        cache: from attend_forward.
    Returns:
        da: (N, L, D).
        dkeys: (heads, N, L, K).
        dh: (B, S).
        dW_q: (heads, S, K).
        dW_v: (heads, D, K).
    """
    raise NotImplementedError("exercise 21: attend_backward")
