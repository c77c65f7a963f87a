"""The frame of every command: checks of arguments, errors as sentences, an exit code."""

import argparse
import contextlib
import os
import shlex
import subprocess
import sys

from tqdm import tqdm

from numpy_sat.system.errors import InputError


def run(work):
    """Call work(), which returns None or an exit code, and return the exit code; an InputError's sentence gives 2."""
    for output in (sys.stdout, sys.stderr):
        if hasattr(output, "reconfigure"):  # a word that the console cannot show is no reason to stop
            output.reconfigure(errors="backslashreplace")
    try:
        with compiling_announced():
            return work() or 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has stopped, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


@contextlib.contextmanager
def compiling_announced():
    """Inside, print a line when the first kernel that is not in the cache is compiled, because that takes seconds."""
    if "numba" not in sys.modules:  # nothing here compiles, and importing it takes a third of a second
        yield
        return
    from numba.core import event

    class Compiling(event.Listener):
        said = False

        def on_start(self, _):
            if not self.said:
                self.said = True
                tqdm.write("compiling, once (of all kernels some 15 seconds)", file=sys.stderr)

        def on_end(self, _):
            pass

    with event.install_listener("numba:compile", Compiling()):
        yield


def quoted(path):
    """Return a path as the shell reads it."""
    return subprocess.list2cmdline([str(path)]) if os.name == "nt" else shlex.quote(str(path))


def count(text):
    """Read an argument that is a whole number of at least 1."""
    return _number(int, text, 1, "a whole number of at least 1")


def natural(text):
    """Read an argument that is a whole number of at least 0."""
    return _number(int, text, 0, "a whole number of at least 0")


def positive(text):
    """Read an argument that is a finite number above 0."""
    return _number(float, text, sys.float_info.min, "a number above 0")


def _number(kind, text, least, description):
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be {description}, not {text}")
    return value
