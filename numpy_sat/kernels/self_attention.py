"""Self-attention of all positions of a sequence: scores, softmax and outputs of one head per task.

The scores of a head, P x P numbers, stay in the cache from the product to the softmax and to the next product. A task
needs no other task, so the gradients do not depend on the number of threads. Queries, keys and values are in one array
qkv: (N, P, 3, heads, K), as one matrix product gives them. K must be a multiple of LANES; `attend_forward` and
`attend_backward` pad other sizes with zeros.
"""

import math

import numpy as np

from numpy_sat.kernels import tile
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.heads import (
    LOW,
    SCORE_COLUMNS,
    SCORE_ROWS,
    masked_softmax,
    score_gradients,
    scores,
    transpose,
    weighted_sums,
)
from numpy_sat.kernels.panels import filled
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current


def padded_mask(mask):
    """Return the mask: (1 or N, P, P) with the value LOW appended to its rows, (1 or N, P, padded P)."""
    missing = -mask.shape[2] % LANES
    return np.pad(mask, ((0, 0), (0, 0), (0, missing)), constant_values=LOW) if missing else np.ascontiguousarray(mask)


@checked(
    qkv="(N, P, 3, heads, K)",
    mask="(masks, Q, -(-P // LANES) * LANES)",
    where="K and K % LANES == 0 and masks in (1, N) and 0 < Q <= P",
)
def attend(qkv, mask, scale):
    """Compute the outputs of all heads (layers/self_attention.py).

    Args:
        qkv: (N, P, 3, heads, K) queries, keys and values. Only the last Q queries are used.
        mask: (1 or N, Q, padded P), from padded_mask.
        scale: 1 / sqrt(K), with K before padding.
    Returns:
        o: (N, Q, heads, K).
        p: (N, heads, Q, padded P) attention weights.
    """
    workspace = current()
    (N, P, _, heads, K), (masks, Q, padded) = qkv.shape, mask.shape
    o, p = workspace.empty((N, Q, heads, K)), workspace.empty((N, heads, Q, padded))
    with workspace.scratch():
        keys = workspace.empty((machine.THREADS, K, padded))
        flat = (array.reshape(-1) for array in (qkv, mask))
        run(
            *(_attend, N * heads, SCORE_ROWS, SCORE_COLUMNS, *tile.shape(K), P, Q, heads, K, masks),
            *(*flat, np.float32(scale), o.reshape(-1), p, keys),
        )
    return o, p


@checked(
    do="(N, Q, heads, K)",
    qkv="(N, P, 3, heads, K)",
    p="(N, heads, Q, -(-P // LANES) * LANES)",
    where="K and K % LANES == 0 and 0 < Q <= P",
)
def attend_gradient(do, qkv, p, scale):
    """Compute the gradient of qkv.

    Args:
        do: (N, Q, heads, K) gradient of the outputs.
        qkv, p, scale: as for attend.
    Returns:
        dqkv: (N, P, 3, heads, K), with zeros for the queries that are not used.
    """
    workspace = current()
    (N, P, _, heads, K), Q = qkv.shape, do.shape[1]
    dqkv = workspace.empty(qkv.shape)
    dqkv[:, : P - Q, 0] = 0
    with workspace.scratch():
        values = workspace.empty((machine.THREADS, K, p.shape[3]))
        dscores = workspace.empty((machine.THREADS, Q, p.shape[3]))
        flat = (array.reshape(-1) for array in (do, qkv))
        run(
            *(_attend_gradient, N * heads, SCORE_ROWS, SCORE_COLUMNS, *tile.shape(K), P, Q, heads, K),
            *(*flat, p, np.float32(scale), dqkv.reshape(-1), values, dscores),
        )
    return dqkv


@checked(
    q="strided (N, Q, heads, K)",
    k="strided (N, P, heads, K)",
    v="strided (N, P, heads, K)",
    mask="strided (masks, Q, P)",
    where="K and masks in (1, N) and 0 < Q <= P",
)
def attend_forward(q, k, v, mask):
    """Compute attend_forward of layers/self_attention.py; return o and the fields of its cache."""
    P, K = k.shape[1], k.shape[3]
    o, p = attend(_side_by_side(q, k, v), padded_mask(mask), 1 / math.sqrt(K))
    return np.ascontiguousarray(o[..., :K]), (q, k, v, np.ascontiguousarray(p[..., :P]))


@checked(
    do="strided (N, Q, heads, K)",
    cache=("strided (N, Q, heads, K)", *2 * ("strided (N, P, heads, K)",), "strided (N, heads, Q, P)"),
    where="K and 0 < Q <= P",
)
def attend_backward(do, cache):
    """Compute attend_backward of layers/self_attention.py."""
    *qkv, p = cache
    Q, K = do.shape[1], do.shape[3]
    dqkv = attend_gradient(filled(do), _side_by_side(*qkv), filled(p), 1 / math.sqrt(K))
    dq, dk, dv = (dqkv[:, :, which, :, :K] for which in range(3))
    return tuple(np.ascontiguousarray(d) for d in (dq[:, -Q:], dk, dv))


def _side_by_side(q, k, v):
    """Return qkv of `attend`: zeros stand before the queries of the last positions, and after each head."""
    before = np.zeros((len(q), k.shape[1] - q.shape[1], *q.shape[2:]), np.float32)
    return filled(np.stack([np.concatenate([before, q], axis=1), k, v], axis=2))


@kernel
def _attend(
    thread,
    counter,
    tasks,
    score_rows,
    score_columns,
    o_rows,
    o_columns,
    P,
    Q,
    heads,
    K,
    masks,
    qkv,
    mask,
    scale,
    o,
    p,
    keys,
):
    """Compute one head of one sequence per task."""
    padded, width = p.shape[3], heads * K
    step = 3 * width
    for task in claim_tasks(thread, counter, tasks):
        n, head = task // heads, task % heads
        first = n * P * step + head * K  # the query of position 0
        q0, k0, v0 = first + (P - Q) * step, first + width, first + 2 * width
        p0, mask_at, o_at = task * Q * padded, n * Q * padded if masks > 1 else 0, n * Q * width + head * K
        transpose(qkv, k0, step, P, K, keys, thread, 0, padded)
        # E_ij = q_i . k_j
        columns = padded // LANES, K, step
        scores(score_rows, score_columns, Q, *columns, qkv, q0, keys, thread * K * padded, padded, p, p0)
        for i in range(Q):
            masked_softmax(p, p0 + i * padded, padded, scale, mask, mask_at + i * padded)
        # o_i = sum_j P_ij v_j
        weighted_sums(o_rows, o_columns, Q, P, K, padded, 1, p, p0, step, qkv, v0, o, width, o_at, False)


@kernel
def _attend_gradient(
    thread,
    counter,
    tasks,
    score_rows,
    score_columns,
    o_rows,
    o_columns,
    P,
    Q,
    heads,
    K,
    do,
    qkv,
    p,
    scale,
    dqkv,
    values,
    ds,
):
    """Compute the gradients of one head of one sequence per task."""
    padded, width = p.shape[3], heads * K
    step = 3 * width
    for task in claim_tasks(thread, counter, tasks):
        n, head = task // heads, task % heads
        first = n * P * step + head * K  # the query of position 0
        q0, k0, v0 = first + (P - Q) * step, first + width, first + 2 * width
        p0, do0, ds0 = task * Q * padded, n * Q * width + head * K, thread * Q * padded
        # dP_ij = do_i . v_j
        transpose(qkv, v0, step, P, K, values, thread, 0, padded)
        columns = padded // LANES, K, width
        scores(score_rows, score_columns, Q, *columns, do, do0, values, thread * K * padded, padded, ds, ds0)
        for i in range(Q):
            score_gradients(p, p0 + i * padded, padded, scale, ds, ds0 + i * padded)
        # dq_i = sum_j ds_ij k_j,  dk_j = sum_i ds_ij q_i,  dv_j = sum_i P_ij do_i
        weighted_sums(o_rows, o_columns, Q, P, K, padded, 1, ds, ds0, step, qkv, k0, dqkv, step, q0, False)
        weighted_sums(o_rows, o_columns, P, Q, K, 1, padded, ds, ds0, step, qkv, q0, dqkv, step, k0, False)
        weighted_sums(o_rows, o_columns, P, Q, K, 1, padded, p, p0, width, do, do0, dqkv, step, v0, False)
