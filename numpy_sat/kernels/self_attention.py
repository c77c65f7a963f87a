"""Self-attention of all positions of a sequence: scores, softmax and outputs of one head per task.

The scores of a head, P x P numbers, stay in the cache from the product to the softmax and to the next product. A task
needs no other task, so the gradients do not depend on the number of threads. Queries, keys and values are in one array
qkv: (N, P, 3, heads, K), as one matrix product gives them. K must be a multiple of LANES; `attend_forward` and
`attend_backward` pad other sizes with zeros.
"""

import math

import numpy as np

from numpy_sat.kernels import functions, tile
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.panels import filled
from numpy_sat.kernels.simd import LANES, fma, largest, load, maximum, repeat, store, total, where_larger
from numpy_sat.kernels.threads import claim_tasks, inline, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

LOW = np.float32(-1e30)  # mask of the padding after the last position
NEGLIGIBLE = np.float32(-80)  # a score that is this much below the largest one has the weight 0 exactly
SCORE_VECTORS = next(iter(tile.ROWS))  # vectors in a row of a tile of scores
SCORE_ROWS, SCORE_COLUMNS = (0,) * tile.ROWS[SCORE_VECTORS], (0,) * SCORE_VECTORS


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


@inline
def _transpose(x, at, step, P, K, result, thread):
    """Copy the P rows x[at + j step : ... + K] to the columns of result[thread]: (K, padded P), then zeros."""
    for c in range(K):
        for j in range(P):
            result[thread, c, j] = x[at + j * step + c]
        result[thread, c, P:] = 0


@inline
def _scores(thread, score_rows, score_columns, Q, K, step, x, x_at, columns_of, result, result_at):
    """Compute the products of Q rows of x and the columns of columns_of[thread]: (K, padded P).

    Row i of x begins at x_at + i step. Row i of the result begins at result_at + i padded P.
    """
    padded = columns_of.shape[2]
    columns_at, vectors = thread * K * padded, padded // LANES
    for i in range(0, Q, len(score_rows)):
        rows = tile.offsets(score_rows, i, Q, step)
        result_rows = tile.offsets(score_rows, i, Q, padded)
        for j in range(0, vectors, len(score_columns)):
            columns = tile.offsets(score_columns, j, vectors, LANES)
            sums = tile.zeros(rows, columns)
            for c in range(K):
                sums = tile.add_products(sums, rows, columns, x, x_at + c, columns_of, columns_at + c * padded)
            tile.store(sums, result_rows, columns, result, result_at)


@inline
def _weighted_sums(
    o_rows, o_columns, count, terms, K, row_step, term_step, w, w_at, step, x, x_at, result, result_step, at
):
    """Compute result_i = sum_j w_ij x_j for `count` positions i and `terms` positions j, with K numbers each.

    w_ij is at w_at + i row_step + j term_step, x_j begins at x_at + j step, result_i at `at` + i result_step.
    """
    columns = tile.offsets(o_columns, 0, len(o_columns), LANES)
    for i in range(0, count, len(o_rows)):
        rows, result_rows = tile.offsets(o_rows, i, count, row_step), tile.offsets(o_rows, i, count, result_step)
        for c in range(0, K, len(o_columns) * LANES):
            sums = tile.zeros(rows, columns)
            for j in range(terms):
                sums = tile.add_products(sums, rows, columns, w, w_at + j * term_step, x, x_at + j * step + c)
            tile.store(sums, result_rows, columns, result, at + c)


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
        _transpose(qkv, k0, step, P, K, keys, thread)
        # E_ij = q_i . k_j
        _scores(thread, score_rows, score_columns, Q, K, step, qkv, q0, keys, p, p0)
        for i in range(Q):
            _masked_softmax(p, p0 + i * padded, padded, scale, mask, mask_at + i * padded)
        # o_i = sum_j P_ij v_j
        _weighted_sums(o_rows, o_columns, Q, P, K, padded, 1, p, p0, step, qkv, v0, o, width, o_at)


@inline
def _masked_softmax(p, at, padded, scale, mask, mask_at):
    """Replace a row of products by softmax(scale product + mask)."""
    peak = repeat(LOW)
    for j in range(0, padded, LANES):
        score = fma(repeat(scale), load(p, at + j), load(mask, mask_at + j))
        store(score, p, at + j)
        peak = maximum(peak, score)
    top, sums, zero = largest(peak), repeat(np.float32(0)), repeat(np.float32(0))
    for j in range(0, padded, LANES):
        difference = load(p, at + j) - top
        weight = where_larger(difference, repeat(NEGLIGIBLE), functions.exp(difference), zero)
        store(weight, p, at + j)
        sums = sums + weight
    inverse = np.float32(1) / total(sums)
    for j in range(0, padded, LANES):
        store(inverse * load(p, at + j), p, at + j)


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
        _transpose(qkv, v0, step, P, K, values, thread)
        _scores(thread, score_rows, score_columns, Q, K, width, do, do0, values, ds, ds0)
        for i in range(Q):
            # dE_ij = P_ij (dP_ij - sum_l P_il dP_il), times scale: the gradient of q_i . k_j
            p_at, ds_at, weighted = p0 + i * padded, ds0 + i * padded, repeat(np.float32(0))
            for j in range(0, padded, LANES):
                weighted = fma(load(p, p_at + j), load(ds, ds_at + j), weighted)
            mean = total(weighted)
            for j in range(0, padded, LANES):
                store(scale * load(p, p_at + j) * (load(ds, ds_at + j) - mean), ds, ds_at + j)
        # dq_i = sum_j ds_ij k_j,  dk_j = sum_i ds_ij q_i,  dv_j = sum_i P_ij do_i
        _weighted_sums(o_rows, o_columns, Q, P, K, padded, 1, ds, ds0, step, qkv, k0, dqkv, step, q0)
        _weighted_sums(o_rows, o_columns, P, Q, K, 1, padded, ds, ds0, step, qkv, q0, dqkv, step, k0)
        _weighted_sums(o_rows, o_columns, P, Q, K, 1, padded, p, p0, width, do, do0, dqkv, step, v0)
