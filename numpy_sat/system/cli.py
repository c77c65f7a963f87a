"""Helpers of all commands: argument checks, error messages and exit codes."""

import argparse
import contextlib
import errno
import glob
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from tqdm import tqdm

from numpy_sat.system import closed_output, interrupt, mpi, output, ranks
from numpy_sat.system.errors import InputError, shortened

FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # a full disk, or the user's share of it
IS_WINDOWS = os.name == "nt"
PAGE_SUFFIX = ".html"
WIDEST_BEAM = 100  # memory and time grow with it, and captions hardly improve beyond 5


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that expands patterns of files on Windows, and escapes control characters in its errors."""

    def parse_known_args(
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        args = sys.argv[1:] if args is None else args
        return super().parse_known_args(expand_patterns(args) if IS_WINDOWS else args, namespace)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if status:
            try:
                mpi.join()  # a rank without this error would wait for this one
            except InputError as error:
                status, message = report(error), None
        super().exit(status, message)

    def error(self, message: str) -> NoReturn:
        super().error(output.printable(message))


def run(work: Callable[[], int | None]) -> int:
    """Call work() and return the exit code of the command.

    Args:
        work: returns None for 0, or an exit code.
    Returns:
        The code that `work` returns; 2 after an InputError, whose message is printed, a file that cannot be used, or a
        full disk; 130 after Ctrl-C, and 128 plus the number of another signal; 1 if the reader of the output has
        stopped.
    """
    closed_output.open_closed()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # escape words that the console cannot show, instead of stopping
            stream.reconfigure(errors="backslashreplace")
    try:
        with interrupt.raised(), compiling_announced():
            code = work() or 0
            sys.stdout.flush()
            return code
    except InputError as error:
        return report(error)
    except MemoryError as error:
        return report(InputError(f"not enough memory ({error}); choose smaller sizes or batches, or a smaller --beam."))
    except PermissionError as error:
        return report(InputError(f"{error.filename or error}: no permission to use it; change its permissions."))
    except KeyboardInterrupt as stop:
        with contextlib.suppress(OSError):
            print("interrupted", file=sys.stderr)
        return _ended(getattr(stop, "code", 130))
    except BrokenPipeError:  # the reader of the output has stopped, as `head` does
        return _ended(1)
    except OSError as error:
        reason = error.strerror or error
        if error.errno in FULL:
            return report(InputError(f"{error.filename or 'output'}: cannot be written ({reason}); free some space."))
        name = "a file" if error.filename is None else error.filename
        return report(InputError(f"{name}: cannot be used ({reason}); correct its path, or the limit that it names."))
    finally:
        closed_output.discard_unwritten()


def run_on_ranks(work: Callable[[], int | None]) -> int:
    """Call work() on every rank that mpiexec has started, and return the exit code: see `run`."""

    def joined():
        mpi.join()
        return work()

    return run(joined)


def report(error: InputError) -> int:
    """Print the message of an error, and return the exit code of a command that had it. End all ranks."""
    group = ranks.joined()
    group.wait_for_first()
    with contextlib.suppress(OSError):
        print(f"error: {output.printable(error)}", file=group.messages)
    return _ended(2)


def _ended(code):
    """End all ranks, because this one failed. Return the exit code of a command without other ranks."""
    ranks.joined().abort(code)
    return code


@contextlib.contextmanager
def compiling_announced(file: TextIO | None = None) -> Iterator[None]:
    """Print a line when the block compiles its first kernel, because compiling takes seconds.

    Kernels in the cache are not compiled.

    Args:
        file: the stream to print to; None for standard error.
    """
    if "numba" not in sys.modules:  # nothing compiles, and importing numba takes a third of a second
        yield
        return
    from numba.core import event

    class Compiling(event.Listener):
        """A listener that prints a line at the first compilation."""

        announced = False

        def on_start(self, _):
            if not self.announced:
                self.announced = True
                tqdm.write(
                    "compiling the kernels that no command has used before",
                    file=file or sys.stderr,
                )

        def on_end(self, _):
            pass

    with event.install_listener("numba:compile", Compiling()):
        yield


def expand_patterns(arguments: Sequence[str]) -> list[str]:
    """Replace patterns such as *.jpg by the files that match, as other shells than those of Windows do.

    A pattern without a match does not change.
    """
    matches = {text: sorted(glob.glob(text.replace("[", "[[]"))) for text in arguments if set(text) & set("*?")}
    return [file for text in arguments for file in matches.get(text) or [text]]


def quoted(path: str | Path) -> str:
    """Return a path as the shell expects it, quoted if necessary."""
    return subprocess.list2cmdline([str(path)]) if os.name == "nt" else shlex.quote(str(path))


def path(text: str) -> Path:
    """Parse an argument that names a file or a folder, which need not exist."""
    if not text:
        raise argparse.ArgumentTypeError("must be the name of a file or folder, not empty")
    try:
        os.lstat(text)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise argparse.ArgumentTypeError(f"is too long for the name of a file: {shortened(text)}") from error
    return Path(text)


def png(text: str) -> Path:
    """Parse an argument that names a figure to write. Other names could be those of a photo or of a checkpoint."""
    file = path(text)
    if file.suffix.lower() != ".png":
        raise argparse.ArgumentTypeError(f"must be the name of a PNG file, such as figure.png, not {shortened(text)}")
    return file


def figure_or_page(text: str) -> Path:
    """Parse an argument that names a figure or an HTML page to write."""
    file = path(text)
    if file.suffix.lower() not in (".png", PAGE_SUFFIX):
        raise argparse.ArgumentTypeError(
            f"must be the name of a PNG or HTML file, such as look.png or look.html, not {shortened(text)}"
        )
    return file


def beam(text: str) -> int:
    """Parse an argument that must be a beam width."""
    return _number(int, text, 1, f"a whole number from 1 to {WIDEST_BEAM}", WIDEST_BEAM)


def port(text: str) -> int:
    """Parse an argument that must be the port of a server."""
    return _number(int, text, 0, "a port from 0 to 65,535", 65535)


def count(text: str) -> int:
    """Parse an argument that must be an integer of at least 1."""
    return _number(int, text, 1, "a whole number of at least 1")


def natural(text: str) -> int:
    """Parse an argument that must be an integer of at least 0."""
    return _number(int, text, 0, "a whole number of at least 0")


def positive(text: str) -> float:
    """Parse an argument that must be a finite number above 0."""
    return _number(float, text, sys.float_info.min, "a number above 0")


def _number(kind, text, minimum, description, maximum=sys.float_info.max):
    """Parse an argument that must be a number from `minimum` to `maximum`."""
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not minimum <= value <= maximum:
        raise argparse.ArgumentTypeError(f"must be {description}, not {shortened(text)}")
    return value
