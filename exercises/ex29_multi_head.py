"""Exercise 29: Multi-head attention                (difficulty 2 of 3, about 30 minutes; builds on exercises 21 and 28)

To learn: how several heads work as one attention. Exercise 21 computes the scores and the contexts of all heads.

    (4) e = score of every head            dot_attention.score_forward and score_backward
    (5) alpha = softmax(e) of every head   softmax.softmax_forward and softmax_backward
    (6) z = context of every head          dot_attention.context_forward and context_backward

attend_forward returns one alpha for the attention penalty, (B, L): the mean over the heads. The gradient of this mean,
dalpha, goes to every head, divided by the number of heads.

The cache is AttendCache(score, softmax, context), the caches of (4), softmax.softmax_forward and (6).

Predict before you run: N = B = 1, two heads with K = 1, h = [[1]], both W_q = [[1]], a = [[[4], [8]]]. The first head's
keys are [ln 3, 0], the second's [0, ln 3]. So the alphas are [3/4, 1/4] and [1/4, 3/4]. What does their mean hide?
With W_v = [[1]] and [[10]], z is [[5, 70]]. Now dz = [[1, 0]] and dalpha = 0. For the first head, de = [-3/4, 3/4].
What is it for the second head? Find dh.
If dz = 0 and dalpha = [[2, 0]], which dalpha does each head have, and which de?
Run             python -m exercises check 29      python -m exercises hint 29
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
