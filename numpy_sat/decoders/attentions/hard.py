"""Provide hard attention (Xu et al. 2015, section 4.1) for the recurrence: z_t is one annotation.

A mode chooses this annotation. It is a function of alpha: (B, L). It returns the results of
hard_attention.draw_forward: the weights of z_t = sum_i weights_ti a_i, the locations s_t and a cache. Training samples
a location. While the model writes a caption, it can also use the most probable location or the expected context.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders.attentions import soft
from numpy_sat.layers import attention, hard_attention, softmax

keys_forward, keys_backward = soft.keys_forward, soft.keys_backward


class AttendCache(NamedTuple):
    """The caches of the four steps of attend_forward, and the locations."""

    score: attention.ScoreCache
    softmax: softmax.SoftmaxCache
    draw: hard_attention.DrawCache
    context: attention.ContextCache
    s: np.ndarray  # (B,) locations


def attend_forward(params, a, keys, h, mode):
    """Compute the contexts of one word: the annotations at the locations that the mode chooses.

    Args:
        params: arrays by name: W_h and v.
        a: (N, L, D) annotations.
        keys: (N, L, A), from keys_forward.
        h: (B, S) hidden states before the word.
        mode: a function of alpha (see above).
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


def attend_backward(dz, dalpha, cache):
    """Compute the gradients of attend_forward.

    A sampled location passes no gradient from z to alpha. The gradient of REINFORCE is part of dalpha.

    Args:
        dz: (B, D).
        dalpha: (B, L) gradient of alpha, from the attention penalty, REINFORCE and the entropy.
        cache: from attend_forward.
    Returns:
        da: (N, L, D).
        dkeys: (N, L, A).
        dh: (B, S).
        grads: W_h and v by name.
    """
    # (6) z_t = sum_i weights_ti a_i
    dweights, da = attention.context_backward(dz, cache.context)
    # gradient of alpha = term 1: from outside (dalpha) + term 2: through the expected context
    dalpha = dalpha + hard_attention.draw_backward(dweights, cache.draw)
    # (5) alpha_t = softmax(e_t)
    de = softmax.softmax_backward(dalpha, cache.softmax)
    # (4) e_ti = v . tanh(W_a a_i + W_h h_{t-1} + b_a)
    dkeys, dh, dW_h, dv = attention.score_backward(de, cache.score)
    return da, dkeys, dh, {"W_h": dW_h, "v": dv}
