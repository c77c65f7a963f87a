"""The gate of the context (Xu et al. 2015, section 4.2.1) in one pass over the captions, and its backward pass.

NumPy takes six passes for a word, on one thread. The gate's weights are one array, (S + 1,): w_beta, then b_beta.
"""

import numpy as np

from numpy_sat.kernels import functions
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, fma, load_first, repeat, store_first, total
from numpy_sat.kernels.threads import called, claim_tasks, kernel, run

ROWS = 8  # rows of a task


@checked(h="(B, S)", gate="(S + 1,)", context="(B, D)", beta="out (B, 1)", z="out (B, D)")
def forward(h, gate, context, beta, z):
    """Compute beta = sigm(w_beta . h + b_beta) and z = beta context.

    Args:
        h: (B, S) hidden states before the word.
        gate: (S + 1,).
        context: (B, D).
        beta: (B, 1), overwritten.
        z: (B, D), overwritten.
    """
    run(_forward, -(-len(h) // ROWS), h, gate, context, beta, z)


@checked(
    dh="out (B, S)",
    dz="(B, D)",
    context="(B, D)",
    beta="(B, 1)",
    gate="(S + 1,)",
    dcontext="out (B, D)",
    dgate="out (B, 1)",
)
def backward(dz, context, beta, gate, dcontext, dgate, dh):
    """Compute the gradients of the context, of the gate and of the hidden states.

    Args:
        dz: (B, D) gradient of z.
        context, beta, gate: as in `forward`.
        dcontext: (B, D), overwritten.
        dgate: (B, 1) gradient of the gate before its sigmoid, overwritten.
        dh: (B, S), the gradient of h is added to it.
    """
    run(_backward, -(-len(dh) // ROWS), dz, context, beta, gate, dcontext, dgate, dh)


@kernel
def _forward(thread, counter, tasks, h, gate, context, beta, z):
    """Compute ROWS rows per task."""
    (B, S), D = h.shape, z.shape[1]
    for task in claim_tasks(thread, counter, tasks):
        open_rows(task * ROWS, min((task + 1) * ROWS, B), S, D, h, gate, context, beta, z)


@called
def open_rows(first, last, S, D, h, gate, context, beta, z):
    """Compute the rows from `first` to `last` of `forward`.

    Args:
        first, last: the rows of h, context, beta and z.
        S, D: sizes of the hidden state and of the context.
        h, gate, context, beta, z: as in `forward`, or such arrays of all words.
    """
    for b in range(first, last):
        score = repeat(np.float32(0))
        for s in range(0, S, LANES):
            score = fma(load_first(h, b * S + s, S - s), load_first(gate, s, S - s), score)
        opened = functions.sigmoid(repeat(total(score) + gate[S]))
        store_first(opened, beta, b, 1)
        for d in range(0, D, LANES):
            store_first(opened * load_first(context, b * D + d, D - d), z, b * D + d, D - d)


@kernel
def _backward(thread, counter, tasks, dz, context, beta, gate, dcontext, dgate, dh):
    """Compute ROWS rows per task."""
    (B, S), D = dh.shape, dz.shape[1]
    for task in claim_tasks(thread, counter, tasks):
        first, last = task * ROWS, min((task + 1) * ROWS, B)
        gradients_of_rows(first, last, S, D, dz, context, beta, gate, dcontext, dgate, dh)


@called
def gradients_of_rows(first, last, S, D, dz, context, beta, gate, dcontext, dgate, dh):
    """Compute the rows from `first` to `last` of `backward`.

    Args:
        first, last: the rows of dz, context, beta, dcontext, dgate and dh.
        S, D: sizes of the hidden state and of the context.
        dz, context, beta, gate, dcontext, dgate, dh: as in `backward`, or such arrays of all words.
    """
    one = np.float32(1)
    for b in range(first, last):
        opened, product = total(load_first(beta, b, 1)), repeat(np.float32(0))
        for d in range(0, D, LANES):
            at, count = b * D + d, D - d
            dz_part = load_first(dz, at, count)
            product = fma(dz_part, load_first(context, at, count), product)
            store_first(opened * dz_part, dcontext, at, count)
        # beta = sigm(score): dscore = dbeta beta (1 - beta)
        dscore = total(product) * opened * (one - opened)
        store_first(repeat(dscore), dgate, b, 1)
        for s in range(0, S, LANES):
            at, count = b * S + s, S - s
            store_first(fma(repeat(dscore), load_first(gate, s, count), load_first(dh, at, count)), dh, at, count)
