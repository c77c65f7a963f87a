"""Matrices in the layout that tiles read: cut into panels as wide as a tile, each panel contiguous.

A tile reads the rows of a panel one after the other. In the original matrix they are a whole row apart, often a power
of two. Then each lies in another page of memory, and all compete for the same few cache lines. matmul.py states the
cost and the gain.
"""

import numpy as np

from numpy_sat.kernels import simd
from numpy_sat.kernels.checks import checked
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import claim_tasks, kernel, run
from numpy_sat.system.workspace import current


def filled(x, axis=-1):
    """Return x, contiguous, with zeros appended to an axis until its length is a multiple of LANES."""
    axis %= x.ndim
    return lengthened(x, x.shape[axis] + -x.shape[axis] % LANES, axis)


def lengthened(x, length, axis=0):
    """Return x, contiguous, with zeros appended to an axis up to a length. np.pad takes 20 microseconds longer."""
    if x.shape[axis] == length:
        return np.ascontiguousarray(x)
    before = (slice(None),) * axis
    result = current().empty((*x.shape[:axis], length, *x.shape[axis + 1 :]), x.dtype)
    result[(*before, slice(x.shape[axis]))], result[(*before, slice(x.shape[axis], None))] = x, 0
    return result


@checked(W="(rows, O)", panels="out (-(-O // width), K, width)", where="width % LANES == 0 and rows <= K")
def cut(W, panels):
    """Copy W into panels, with zeros after the last column and the last row.

    Args:
        W: (K or fewer, O) contiguous.
        panels: (ceil(O / width), K, width), overwritten.
    """
    run(_cut, -(-panels.shape[1] // LANES), W, panels)


@checked(W="(O, K)", panels="out (-(-O // width), K, width)", where="width % LANES == 0")
def cut_transposed(W, panels):
    """Copy the transpose of W: (O, K), contiguous, into panels as `cut` does."""
    run(_cut_transposed, -(-len(W) // LANES), W, panels)


@kernel
def _cut(thread, counter, tasks, W, panels):
    """Copy LANES rows of W per task."""
    rows, O = W.shape
    _, K, width = panels.shape
    for task in claim_tasks(thread, counter, tasks):
        for k in range(task * LANES, min((task + 1) * LANES, K)):
            for o in range(0, len(panels) * width, LANES):
                inside = k < rows and o < O
                value = simd.load_first(W, k * O + o, O - o) if inside else simd.repeat(np.float32(0))
                simd.store(value, panels, (o // width * K + k) * width + o % width)


@kernel
def _cut_transposed(thread, counter, tasks, W, panels):
    """Copy LANES rows of W per task, so that they fill whole cache lines of the panels."""
    O, K = W.shape
    width = panels.shape[2]
    for task in claim_tasks(thread, counter, tasks):
        first = task * LANES
        panel, column = first // width, first % width
        for k in range(K):
            for o in range(LANES):
                panels[panel, k, column + o] = W[first + o, k] if first + o < O else np.float32(0)
        if task == tasks - 1:
            panels[panel, :, column + LANES :] = 0
