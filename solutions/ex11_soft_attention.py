"""Solution 11: Soft attention, score and context.

Attention combines every caption of an image with every location of that image. So the inner arrays have four axes:
image, caption of the image, location, component. An array with fewer axes is broadcast over the missing ones.
Broadcasting uses a number several times, and each use sends back a gradient. So a broadcast in the forward pass is a
sum over the same axis in the backward pass.

Answers to the questions of the page:

dv = [7.2]   dW_h = [[40.4]]   dh = [[0], [0]], because h reaches the score only through W_h, which is 0.
da = [[[0.5, 0.5], [0.5, 0.5]]]
"""

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
    N, L, A = keys.shape
    B = len(h)
    per_image = B // N  # consecutive captions of one image

    # query_bk = sum over s of h_bs W_h_sk. It does not depend on the location, so compute it once for all of them.
    query = h @ W_h  # (B, A)

    # u_bik = tanh(keys_ik + query_bk). The keys have no caption axis and the query has no location axis: broadcast.
    keys_by_image = keys.reshape(N, 1, L, A)
    query_by_image = query.reshape(N, per_image, 1, A)
    u, cache_u = activations.tanh_forward(keys_by_image + query_by_image)  # (N, per_image, L, A)

    # (4) e_bi = sum over k of v_k u_bik
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
    N, per_image, L, A = u.shape
    B = N * per_image
    de_by_image = de.reshape(N, per_image, L, 1)  # the axes of u, with 1 component

    # Forward: e_bi = sum over k of v_k u_bik.
    # du_bik = de_bi v_k
    du = de_by_image * cache.v
    # dv_k = sum over b and i of de_bi u_bik
    dv = (de_by_image * u).sum(axis=(0, 1, 2))

    # u = tanh(keys + query) has the slope 1 - u^2, so dsum_bik = du_bik (1 - u_bik^2)
    dsum = du * (1 - u * u)

    # dkeys_ik = sum over the image's captions b of dsum_bik
    dkeys = dsum.sum(axis=1)  # (N, L, A)
    # dquery_bk = sum over locations i of dsum_bik
    dquery = dsum.sum(axis=2).reshape(B, A)

    # query_bk = sum over s of h_bs W_h_sk, so dW_h_sk = sum over b of h_bs dquery_bk
    dW_h = cache.h.T @ dquery
    # dh_bs = sum over k of dquery_bk W_h_sk
    dh = dquery @ cache.W_h.T
    return dkeys, dh, dW_h, dv


def context_forward(alpha, a):
    """Compute the context vectors of soft attention (equation 6).

    Args:
        alpha: (B, L) attention weights; B / N consecutive captions belong to each image.
        a: (N, L, D) annotation vectors.
    Returns:
        z: (B, D) context vectors.
        cache: what context_backward needs.
    """
    N, L, D = a.shape
    B = len(alpha)
    alpha_by_image = alpha.reshape(N, B // N, L)

    # (6) z_bd = sum over i of alpha_bi a_id: for each image a matrix product, (its captions, L) times (L, D).
    # With three axes, @ multiplies the matrices of the two stacks pairwise.
    z = alpha_by_image @ a
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
    alpha_by_image = alpha.reshape(N, B // N, L)
    dz_by_image = dz.reshape(N, B // N, D)

    # Forward: z_bd = sum over i of alpha_bi a_id.
    # dalpha_bi = sum over d of dz_bd a_id: for each image (its captions, D) times (D, L)
    a_transposed = a.swapaxes(1, 2)
    dalpha = dz_by_image @ a_transposed

    # da_id = sum over the image's captions b of alpha_bi dz_bd: (L, its captions) times (its captions, D)
    alpha_transposed = alpha_by_image.swapaxes(1, 2)
    da = alpha_transposed @ dz_by_image
    return dalpha.reshape(B, L), da
