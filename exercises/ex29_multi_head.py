"""Exercise 29: Multi-head attention                (difficulty 2 of 3, about 30 minutes; builds on exercises 21 and 28)

Goal            Let several heads work as one attention. You join score, softmax and context of exercise 21. One new
                thing comes in: the attention penalty reads one map per word, the mean over the heads. So each head's
                alpha has two uses.

Equations       (4) e      = score of every head         (heads, B, L)  dot_attention.score_forward, score_backward
                (5) alpha  = softmax(e) over locations   (heads, B, L)  softmax.softmax_forward, softmax_backward
                (6) z      = context of every head       (B, heads K)   dot_attention.context_forward, context_backward
                    result = mean of alpha over heads    (B, L)         returned as alpha; dalpha is its gradient

Worked example  N = B = 1, two heads with K = 1, h = [[1]], both W_q = [[1]], a = [[[4], [8]]], W_v = [[1]] and [[10]]:
                keys = [[[[ln 3], [0]]], [[[0], [ln 3]]]]   z = [[5, 70]]   alpha = [[1/2, 1/2]]
                The heads have the alphas [3/4, 1/4] and [1/4, 3/4]. What does their mean hide?
                dz = [[1, 0]]   dalpha = [[0, 0]]   de of head 0 is [-3/4, 3/4]           Find dh.
                If dz = 0 and dalpha = [[2, 0]], which dalpha does each head have, and which de?

Your task       1. attend_forward: call the three steps; return z and the mean of alpha over the heads.
                2. attend_backward: call the three steps in reverse. Trap: dalpha goes to every head, divided by the
                   number of heads. Add it before the softmax.

Given           dot_attention.score_forward(keys, h, W_q)         returns e, cache
                dot_attention.score_backward(de, cache)           returns dkeys, dh, dW_q
                softmax.softmax_forward(e)                        returns alpha, cache
                softmax.softmax_backward(dalpha, cache)           returns de
                dot_attention.context_forward(alpha, a, W_v)      returns z, cache
                dot_attention.context_backward(dz, cache)         returns dalpha, da, dW_v
                Call them through their modules. The cache AttendCache holds the caches of the three steps. It is packed
                and unpacked for you. Its softmax has the alpha of every head.

Run             python -m exercises check 29   python -m exercises hint 29   python -m exercises check 29 --pencil
Read            exercises/chapters/from_show_and_tell_to_attention.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.layers import dot_attention, softmax
from numpy_sat.layers.dot_attention import AttendCache


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
    raise NotImplementedError("exercise 29: attend_forward")
    return z, alpha, AttendCache(cache_score, cache_softmax, cache_context)


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
    cache_score, cache_softmax, cache_context = cache
    raise NotImplementedError("exercise 29: attend_backward")
