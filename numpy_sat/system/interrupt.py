"""Signals that ask a command to stop: Ctrl-C, SIGTERM, SIGHUP (a closed terminal) and SIGBREAK (Windows)."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # Windows has no SIGHUP, and only Windows has SIGBREAK
# The environment variables in which MPICH, Intel MPI and Slurm, Open MPI, and users of PMIx give a process its rank.
RANKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK")
SIGNALS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))


class Stop(KeyboardInterrupt):
    """The exception that a signal raises. `code` is the exit code of the command."""

    def __init__(self, number: int):
        self.code = 128 + number


@contextmanager
def raised() -> Iterator[None]:
    """Raise Stop in the block when a signal arrives."""
    with _handled(_raise):
        yield


@contextmanager
def deadly() -> Iterator[None]:
    """Let a signal kill the process in the block. This is for C code that waits for others and runs no handler."""
    with _handled(signal.SIG_DFL):
        yield


def die(number: int) -> None:
    """Let a signal kill this process, so that mpiexec ends the other ranks.

    Before the ranks are connected, MPICH's mpiexec does not end them after an exit with a code. They would hang.
    """
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


class Request:
    """A context in which the first signal only sets `code`, the exit code. A Ctrl-C after it raises Stop.

    A closed terminal may send more than one signal, so these do not count.
    """

    def __enter__(self):
        self.code = 0
        self._context = _handled(self._handle)
        self._context.__enter__()
        return self

    def __exit__(self, *error):
        self._context.__exit__(*error)

    def _handle(self, number, frame):
        if self.code:
            if number == signal.SIGINT:
                raise Stop(number)
            return
        self.code = 128 + number
        with suppress(OSError, RuntimeError):  # the terminal is closed; the signal interrupted another print
            print("\nstopping after this step or validation (Ctrl-C again: at once)", file=sys.stderr)


def end_imports_quietly() -> None:
    """Let Ctrl-C end the process without a traceback while a command of this project is imported.

    `cli.run` replaces this handler. Nothing changes for a program that imports numpy_sat as a library.
    """
    words = sys.orig_argv[1:]
    if "-m" not in words[:-1]:
        return
    place = words.index("-m")
    module, is_option = words[place + 1], all(word.startswith("-") for word in words[:place])
    if is_option and (module == "exercises" or module.startswith("numpy_sat.")):
        with suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGINT, _exit)


@contextmanager
def _handled(handler: Callable) -> Iterator[None]:
    """Handle the signals in the block. Signals that the process ignores, as under nohup, stay ignored."""
    previous = {}
    if threading.current_thread() is threading.main_thread():  # no other thread may set a handler
        for number in SIGNALS:
            # Ctrl-C is handled anyway: a shell without job control ignores it for programs in the background.
            if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
                previous[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous_handler in previous.items():
            signal.signal(number, previous_handler or signal.SIG_DFL)


def _raise(number, frame):
    raise Stop(number)


def _exit(number, frame):
    rank = next((os.environ[name] for name in RANKS if name in os.environ), None)
    with suppress(OSError):
        os.write(2, b"" if rank not in (None, "0") else b"interrupted\n")
    if rank is not None:
        die(number)
    os._exit(128 + number)
