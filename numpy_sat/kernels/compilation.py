"""Compile the kernels of a computation in several processes, before the computation needs them one after the other.

numba compiles one kernel at a time in a process. `recorded` finds out which kernels a computation would run, and
`compile_missing` divides those that are not in the kernel cache among processes, which store them there.
"""

import base64
import contextlib
import importlib
import os
import pickle
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from numpy_sat.kernels import threads
from numpy_sat.system import machine, processes, progress
from numpy_sat.system.errors import InputError

FEW = 4  # kernels that this process compiles itself: they take about a second, as does the start of a process


@contextlib.contextmanager
def recorded() -> Iterator[list]:
    """Record the kernels that this thread would run in the block, and run none of them.

    Arrays that kernels should compute hold arbitrary numbers in the block.

    Yields:
        A list, in which the block leaves a pair for each call: the kernel, and the numba types of its arguments.
    """
    before, threads.recording.calls = threads.recording.calls, []
    try:
        yield threads.recording.calls
    finally:
        threads.recording.calls = before


def compile_missing(calls: Sequence[tuple]) -> None:
    """Compile the kernels of `recorded` that are not in the kernel cache, in a process for each core.

    Nothing happens on one core, or if only a few kernels are missing. A kernel that a process could not compile is
    compiled when it is called.
    """
    missing = [call for call in dict.fromkeys(calls) if not _is_stored(*call)]
    if machine.THREADS == 1 or len(missing) <= FEW:
        return
    kernels = {}  # all types of a kernel go to one process: they share most of the work
    for kernel, signature in missing:
        kernels.setdefault(kernel, []).append(signature)
    # The longest work comes first. The sizes of a tile are in the types, and so is their number.
    order = sorted(kernels, key=lambda kernel: -sum(len(str(signature)) for signature in kernels[kernel]))
    tasks = [_to_text((k.py_func.__module__, k.py_func.__qualname__, kernels[k])) for k in order]
    with tempfile.TemporaryDirectory(prefix="numpy_sat-claims-") as claims, contextlib.suppress(InputError, OSError):
        count = processes.count(len(tasks), 2)
        compiled = processes.alternating("compiling kernels", f"{__name__}:compile_part", [(claims, tasks)] * count)
        with compiled as numbers, progress.bar(desc="compiling kernels", total=len(tasks), leave=False) as bar:
            for _ in numbers:
                bar.update()


def compile_part(claims: str, tasks: Sequence[str]) -> Iterator[int]:
    """Compile the kernels that no other process has claimed.

    Args:
        claims: a folder, in which a process makes a file for each task that it claims.
        tasks: the tasks of `compile_missing`.
    Yields:
        The number of each task that is done.
    """
    for number, task in enumerate(tasks):
        with contextlib.suppress(FileExistsError):
            os.close(os.open(Path(claims) / str(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            module, name, signatures = pickle.loads(base64.b64decode(task))
            for signature in signatures:
                getattr(importlib.import_module(module), name).compile(signature)
            yield number


def _to_text(task):
    return base64.b64encode(pickle.dumps(task)).decode()


def _is_stored(kernel, signature):
    """Return True if a process need not compile a kernel: it is loaded, stored, or cannot be stored."""
    has = getattr(kernel._cache, "has", None)  # a kernel whose code cannot be stored has another kind of cache
    return signature in kernel.overloads or has is None or has(kernel.targetctx, signature)
