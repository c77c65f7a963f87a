"""Exercise 11: Soft attention.

To learn: how the decoder attends to an image. Before each word, its hidden state h gives every location a score e. The
softmax turns the scores into weights alpha. The weighted mean of the annotations a_i is the context vector z.

    (4) e_bi = v . tanh(keys_i + query_b)        query_b = h_b W_h;  keys_i = W_a a_i + b_a, given
    (5) alpha_b = softmax(e_b) over locations    (6) z_b = sum over i of alpha_bi a_i       b a caption, i a location

The slides call "hello" the query and "ciao" the key, the reverse of common usage. In this code, as elsewhere, the
decoder's state gives the query. The locations give the keys, which are compared, and the values, which are read.

The B captions belong to the N images in order, B / N to each: caption b to image b // (B / N). So reshape the query
h @ W_h, (B, A), to (N, B / N, 1, A), and add keys[:, None]. Each is broadcast along the axis that it lacks. Its
gradient is a sum along this axis: dkeys over the captions of an image, dquery over locations.

attend_backward: alpha has two uses, (6) and, outside, the attention penalty of the loss. dalpha is the gradient from
outside. Add the gradient from (6) to it before you go back through the softmax.

The caches are ScoreCache(h, W_h, v, u), ContextCache(alpha, a) and AttendCache(score, softmax, context). u is the
second result of activations.tanh_forward(s), TanhCache(tanh(s)), of shape (N, B / N, L, A). AttendCache holds the
caches that score_forward, softmax.softmax_forward and context_forward return.

You may use activations.tanh_forward, tanh_backward(dy, cache.u), which is dy * (1 - y^2), softmax.softmax_forward
and softmax_backward. In attend, call your four other functions by name (each check uses the library's for the rest).

Predict before you run: N = B = 1, a = [[[1, 0], [3, 4]]], and v = 0. All scores are 0, so alpha = [[1/2, 1/2]] and z
is the mean annotation, [[2, 2]]. Now dz = [[1, 1]]. Which gradients do alpha and a receive from (6)?
([[1, 7]] for alpha, because dalpha_i = a_i . dz; find da yourself.)
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
