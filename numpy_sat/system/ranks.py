"""Ranks: the processes that run one command together, each on its share of the work.

`mpiexec -n K` starts K processes, whose ranks are 0 to K - 1. `current` returns the Group of ranks that the calling
code works in. Code that can be shared asks the group, never MPI. Without mpiexec, the group has one rank, and all its
methods return their arguments unchanged. system/mpi.py has the group of several processes.

Every rank of a group must call the methods that communicate in the same order.
"""

import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TextIO

import numpy as np


class Share(NamedTuple):
    """The images of a batch that one rank computes: `count` of them from number `first` on."""

    first: int
    count: int
    total: int  # images of the whole batch

    @property
    def weight(self) -> float:
        """Return the share of the batch, from 0 to 1."""
        return self.count / self.total

    def whole(self, size: int) -> int:
        """Return the size of the whole batch's axis on which this share has `size` entries."""
        return size * self.total // self.count

    def place(self, size: int) -> slice:
        """Return the place of this share's `size` entries on the whole batch's axis."""
        first = size * self.first // self.count
        return slice(first, first + size)


class Gathered(NamedTuple):
    """The cache of gather_forward for gather_backward."""

    place: slice  # of this rank's rows among those of the whole batch
    weight: float  # the rank's share of the batch, from 0 to 1


class Group:
    """A group of one rank, and the interface of all groups."""

    rank, size = 0, 1
    weight = None  # share of the batch that the step in progress computes; None outside of a shared step

    @property
    def is_first(self) -> bool:
        """Return True on the rank that writes files and shows progress."""
        return self.rank == 0

    @property
    def messages(self) -> TextIO:
        """Return the stream for the sentence that says why a command ends."""
        return sys.stderr

    def share(self, total: int) -> Share | None:
        """Return this rank's Share of `total` images; None for a group of one, which computes all of them."""
        return None

    def part(self, items: Sequence) -> Sequence:
        """Return the items of this rank: every size-th one. `merged` puts the results of all ranks in order."""
        return items[self.rank :: self.size]

    def merged(self, results: list) -> list:
        """Return the results of all ranks, in the order of the items that `part` dealt out."""
        collected = self.collect(results)
        return [collected[k % self.size][k // self.size] for k in range(sum(map(len, collected)))]

    def collect(self, value: Any) -> list:
        """Return the values of all ranks in their order."""
        return [value]

    def to_first(self, value: Any) -> list:
        """Return the values of all ranks in their order, on the first rank. On the others, return []."""
        return [value]

    def from_first(self, value: Any) -> Any:
        """Return the value of rank 0."""
        return value

    def largest(self, *numbers: int) -> list[int]:
        """Return the largest value of each number over all ranks."""
        return list(numbers)

    def average(self, arrays: Sequence[np.ndarray], weight: float) -> list[np.ndarray]:
        """Return the weighted mean of each array over all ranks. All have one dtype; the weights sum to 1."""
        return list(arrays)

    def on_host(self) -> "Group":
        """Return the group of those ranks that run on the same host."""
        return self

    def wait_for_first(self) -> None:
        """Give rank 0 the time to report an error that all ranks have, and to end them."""

    def abort(self, code: int) -> None:
        """End all processes of the group at once, because this one failed. `code` is their exit code."""

    @contextmanager
    def step(self, weight: float) -> Iterator[None]:
        """Compute a share of a batch inside: `shared_mean` and `moments` then speak of the whole batch."""
        yield


class _Place(threading.local):
    """The group of each thread; None for the group of the process."""

    group = None


_place = _Place()
_process = Group()  # the group that this process has joined


def current() -> Group:
    """Return the group that this thread works in."""
    return _place.group or _process


def joined() -> Group:
    """Return the group that this process has joined, also inside `alone`."""
    return _process


def join(group: Group) -> None:
    """Make `group` the group of this process."""
    global _process
    _process = group


@contextmanager
def working_in(group: Group) -> Iterator[None]:
    """Let this thread work in another group inside the context."""
    before, _place.group = _place.group, group
    try:
        yield
    finally:
        _place.group = before


def alone() -> Any:
    """Return a context in which this thread works without the other ranks."""
    return working_in(Group())


def gathered(results: Iterable, count: int, group: Group) -> Iterator:
    """Gather what the ranks of a group compute, one result of each rank at a time.

    Args:
        results: iterable of the results of this rank's items, those that group.part has dealt out.
        count: number of items of all ranks.
        group: the Group.
    Yields:
        The results of all items in order, on the first rank. On the others, nothing.
    """
    results = iter(results)
    for done in range(0, count, group.size):
        yield from group.to_first(next(results, None))[: count - done]


def shared_mean(array: np.ndarray) -> np.ndarray:
    """Return the mean over the whole batch of what this rank has as the mean over its share. Outside a step: itself."""
    group = current()
    if group.weight is None:
        return array
    (mean,) = group.average([np.asarray(array, np.float64)], group.weight)
    return mean.astype(array.dtype)


def shared_means(arrays: dict[Any, np.ndarray]) -> dict[Any, np.ndarray]:
    """Return the means over the whole batch of arrays of one dtype, such as gradients: see shared_mean.

    Args:
        arrays: {name: array}, each a mean over this rank's share.
    """
    group = current()
    if group.weight is None:
        return arrays
    return dict(zip(arrays, group.average(list(arrays.values()), group.weight), strict=True))


def gather_forward(rows: np.ndarray) -> tuple[np.ndarray, Gathered]:
    """Gather the rows of the whole batch, for a loss that compares its images or captions. Outside a step: do nothing.

    Args:
        rows: (B, ...) the rows of this rank's share.
    Returns:
        whole: (B of the whole batch, ...), the same on all ranks.
        cache: Gathered, whose `place` is the place of this rank's rows.
    """
    group = current()
    if group.weight is None:
        return rows, Gathered(slice(0, len(rows)), 1.0)
    parts = group.collect(rows)
    first = sum(map(len, parts[: group.rank]))
    return np.concatenate(parts), Gathered(slice(first, first + len(rows)), group.weight)


def gather_backward(dwhole: np.ndarray, cache: Gathered) -> np.ndarray:
    """Compute the gradient of gather_forward at this rank's rows, from that of a loss of the whole batch.

    The gradients of all ranks are averaged later, weighted by their shares. Without the division, a row would count
    only with the weight of its share.

    Args:
        dwhole: (B of the whole batch, ...).
        cache: from gather_forward.
    Returns:
        drows: (B, ...).
    """
    # mean over ranks = sum_r w_r g_r, and the loss needs sum_r g_r
    return dwhole[cache.place] / cache.weight


def moments(mean: np.ndarray, var: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance over the whole batch, from those over this rank's share. Outside a step: themselves.

    With shares w_r of the batch, mean = sum_r w_r mean_r and var = sum_r w_r (var_r + mean_r^2) - mean^2.
    """
    group = current()
    if group.weight is None:
        return mean, var
    first, second = mean.astype(np.float64), var.astype(np.float64)
    whole, square = group.average([first, second + first * first], group.weight)
    return whole.astype(mean.dtype), np.maximum(square - whole * whole, 0).astype(var.dtype)
