"""Memory that training steps use again and again.

The operating system clears fresh memory page by page when it is first touched. That takes longer than computing what
goes into it. A workspace keeps its memory and hands it out again at every step:

    workspace = Workspace()
    for batch in batches:
        with workspace.step():  # all arrays of the step before are free now
            loss, grads = captioner.loss_and_grads(...)

Inside, the kernels take their arrays from this workspace (`current`). Arrays of a step must not be used after the next
step has begun. Outside, every call of a kernel gets fresh memory. Each thread has its own current workspace.
"""

import math
import threading
from contextlib import contextmanager

import numpy as np

ALIGNMENT = 64  # bytes, a cache line: vectors that straddle two are loaded at half the speed
# Bytes between arrays: where two lie a multiple of 4096 bytes apart, a load from one waits for a store to the other
# (measured: a convolution of 512 channels took 12.4 ms instead of 9.7).
APART = 37 * ALIGNMENT


class Workspace:
    """Arrays without contents, one behind the other in large slabs of memory."""

    def __init__(self):
        self._slabs = []
        self._slab = self._used = 0  # where the next array begins: in which slab, behind how many bytes

    @property
    def size(self):
        """The bytes of all slabs."""
        return sum(slab.nbytes for slab in self._slabs)

    def restart(self):
        """Forget all arrays: their memory will be handed out again."""
        self._slab = self._used = 0

    @contextmanager
    def step(self):
        """Free all arrays, and make this the current workspace of the thread until the block ends."""
        self.restart()
        before, _thread.workspace = getattr(_thread, "workspace", None), self
        try:
            yield
        finally:
            _thread.workspace = before

    @contextmanager
    def scratch(self):
        """Free the arrays that are taken inside at the end."""
        before = self._slab, self._used
        try:
            yield
        finally:
            self._slab, self._used = before

    def empty(self, shape, dtype=np.float32):
        """Return an uninitialized array, contiguous and aligned. shape: a tuple."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        while self._slab < len(self._slabs) and self._used + size > self._slabs[self._slab].nbytes:
            self._slab, self._used = self._slab + 1, 0
        if self._slab == len(self._slabs):
            self._slabs.append(_slab(max(size, self.size)))
        memory = self._slabs[self._slab][self._used : self._used + size]
        self._used += -(-size // ALIGNMENT) * ALIGNMENT + APART
        return memory.view(dtype).reshape(shape)


_thread = threading.local()


def current():
    """Return the workspace of the step that this thread is in. Outside a step, return a new one."""
    return getattr(_thread, "workspace", None) or Workspace()


def _slab(size):
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size]
