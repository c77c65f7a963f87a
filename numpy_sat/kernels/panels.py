"""Matrices laid out as tiles read them: cut into panels as wide as a tile, each panel contiguous.

A tile reads a panel's rows one after the other. In the matrix as it is they lie a whole row apart, often a power of
two: each in another page of memory, and all in the same few lines of the cache. What this costs and saves, see
matmul.py.
"""

import numpy as np

from numpy_sat.kernels import simd
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import kernel, run, taken


def filled(x, axis=-1):
    """x, contiguous, with zeros behind an axis until it fills whole vectors."""
    axis %= x.ndim
    missing = -x.shape[axis] % LANES
    x = np.ascontiguousarray(x)
    return np.pad(x, [(0, missing if k == axis else 0) for k in range(x.ndim)]) if missing else x


def cut(W, panels):
    """W: (K, O) contiguous. Writes panels: (ceil(O / width), K, width), zeros behind the last column."""
    run(_cut, -(-len(W) // LANES), W, panels)


def cut_transposed(W, panels):
    """Cut the transpose of W: (O, K) contiguous, as `cut` does."""
    run(_cut_transposed, -(-len(W) // LANES), W, panels)


@kernel
def _cut(thread, counter, tasks, W, panels):
    """A task: LANES rows."""
    K, O = W.shape
    width = panels.shape[2]
    for task in taken(thread, counter, tasks):
        for k in range(task * LANES, min((task + 1) * LANES, K)):
            for o in range(0, len(panels) * width, LANES):
                value = simd.load_first(W, k * O + o, O - o) if o < O else simd.repeat(np.float32(0))
                simd.store(value, panels, (o // width * K + k) * width + o % width)


@kernel
def _cut_transposed(thread, counter, tasks, W, panels):
    """A task: LANES rows of W, so that what is written of them at once is a line of the cache."""
    O, K = W.shape
    width = panels.shape[2]
    for task in taken(thread, counter, tasks):
        first = task * LANES
        panel, column = first // width, first % width
        for k in range(K):
            for o in range(LANES):
                panels[panel, k, column + o] = W[first + o, k] if first + o < O else np.float32(0)
        if task == tasks - 1:
            panels[panel, :, column + LANES :] = 0
