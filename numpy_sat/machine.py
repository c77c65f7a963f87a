"""How the program shares the machine's cores and memory, settled before numpy and numba start any thread.

A number of threads that the environment sets already is kept.
"""

import ctypes
import os
import sys


def settle():
    """Choose threads and keep freed memory. Called once, when numpy_sat is imported."""
    # Compiled kernels (numba) use every core, matrix products (OpenBLAS) one: a small model's are too small to gain
    # much from a second, and OpenBLAS's threads wait by yielding the processor in a loop, so that any other busy
    # program on the machine slows a training step about ten times (measured: 0.2 s became 2 s).
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # numba's threads sleep while they wait, and leave the core to numpy.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    _keep_freed_memory()


def _keep_freed_memory():
    """Have glibc reuse large arrays' memory instead of handing it back to the system each time.

    Memory fresh from the system is cleared page by page when first touched, which for the arrays of a training step
    takes longer than computing them (measured: a step of 84 ms became one of 64).
    """
    if not sys.platform.startswith("linux") or "MALLOC_MMAP_MAX_" in os.environ:
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return
    M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
