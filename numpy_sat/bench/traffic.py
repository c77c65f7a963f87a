"""Count the bytes that the kernels of a computation read and write, and the time that is spent outside of them.

Every array that a kernel gets counts once, also one that it reads several times. The scratch memory of threads stays in
the cache and does not count. Computations of NumPy between kernels do not count.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from numpy_sat.kernels import threads

ROUNDS = 11


def count(call: Callable[[], object]) -> int:
    """Call a function once, and return the bytes of the arrays of its kernels."""
    total, run = 0, threads._Pool.run

    def counted(*args):
        nonlocal total
        total += sum(array.nbytes for array in _arrays(args[3]))
        run(*args)

    with _in_place_of_run(counted):
        call()
    return total


def outside(call: Callable[[], object]) -> float:
    """Return the share of a call's time that is spent outside of kernels, the median of ROUNDS calls."""
    inside, run, shares = 0.0, threads._Pool.run, []

    def timed(*args):
        nonlocal inside
        start = time.perf_counter()
        run(*args)
        inside += time.perf_counter() - start

    with _in_place_of_run(timed):
        for _ in range(ROUNDS):
            start, inside = time.perf_counter(), 0.0
            call()
            shares.append(1 - inside / (time.perf_counter() - start))
    return statistics.median(shares)


@contextmanager
def _in_place_of_run(function):
    """Run all kernels by a function with the arguments of threads._Pool.run: the pool, kernel, tasks and arguments."""
    run, threads._Pool.run = threads._Pool.run, function
    try:
        yield
    finally:
        threads._Pool.run = run


def _arrays(values: tuple[Any, ...]) -> Iterator[np.ndarray]:
    """Yield the arrays of a kernel's arguments, also those in tuples, but not in those named Scratch."""
    for value in values:
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, tuple) and type(value).__name__ != "Scratch":
            yield from _arrays(value)
