"""Exercise 39: Self-attention with a mask          (difficulty 3 of 3, about 75 minutes; builds on exercises 21 and 29)

Goal            Let every position of a sequence look at all others at once, with several heads (Vaswani et al. 2017).
                A mask hides the words that a captioner has not written yet. So one pass trains all words of a caption,
                and no word sees a later one.

Equations       G heads, P positions. q, k and v are projections of the same sequence, (N, P, G, K) each.
                E_ij = q_i . k_j / sqrt(K) + M_ij            for each image and head             (N, G, P, P)
                p_i  = softmax over j of E_ij                attention weights of position i     (N, G, P, P)
                o_i  = sum over j of p_ij v_j                                                    (N, P, G, K)
                M_ij is 0 where position i sees position j, and HIDDEN elsewhere                 (1 or N, P, P)
                dv_j = sum over i of p_ij do_i      dp_ij = do_i . v_j      dE: the softmax's backward, of exercise 4
                dq_i = sum over j of dE_ij k_j / sqrt(K)                    dk_j = sum over i of dE_ij q_i / sqrt(K)

Worked example  One image and head, two words, K = 1. Each word sees itself and the words before it:
                sees = [[1, 0], [1, 1]]   q = [[0], [1]]   k = [[ln 3], [0]]   v = [[4], [8]]
                p = [[1, 0], [0.75, 0.25]]   o = [[4], [5]]
                For do = [[0], [8]], dv = [[6], [2]] and dk = [[-6], [6]]
                1. Find dq for the same do. For do = [[8], [0]], find dv, dq and dk. Why are two of them 0?
                2. A region and two words of one caption have the mask sees = [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
                   Find sees of a region and two captions of one word each.
                3. HIDDEN is -10000. With which mask would minus infinity give NaN?

Your task       1. left_to_right: compute the mask of L regions, then T words of each caption. Trap: the captions of an
                   image share its regions, but never see each other. Regions see no words.
                2. attend_forward: compute o and p. Trap: the mask has no axis of heads. The softmax goes over j, the
                   positions that are looked at.
                3. attend_backward: compute dq, dk and dv. Trap: dv and dk are sums over i, dq is one over j.

Given           additive(sees, dtype)        the mask of a boolean array (P, P), with one more axis in front
                softmax.softmax_forward(x) returns p and its cache; softmax.softmax_backward(dp, SoftmaxCache(p))
                The cache AttendCache(q, k, v, p) is packed and unpacked for you. The last Q of the P positions may ask
                alone: then q is (N, Q, G, K), and the mask has Q rows. @lru_cache makes each mask only once.

Run             python -m exercises check 39   python -m exercises hint 39   python -m exercises check 39 --pencil
Read            exercises/chapters/attention_to_transformers.md: the longer story, with figures
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
    raise NotImplementedError("exercise 39: left_to_right")


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
    raise NotImplementedError("exercise 39: attend_forward")
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
    raise NotImplementedError("exercise 39: attend_backward")
