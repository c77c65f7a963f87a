"""Exercise 11: Soft attention, score and context            (difficulty 3 of 3, about 75 minutes; builds on exercise 3)

To learn: how the decoder attends to an image. Before each word, its hidden state h gives every location a score e. The
softmax turns the scores into weights alpha. The weighted mean of the annotations a_i is the context vector z. Here you
write the first and the last of these steps; exercise 28 joins all three.

    (4) e_bi = v . tanh(keys_i + query_b)        query_b = h_b W_h;  keys_i = W_a a_i + b_a, given
    (6) z_b = sum over i of alpha_bi a_i         b a caption, i a location

In the usual terms, the decoder's state gives the query. The locations give the keys, which are compared, and the
values, which are read.

The B captions belong to the N images in order, B / N to each: caption b to image b // (B / N). So reshape the query
h @ W_h, (B, A), to (N, B / N, 1, A), and add keys[:, None]. Each is broadcast along the axis that it lacks. Its
gradient is a sum along this axis: dkeys over the captions of an image, dquery over locations.

The caches are ScoreCache(h, W_h, v, u) and ContextCache(alpha, a). u is the second result of
activations.tanh_forward(s), TanhCache(tanh(s)), of shape (N, B / N, L, A). You may use activations.tanh_forward and
tanh_backward(dy, cache.u), which is dy * (1 - y^2).

Predict before you run: N = B = 1, a = [[[1, 0], [3, 4]]], alpha = [[1/2, 1/2]]. z is the mean annotation, [[2, 2]].
Now dz = [[1, 1]]. Which gradients do alpha and a receive? ([[1, 7]] for alpha, because dalpha_i = a_i . dz; find da
yourself.)
Run             python -m exercises check 11      python -m exercises hint 11
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
