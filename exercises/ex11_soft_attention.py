"""Exercise 11: Soft attention.

To learn: how the decoder looks. Before each word its state h asks every location of the image how useful it is.
The answers are scores e, the softmax makes them shares alpha, and the shares mix the annotations a_i into one z.

    (4) e_bi = v . tanh(keys_i + query_b)        query_b = h_b W_h;  keys_i = W_a a_i + b_a, given, once an image
    (5) alpha_b = softmax(e_b) over locations    (6) z_b = sum over i of alpha_bi a_i       b a caption, i a location

The slides call "hello" the query and "ciao" the key, the reverse of common usage. Here as elsewhere who asks has the
query, the decoder's state; who answers has keys (by which it is found) and values (what it gives): the locations.

The B captions belong to the N images in order, B / N to each: caption b to image b // (B / N). So the query
h @ W_h, (B, A), as (N, B / N, 1, A) meets keys, (N, L, A), as keys[:, None]. Each is stretched along the axis that it
lacks, and its gradient is a sum along just that axis: dkeys over the captions of an image, dquery over locations.

attend_backward: alpha has two readers, (6) and, outside, the penalty of the loss. dalpha is what comes from outside;
what comes from (6) is added to it before the softmax is gone back through.

The caches are ScoreCache(h, W_h, v, u), u the cache that activations.tanh_forward returns beside tanh(s), which is
TanhCache(tanh(s)), of shape (N, B / N, L, A); ContextCache(alpha, a); and AttendCache(score, softmax, context), the
three caches that score_forward, softmax.softmax_forward and context_forward return. Put them in as they come.

You may use activations.tanh_forward, tanh_backward(dy, cache.u), which is dy * (1 - y^2), softmax.softmax_forward
and softmax_backward; and in attend your four others, by their names (each function is judged with ours for the rest).

Predict before you run: N = B = 1, a = [[[1, 0], [3, 4]]], and v = 0. All scores are 0, so alpha = [[1/2, 1/2]] and z
is the mean annotation, [[2, 2]]. Now dz = [[1, 1]]. What does (6) send to alpha, what to a?
([[1, 7]] to alpha, as alpha_i counts a_i . dz; find da yourself.)
Find de if dalpha = [[0, 0]], and if dalpha = [[6, 0]]. Why is the second one zero?
"""

import numpy as np

from numpy_sat.layers import activations, softmax
from numpy_sat.layers.attention import AttendCache, ContextCache, ScoreCache


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


def context_backward(dz, cache):
    """Compute the gradients of context_forward.

    Args:
        dz: (B, D) gradient of the context vectors.
        cache: from context_forward.
    Returns:
        dalpha: (B, L).
        da: (N, L, D).
    """
    raise NotImplementedError("exercise 11: context_backward")


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
    raise NotImplementedError("exercise 11: attend_forward")


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
    raise NotImplementedError("exercise 11: attend_backward")
