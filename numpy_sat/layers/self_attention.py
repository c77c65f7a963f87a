"""Multi-head self-attention with a mask (Vaswani et al. 2017, arXiv 1706.03762, section 3.2).

Every position of a sequence asks all positions of the same sequence. Each head computes

    q_i = x_i W_q,  k_j = x_j W_k,  v_j = x_j W_v     query, key and value of a position
    E_ij = q_i . k_j / sqrt(K) + M_ij                 scores, with the mask M
    P_i = softmax(E_i)                                attention weights of position i, over all positions j
    o_i = sum_j P_ij v_j                              output of the head

and y_i = o_i W_o + b_o, with the outputs of the heads side by side. The mask is 0 where position i may see position j,
and HIDDEN elsewhere. After the softmax a hidden position has the weight 0, so it changes nothing. HIDDEN is -10000 and
not minus infinity, since a row that sees nothing would be NaN.

Queries, keys and values have no bias. A bias of the keys would add the same number to all scores of a row.

The S components of a position are divided among the heads: K = S / heads. The first axis of scores and weights after
the batch counts the heads.
"""

import math
from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import float32
from numpy_sat.kernels import self_attention as kernel
from numpy_sat.layers import linear, softmax

HIDDEN = -10000.0  # score of a position that may not be seen


class ProjectCache(NamedTuple):
    """Arrays that project_forward keeps for project_backward."""

    x: np.ndarray  # (..., S)
    W: np.ndarray  # (S, heads, K)


class AttendCache(NamedTuple):
    """Arrays that attend_forward keeps for attend_backward."""

    q: np.ndarray  # (N, Q, heads, K)
    k: np.ndarray  # (N, P, heads, K)
    v: np.ndarray
    p: np.ndarray  # (N, heads, Q, P) attention weights


class SelfAttentionCache(NamedTuple):
    """Caches of the layers of self_attention_forward."""

    q: ProjectCache
    k: ProjectCache
    v: ProjectCache
    attend: AttendCache
    output: linear.LinearCache


def project_forward(x, W):
    """Compute the queries, keys or values of all positions and heads, y = x W.

    Args:
        x: (..., S) positions.
        W: (S, heads, K) projection.
    Returns:
        y: (..., heads, K).
        cache: what project_backward needs.
    """
    S, heads, K = W.shape
    y = (x @ W.reshape(S, heads * K)).reshape(*x.shape[:-1], heads, K)
    return y, ProjectCache(x, W)


def project_backward(dy, cache):
    """Compute the gradients of project_forward.

    Args:
        dy: (..., heads, K) gradient of y.
        cache: from project_forward.
    Returns:
        dx: (..., S).
        dW: (S, heads, K).
    """
    x, W = cache
    S, heads, K = W.shape
    rows, drows = x.reshape(-1, S), dy.reshape(-1, heads * K)  # (R, S), (R, heads K): all axes but the last
    # dW = x^T dy, a sum over all positions
    dW = (rows.T @ drows).reshape(W.shape)
    # dx = dy W^T
    dx = (drows @ W.reshape(S, heads * K).T).reshape(x.shape)
    return dx, dW


@float32(kernel.attend_forward, AttendCache)
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
    q_rows, k_rows, v_rows = (x.swapaxes(1, 2) for x in (q, k, v))  # (N, heads, P, K)
    # E_ij = q_i . k_j / sqrt(K) + M_ij
    e = q_rows @ k_rows.swapaxes(2, 3) / math.sqrt(q.shape[3]) + mask[:, None]
    # P_i = softmax(E_i)
    p, _ = softmax.softmax_forward(e)
    # o_i = sum_j P_ij v_j
    o = p @ v_rows
    return np.ascontiguousarray(o.swapaxes(1, 2)), AttendCache(q, k, v, p)


@float32(kernel.attend_backward)
def attend_backward(do, cache):
    """Compute the gradients of attend_forward.

    Args:
        do: (N, Q, heads, K) gradient of the outputs.
        cache: from attend_forward.
    Returns:
        dq: (N, Q, heads, K).
        dk, dv: (N, P, heads, K).
    """
    q_rows, k_rows, v_rows, do_rows = (x.swapaxes(1, 2) for x in (*cache[:3], do))  # (N, heads, P, K)
    # dv_j = sum_i P_ij do_i
    dv = cache.p.swapaxes(2, 3) @ do_rows
    # dP_ij = do_i . v_j
    dp = do_rows @ v_rows.swapaxes(2, 3)
    # gradient of E: through the softmax; then that of the product q_i . k_j, over sqrt(K)
    dproduct = softmax.softmax_backward(dp, softmax.SoftmaxCache(cache.p)) / math.sqrt(do.shape[3])
    # dq_i = sum_j dproduct_ij k_j
    dq = dproduct @ k_rows
    # dk_j = sum_i dproduct_ij q_i
    dk = dproduct.swapaxes(2, 3) @ q_rows
    return tuple(np.ascontiguousarray(d.swapaxes(1, 2)) for d in (dq, dk, dv))


def self_attention_forward(x, mask, W_q, W_k, W_v, W_o, b_o):
    """Compute self-attention over the positions of each sequence. The last Q positions ask, all P positions answer.

    Args:
        x: (N, P, S) N sequences of P positions.
        mask: (1, Q, P) or (N, Q, P), as for attend_forward. Its rows are the positions that ask.
        W_q, W_k, W_v: (S, heads, K) projections to queries, keys and values.
        W_o, b_o: (S, S) and (S,), the affine map of the heads' outputs.
    Returns:
        y: (N, Q, S).
        cache: what self_attention_backward needs.
    """
    # q_i = x_i W_q,  k_j = x_j W_k,  v_j = x_j W_v
    q, cache_q = project_forward(x[:, -mask.shape[1] :], W_q)
    k, cache_k = project_forward(x, W_k)
    v, cache_v = project_forward(x, W_v)
    o, cache_attend = attend_forward(q, k, v, mask)
    # y_i = o_i W_o + b_o, with the outputs of the heads side by side
    y, cache_output = linear.linear_forward(o.reshape(*o.shape[:2], -1), W_o, b_o)
    return y, SelfAttentionCache(cache_q, cache_k, cache_v, cache_attend, cache_output)


def self_attention_backward(dy, cache):
    """Compute the gradients of self_attention_forward.

    Args:
        dy: (N, Q, S) gradient of y.
        cache: from self_attention_forward.
    Returns:
        dx: (N, P, S).
        dW_q, dW_k, dW_v: (S, heads, K).
        dW_o: (S, S).
        db_o: (S,).
    """
    do, dW_o, db_o = linear.linear_backward(dy, cache.output)
    dq, dk, dv = attend_backward(do.reshape(cache.attend.q.shape), cache.attend)
    dx_q, dW_q = project_backward(dq, cache.q)
    dx_k, dW_k = project_backward(dk, cache.k)
    dx_v, dW_v = project_backward(dv, cache.v)
    # dx = term 1: through the keys + term 2: through the values + term 3: through the queries of the last positions
    dx = dx_k + dx_v
    dx[:, -dx_q.shape[1] :] += dx_q
    return dx, dW_q, dW_k, dW_v, dW_o, db_o
