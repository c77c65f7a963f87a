"""Solution 39: Self-attention with a mask.

The mask: a word may see what exists when it is written. These are the regions, the earlier words of its own caption,
and itself. Forward: as in exercise 29, but every position has a query. Backward: from the last equation to the first.
Position j has two uses for others. Its value reaches o_i with the weight p_ij, and its key reaches the score E_ij.

Answers to the questions of the page:

1. For the second word, dp is 8 v. So dE is p (dp - 40), that is [-6, 6], and dq = [[0], [-6.5917]], that is -6 ln 3.
   For the other do, dv = [[8], [0]], dq = [[0], [0]] and dk = [[0], [0]]. The first word sees itself alone, so its
   weight is 1 for every query and key.
2. sees = [[1, 0, 0], [1, 1, 0], [1, 0, 1]]
3. With one that hides a whole row: the softmax would divide 0 by 0. With -10000 everywhere, the row is the softmax of
   its plain scores. If a row sees something, hidden positions get the weight exp(-10000) = 0 and change nothing.
"""

import math
from functools import lru_cache

import numpy as np

from numpy_sat.decoders.masks import additive
from numpy_sat.layers import softmax
from numpy_sat.layers.self_attention import AttendCache
from numpy_sat.layers.softmax import SoftmaxCache


@lru_cache
def left_to_right(L, T, captions, dtype=np.float64):
    """Return the mask of captions that are written from left to right.

    Regions see all regions. A word sees all regions, itself and the words before it in its caption.

    Args:
        L: number of regions.
        T: number of words of each caption.
        captions: number of captions of the image.
        dtype: dtype of the mask.
    Returns:
        (1, P, P) with P = L + captions T, read-only: 0 where the position of the row sees the position of the column.
    """
    # the caption of each position: 0 for regions, then 1, 2, ...; and its place in the caption
    caption = np.repeat(np.arange(captions + 1), [L] + captions * [T])
    place = np.concatenate([np.zeros(L, int), np.tile(np.arange(T), captions)])

    # every position sees all regions: column j is a region
    is_region = caption == 0

    # a word sees the words of its caption that are not later: row i asks, column j is seen
    same_caption = caption[:, None] == caption
    not_later = place <= place[:, None]
    return additive(is_region | (same_caption & not_later), dtype)


def attend_forward(q, k, v, mask):
    """Compute the outputs of all heads.

    Args:
        q: (N, Q, heads, K) queries of the last Q positions.
        k, v: (N, P, heads, K) keys and values of all P positions.
        mask: (1, Q, P) the mask of all sequences, or (N, Q, P) one for each: 0 or HIDDEN in row i and column j.
    Returns:
        o: (N, Q, heads, K).
        cache: what attend_backward needs.
    """
    K = q.shape[3]

    # product_ij = q_i . k_j for each sequence n and head g: (N, heads, Q, P)
    product = np.einsum("nigc,njgc->ngij", q, k)

    # E_ij = product_ij / sqrt(K) + M_ij. All heads share the mask.
    e = product / math.sqrt(K) + mask[:, None]

    # p_i = softmax over j of E_ij
    p, _ = softmax.softmax_forward(e)

    # o_i = sum over j of p_ij v_j
    o = np.einsum("ngij,njgc->nigc", p, v)
    return o, AttendCache(q, k, v, p)


def attend_backward(do, cache):
    """Compute the gradients of attend_forward.

    Args:
        do: (N, Q, heads, K) gradient of the outputs.
        cache: from attend_forward.
    Returns:
        dq: (N, Q, heads, K).
        dk, dv: (N, P, heads, K).
    """
    q, k, v, p = cache
    K = q.shape[3]

    # o_i = sum over j of p_ij v_j, so v_j receives p_ij do_i from every position i that asks
    dv = np.einsum("ngij,nigc->njgc", p, do)

    # the same equation, for the weights: dp_ij = do_i . v_j
    dp = np.einsum("nigc,njgc->ngij", do, v)

    # p_i = softmax over j of E_ij: dE_ij = p_ij (dp_ij - sum over l of p_il dp_il). The mask is a constant.
    de = softmax.softmax_backward(dp, SoftmaxCache(p))

    # E_ij = product_ij / sqrt(K) + M_ij, so dproduct_ij = dE_ij / sqrt(K)
    dproduct = de / math.sqrt(K)

    # product_ij = q_i . k_j. q_i is in the products with all j, and k_j in those with all i.
    dq = np.einsum("ngij,njgc->nigc", dproduct, k)
    dk = np.einsum("ngij,nigc->njgc", dproduct, q)
    return dq, dk, dv
