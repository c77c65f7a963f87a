"""Exercise 11: Soft attention, score and context            (difficulty 3 of 3, about 75 minutes; builds on exercise 3)

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

Run             python -m exercises check 11   python -m exercises hint 11   python -m exercises check 11 --pencil
Read            exercises/chapters/soft_attention.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.layers import activations
from numpy_sat.layers.attention import ContextCache, ScoreCache


def score_forward(keys, h, W_h, v):
    """Score every location for the next word of each caption (equation 4).

    Args:
        keys: (N, L, A) W_a a_i + b_a of every location, computed once per image.
        h: (B, S) hidden states before the word; B / N consecutive captions belong to each image.
        W_h: (S, A) projection of the hidden state.
        v: (A,) scoring vector.
    Returns:
        e: (B, L) scores.
        cache: what score_backward needs.
    """
    raise NotImplementedError("exercise 11: score_forward")
    return e, ScoreCache(h, W_h, v, cache_u)


def score_backward(de, cache):
    """Compute the gradients of score_forward.

    Args:
        de: (B, L) gradient of the scores.
        cache: from score_forward.
    Returns:
        dkeys: (N, L, A).
        dh: (B, S).
        dW_h: (S, A).
        dv: (A,).
    """
    h, W_h, v, cache_u = cache
    u = cache_u.y
    raise NotImplementedError("exercise 11: score_backward")


def context_forward(alpha, a):
    """Compute the context vectors of soft attention (equation 6).

    Args:
        alpha: (B, L) attention weights; B / N consecutive captions belong to each image.
        a: (N, L, D) annotation vectors.
    Returns:
        z: (B, D) context vectors.
        cache: what context_backward needs.
    """
    raise NotImplementedError("exercise 11: context_forward")
    return z, ContextCache(alpha, a)


def context_backward(dz, cache):
    """Compute the gradients of context_forward.

    Args:
        dz: (B, D) gradient of the context vectors.
        cache: from context_forward.
    Returns:
        dalpha: (B, L).
        da: (N, L, D).
    """
    alpha, a = cache
    raise NotImplementedError("exercise 11: context_backward")
