"""Provide hard attention (Xu et al. 2015, section 4.1) for the recurrence: z_t is a single annotation vector.

A mode is a function that chooses z_t from the attention weights. Its argument is alpha, (B, L). It returns what
hard_attention.draw_forward returns:

    weights   (B, L), with z_t = sum_i weights_ti a_i
    s         (B,) integers, the locations s_t
    cache     what hard_attention.draw_backward needs

decoders/hard.py has the modes. In training, the mode samples a location. While the model writes a caption, a mode can
also choose the most probable location or the expected context.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders.attentions import soft
from numpy_sat.layers import attention, hard_attention, softmax

keys_forward, keys_backward = soft.keys_forward, soft.keys_backward


class AttendCache(NamedTuple):
    """The caches of the four steps of attend_forward, and the chosen locations."""

    score: attention.ScoreCache
    softmax: softmax.SoftmaxCache
    draw: hard_attention.DrawCache
    context: attention.ContextCache
    s: np.ndarray  # (B,) integers


def attend_forward(params, a, keys, h, mode):
    """Compute the contexts of one word: the annotations at the locations that the mode chooses.

    Args:
        params: arrays by name: W_h (S, A) and v (A,).
        a: (N, L, D) annotations.
        keys: (N, L, A), from keys_forward.
        h: (B, S) hidden states before the word; B / N consecutive captions belong to each image.
        mode: function of alpha, described at the top of this file.
    Returns:
        z: (B, D) contexts.
        alpha: (B, L) probabilities of the locations.
        cache: what attend_backward needs.
    """
    # (4) e_ti = v . tanh(W_a a_i + W_h h_{t-1} + b_a)
    e, cache_score = attention.score_forward(keys, h, params["W_h"], params["v"])
    # (5) alpha_t = softmax(e_t)
    alpha, cache_softmax = softmax.softmax_forward(e)
    # s_t ~ Categorical(alpha_t)
    weights, s, cache_draw = mode(alpha)
    # (6) z_t = a at s_t, or the expected context sum_i alpha_ti a_i
    z, cache_context = attention.context_forward(weights, a)
    return z, alpha, AttendCache(cache_score, cache_softmax, cache_draw, cache_context, s)


def weights(alpha, cache):
    """Return the weights of the locations in the contexts.

    Args:
        alpha: (B, L) attention weights, from attend_forward.
        cache: from attend_forward.
    Returns:
        (heads, B, L) weights, as one head: 1 at s_t and 0 elsewhere, or alpha for the expected context.
    """
    return cache.context.alpha[None]


def attend_backward(dz, dalpha, cache):
    """Compute the gradients of attend_forward.

    No gradient flows from z to alpha through a sampled location. Instead, dalpha contains the gradient of REINFORCE.

    Args:
        dz: (B, D) gradient of the contexts.
        dalpha: (B, L) gradient of alpha, through the attention penalty, REINFORCE and the entropy.
        cache: from attend_forward.
    Returns:
        da: (N, L, D).
        dkeys: (N, L, A).
        dh: (B, S).
        grads: gradients by name: W_h (S, A) and v (A,).
    """
    # (6) z_t = sum_i weights_ti a_i
    dweights, da = attention.context_backward(dz, cache.context)
    # gradient of alpha = term 1: through the loss (dalpha) + term 2: through the expected context
    dalpha = dalpha + hard_attention.draw_backward(dweights, cache.draw)
    # (5) alpha_t = softmax(e_t)
    de = softmax.softmax_backward(dalpha, cache.softmax)
    # (4) e_ti = v . tanh(W_a a_i + W_h h_{t-1} + b_a)
    dkeys, dh, dW_h, dv = attention.score_backward(de, cache.score)
    return da, dkeys, dh, {"W_h": dW_h, "v": dv}
