"""The parts of the attention of one head that self_attention.py and caption_attention.py share.

A thread copies the keys of a head into its part of an array (threads, K, width), one key per column. The scores of a
query are then one row of a matrix product. In the backward pass, values take the place of keys. All positions are flat
indices into contiguous arrays.
"""

import numpy as np

from numpy_sat.kernels import functions, tile
from numpy_sat.kernels.simd import LANES, fma, largest, load, maximum, repeat, store, total, where_larger
from numpy_sat.kernels.threads import inline

LOW = np.float32(-1e30)  # mask of the padding after the last position
NEGLIGIBLE = np.float32(-80)  # a score that is this much below the largest one has the weight 0 exactly
SCORE_VECTORS = next(iter(tile.ROWS))  # vectors in a row of a tile of scores
SCORE_ROWS, SCORE_COLUMNS = (0,) * tile.ROWS[SCORE_VECTORS], (0,) * SCORE_VECTORS


@inline
def transpose(x, at, step, P, K, result, thread, first, last):
    """Copy P rows of K numbers, x[at + j step : ... + K], to the columns of result[thread] from `first` on.

    The columns after them become zero, up to column `last`.
    """
    for j in range(P):
        for c in range(K):
            result[thread, c, first + j] = x[at + j * step + c]
    for c in range(K):
        result[thread, c, first + P : last] = 0


@inline
def scores(tile_rows, tile_columns, Q, vectors, K, step, x, x_at, columns_of, at, width, result, result_at):
    """Compute the products of Q rows of x and `vectors` vectors of columns.

    Row i of x begins at x_at + i step, component c of the columns at `at` + c width. Row i of the result begins at
    result_at + i width.
    """
    for i in range(0, Q, len(tile_rows)):
        rows = tile.offsets(tile_rows, i, Q, step)
        result_rows = tile.offsets(tile_rows, i, Q, width)
        for j in range(0, vectors, len(tile_columns)):
            columns = tile.offsets(tile_columns, j, vectors, LANES)
            sums = tile.zeros(rows, columns)
            for c in range(K):
                sums = tile.add_products(sums, rows, columns, x, x_at + c, columns_of, at + c * width)
            tile.store(sums, result_rows, columns, result, result_at)


@inline
def weighted_sums(
    o_rows, o_columns, count, terms, K, row_step, term_step, w, w_at, step, x, x_at, result, result_step, at, add
):
    """Compute result_i = sum_j w_ij x_j for `count` positions i and `terms` positions j, with K numbers each.

    w_ij is at w_at + i row_step + j term_step, x_j begins at x_at + j step, result_i at `at` + i result_step. If `add`
    is True, the sums are added to the result.
    """
    columns = tile.offsets(o_columns, 0, len(o_columns), LANES)
    for i in range(0, count, len(o_rows)):
        rows, result_rows = tile.offsets(o_rows, i, count, row_step), tile.offsets(o_rows, i, count, result_step)
        for c in range(0, K, len(o_columns) * LANES):
            sums = tile.zeros(rows, columns)
            for j in range(terms):
                sums = tile.add_products(sums, rows, columns, w, w_at + j * term_step, x, x_at + j * step + c)
            if add:
                sums = tile.add(sums, tile.load(result_rows, columns, result, at + c))
            tile.store(sums, result_rows, columns, result, at + c)


@inline
def masked_softmax(p, at, count, scale, mask, mask_at):
    """Replace a row of `count` products by softmax(scale product + mask)."""
    peak = repeat(LOW)
    for j in range(0, count, LANES):
        score = fma(repeat(scale), load(p, at + j), load(mask, mask_at + j))
        store(score, p, at + j)
        peak = maximum(peak, score)
    top, sums, zero = largest(peak), repeat(np.float32(0)), repeat(np.float32(0))
    for j in range(0, count, LANES):
        difference = load(p, at + j) - top
        weight = where_larger(difference, repeat(NEGLIGIBLE), functions.exp(difference), zero)
        store(weight, p, at + j)
        sums = sums + weight
    inverse = np.float32(1) / total(sums)
    for j in range(0, count, LANES):
        store(inverse * load(p, at + j), p, at + j)


@inline
def score_gradients(p, p_at, count, scale, ds, ds_at):
    """Replace a row of gradients of P by those of the products q_i . k_j.

    dE_ij = P_ij (dP_ij - sum_l P_il dP_il), and the gradient of the product is scale dE_ij.
    """
    weighted = repeat(np.float32(0))
    for j in range(0, count, LANES):
        weighted = fma(load(p, p_at + j), load(ds, ds_at + j), weighted)
    mean = total(weighted)
    for j in range(0, count, LANES):
        store(scale * load(p, p_at + j) * (load(ds, ds_at + j) - mean), ds, ds_at + j)
