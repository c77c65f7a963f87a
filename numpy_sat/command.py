"""What every command does around its work: arguments checked, errors as sentences, an exit code."""

import argparse
import sys

from numba.core import event
from tqdm import tqdm

from numpy_sat.errors import InputError


def run(work):
    """Call work(), which returns None or an exit code, and return the exit code; an InputError's sentence gives 2."""
    for output in (sys.stdout, sys.stderr):
        if hasattr(output, "reconfigure"):  # a word that the console cannot show is no reason to stop
            output.reconfigure(errors="backslashreplace")
    try:
        with event.install_listener("numba:compile", _Compiling()):
            return work() or 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


class _Compiling(event.Listener):
    """Says, the first time a kernel is compiled and not found in the cache, why nothing seems to happen."""

    said = False

    def on_start(self, _):
        if not self.said:
            self.said = True
            tqdm.write("compiling kernels, once (some 15 seconds in all)", file=sys.stderr)

    def on_end(self, _):
        pass


def count(text):
    """An argument that is a whole number of at least 1."""
    return _number(int, text, 1, "a whole number of at least 1")


def natural(text):
    """An argument that is a whole number of at least 0."""
    return _number(int, text, 0, "a whole number of at least 0")


def positive(text):
    """An argument that is a finite number above 0."""
    return _number(float, text, sys.float_info.min, "a number above 0")


def _number(kind, text, least, wanted):
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be {wanted}, not {text}")
    return value
