"""Exercise 28: Soft attention, all three steps      (difficulty 2 of 3, about 30 minutes; builds on exercises 4 and 11)

To learn: how the three steps of soft attention become one. Before each word, the hidden state h gives every location a
score e. The softmax turns the scores into weights alpha. The weighted mean of the annotations a_i is the context z.

    (4) e_bi = v . tanh(keys_i + h_b W_h)        attention.score_forward and score_backward, exercise 11
    (5) alpha_b = softmax(e_b) over locations    softmax.softmax_forward and softmax_backward, exercise 4
    (6) z_b = sum over i of alpha_bi a_i         attention.context_forward and context_backward, exercise 11

attend_backward: alpha has two uses, (6) and, outside, the attention penalty of the loss. dalpha is the gradient from
outside. Add the gradient from (6) to it before you go back through the softmax.

The cache is AttendCache(score, softmax, context). It holds the caches that score_forward, softmax_forward and
context_forward return.

Predict before you run: N = B = 1, a = [[[1, 0], [3, 4]]], and v = 0. All scores are 0, so alpha = [[1/2, 1/2]] and z
is the mean annotation, [[2, 2]]. Now dz = [[1, 1]], so alpha receives [[1, 7]] from (6).
Find de if dalpha = [[0, 0]], and if dalpha = [[6, 0]]. Why is the second one zero?
Run             python -m exercises check 28      python -m exercises hint 28
"""

import numpy as np

from numpy_sat.layers import attention, softmax
from numpy_sat.layers.attention import AttendCache


def attend_forward(a, keys, h, W_h, v):
    """Compute the context vectors and the attention weights (equations 4 to 6).

    Args:
        a: (N, L, D) annotation vectors.
        keys: (N, L, A) W_a a_i + b_a of every location, computed once per image.
        h: (B, S) hidden states before the word; B / N consecutive captions belong to each image.
        W_h: (S, A) projection of the hidden state.
        v: (A,) scoring vector.
    Returns:
        z: (B, D) context vectors.
        alpha: (B, L) attention weights; each row sums to 1.
        cache: what attend_backward needs.
    """
    raise NotImplementedError("exercise 28: attend_forward")
    return z, alpha, AttendCache(cache_score, cache_softmax, cache_context)


def attend_backward(dz, dalpha, cache):
    """Compute the gradients of attend_forward.

    Args:
        dz: (B, D) gradient of the context vectors.
        dalpha: (B, L) gradient of the returned attention weights, for example from the attention penalty.
        cache: from attend_forward.
    Returns:
        da: (N, L, D).
        dkeys: (N, L, A).
        dh: (B, S).
        dW_h: (S, A).
        dv: (A,).
    """
    cache_score, cache_softmax, cache_context = cache
    raise NotImplementedError("exercise 28: attend_backward")
