"""What float32 runs on: the layers' mathematics once more, arranged for the machine and compiled by numba.

Nothing here is needed to understand the model: `layers/` states all of it in NumPy, and float64 always runs that.
Read in this order: simd.py (vectors), tile.py (the small product at the bottom of everything), threads.py (all cores);
then convolution, direct.py, points.py, winograd.py, winograd_weights.py, chosen between in conv.py, and pool.py; then
panels.py and matmul.py; relu6.py, depthwise.py and mbconv.py; functions.py (tanh and exp), attention.py, lstm.py,
cross_entropy.py, elementwise.py. Figures were measured on two cores of an AMD Zen 5 with AVX-512.

Some kernels do what several layer functions do one after the other: relu is part of the convolution, the softmax of
the attention, the decoder goes through a whole caption (decoders/attend_tell_fused.py). Inside `unfused()` every
layer's own function is called instead, as a learner's must be that stands in its place.
"""

from contextlib import contextmanager

import numpy as np

_fuse = True


def fast(*arrays):
    """Whether these arrays go to the kernels: all are float32."""
    return all(array.dtype == np.float32 for array in arrays)


def fused(*arrays):
    """Whether these arrays go to the kernels that stand for several layer functions."""
    return _fuse and fast(*arrays)


@contextmanager
def unfused():
    """Inside, every layer's own function is called. Slower: for checks, and for functions put in a layer's place."""
    global _fuse
    before, _fuse = _fuse, False
    try:
        yield
    finally:
        _fuse = before
