"""Solution 21: Scaled dot-product attention.

A head is an attention of its own, with matrices of its own: so the heads' axis comes first, and @, which multiplies
stacks of matrices one by one, does for all heads what is written for one. Heads meet in three places only: they have
read the same h and the same annotations, so those gather gradients from all; they write side by side into z; and what
is shown of alpha is their mean. As in exercise 11, each caption meets the locations of its own image.
"""

import math

from numpy_sat.layers import softmax
from numpy_sat.layers.dot_attention import AttendCache, ContextCache, ScoreCache


def score_forward(keys, h, W_q):
    """Score every location for the next word of each caption, for every head (equation 4).

    Args:
        keys: (heads, N, L, K) a_i W_k of every location, computed once per image.
        h: (B, S) hidden states before the word.
        W_q: (heads, S, K) projections of the hidden state.
    Returns:
        e: (heads, B, L) scores.
        cache: what score_backward needs.
    """
    heads, N, L, K = keys.shape
    B = len(h)
    each = B // N  # captions of one image, side by side

    # Every head asks its own question of the same state: (B, S) times (S, K), for each head.
    query_of_all = h @ W_q  # (heads, B, K)
    query = query_of_all.reshape(heads, N, each, K)

    # query_b . keys_i is a sum over k. Image by image that is (its captions, K) times (K, L).
    keys_transposed = keys.swapaxes(2, 3)
    product = query @ keys_transposed  # (heads, N, each, L)

    # A sum of K terms of variance 1 has variance K, and so is about sqrt(K) large. (By math: np.sqrt gives a NumPy
    # float64, which would make float64 of float32.)
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
    each = B // N

    # e = product / sqrt(K): the same constant on the way back.
    root = math.sqrt(K)
    de_of_each = de.reshape(heads, N, each, L)
    dproduct = de_of_each / root

    # product_bi = sum over k of query_bk keys_ik.
    # keys_ik takes part in product_bi of every caption b of its image, there times query_bk: a sum over b.
    # Image by image that is (L, its captions) times (its captions, K).
    dproduct_transposed = dproduct.swapaxes(2, 3)
    dkeys = dproduct_transposed @ query

    # query_bk takes part in product_bi of every location i, there times keys_ik: a sum over i,
    # (its captions, L) times (L, K).
    dquery_of_each = dproduct @ keys
    dquery = dquery_of_each.reshape(heads, B, K)

    # query = h W_q, an affine map without bias. W_q of a head takes part in that head's query of every caption.
    dW_q = h.T @ dquery  # (S, B) times (B, K), for each head

    # h takes part in the query of every head: a sum over heads.
    W_q_transposed = W_q.swapaxes(1, 2)
    dh_by_heads = dquery @ W_q_transposed  # (heads, B, S)
    dh = dh_by_heads.sum(axis=0)
    return dkeys, dh, dW_q


def context_forward(alpha, a, W_v):
    """Compute the context vectors of all heads and concatenate them (equation 6).

    The annotations are summed before they are multiplied by W_v. The result is the same, and W_v multiplies one vector
    per caption instead of one per location.

    Args:
        alpha: (heads, B, L) attention weights.
        a: (N, L, D) annotation vectors.
        W_v: (heads, D, K) projections of the annotations.
    Returns:
        z: (B, heads K) context vectors.
        cache: what context_backward needs.
    """
    heads, B, L = alpha.shape
    N, _, D = a.shape
    K = W_v.shape[2]
    each = B // N

    # sum over i of alpha_bi (a_i W_v) = (sum over i of alpha_bi a_i) W_v. First the sum in brackets: for each head and
    # image (its captions, L) times (L, D). All heads read the same annotations: @ goes through a again for each.
    alpha_of_each = alpha.reshape(heads, N, each, L)
    seen_of_each = alpha_of_each @ a  # (heads, N, each, D)
    seen = seen_of_each.reshape(heads, B, D)

    # Then what each head makes of what it has seen.
    found = seen @ W_v  # (heads, B, K)

    # Side by side in z stand a caption's numbers: first the caption's axis, then the heads', then that of the K
    # numbers. In just this order reshape reads them.
    found_by_captions = found.swapaxes(0, 1)  # (B, heads, K)
    z = found_by_captions.reshape(B, heads * K)
    return z, ContextCache(alpha, a, W_v, seen)


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
    alpha, a, W_v, seen = cache
    heads, B, L = alpha.shape
    N, _, D = a.shape
    K = W_v.shape[2]
    each = B // N

    # The forward's last two steps, undone: cut z into what each head has written, and bring the heads' axis first.
    dz_by_captions = dz.reshape(B, heads, K)
    dfound = dz_by_captions.swapaxes(0, 1)  # (heads, B, K)

    # found = seen W_v, an affine map without bias, for each head.
    seen_transposed = seen.swapaxes(1, 2)
    dW_v = seen_transposed @ dfound  # (D, B) times (B, K)
    W_v_transposed = W_v.swapaxes(1, 2)
    dseen = dfound @ W_v_transposed  # (B, K) times (K, D)
    dseen_of_each = dseen.reshape(heads, N, each, D)

    # seen_bd = sum over i of alpha_bi a_id. alpha_bi takes part in seen_bd of every d, there times a_id: a sum over d,
    # (its captions, D) times (D, L).
    a_transposed = a.swapaxes(1, 2)
    dalpha_of_each = dseen_of_each @ a_transposed
    dalpha = dalpha_of_each.reshape(heads, B, L)

    # a_id takes part in seen_bd of every caption b of its image and of every head, there times alpha_bi: a sum over
    # captions, (L, its captions) times (its captions, D), and then over heads.
    alpha_transposed = alpha.reshape(heads, N, each, L).swapaxes(2, 3)
    da_by_heads = alpha_transposed @ dseen_of_each  # (heads, N, L, D)
    da = da_by_heads.sum(axis=0)
    return dalpha, da, dW_v


def attend_forward(a, keys, h, W_q, W_v):
    """Compute the context vectors and the attention weights of all heads (equations 4 to 6).

    Args:
        a: (N, L, D) annotation vectors.
        keys: (heads, N, L, K) a_i W_k of every location, computed once per image.
        h: (B, S) hidden states before the word.
        W_q: (heads, S, K) projections of the hidden state.
        W_v: (heads, D, K) projections of the annotations.
    Returns:
        z: (B, heads K) context vectors, those of the heads concatenated.
        alpha: (B, L) mean of the heads' attention weights; each row sums to 1.
        cache: what attend_backward needs.
    """
    # (4) How far does each location's key point the way of the query? The locations are on the last axis.
    e, cache_score = score_forward(keys, h, W_q)
    # (5) Shares instead of scores, of each head and caption.
    alpha, cache_softmax = softmax.softmax_forward(e)
    # (6) What the heads find there.
    z, cache_context = context_forward(alpha, a, W_v)

    # Shown outside is one map a word: the mean of the heads', which sums to 1 as each of them does.
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
    # (6) The context sends a gradient to each of its factors; to alpha, to that of each head.
    dalpha_from_context, da, dW_v = context_backward(dz, cache.context)

    # alpha_mean = sum over heads of alpha / heads: each head's alpha takes part in it, times 1 / heads. NumPy gives the
    # same (B, L) to every head when it is added to (heads, B, L).
    heads = len(dalpha_from_context)
    dalpha_from_mean = dalpha / heads
    dalpha_total = dalpha_from_context + dalpha_from_mean

    # (5) and (4), in reverse.
    de = softmax.softmax_backward(dalpha_total, cache.softmax)
    dkeys, dh, dW_q = score_backward(de, cache.score)
    return da, dkeys, dh, dW_q, dW_v
