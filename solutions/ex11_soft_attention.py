"""Solution 11: Soft attention.

Every caption of an image meets every location of that image. So the arrays in the middle have four axes: image,
caption of that image, location, component. What depends on fewer of them is stretched over the rest on the way
forward. Stretched means used many times; and what is used many times gets, on the way back, a gradient from every use:
each stretch becomes a sum along the same axis.
"""

from numpy_sat.layers import activations, softmax
from numpy_sat.layers.attention import AttendCache, ContextCache, ScoreCache


def score_forward(keys, h, W_h, v):
    """Score every location for the next word of each caption (equation 4).

    Args:
        keys: (N, L, A) W_a a_i + b_a of every location, computed once per image.
        h: (B, S) hidden states before the word.
        W_h: (S, A) projection of the hidden state.
        v: (A,) scoring vector.
    Returns:
        e: (B, L) scores.
        cache: what score_backward needs.
    """
    N, L, A = keys.shape
    B = len(h)
    each = B // N  # captions of one image, side by side

    # What a caption asks depends on its state only, so it is computed once for all locations.
    query = h @ W_h  # (B, A)

    # The keys lack the axis of captions, the query that of locations. In the sum each is stretched along its own.
    keys_of_each = keys.reshape(N, 1, L, A)
    query_of_each = query.reshape(N, each, 1, A)
    u, cache_u = activations.tanh_forward(keys_of_each + query_of_each)  # (N, each, L, A)

    # e_bi = sum over k of v_k u_bik.
    e = u @ v
    return e.reshape(B, L), ScoreCache(h, W_h, v, cache_u)


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
    u = cache.u.y
    N, each, L, A = u.shape
    B = N * each
    de_of_each = de.reshape(N, each, L, 1)  # as u, with an axis for the components

    # e_bi = sum over k of v_k u_bik. u_bik takes part in e_bi alone, times v_k.
    # v_k takes part in e_bi of every caption and every location, times u_bik: a sum over both.
    du = de_of_each * cache.v
    dv = (de_of_each * u).sum(axis=(0, 1, 2))

    # u = tanh(keys + query): the slope of tanh is 1 - u^2.
    dsum = du * (1 - u * u)

    # keys_i was used by all captions of its image, query_b by all locations: sums along those axes.
    dkeys = dsum.sum(axis=1)  # (N, L, A)
    dquery = dsum.sum(axis=2).reshape(B, A)

    # query_bk = sum over s of h_bs W_h_sk, an affine map without bias. W_h takes part in the query of every caption.
    dW_h = cache.h.T @ dquery
    dh = dquery @ cache.W_h.T
    return dkeys, dh, dW_h, dv


def context_forward(alpha, a):
    """Compute the context vectors of soft attention (equation 6).

    Args:
        alpha: (B, L) attention weights.
        a: (N, L, D) annotation vectors.
    Returns:
        z: (B, D) context vectors.
        cache: what context_backward needs.
    """
    N, L, D = a.shape
    B = len(alpha)
    alpha_of_each = alpha.reshape(N, B // N, L)

    # For each image a matrix product, (its captions, L) times (L, D): the sum over i for all its captions at once.
    # @ of two stacks of matrices multiplies the first by the first, the second by the second, and so on.
    z = alpha_of_each @ a
    return z.reshape(B, D), ContextCache(alpha, a)


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
    N, L, D = a.shape
    B = len(alpha)
    alpha_of_each = alpha.reshape(N, B // N, L)
    dz_of_each = dz.reshape(N, B // N, D)

    # z_bd = sum over i of alpha_bi a_id. alpha_bi takes part in z_bd of every d, there times a_id: a sum over d.
    # Image by image that is (its captions, D) times (D, L).
    a_transposed = a.swapaxes(1, 2)
    dalpha = dz_of_each @ a_transposed

    # a_id takes part in z_bd of every caption b of its image, there times alpha_bi: a sum over those captions.
    # Image by image that is (L, its captions) times (its captions, D).
    alpha_transposed = alpha_of_each.swapaxes(1, 2)
    da = alpha_transposed @ dz_of_each
    return dalpha.reshape(B, L), da


def attend_forward(a, keys, h, W_h, v):
    """Compute the context vectors and the attention weights (equations 4 to 6).

    Args:
        a: (N, L, D) annotation vectors.
        keys: (N, L, A) W_a a_i + b_a of every location, computed once per image.
        h: (B, S) hidden states before the word.
        W_h: (S, A) projection of the hidden state.
        v: (A,) scoring vector.
    Returns:
        z: (B, D) context vectors.
        alpha: (B, L) attention weights; each row sums to 1.
        cache: what attend_backward needs.
    """
    # (4) How useful is each location now? The locations are on the last axis, where the softmax works.
    e, cache_score = score_forward(keys, h, W_h, v)
    # (5) Shares instead of scores: positive, and of each caption they sum to 1.
    alpha, cache_softmax = softmax.softmax_forward(e)
    # (6) The annotations, mixed by these shares.
    z, cache_context = context_forward(alpha, a)
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
    # (6) The context sends a gradient to its two factors.
    dalpha_from_context, da = context_backward(dz, cache.context)

    # alpha went into the context, and out of the function. What comes back from both sides is added, here, because
    # the softmax needs all of it: it takes from each dalpha_i the mean that alpha itself gives to the dalpha's.
    dalpha_total = dalpha + dalpha_from_context

    # (5) and (4), in reverse.
    de = softmax.softmax_backward(dalpha_total, cache.softmax)
    dkeys, dh, dW_h, dv = score_backward(de, cache.score)
    return da, dkeys, dh, dW_h, dv
