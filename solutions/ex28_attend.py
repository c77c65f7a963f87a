"""Solution 28: Soft attention, all three steps.

Forward: score the locations, turn the scores into weights, and compute the weighted mean. Backward: the same three
steps in reverse order. The weights alpha have two uses, so their gradient has two terms.

Answers to the questions of the page:

de = [[0, 0]]   alpha receives [[7, 7]] in all. The weights sum to 1, so the loss does not change if both locations are
equally good.
"""

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
    # (4) e_ti = v . tanh(keys_i + h W_h), a score for every location
    e, cache_score = attention.score_forward(keys, h, W_h, v)
    # (5) alpha_t = softmax(e_t) over the locations, which are the last axis
    alpha, cache_softmax = softmax.softmax_forward(e)
    # (6) z_t = sum over i of alpha_ti a_i, the weighted mean of the annotations
    z, cache_context = attention.context_forward(alpha, a)
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
    # (6) z_t = sum over i of alpha_ti a_i: gradients of both factors
    dalpha_from_context, da = attention.context_backward(dz, cache.context)

    # alpha has two uses. Add both gradients before the softmax, because every dalpha_i affects the whole row of de.
    # term 1: through the result alpha, such as the attention penalty's gradient
    # term 2: through the context
    dalpha_total = dalpha + dalpha_from_context

    # (5) de_i = alpha_i (dalpha_i - sum over j of alpha_j dalpha_j)
    de = softmax.softmax_backward(dalpha_total, cache.softmax)
    # (4) e_ti = v . tanh(keys_i + h W_h)
    dkeys, dh, dW_h, dv = attention.score_backward(de, cache.score)
    return da, dkeys, dh, dW_h, dv
