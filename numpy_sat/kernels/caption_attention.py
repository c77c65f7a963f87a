"""Self-attention of regions and captions, without the scores that the mask of decoders/masks.py hides.

The rows of all arrays are the L regions of every image, then the words of all captions, one caption after the other
and without padding. A region sees the regions of its image. A word sees these, itself and the words before it in its
caption. On scenes, these are half of the scores that self_attention.py computes.

A task computes one head of one image. A row of scores has the L regions first, up to a multiple of LANES, and then the
words of the caption. Regions have no words there.
"""

from functools import lru_cache

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
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

OWN_ROWS, OWN_COLUMNS = (0,) * tile.ROWS[1], (0,)  # a tile of scores of a caption's own words, which are few
WHERE = "N > 0 and K and K % LANES == 0 and (ends - 1) % N == 0"
WHERE += " and starts[0] >= 0 <= (starts[1:] - starts[:-1]).min(initial=0)"
WHERE += " and first in (0, R - starts[-1]) and R - starts[-1] >= N and (R - starts[-1]) % N == 0"


@checked(qkv="(R, 3, heads, K)", starts="integer (ends,)", where=WHERE)
def attend(qkv, starts, N, first, scale):
    """Compute the outputs of all heads.

    Args:
        qkv: (R, 3, heads, K) queries, keys and values of N L regions, then of all words.
        starts: (B + 1,) int64, the number of words before each caption and after the last one. B / N consecutive
            captions belong to each image.
        N: number of images.
        first: the first row whose output is needed: 0, or N L for the words alone.
        scale: 1 / sqrt(K), with K before padding.
    Returns:
        o: (R - first, heads, K).
        p: (heads, R - first, width) attention weights. Columns after the last word of a caption are undefined.
    """
    workspace = current()
    R, _, heads, K = qkv.shape
    L = (R - starts[-1]) // N
    mask = _mask(L, max(1, int(np.diff(starts).max(initial=0))))  # regions read its first row
    o, p = workspace.empty((R - first, heads, K)), workspace.empty((heads, R - first, mask.shape[1]))
    with workspace.scratch():
        keys = workspace.empty((machine.THREADS, K, mask.shape[1]))
        tiles = SCORE_ROWS, SCORE_COLUMNS, OWN_ROWS, OWN_COLUMNS, *tile.shape(K)
        arrays = qkv.reshape(-1), starts, mask, np.float32(scale), o.reshape(-1), p, keys
        run(_attend, N * heads, *tiles, L, N, first, heads, K, *arrays)
    return o, p


@checked(
    qkv="(R, 3, heads, K)",
    do="(R - first, heads, K)",
    p="(heads, R - first, width)",
    starts="integer (ends,)",
    where=WHERE,
)
def attend_gradient(do, qkv, p, starts, N, first, scale):
    """Compute the gradient of qkv.

    Args:
        do: (R - first, heads, K) gradient of the outputs.
        qkv, starts, N, first, scale: as for attend.
        p: from attend.
    Returns:
        dqkv: (R, 3, heads, K), with zeros for the queries before row `first`.
    """
    workspace = current()
    R, _, heads, K = qkv.shape
    L, width = (R - starts[-1]) // N, p.shape[2]
    dqkv = workspace.empty(qkv.shape)
    dqkv[:first, 0] = 0
    with workspace.scratch():
        values = workspace.empty((machine.THREADS, K, width))
        most = int(np.diff(starts[:: (len(starts) - 1) // N]).max())  # words of an image
        dscores = workspace.empty((machine.THREADS, L + most, width))
        tiles = SCORE_ROWS, SCORE_COLUMNS, OWN_ROWS, OWN_COLUMNS, *tile.shape(K)
        arrays = do.reshape(-1), qkv.reshape(-1), p, starts, np.float32(scale), dqkv.reshape(-1), values, dscores
        run(_attend_gradient, N * heads, *tiles, L, N, first, heads, K, *arrays)
    return dqkv


@lru_cache
def _mask(L, T):
    """Return the mask of the word at each place: (T, padded L + padded T), 0 where it sees the column, else LOW."""
    columns = -(-L // LANES) * LANES
    mask = np.full((T, columns - (-T // LANES) * LANES), LOW)
    mask[:, :L] = 0
    mask[:, columns : columns + T][np.tri(T, dtype=bool)] = 0
    return mask


@kernel
def _attend(
    thread,
    counter,
    tasks,
    score_rows,
    score_columns,
    own_rows,
    own_columns,
    o_rows,
    o_columns,
    L,
    N,
    first,
    heads,
    K,
    qkv,
    starts,
    mask,
    scale,
    o,
    p,
    keys,
):
    """Compute one head of one image per task."""
    across, step, width = heads * K, 3 * heads * K, p.shape[2]
    each, vectors, keys0 = (starts.size - 1) // N, -(-L // LANES), thread * K * width
    own0 = vectors * LANES  # the column of a caption's first word
    for task in claim_tasks(thread, counter, tasks):
        n, head = task // heads, task % heads
        q0 = head * K
        k0, v0, o0 = q0 + across, q0 + 2 * across, q0 - first * across  # of row 0, as p0
        p0 = (head * p.shape[1] - first) * width
        region, word = n * L, N * L + starts[n * each]  # the image's first rows
        rows = (region, L if first == 0 else 0), (word, starts[(n + 1) * each] - starts[n * each])
        # E_ij = q_i . k_j for the regions j, then for the words j
        transpose(qkv, k0 + region * step, step, L, K, keys, thread, 0, own0)
        for row, count in rows:
            columns = keys, keys0, width, p, p0 + row * width
            scores(score_rows, score_columns, count, vectors, K, step, qkv, q0 + row * step, *columns)
        for row in range(region, region + rows[0][1]):
            masked_softmax(p, p0 + row * width, own0, scale, mask, 0)
        for b in range(n * each, (n + 1) * each):
            row, T = N * L + starts[b], starts[b + 1] - starts[b]
            own = -(-T // LANES)
            transpose(qkv, k0 + row * step, step, T, K, keys, thread, own0, own0 + own * LANES)
            columns = keys, keys0 + own0, width, p, p0 + row * width + own0
            scores(own_rows, own_columns, T, own, K, step, qkv, q0 + row * step, *columns)
            for t in range(T):
                masked_softmax(p, p0 + (row + t) * width, own0 + own * LANES, scale, mask, t * width)
        # o_i = sum_j P_ij v_j over the regions j, then over the words j
        for row, count in rows:
            terms = L, K, width, 1, p, p0 + row * width, step, qkv, v0 + region * step
            weighted_sums(o_rows, o_columns, count, *terms, o, across, o0 + row * across, False)
        for b in range(n * each, (n + 1) * each):
            row, T = N * L + starts[b], starts[b + 1] - starts[b]
            terms = T, K, width, 1, p, p0 + row * width + own0, step, qkv, v0 + row * step
            weighted_sums(o_rows, o_columns, T, *terms, o, across, o0 + row * across, True)


@kernel
def _attend_gradient(
    thread,
    counter,
    tasks,
    score_rows,
    score_columns,
    own_rows,
    own_columns,
    o_rows,
    o_columns,
    L,
    N,
    first,
    heads,
    K,
    do,
    qkv,
    p,
    starts,
    scale,
    dqkv,
    values,
    ds,
):
    """Compute the gradients of one head of one image per task."""
    across, step, width = heads * K, 3 * heads * K, p.shape[2]
    each, vectors, values0 = (starts.size - 1) // N, -(-L // LANES), thread * K * width
    own0 = vectors * LANES  # the column of a caption's first word
    for task in claim_tasks(thread, counter, tasks):
        n, head = task // heads, task % heads
        q0 = head * K
        k0, v0, do0 = q0 + across, q0 + 2 * across, q0 - first * across  # of row 0, as p0
        p0 = (head * p.shape[1] - first) * width
        region, word = n * L, N * L + starts[n * each]  # the image's first rows
        # First rows, numbers of rows, and where row 0 would be in ds, which has the rows of one image only.
        ds0, word_ds0 = (thread * ds.shape[1] - region) * width, (thread * ds.shape[1] + L - word) * width
        rows = (region, L if first == 0 else 0, ds0), (word, starts[(n + 1) * each] - starts[n * each], word_ds0)
        # dP_ij = do_i . v_j, then the gradients of the products
        transpose(qkv, v0 + region * step, step, L, K, values, thread, 0, own0)
        for row, count, at in rows:
            columns = values, values0, width, ds, at + row * width
            scores(score_rows, score_columns, count, vectors, K, across, do, do0 + row * across, *columns)
        for row in range(region, region + rows[0][1]):
            score_gradients(p, p0 + row * width, own0, scale, ds, ds0 + row * width)
        for b in range(n * each, (n + 1) * each):
            row, T = N * L + starts[b], starts[b + 1] - starts[b]
            own = -(-T // LANES)
            transpose(qkv, v0 + row * step, step, T, K, values, thread, own0, own0 + own * LANES)
            columns = values, values0 + own0, width, ds, word_ds0 + row * width + own0
            scores(own_rows, own_columns, T, own, K, across, do, do0 + row * across, *columns)
            for t in range(row, row + T):
                score_gradients(p, p0 + t * width, own0 + own * LANES, scale, ds, word_ds0 + t * width)
        # dq_i = sum_j ds_ij k_j,  dk_j = sum_i ds_ij q_i,  dv_j = sum_i P_ij do_i: first for the regions j
        for row, count, at in rows:
            terms = L, K, width, 1, ds, at + row * width, step, qkv, k0 + region * step
            weighted_sums(o_rows, o_columns, count, *terms, dqkv, step, q0 + row * step, False)
            add = row == word
            terms = count, K, 1, width, ds, at + row * width, step, qkv, q0 + row * step
            weighted_sums(o_rows, o_columns, L, *terms, dqkv, step, k0 + region * step, add)
            terms = count, K, 1, width, p, p0 + row * width, across, do, do0 + row * across
            weighted_sums(o_rows, o_columns, L, *terms, dqkv, step, v0 + region * step, add)
        # then for the words j
        for b in range(n * each, (n + 1) * each):
            row, T = N * L + starts[b], starts[b + 1] - starts[b]
            ds_at, p_at, q_at = word_ds0 + row * width + own0, p0 + row * width + own0, q0 + row * step
            terms = T, K, width, 1, ds, ds_at, step, qkv, k0 + row * step
            weighted_sums(o_rows, o_columns, T, *terms, dqkv, step, q_at, True)
            terms = T, K, 1, width, ds, ds_at, step, qkv, q_at
            weighted_sums(o_rows, o_columns, T, *terms, dqkv, step, k0 + row * step, False)
            terms = T, K, 1, width, p, p_at, across, do, do0 + row * across
            weighted_sums(o_rows, o_columns, T, *terms, dqkv, step, v0 + row * step, False)
