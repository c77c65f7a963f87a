"""Soft attention of one word for all captions: scores, softmax and context in one pass over each image.

The tanh of every caption and location is an array of B x L x A numbers. NumPy writes it to memory and reads it again.
Here it stays in registers. The backward pass computes it a second time, which costs less than reading it. A task is an
image with all its captions, so its keys and annotations are read once for all of them.

The exp of a tanh is a product: exp(2 (key + query)) = exp(2 key) exp(2 query). The first factor is the same for all
words and the second one for all locations, so both are computed once (functions.tanh_of_sum).

One word of 64 images with L = 196 and A = D = 512 takes 2.1 ms forward and 3.8 ms backward. The functions of layers/
take 8.7 and 25.1 ms. D and A must be multiples of LANES.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import functions, tile
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, fma, largest, load, load_first, maximum, repeat, store, store_first, total
from numpy_sat.kernels.threads import called, claim_tasks, inline, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

LOW = np.float32(-1e30)  # score of the padding after the last location; its exp is 1e-38
NUMBERS = 1 << 14  # numbers in a task of `exponentials`


class Scratch(NamedTuple):
    """The scratch memory of all threads; the first axis is the thread."""

    e: np.ndarray  # (threads, captions of an image, L rounded up): scores, or their gradients
    exp_query: np.ndarray  # (threads, captions of an image, A): exp(2 query)


@checked(keys="out (N, L, A)", where="A % LANES == 0")
def exponentials(keys):
    """Replace keys by exp(2 keys), which `attend` and `attend_backward` need.

    Scores are wrong where a key and a query have opposite signs and one of them is beyond 43 (functions.tanh_of_sum).

    Args:
        keys: (N, L, A) W_a a, overwritten. Either they or the queries contain b_a.
    """
    run(_exponentials, -(-keys.size // NUMBERS), keys)


@kernel
def _exponentials(thread, counter, tasks, keys):
    """Replace NUMBERS numbers per task."""
    for task in claim_tasks(thread, counter, tasks):
        for k in range(task * NUMBERS, min((task + 1) * NUMBERS, keys.size), LANES):
            store(functions.exp(np.float32(2) * load(keys, k)), keys, k)


@checked(
    exp_keys="(N, L, A)",
    query="(B, A)",
    v="(A,)",
    a="(N, L, D)",
    z="out (B, D)",
    alpha="out (B, L)",
    where="N and B % N == 0 and A % LANES == D % LANES == 0",
)
def attend(exp_keys, query, v, a, z, alpha):
    """Compute the attention weights and the context vectors (Xu et al. 2015, equations 4 to 6).

    alpha = softmax over i of v . tanh(keys_i + query), and z = sum over i of alpha_i a_i.

    Args:
        exp_keys: (N, L, A) exp(2 keys), from `exponentials`.
        query: (B, A) W_h h; B / N consecutive captions belong to each image.
        v: (A,) scoring vector.
        a: (N, L, D) annotation vectors.
        z: (B, D) context vectors, overwritten.
        alpha: (B, L) attention weights, overwritten.
    """
    workspace = current()
    N = len(exp_keys)
    with workspace.scratch():
        run(_attend, N, tiles_of(len(query) // N, a), exp_keys, query, v, a, z, alpha, scratch(query, exp_keys))


@checked(
    exp_keys="(N, L, A)",
    query="(B, A)",
    v="(A,)",
    a="(N, L, D)",
    alpha="strided (B, L)",
    dz="(B, D)",
    dalpha="strided (B, L)",
    dkeys="out (N, L, A)",
    dv="out (N, A)",
    dquery="out (B, A)",
    where="N and B % N == 0 and A % LANES == D % LANES == 0",
)
def attend_backward(dz, dalpha, exp_keys, query, v, a, alpha, dkeys, dv, dquery, add=False):
    """Compute the gradients of keys, v and query; `annotation_gradient` computes that of the annotations.

    Args:
        dz: (B, D) gradient of z.
        dalpha: (B, L) gradient of alpha, without the part through z.
        exp_keys, query, v, a, alpha: as in `attend`.
        dkeys: (N, L, A), overwritten, or the gradient is added to it.
        dv: (N, A), overwritten with the gradient of each image, or this is added to it.
        dquery: (B, A), overwritten.
        add: True to add to dkeys and dv.
    """
    workspace = current()
    N, dalpha, alpha = len(exp_keys), np.ascontiguousarray(dalpha), np.ascontiguousarray(alpha)
    with workspace.scratch():
        arrays = dz, dalpha, exp_keys, query, v, a, alpha, dkeys, dv, dquery
        run(_attend_backward, N, *arrays, bool(add), scratch(query, exp_keys))


@checked(alphas="(T, B, L)", dzs="(T, B, D)", same="(N, D)", where="N and B % N == 0 and D % LANES == 0")
def annotation_gradient(alphas, dzs, same):
    """Compute da_i = same + sum over words t and captions of alpha_ti dz_t.

    Args:
        alphas: (T, B, L) attention weights.
        dzs: (T, B, D) gradients of the context vectors.
        same: (N, D) the part of the gradient that is the same at all locations of an image.
    Returns:
        da: (N, L, D).
    """
    workspace = current()
    N, D = same.shape
    da = workspace.empty((N, alphas.shape[2], D))
    run(_annotation_gradient, N, *tile.shape(D), alphas, dzs, same, da)
    return da


def scratch(query, keys):
    """Return the Scratch for the captions of an image. query: (..., B, A); keys: (N, L, A)."""
    empty, (N, L, A) = current().empty, keys.shape
    captions = query.shape[-2] // N
    return Scratch(*(empty((machine.THREADS, captions, size)) for size in (-(-L // LANES) * LANES, A)))


def tiles_of(captions, a):
    """Return the tile that sums the contexts: for one or three captions, with as many vectors as registers hold.

    Args:
        captions: captions of an image.
        a: (N, L, D) annotation vectors.
    """
    rows = 1 if captions == 1 else 3
    largest_width = max(tile.ROWS) * (2 if rows == 1 else 1)
    vectors = a.shape[2] // LANES
    return (0,) * rows, (0,) * next(width for width in range(largest_width, 0, -1) if vectors % width == 0)


@kernel
def _attend(thread, counter, tasks, tiles, exp_keys, query, v, a, z, alpha, scratch):
    """Compute all captions of one image per task."""
    for n in claim_tasks(thread, counter, tasks):
        attend_image(thread, tiles, n, 0, exp_keys, query, v, a, z, alpha, scratch)


@called
def attend_image(thread, tiles, n, word, exp_keys, query, v, a, z, alpha, scratch):
    """Compute the captions of image n.

    Args:
        thread: number of the thread.
        tiles: from `tiles_of`.
        n: number of the image.
        word: number of the word, if query, z and alpha hold all words; otherwise 0.
        exp_keys, query, v, a, z, alpha: as in `attend`.
        scratch: Scratch.
    """
    e, exp_query = scratch
    N, L, A = exp_keys.shape
    _, captions, padded = e.shape
    D, first, e0 = a.shape[2], (word * N + n) * captions, thread * captions * padded
    q0 = _exponentials_of_queries(thread, query, first, exp_query)
    for i in range(L):  # (4)
        for k in range(captions):
            score = repeat(np.float32(0))
            for c in range(0, A, LANES):
                exp_key, exp_q = load(exp_keys, (n * L + i) * A + c), load(exp_query, q0 + k * A + c)
                score = fma(load(v, c), functions.tanh_of_sum(exp_key, exp_q), score)
            e[thread, k, i] = total(score)
    for k in range(captions):  # (5)
        for i in range(L, padded):
            e[thread, k, i] = LOW
        _softmax(e, e0 + k * padded, L, padded, alpha, (first + k) * L)
    tile_rows, tile_columns = tiles
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for d in range(0, D, len(tile_columns) * LANES):  # (6)
        for k in range(0, captions, len(tile_rows)):
            rows, z_rows = tile.offsets(tile_rows, k, captions, padded), tile.offsets(tile_rows, k, captions, D)
            sums = tile.zeros(rows, columns)
            for i in range(L):
                sums = tile.add_products(sums, rows, columns, e, e0 + i, a, (n * L + i) * D + d)
            tile.store(sums, z_rows, columns, z, first * D + d)


@inline
def _exponentials_of_queries(thread, query, first, exp_query):
    """Compute exp(2 query) of an image's captions, from number `first` on. Returns the flat index of the result."""
    _, captions, A = exp_query.shape
    at = thread * captions * A
    for c in range(0, captions * A, LANES):
        store(functions.exp(np.float32(2) * load(query, first * A + c)), exp_query, at + c)
    return at


@inline
def _softmax(e, at, L, padded, alpha, alpha_at):
    """Compute the softmax of L scores, and write it to e (in place) and to alpha."""
    peak = load(e, at)
    for i in range(at, at + padded, LANES):
        peak = maximum(peak, load(e, i))
    top = largest(peak)
    sums = repeat(np.float32(0))
    for i in range(at, at + padded, LANES):
        p = functions.exp(load(e, i) - top)
        store(p, e, i)
        sums = sums + p
    scale = np.float32(1) / total(sums)
    for i in range(0, padded, LANES):
        p = scale * load(e, at + i)
        store(p, e, at + i)
        store_first(p, alpha, alpha_at + i, L - i)


@kernel
def _attend_backward(thread, counter, tasks, dz, dalpha, exp_keys, query, v, a, alpha, dkeys, dv, dquery, add, scratch):
    """Compute the gradients of all captions of one image per task."""
    for n in claim_tasks(thread, counter, tasks):
        image_gradients(thread, n, 0, dz, dalpha, exp_keys, query, v, a, alpha, dkeys, dv, dquery, add, scratch)


@called
def image_gradients(thread, n, word, dz, dalpha, exp_keys, query, v, a, alpha, dkeys, dv, dquery, add, scratch):
    """Compute the gradients of the captions of image n.

    Args:
        thread, n: numbers of the thread and of the image.
        word: number of the word, if dz, dalpha, query, alpha and dquery hold all words; otherwise 0.
        dz, dalpha, exp_keys, query, v, a, alpha, dkeys, dv, dquery, add: as in `attend_backward`.
        scratch: Scratch.
    """
    de, exp_query = scratch
    N, L, A = exp_keys.shape
    _, captions, padded = de.shape
    D, first, one = a.shape[2], (word * N + n) * captions, np.float32(1)
    for k in range(captions):
        b, de_at = first + k, (thread * captions + k) * padded
        for i in range(0, L, 4):  # (6): dalpha_i += dz . a_i, four locations at a time
            p0 = p1 = p2 = p3 = repeat(np.float32(0))
            i1, i2, i3 = min(i + 1, L - 1), min(i + 2, L - 1), min(i + 3, L - 1)
            for d in range(0, D, LANES):
                x = load(dz, b * D + d)
                p0, p1 = fma(x, load(a, (n * L + i) * D + d), p0), fma(x, load(a, (n * L + i1) * D + d), p1)
                p2, p3 = fma(x, load(a, (n * L + i2) * D + d), p2), fma(x, load(a, (n * L + i3) * D + d), p3)
            de[thread, k, i], de[thread, k, i1] = total(p0), total(p1)
            de[thread, k, i2], de[thread, k, i3] = total(p2), total(p3)
        means = repeat(np.float32(0))
        for i in range(0, L, LANES):
            sums = load_first(dalpha, b * L + i, L - i) + load_first(de, de_at + i, L - i)
            store_first(sums, de, de_at + i, L - i)
            means = fma(load_first(alpha, b * L + i, L - i), sums, means)
        mean = repeat(total(means))
        for i in range(0, L, LANES):  # (5): de_i = alpha_i (dalpha_i - sum over j of alpha_j dalpha_j)
            difference = load_first(de, de_at + i, L - i) - mean
            store_first(load_first(alpha, b * L + i, L - i) * difference, de, de_at + i, L - i)
        for c in range(0, A, LANES):
            store(repeat(np.float32(0)), dquery, b * A + c)
    q0 = _exponentials_of_queries(thread, query, first, exp_query)
    for i in range(L):  # (4): e_i = v . u, u = tanh(keys_i + query)
        for c in range(0, A, LANES):
            at = (n * L + i) * A + c
            exp_key, weight = load(exp_keys, at), load(v, c)
            dkey, dv_sum = repeat(np.float32(0)), repeat(np.float32(0))
            if add:
                dkey = load(dkeys, at)
            if add or i > 0:
                dv_sum = load(dv, n * A + c)
            for k in range(captions):
                q_at = (first + k) * A + c
                u = functions.tanh_of_sum(exp_key, load(exp_query, q0 + k * A + c))
                d = repeat(de[thread, k, i])
                du = d * weight * (one - u * u)
                dkey = dkey + du
                dv_sum = fma(d, u, dv_sum)
                store(load(dquery, q_at) + du, dquery, q_at)
            store(dkey, dkeys, at)
            store(dv_sum, dv, n * A + c)


@kernel
def _annotation_gradient(thread, counter, tasks, tile_rows, tile_columns, alphas, dzs, same, da):
    """Compute the gradient of one image per task."""
    T, B, L = alphas.shape
    N, _, D = da.shape
    captions = B // N
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for n in claim_tasks(thread, counter, tasks):
        for d in range(0, D, len(tile_columns) * LANES):
            for i in range(0, L, len(tile_rows)):
                rows = tile.offsets(tile_rows, i, L, 1)
                sums = tile.load(tile_rows, columns, same, n * D + d)
                for t in range(T):
                    for b in range(t * B + n * captions, t * B + (n + 1) * captions):
                        sums = tile.add_products(sums, rows, columns, alphas, b * L, dzs, b * D + d)
                tile.store(sums, tile.offsets(tile_rows, i, L, D), columns, da, n * L * D + d)
