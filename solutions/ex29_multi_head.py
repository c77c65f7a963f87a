"""Solution 29: Multi-head attention.

The three steps are those of exercise 28, for all heads at once. The alpha that the function returns is the mean over
heads, so its gradient goes to every head, divided by their number.

Answers to the questions of the page:

The mean hides that the heads look at different locations.
dh = [[-0.8240]], which is -3/4 ln 3
Each head has half of the gradient of the mean, dalpha = [[1, 0]]. de = [[3/16, -3/16]] for both.
"""

from numpy_sat.layers import dot_attention, softmax
from numpy_sat.layers.dot_attention import AttendCache


def attend_forward(a, keys, h, W_q, W_v):
    """Compute the context vectors and the attention weights of all heads (equations 4 to 6).

    Args:
        a: (N, L, D) annotation vectors.
        keys: (heads, N, L, K) a_i W_k of every location, computed once per image.
        h: (B, S) hidden states before the word; B / N consecutive captions belong to each image.
        W_q: (heads, S, K) projections of the hidden state.
        W_v: (heads, D, K) projections of the annotations.
    Returns:
        z: (B, heads K) context vectors, those of the heads concatenated.
        alpha: (B, L) mean of the heads' attention weights; each row sums to 1.
        cache: what attend_backward needs.
    """
    # (4) e_ti = q_t . k_i / sqrt(K), a score for every head and location
    e, cache_score = dot_attention.score_forward(keys, h, W_q)
    # (5) alpha_t = softmax(e_t) over the locations, which are the last axis
    alpha, cache_softmax = softmax.softmax_forward(e)
    # (6) z_t = sum over i of alpha_ti a_i W_v of every head
    z, cache_context = dot_attention.context_forward(alpha, a, W_v)

    # alpha_mean = sum over heads of alpha / heads: one attention map for each word, which sums to 1
    alpha_mean = alpha.mean(axis=0)
    return z, alpha_mean, AttendCache(cache_score, cache_softmax, cache_context)


def attend_backward(dz, dalpha, cache):
    """Compute the gradients of attend_forward.

    Args:
        dz: (B, heads K) gradient of the context vectors.
        dalpha: (B, L) gradient of the returned mean weights, for example from the attention penalty.
        cache: from attend_forward.
    Returns:
        da: (N, L, D).
        dkeys: (heads, N, L, K).
        dh: (B, S).
        dW_q: (heads, S, K).
        dW_v: (heads, D, K).
    """
    # alpha of a head has two uses, the context and the mean:
    # term 1: through the context, (6) z_t = sum over i of alpha_ti a_i W_v
    dalpha_from_context, da, dW_v = dot_attention.context_backward(dz, cache.context)

    # term 2: through alpha_mean = sum over heads of alpha / heads, so dalpha / heads for every head. NumPy broadcasts
    # (B, L) over the heads.
    heads = len(dalpha_from_context)
    dalpha_from_mean = dalpha / heads
    dalpha_total = dalpha_from_context + dalpha_from_mean

    # (5) de_i = alpha_i (dalpha_i - sum over j of alpha_j dalpha_j)
    de = softmax.softmax_backward(dalpha_total, cache.softmax)
    # (4) e_ti = q_t . k_i / sqrt(K)
    dkeys, dh, dW_q = dot_attention.score_backward(de, cache.score)
    return da, dkeys, dh, dW_q, dW_v
