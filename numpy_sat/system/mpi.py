"""The ranks that `mpiexec -n K python -m numpy_sat...` starts, connected by MPI through the package mpi4py.

mpi4py is imported only in a process that mpiexec (or Slurm's srun) has started beside others. `silence_others` and
`join` find that out from the environment.
"""

import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from numpy_sat import __version__
from numpy_sat.system import cores, interrupt, machine, ranks
from numpy_sat.system.errors import InputError

SIZES = "PMI_SIZE", "OMPI_COMM_WORLD_SIZE"  # set by MPICH, Intel MPI and Slurm; by Open MPI
BUCKET = 1 << 22  # numbers that one reduction sends; larger ones gain nothing
FORWARD = 0.5  # seconds that mpiexec gets to forward what was printed; Open MPI discards the rest when it aborts
PATIENCE = 3  # seconds that other ranks wait for rank 0 to report the same error
_messages = sys.stderr


def silence_others() -> None:
    """Discard what ranks other than 0 print. Commands call this before they parse their arguments."""
    global _messages
    _messages = sys.stderr
    if _started() > 1:
        ranks.join(_Unconnected(_number(interrupt.RANKS)))
    if not ranks.joined().is_first:
        sys.stdout = open(os.devnull, "w")
        sys.stderr = open(os.devnull, "w")


def join() -> None:
    """Join the ranks that were started together. In a process that was started alone, do nothing.

    Raises:
        InputError: mpi4py is missing, belongs to another MPI than mpiexec, or the ranks run different commands or
            versions.
    """
    size = _started()
    if size <= 1 or ranks.joined().size > 1:
        return
    ranks.join(_Unconnected(_number(interrupt.RANKS)))
    try:
        with interrupt.deadly():
            from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise InputError(
            f"{size} processes were started together, but mpi4py cannot be used ({error}); "
            'install it: pip install "numpy_sat[mpi]".'
        ) from error
    if MPI.COMM_WORLD.size != size:
        raise InputError(
            f"mpiexec started {size} processes, but MPI connects {MPI.COMM_WORLD.size} of them: mpiexec is not that of "
            "mpi4py's MPI; call the mpiexec of the MPI for which mpi4py was installed."
        )
    group = Ranks(MPI, MPI.COMM_WORLD)
    ranks.join(group)
    sys.excepthook = _abort_after(sys.excepthook)
    facts = {"version of numpy_sat": __version__, "version of NumPy": np.__version__, "command": " ".join(sys.argv[1:])}
    refuse_differences(group, facts)
    _share_cores(group)


def refuse_differences(group: ranks.Group, facts: dict[str, Any]) -> None:
    """Raise InputError on every rank if a rank has other facts than rank 0.

    Args:
        group: the Group.
        facts: {what it is: value}, the same on all ranks if all is well.
    """
    facts_by_rank = group.collect((socket.gethostname(), facts))
    _, first = facts_by_rank[0]
    for rank, (host, others) in enumerate(facts_by_rank):
        for name, value in others.items():
            if value != first.get(name):
                raise InputError(
                    f"rank {rank} (on {host}) has another {name} than rank 0: {value}, not {first.get(name)}; "
                    "all ranks need the same program, command, data and weights."
                )


class Ranks(ranks.Group):
    """A group of several ranks. Its communicator is one of mpi4py. ranks.Group documents its methods."""

    def __init__(self, MPI: Any, communicator: Any):
        self._mpi, self._communicator, self._host = MPI, communicator, None
        self.rank, self.size = communicator.rank, communicator.size

    @property
    def messages(self):
        return _messages

    def share(self, total: int) -> ranks.Share:
        first, end = (total * rank // self.size for rank in (self.rank, self.rank + 1))
        return ranks.Share(first, end - first, total)

    def collect(self, value: Any) -> list:
        return self._call(self._communicator.allgather, value)

    def to_first(self, value: Any) -> list:
        return self._call(self._communicator.gather, value) or []

    def from_first(self, value: Any) -> Any:
        return self._call(self._communicator.bcast, value)

    def largest(self, *numbers: int) -> list[int]:
        values = np.array(numbers, np.int64)
        self._call(self._communicator.Allreduce, self._mpi.IN_PLACE, values, self._mpi.MAX)
        return values.tolist()

    def average(self, arrays: Sequence[np.ndarray], weight: float) -> list[np.ndarray]:
        buffer = packed(arrays, weight)
        for start in range(0, len(buffer), BUCKET):
            bucket = buffer[start : start + BUCKET]
            self._call(self._communicator.Allreduce, self._mpi.IN_PLACE, bucket)
        return unpacked(buffer, arrays)

    def on_host(self) -> ranks.Group:
        if self._host is None:
            host = self._call(self._communicator.Split_type, self._mpi.COMM_TYPE_SHARED)
            self._host = Ranks(self._mpi, host) if host.size > 1 else ranks.Group()
        return self._host

    def wait_for_first(self) -> None:
        if not self.is_first:
            time.sleep(PATIENCE)

    def abort(self, code: int) -> None:
        for stream in (sys.stdout, sys.stderr, self.messages):
            stream.flush()
        time.sleep(FORWARD)
        self._mpi.COMM_WORLD.Abort(code)

    @contextmanager
    def step(self, weight: float):
        self.weight = weight
        try:
            yield
        finally:
            self.weight = None

    def _call(self, function, *args):
        """Call a function of the communicator. Raise InputError if another rank no longer answers."""
        try:
            return function(*args)
        except self._mpi.Exception as error:
            raise InputError(f"another rank no longer answers ({error}); start the command again.") from error


class _Unconnected(ranks.Group):
    """The group of a process that could not join the others. It lets rank 0 report the reason."""

    def __init__(self, rank):
        self.rank = rank

    @property
    def messages(self):
        return _messages

    def wait_for_first(self) -> None:
        if self.rank:
            time.sleep(PATIENCE)

    def abort(self, code: int) -> None:
        for stream in (sys.stdout, sys.stderr, self.messages):
            stream.flush()
        interrupt.die(code - 128 if code > 128 else signal.SIGTERM)


def packed(arrays: Sequence[np.ndarray], weight: float) -> np.ndarray:
    """Return one flat array with the numbers of all arrays, times `weight`."""
    buffer, start = np.empty(sum(array.size for array in arrays), arrays[0].dtype), 0
    for array in arrays:
        np.multiply(array.ravel(), weight, out=buffer[start : start + array.size], dtype=buffer.dtype)
        start += array.size
    return buffer


def unpacked(buffer: np.ndarray, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return views of a flat array with the shapes of the arrays."""
    views, start = [], 0
    for array in arrays:
        views.append(buffer[start : start + array.size].reshape(array.shape))
        start += array.size
    return views


def cores_of(own: Sequence[int], others: Sequence[Sequence[int]], limit: float) -> int:
    """Return the number of threads of a rank, so that the ranks of a host use each core once.

    Args:
        own: cores that this rank may run on.
        others: those of every rank on the host, itself included.
        limit: the host's quota of time, in cores.
    """
    share = sum(1 / sum(core in cores_of_rank for cores_of_rank in others) for core in own)
    return max(1, int(min(share, limit / len(others)) + 1e-9))


def _share_cores(group):
    """Divide the cores of the host among its ranks, unless NUMPY_SAT_THREADS says how many threads each one has."""
    host = group.on_host()
    if host.size == 1 or os.environ.get("NUMPY_SAT_THREADS"):
        return
    available = getattr(os, "sched_getaffinity", None)
    own = sorted(available(0)) if available else list(range(os.cpu_count() or 1))
    machine.THREADS = cores_of(own, host.collect(own), cores.quota())


def _started() -> int:
    """Return how many processes were started together, 1 for a process on its own."""
    return _number(SIZES) or (_number(("SLURM_NTASKS",)) if "PMIX_RANK" in os.environ else 1)


def _number(names) -> int:
    return next((int(os.environ[name]) for name in names if os.environ.get(name, "").isdecimal()), 0)


def _abort_after(hook: Callable) -> Callable:
    """Return an excepthook that ends all ranks after an unexpected error of this one."""

    def report_and_abort(kind, error, trace) -> NoReturn:
        if ranks.joined().is_first:
            hook(kind, error, trace)
        else:
            print("".join(traceback.format_exception(kind, error, trace)), file=_messages, flush=True)
        ranks.joined().abort(1)

    return report_and_abort
