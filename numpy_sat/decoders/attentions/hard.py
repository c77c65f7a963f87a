"""Hard attention (Xu et al. 2015, section 4.1), for the recurrence: z_t is one annotation, chosen by a look.

A look is a function of alpha: (B, L) that returns what hard_attention.draw_forward returns: the weights of
z_t = sum_i weights_ti a_i, the locations s_t and a cache. In training it samples a location. When the model writes a
caption, it may also take the likeliest location or the expected context.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders.attentions import soft
from numpy_sat.layers import attention, hard_attention, softmax

keys_forward, keys_backward = soft.keys_forward, soft.keys_backward


class AttendCache(NamedTuple):
    score: attention.ScoreCache
    softmax: softmax.SoftmaxCache
    draw: hard_attention.DrawCache
    context: attention.ContextCache
    s: np.ndarray  # (B,) the locations


def attend_forward(params, a, keys, h, look):
    """Compute one word's context: the annotation at the location that the look has chosen.

    Args:
        params: arrays by name, of which W_h and v are read.
        a: (N, L, D) annotations.
        keys: (N, L, A), of keys_forward.
        h: (B, S) hidden states before the word.
        look: a function of alpha, see above.
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
    weights, s, cache_draw = look(alpha)
    # (6) z_t = a at s_t, or sum_i alpha_ti a_i
    z, cache_context = attention.context_forward(weights, a)
    return z, alpha, AttendCache(cache_score, cache_softmax, cache_draw, cache_context, s)


def attend_backward(dz, dalpha, cache):
    """Compute the gradients of attend_forward.

    A sampled location passes no gradient from z to alpha. What alpha learns from samples is part of dalpha.

    Args:
        dz: (B, D).
        dalpha: (B, L), what reaches alpha from the penalty, REINFORCE and the entropy.
    Returns:
        da: (N, L, D).
        dkeys: (N, L, A).
        dh: (B, S).
        grads: W_h, v.
    """
    dweights, da = attention.context_backward(dz, cache.context)
    # term 1: from outside; term 2: through the expected context
    dalpha = dalpha + hard_attention.draw_backward(dweights, cache.draw)
    de = softmax.softmax_backward(dalpha, cache.softmax)
    dkeys, dh, dW_h, dv = attention.score_backward(de, cache.score)
    return da, dkeys, dh, {"W_h": dW_h, "v": dv}
