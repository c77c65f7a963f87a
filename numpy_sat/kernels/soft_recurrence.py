"""Compute the recurrence with soft attention, forward and backward, with one kernel for all words.

Captions of different images do not depend on each other. So a task computes all words of the captions of some images,
and no thread waits for another one between the words. This saves ten runs of kernels for every word, twelve with a
gate. Each run has Python code and waits for the slowest thread. Every task reads all weights at every word. So
decoders/fast/recurrence.py uses these kernels if `fits` returns True, and one kernel after the other otherwise.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import attention, gate, lstm, matmul
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.matmul import TILE_COLUMNS, TILE_ROWS, WIDTH
from numpy_sat.kernels.simd import LANES  # noqa: F401  (the declarations of the arrays read it)
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system import machine
from numpy_sat.system.workspace import current


class Weights(NamedTuple):
    """The packed weights of a word (matmul.Packed), transposed for the gradients, and the gate of the context."""

    W_h: np.ndarray  # (panels, S, WIDTH), or (panels, A, WIDTH) for the gradients
    b_a: np.ndarray  # its bias
    W_hh: np.ndarray  # (panels, S, WIDTH), or (panels, 4S, WIDTH)
    W_z: np.ndarray  # (panels, D, WIDTH), or (panels, 4S, WIDTH)
    gate: np.ndarray  # (S + 1,) w_beta, then b_beta; not used without a gate


class Words(NamedTuple):
    """Arrays of all words. Without a gate, context and z are the same array, and beta is not used."""

    query: np.ndarray  # (T, B, A)
    alpha: np.ndarray  # (T, B, L)
    context: np.ndarray  # (T, B, D) before the gate
    beta: np.ndarray  # (T, B, 1)
    z: np.ndarray  # (T, B, D)
    h: np.ndarray  # (T + 1, B, S), h_0 first
    c: np.ndarray  # (T + 1, B, S)
    ifog: np.ndarray  # (T, B, 4S)
    tanh_c: np.ndarray  # (T, B, S)


class Gradients(NamedTuple):
    """Gradients of the arrays of all words, and that of the cell state, which a word hands to the word before it."""

    dquery: np.ndarray  # (T, B, A)
    dalpha: np.ndarray  # (T, B, L)
    dcontext: np.ndarray  # (T, B, D); without a gate, the same array as dz
    dgate: np.ndarray  # (T, B, 1) of the gate before its sigmoid
    dz: np.ndarray  # (T, B, D)
    dh: np.ndarray  # (T + 1, B, S), that of h_0 first
    daffine: np.ndarray  # (T, B, 4S)
    dc: np.ndarray  # (1, B, S)


def fits(S, A, D):
    """Return True if one kernel for all words is faster: the weights take at most four times the second-level cache.

    Args:
        S, A, D: sizes of the hidden state, the attention and the context.
    """
    # The last-level cache delivers the rest fast enough. The step takes 0.77 of the time for scenes small on two AMD
    # Zen 3 cores, and 0.94 for flickr8k on two Intel Xeon cores (2026-12-01).
    return 4 * S * (A + 4 * S + 4 * D) <= 4 * machine.cache_size()


@checked(
    exp_keys="(N, L, A)",
    v="(A,)",
    a="(N, L, D)",
    words=(
        *("out (T, B, A)", "out (T, B, L)", "out (T, B, D)", "out (T, B, 1)", "out (T, B, D)"),
        *("out (T + 1, B, S)", "out (T + 1, B, S)", "out (T, B, 4 * S)", "out (T, B, S)"),
    ),
    affine="out (T, B, 4 * S)",
    weights=(
        *("(-(-A // WIDTH), S, WIDTH)", "(-(-A // WIDTH) * WIDTH,)"),
        *("(-(-4 * S // WIDTH), S, WIDTH)", "(-(-4 * S // WIDTH), D, WIDTH)", "(S + 1,)"),
    ),
    where="N and B % N == 0 and A % LANES == D % LANES == 0",
)
def forward(weights, gated, exp_keys, v, a, affine, words):
    """Compute attention, gate and LSTM of all words (Xu et al. 2015, equations 1 to 6).

    Args:
        weights: Weights.
        gated: True if the context has a gate.
        exp_keys, v, a: as in attention.attend.
        affine: (T, B, 4S) terms of E y and b; the terms of h and z are added in place.
        words: Words; h[0] and c[0] are given, everything else is overwritten.
    """
    N, B = len(a), words[0].shape[1]
    group = _images_of_a_task(N)
    with current().scratch():
        arrays = Weights(*weights), exp_keys, v, a, affine, Words(*words), attention.scratch(words[0], exp_keys)
        tiles = attention.tiles_of(B // N, a)
        run(_forward, -(-N // group), TILE_ROWS, TILE_COLUMNS, tiles, group, bool(gated), *arrays)


@checked(
    exp_keys="(N, L, A)",
    v="(A,)",
    a="(N, L, D)",
    words=(
        *("(T, B, A)", "(T, B, L)", "(T, B, D)", "(T, B, 1)", "(T, B, D)"),
        *("(T + 1, B, S)", "(T + 1, B, S)", "(T, B, 4 * S)", "(T, B, S)"),
    ),
    gradients=(
        *("out (T, B, A)", "(T, B, L)", "out (T, B, D)", "out (T, B, 1)", "out (T, B, D)", "out (T + 1, B, S)"),
        *("out (T, B, 4 * S)", "out (1, B, S)"),
    ),
    dkeys="out (N, L, A)",
    dv="out (N, A)",
    weights=(
        *("(-(-S // WIDTH), A, WIDTH)", "(-(-S // WIDTH) * WIDTH,)"),
        *("(-(-S // WIDTH), 4 * S, WIDTH)", "(-(-D // WIDTH), 4 * S, WIDTH)", "(S + 1,)"),
    ),
    where="N and B % N == 0 and A % LANES == D % LANES == 0",
)
def backward(weights, gated, exp_keys, v, a, words, dkeys, dv, gradients):
    """Compute the gradients of `forward` by backpropagation through time.

    Args:
        weights: Weights, transposed.
        gated, exp_keys, v, a, words: as in `forward`.
        dkeys: (N, L, A), overwritten.
        dv: (N, A), overwritten with the gradient of each image.
        gradients: Gradients; dalpha is given, dz and dh are those through the output, and dc is that after the last
            word. All others are overwritten, and dz, dh and dc are updated.
    """
    N = len(a)
    group = _images_of_a_task(N)
    with current().scratch():
        arrays = Weights(*weights), exp_keys, v, a, Words(*words), dkeys, dv, Gradients(*gradients)
        scratch = attention.scratch(words[0], exp_keys)
        run(_backward, -(-N // group), TILE_ROWS, TILE_COLUMNS, group, bool(gated), *arrays, scratch)


def _images_of_a_task(N):
    """Return the number of images in a task: one task for each thread, which reads the weights for all its captions.

    The results do not depend on it, because no sum runs over images.
    """
    return -(-N // machine.THREADS)


@kernel
def _forward(
    thread,
    counter,
    tasks,
    tile_rows,
    tile_columns,
    tiles,
    group,
    gated,
    weights,
    exp_keys,
    v,
    a,
    affine,
    words,
    scratch,
):
    """Compute all words of the captions of `group` images per task."""
    W_h, b_a, W_hh, W_z, w_beta = weights
    query, alpha, context, beta, z, h, c, ifog, tanh_c = words
    N, _, A = exp_keys.shape
    T, B, D = context.shape
    S, captions = h.shape[2], B // N
    for task in claim_tasks(thread, counter, tasks):
        image, end = task * group, min((task + 1) * group, N)
        for t in range(T):
            row, last = t * B + image * captions, t * B + end * captions  # caption b of word t is row t B + b
            for panel in range(len(W_h)):
                matmul.multiply_rows(
                    *(tile_rows, tile_columns, row, last, panel, S, (S, 1, S), A),
                    *(h, 0, W_h, panel * S * WIDTH, b_a, query, 0, False),
                )
            for n in range(image, end):  # (4) (5) (6)
                attention.attend_image(thread, tiles, n, t, exp_keys, query, v, a, context, alpha, scratch)
            if gated:
                gate.open_rows(row, last, S, D, h, w_beta, context, beta, z)
            for panel in range(len(W_hh)):
                matmul.multiply_rows(
                    *(tile_rows, tile_columns, row, last, panel, S, (S, 1, S), 4 * S),
                    *(h, 0, W_hh, panel * S * WIDTH, b_a, affine, 0, True),
                )
                matmul.multiply_rows(
                    *(tile_rows, tile_columns, row, last, panel, D, (D, 1, D), 4 * S),
                    *(z, 0, W_z, panel * D * WIDTH, b_a, affine, 0, True),
                )
            lstm.gates_of_rows(row, last, S, affine, c, 0, h, c, B * S, ifog, tanh_c)


@kernel
def _backward(
    thread,
    counter,
    tasks,
    tile_rows,
    tile_columns,
    group,
    gated,
    weights,
    exp_keys,
    v,
    a,
    words,
    dkeys,
    dv,
    gradients,
    scratch,
):
    """Compute the gradients of all words of the captions of `group` images per task."""
    W_h, no_bias, W_hh, W_z, w_beta = weights
    query, alpha, context, beta, _, _, c, ifog, tanh_c = words
    dquery, dalpha, dcontext, dgate, dz, dh, daffine, dc = gradients
    N, _, A = exp_keys.shape
    T, B, D = context.shape
    S, captions = dh.shape[2], B // N
    for task in claim_tasks(thread, counter, tasks):
        image, end = task * group, min((task + 1) * group, N)
        for t in range(T - 1, -1, -1):
            row, last = t * B + image * captions, t * B + end * captions  # of dh, these rows belong to h_{t-1}
            # (3) (2) (1)
            lstm.gradients_of_rows(row, last, S, dh, B * S, dc, -t * B * S, c, ifog, tanh_c, daffine)
            for panel in range(len(W_z)):
                matmul.multiply_rows(
                    *(tile_rows, tile_columns, row, last, panel, 4 * S, (4 * S, 1, 4 * S), D),
                    *(daffine, 0, W_z, panel * 4 * S * WIDTH, no_bias, dz, 0, True),
                )
            if gated:
                gate.gradients_of_rows(row, last, S, D, dz, context, beta, w_beta, dcontext, dgate, dh)
            for panel in range(len(W_hh)):
                matmul.multiply_rows(
                    *(tile_rows, tile_columns, row, last, panel, 4 * S, (4 * S, 1, 4 * S), S),
                    *(daffine, 0, W_hh, panel * 4 * S * WIDTH, no_bias, dh, 0, True),
                )
            for n in range(image, end):  # (6) (5) (4)
                attention.image_gradients(
                    *(thread, n, t, dcontext, dalpha, exp_keys, query, v, a, alpha),
                    *(dkeys, dv, dquery, t < T - 1, scratch),
                )
            for panel in range(len(W_h)):
                matmul.multiply_rows(
                    *(tile_rows, tile_columns, row, last, panel, A, (A, 1, A), S),
                    *(dquery, 0, W_h, panel * A * WIDTH, no_bias, dh, 0, True),
                )
