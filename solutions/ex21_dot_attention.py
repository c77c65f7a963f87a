"""Solution 21: Scaled dot-product attention.

Each head is a separate attention with separate matrices. The head axis comes first, and @ multiplies the stacks of
matrices pairwise, so one line of code computes all heads.

The heads interact in two places. They read the same h and the same annotations, so these gradients are sums over
heads. They write their results side by side into z. As in exercise 11, each caption attends to the locations of its
own image.

Answers to the questions of the page:

e = [[[ln 3, 0]], [[0, ln 3]]]   dh = [[ln 3]]   dalpha = [[[4, 8]], [[0, 0]]]
All gradients of head 1 are 0, because its part of dz is 0.
"""

import math

from numpy_sat.layers.dot_attention import ContextCache, ScoreCache


def score_forward(keys, h, W_q):
    """Score every location for the next word of each caption, for every head (equation 4).

    Args:
        keys: (heads, N, L, K) a_i W_k of every location, computed once per image.
        h: (B, S) hidden states before the word; B / N consecutive captions belong to each image.
        W_q: (heads, S, K) projections of the hidden state.
    Returns:
        e: (heads, B, L) scores.
        cache: what score_backward needs.
    """
    heads, N, L, K = keys.shape
    B = len(h)
    per_image = B // N  # consecutive captions of one image

    # query_bk = sum over s of h_bs W_q_sk: every head has its own query of the same state, (B, S) times (S, K)
    queries = h @ W_q  # (heads, B, K)
    query = queries.reshape(heads, N, per_image, K)

    # product_bi = sum over k of query_bk keys_ik: for each image (its captions, K) times (K, L)
    keys_transposed = keys.swapaxes(2, 3)
    product = query @ keys_transposed  # (heads, N, per_image, L)

    # (4) e_bi = product_bi / sqrt(K). A sum of K terms of variance 1 has a standard deviation of sqrt(K). math.sqrt
    # returns a Python float. np.sqrt would return a NumPy float64, which turns float32 arrays into float64.
    root = math.sqrt(K)
    e = product / root
    return e.reshape(heads, B, L), ScoreCache(keys, h, W_q, query)


def score_backward(de, cache):
    """Compute the gradients of score_forward.

    Args:
        de: (heads, B, L) gradient of the scores.
        cache: from score_forward.
    Returns:
        dkeys: (heads, N, L, K).
        dh: (B, S).
        dW_q: (heads, S, K).
    """
    keys, h, W_q, query = cache
    heads, N, L, K = keys.shape
    B = len(h)
    per_image = B // N

    # e = product / sqrt(K), so dproduct = de / sqrt(K)
    root = math.sqrt(K)
    de_by_image = de.reshape(heads, N, per_image, L)
    dproduct = de_by_image / root

    # Forward: product_bi = sum over k of query_bk keys_ik.
    # dkeys_ik = sum over the image's captions b of dproduct_bi query_bk: (L, its captions) times (its captions, K)
    dproduct_transposed = dproduct.swapaxes(2, 3)
    dkeys = dproduct_transposed @ query

    # dquery_bk = sum over i of dproduct_bi keys_ik: (its captions, L) times (L, K)
    dquery_by_image = dproduct @ keys
    dquery = dquery_by_image.reshape(heads, B, K)

    # query = h W_q, so dW_q_sk = sum over b of h_bs dquery_bk
    dW_q = h.T @ dquery  # (S, B) times (B, K), for each head

    # dh_bs = sum over heads and k of dquery_bk W_q_sk, because every head reads h
    W_q_transposed = W_q.swapaxes(1, 2)
    dh_by_heads = dquery @ W_q_transposed  # (heads, B, S)
    dh = dh_by_heads.sum(axis=0)
    return dkeys, dh, dW_q


def context_forward(alpha, a, W_v):
    """Compute the context vectors of all heads and concatenate them (equation 6).

    The annotations are summed before they are multiplied by W_v. The result is the same, and W_v multiplies one vector
    per caption instead of one per location.

    Args:
        alpha: (heads, B, L) attention weights; B / N consecutive captions belong to each image.
        a: (N, L, D) annotation vectors.
        W_v: (heads, D, K) projections of the annotations.
    Returns:
        z: (B, heads K) context vectors.
        cache: what context_backward needs.
    """
    heads, B, L = alpha.shape
    N, _, D = a.shape
    K = W_v.shape[2]
    per_image = B // N

    # sum over i of alpha_bi (a_i W_v) = (sum over i of alpha_bi a_i) W_v. Compute the inner sum first: for each head
    # and image (its captions, L) times (L, D). All heads read the same annotations, so @ broadcasts a over the heads.
    alpha_by_image = alpha.reshape(heads, N, per_image, L)
    mean_by_image = alpha_by_image @ a  # (heads, N, per_image, D)
    mean_annotation = mean_by_image.reshape(heads, B, D)

    # (6) z of each head = (sum over i of alpha_bi a_i) W_v
    values = mean_annotation @ W_v  # (heads, B, K)

    # z holds the heads' results side by side. Bring the axes into the order caption, head, number, so that reshape
    # concatenates the heads of each caption.
    values_by_caption = values.swapaxes(0, 1)  # (B, heads, K)
    z = values_by_caption.reshape(B, heads * K)
    return z, ContextCache(alpha, a, W_v, mean_annotation)


def context_backward(dz, cache):
    """Compute the gradients of context_forward.

    Args:
        dz: (B, heads K) gradient of the context vectors.
        cache: from context_forward.
    Returns:
        dalpha: (heads, B, L).
        da: (N, L, D).
        dW_v: (heads, D, K).
    """
    alpha, a, W_v, mean_annotation = cache
    heads, B, L = alpha.shape
    N, _, D = a.shape
    K = W_v.shape[2]
    per_image = B // N

    # z concatenates the heads, so split dz into heads and move the head axis to the front.
    dz_by_caption = dz.reshape(B, heads, K)
    dvalues = dz_by_caption.swapaxes(0, 1)  # (heads, B, K)

    # Forward: values = mean_annotation W_v, for each head.
    # dW_v_dk = sum over b of mean_annotation_bd dvalues_bk
    mean_transposed = mean_annotation.swapaxes(1, 2)
    dW_v = mean_transposed @ dvalues  # (D, B) times (B, K)
    # dmean_annotation_bd = sum over k of dvalues_bk W_v_dk
    W_v_transposed = W_v.swapaxes(1, 2)
    dmean_annotation = dvalues @ W_v_transposed  # (B, K) times (K, D)
    dmean_by_image = dmean_annotation.reshape(heads, N, per_image, D)

    # Forward: mean_annotation_bd = sum over i of alpha_bi a_id.
    # dalpha_bi = sum over d of dmean_annotation_bd a_id: (its captions, D) times (D, L)
    a_transposed = a.swapaxes(1, 2)
    dalpha_by_image = dmean_by_image @ a_transposed
    dalpha = dalpha_by_image.reshape(heads, B, L)

    # da_id = sum over heads and the image's captions b of alpha_bi dmean_annotation_bd: (L, its captions) times (its
    # captions, D), then the sum over heads
    alpha_transposed = alpha.reshape(heads, N, per_image, L).swapaxes(2, 3)
    da_by_heads = alpha_transposed @ dmean_by_image  # (heads, N, L, D)
    da = da_by_heads.sum(axis=0)
    return dalpha, da, dW_v
