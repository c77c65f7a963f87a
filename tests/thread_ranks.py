"""Provide a group of ranks that are threads of one process, so that most tests need no MPI."""

import threading
from contextlib import contextmanager

import numpy as np

from numpy_sat.system import mpi, ranks


class ThreadRanks(ranks.Group):
    """A group of threads. They share a list of values and meet at a barrier."""

    def __init__(self, rank, values, barrier):
        self.rank, self.size = rank, len(values)
        self._values, self._barrier = values, barrier

    share = mpi.Ranks.share
    step = contextmanager(mpi.Ranks.step.__wrapped__)

    def collect(self, value):
        self._values[self.rank] = value
        self._barrier.wait(60)
        values = list(self._values)
        self._barrier.wait(60)
        return values

    def to_first(self, value):
        values = self.collect(value)
        return values if self.is_first else []

    def from_first(self, value):
        return self.collect(value)[0]

    def largest(self, *numbers):
        return np.max(self.collect(numbers), axis=0).tolist()

    def average(self, arrays, weight):
        parts = self.collect(mpi.packed(arrays, weight))
        return mpi.unpacked(np.sum(parts, axis=0), arrays)


def on_ranks(size, work):
    """Call work() on ranks that are threads. Return their results. An error of one rank ends all of them."""
    values, barrier, results, errors = size * [None], threading.Barrier(size), size * [None], []

    def run(rank):
        try:
            with ranks.working_in(ThreadRanks(rank, values, barrier)):
                results[rank] = work()
        except threading.BrokenBarrierError:
            pass
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
