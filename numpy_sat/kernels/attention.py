"""Soft attention of one word for all captions: score, softmax and context in one pass over each image, and back.

In NumPy the tanh of every location and caption, N x B/N x L x A numbers, is written to memory and read again by what
follows, forward and backward. Here it lives in registers, and the way back computes it once more, which costs less than
reading it. A task is an image with its captions, so that its keys and annotations are read once for all of them. (One
word of 64 images, L = 196, A = D = 512, forward and back: 2.1 and 3.8 ms; by the layers' functions 8.7 and 25.1.)
D and A must fill vectors.
"""

import numpy as np

from numpy_sat.kernels import functions, tile
from numpy_sat.kernels.simd import LANES, fma, largest, load, maximum, repeat, store, store_first, total
from numpy_sat.kernels.threads import inline, kernel, run, taken
from numpy_sat.system import machine
from numpy_sat.system.workspace import current

LOW = np.float32(-1e30)  # the score of what stands behind the last location: exp makes 1e-38 of it


def attend(keys, query, v, a, z, alpha):
    """(4) (5) (6): alpha = softmax over i of v . tanh(keys_i + query), z = sum_i alpha_i a_i.

    keys: (N, L, A); query: (B, A); v: (A,); a: (N, L, D). Writes z: (B, D) and alpha: (B, L).
    """
    workspace = current()
    N, L, _ = keys.shape
    with workspace.scratch():
        e = workspace.empty((machine.THREADS, len(query) // N, _up(L)))
        run(_attend, N, keys, query, v, a, z, alpha, e)


def attend_backward(dz, dalpha, keys, query, v, a, alpha, dkeys, dv, dquery):
    """dz: (B, D); dalpha: (B, L), from outside. Adds to dkeys: (N, L, A) and dv: (N, A); writes dquery: (B, A)."""
    workspace = current()
    N, L, _ = keys.shape
    with workspace.scratch():
        de = workspace.empty((machine.THREADS, len(query) // N, L))
        run(_attend_backward, N, dz, dalpha, keys, query, v, a, alpha, dkeys, dv, dquery, de)


def annotation_gradient(alphas, dzs, N):
    """da_i = sum over words and captions of alpha_ti dz_t. alphas: (T, B, L); dzs: (T, B, D). Returns da: (N, L, D)."""
    workspace = current()
    _, _, L = alphas.shape
    D = dzs.shape[2]
    da = workspace.empty((N, L, D))
    run(_annotation_gradient, N, *tile.shape(D), alphas, dzs, da)
    return da


def _up(size):
    """The next multiple of LANES."""
    return -(-size // LANES) * LANES


@kernel
def _attend(thread, counter, tasks, keys, query, v, a, z, alpha, e):
    _, L, A = keys.shape
    D, each = a.shape[2], e.shape[1]
    e0, padded = thread * each * e.shape[2], e.shape[2]
    for n in taken(thread, counter, tasks):
        for i in range(L):  # (4)
            for k in range(each):
                score = repeat(np.float32(0))
                for c in range(0, A, LANES):
                    key, q = load(keys, (n * L + i) * A + c), load(query, (n * each + k) * A + c)
                    score = fma(load(v, c), functions.tanh(key + q), score)
                e[thread, k, i] = total(score)
        for k in range(each):  # (5)
            e[thread, k, L:] = LOW
            _softmax(e, e0 + k * padded, L, padded, alpha, (n * each + k) * L)
        for d in range(0, D, LANES):  # (6)
            for k in range(each):
                context = repeat(np.float32(0))
                for i in range(L):
                    context = fma(repeat(e[thread, k, i]), load(a, (n * L + i) * D + d), context)
                store(context, z, (n * each + k) * D + d)


@inline
def _softmax(e, at, L, padded, alpha, alpha_at):
    """The softmax of L scores, in place and into alpha."""
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
def _attend_backward(thread, counter, tasks, dz, dalpha, keys, query, v, a, alpha, dkeys, dv, dquery, de):
    _, L, A = keys.shape
    D, each = a.shape[2], de.shape[1]
    one = np.float32(1)
    for n in taken(thread, counter, tasks):
        for k in range(each):
            b, mean = n * each + k, np.float32(0)
            for i in range(L):  # (6)
                product = repeat(np.float32(0))
                for d in range(0, D, LANES):
                    product = fma(load(dz, b * D + d), load(a, (n * L + i) * D + d), product)
                de[thread, k, i] = dalpha[b, i] + total(product)
                mean += alpha[b, i] * de[thread, k, i]
            for i in range(L):  # (5)
                de[thread, k, i] = alpha[b, i] * (de[thread, k, i] - mean)
            dquery[b] = 0
        for i in range(L):  # (4)
            for c in range(0, A, LANES):
                at = (n * L + i) * A + c
                key, weight = load(keys, at), load(v, c)
                gained, gained_v = load(dkeys, at), load(dv, n * A + c)
                for k in range(each):
                    q_at = (n * each + k) * A + c
                    u, d = functions.tanh(key + load(query, q_at)), repeat(de[thread, k, i])
                    du = d * weight * (one - u * u)
                    gained = gained + du
                    gained_v = fma(d, u, gained_v)
                    store(load(dquery, q_at) + du, dquery, q_at)
                store(gained, dkeys, at)
                store(gained_v, dv, n * A + c)


@kernel
def _annotation_gradient(thread, counter, tasks, tile_rows, tile_columns, alphas, dzs, da):
    """A task: an image."""
    T, B, L = alphas.shape
    N, _, D = da.shape
    each = B // N
    columns = tile.offsets(tile_columns, 0, len(tile_columns), LANES)
    for n in taken(thread, counter, tasks):
        for d in range(0, D, len(tile_columns) * LANES):
            for i in range(0, L, len(tile_rows)):
                rows = tile.offsets(tile_rows, i, L, 1)
                sums = tile.zeros(rows, columns)
                for t in range(T):
                    for b in range(t * B + n * each, t * B + (n + 1) * each):
                        sums = tile.add_products(sums, rows, columns, alphas, b * L, dzs, b * D + d)
                tile.store(sums, tile.offsets(tile_rows, i, L, D), columns, da, n * L * D + d)
