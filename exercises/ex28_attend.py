"""Exercise 28: Soft attention, all three steps      (difficulty 2 of 3, about 30 minutes; builds on exercises 4 and 11)

Goal            Join the three steps of soft attention: score, softmax, mean. You meet an array with two uses: alpha
                makes the context, and the attention penalty of exercise 13 reads it too.

Equations       (4) e_bi    = v . tanh(keys_i + h_b W_h)         (B, L)     attention.score_forward, score_backward
                (5) alpha_b = softmax(e_b) over locations        (B, L)     softmax.softmax_forward, softmax_backward
                (6) z_b     = sum over i of alpha_bi a_i         (B, D)     attention.context_forward, context_backward

                dz ---> (6) ---> dalpha from (6) ---> + ---> (5) ---> de ---> (4) ---> dkeys, dh, dW_h, dv
                         |                             ^
                         +---> da                      dalpha, the argument: from the penalty

Worked example  N = B = 1, with h W_h = 0, and tanh(1000) = 1:
                a = [[[1, 0], [3, 4]]]   keys = [[[1000], [0]]]   v = [ln 3]   e = [[ln 3, 0]]
                alpha = [[3/4, 1/4]]   z = [[1.5, 1]]
                dz = [[1, 1]]   dalpha = [[0, 0]]   so alpha receives [[1, 7]] from (6), and de = [[-1.125, 1.125]]
                Find de for dalpha = [[6, 0]]. Why must it be so?

Your task       1. attend_forward: call the three steps in order. Each returns its result and its cache.
                2. attend_backward: call the three backward functions in reverse. Trap: add the two gradients of alpha
                   before you go back through the softmax, not after it. Add them in a new array: `dalpha +=` would
                   change an argument.

Given           attention.score_forward(keys, h, W_h, v)      returns e, cache
                attention.score_backward(de, cache)           returns dkeys, dh, dW_h, dv
                softmax.softmax_forward(e)                    returns alpha, cache
                softmax.softmax_backward(dalpha, cache)       returns de
                attention.context_forward(alpha, a)           returns z, cache
                attention.context_backward(dz, cache)         returns dalpha, da
                You wrote them in exercises 11 and 4. Call them through their modules. The cache AttendCache holds the
                caches of the three steps, cache_score, cache_softmax and cache_context. It is packed and unpacked for
                you.

Run             python -m exercises check 28   python -m exercises hint 28   python -m exercises check 28 --pencil
Read            exercises/chapters/soft_attention.md: the longer story, with figures
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
