"""Count the bytes that the kernels of a computation read and write.

Every array that a kernel gets counts once. The scratch memory of threads stays in the cache and does not count. What
NumPy itself computes between kernels does not count either, nor does a kernel that reads an array again and again.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from numpy_sat.kernels import threads


def count(call: Callable[[], object]) -> int:
    """Call a function once, and return the bytes of the arrays of its kernels."""
    total, run = 0, threads._Pool.run

    def counted(pool, function, tasks, args):
        nonlocal total
        total += sum(array.nbytes for array in _arrays(args))
        run(pool, function, tasks, args)

    threads._Pool.run = counted
    try:
        call()
    finally:
        threads._Pool.run = run
    return total


def _arrays(values: tuple[Any, ...]) -> Iterator[np.ndarray]:
    """Yield the arrays of a kernel's arguments, also those in tuples, but not in those named Scratch."""
    for value in values:
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, tuple) and type(value).__name__ != "Scratch":
            yield from _arrays(value)
