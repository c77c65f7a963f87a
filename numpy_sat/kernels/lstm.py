"""The elementwise part of an LSTM step (Xu et al. 2015, equations 1 to 3) in one pass, and its backward pass.

In NumPy it takes a dozen passes, each of which writes what the next one reads. With 64 captions and S = 512 it takes
0.03 ms here and 0.11 ms in NumPy.
"""

import numpy as np

from numpy_sat.kernels import functions
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES, load_first, store_first
from numpy_sat.kernels.threads import called, claim_tasks, kernel, run

ROWS = 8  # rows of a task


@checked(
    c="(B, S)",
    affine="(B, 4 * S)",
    h_next="out (B, S)",
    c_next="out (B, S)",
    ifog="out (B, 4 * S)",
    tanh_c="out (B, S)",
)
def gates(affine, c, h_next, c_next, ifog, tanh_c):
    """Compute i, f, o, g = sigm, sigm, sigm, tanh of affine, c' = f c + i g, and h' = o tanh(c').

    Args:
        affine: (B, 4S) the four gates before their activation.
        c: (B, S) cell state.
        h_next, c_next: (B, S) h' and c', overwritten.
        ifog: (B, 4S) the gates, overwritten.
        tanh_c: (B, S) tanh(c'), overwritten.
    """
    run(_gates, -(-len(c) // ROWS), affine, c, h_next, c_next, ifog, tanh_c)


@checked(
    c="(B, S)",
    dh_next="(B, S)",
    dc_next="out (B, S)",
    ifog="(B, 4 * S)",
    tanh_c="(B, S)",
    daffine="out (B, 4 * S)",
)
def gates_backward(dh_next, dc_next, c, ifog, tanh_c, daffine):
    """Compute the gradients of affine and c.

    Args:
        dh_next: (B, S) gradient of h'.
        dc_next: (B, S) gradient of c'; overwritten with the gradient of c.
        c, ifog, tanh_c: as in `gates`.
        daffine: (B, 4S), overwritten.
    """
    run(_gates_backward, -(-len(c) // ROWS), dh_next, dc_next, c, ifog, tanh_c, daffine)


@kernel
def _gates(thread, counter, tasks, affine, c, h_next, c_next, ifog, tanh_c):
    """Compute ROWS rows per task."""
    B, S = c.shape
    for task in claim_tasks(thread, counter, tasks):
        gates_of_rows(task * ROWS, min((task + 1) * ROWS, B), S, affine, c, 0, h_next, c_next, 0, ifog, tanh_c)


@called
def gates_of_rows(first, last, S, affine, c, c0, h_next, c_next, next0, ifog, tanh_c):
    """Compute the rows from `first` to `last` of `gates`.

    Args:
        first, last: the rows of affine, ifog and tanh_c.
        S: hidden size.
        c0: flat index in c of row 0.
        next0: flat index in h_next and c_next of row 0.
        affine, c, h_next, c_next, ifog, tanh_c: as in `gates`, or such arrays of all words.
    """
    for b in range(first, last):
        for s in range(0, S, LANES):
            at, at4, count = b * S + s, b * 4 * S + s, S - s
            i = functions.sigmoid(load_first(affine, at4, count))
            f = functions.sigmoid(load_first(affine, at4 + S, count))
            o = functions.sigmoid(load_first(affine, at4 + 2 * S, count))
            g = functions.tanh(load_first(affine, at4 + 3 * S, count))
            cell = f * load_first(c, c0 + at, count) + i * g
            tanh_cell = functions.tanh(cell)
            store_first(i, ifog, at4, count)
            store_first(f, ifog, at4 + S, count)
            store_first(o, ifog, at4 + 2 * S, count)
            store_first(g, ifog, at4 + 3 * S, count)
            store_first(cell, c_next, next0 + at, count)
            store_first(tanh_cell, tanh_c, at, count)
            store_first(o * tanh_cell, h_next, next0 + at, count)


@kernel
def _gates_backward(thread, counter, tasks, dh_next, dc_next, c, ifog, tanh_c, daffine):
    """Compute ROWS rows per task."""
    B, S = c.shape
    for task in claim_tasks(thread, counter, tasks):
        first, last = task * ROWS, min((task + 1) * ROWS, B)
        gradients_of_rows(first, last, S, dh_next, 0, dc_next, 0, c, ifog, tanh_c, daffine)


@called
def gradients_of_rows(first, last, S, dh_next, dh0, dc_next, dc0, c, ifog, tanh_c, daffine):
    """Compute the rows from `first` to `last` of `gates_backward`.

    Args:
        first, last: the rows of c, ifog, tanh_c and daffine.
        S: hidden size.
        dh0, dc0: flat index of row 0 in dh_next and in dc_next.
        dh_next, dc_next, c, ifog, tanh_c, daffine: as in `gates_backward`, or such arrays of all words.
    """
    one = np.float32(1)
    for b in range(first, last):
        for s in range(0, S, LANES):
            at, at4, count = b * S + s, b * 4 * S + s, S - s
            i, f = load_first(ifog, at4, count), load_first(ifog, at4 + S, count)
            o, g = load_first(ifog, at4 + 2 * S, count), load_first(ifog, at4 + 3 * S, count)
            tanh_cell, dh = load_first(tanh_c, at, count), load_first(dh_next, dh0 + at, count)
            do = dh * tanh_cell  # (3)
            dc = load_first(dc_next, dc0 + at, count) + dh * o * (one - tanh_cell * tanh_cell)
            df, di, dg = dc * load_first(c, at, count), dc * g, dc * i  # (2)
            store_first(dc * f, dc_next, dc0 + at, count)
            store_first(di * i * (one - i), daffine, at4, count)  # (1)
            store_first(df * f * (one - f), daffine, at4 + S, count)
            store_first(do * o * (one - o), daffine, at4 + 2 * S, count)
            store_first(dg * (one - g * g), daffine, at4 + 3 * S, count)
