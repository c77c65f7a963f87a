"""Standard output and standard error that a command can write although nobody reads them any more."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

from numpy_sat.system import output


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """Continue the block's output in the file `path` when it cannot be written, as in `train | head -1`."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "name", None) == os.devnull:  # it was closed when the process started, see open_closed
            with suppress(OSError):
                _point_to(stream, path)
    outputs = _Output(sys.stdout, "standard output", path), _Output(sys.stderr, "standard error", path)
    with redirect_stdout(outputs[0]), redirect_stderr(outputs[1]):
        yield


def open_closed() -> None:
    """Discard what is written to an output that was closed when the process started."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))


def discard_unwritten() -> None:
    """Discard text that cannot be written. Python would print a traceback about it when the process ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):
                _point_to(stream, os.devnull)


class _Output:
    """A text stream that writes every line at once. After an error its text goes to a file."""

    def __init__(self, stream: TextIO, name: str, path: Path):
        self._stream, self._name, self._path, self._is_moved = stream, name, path, False

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        if self._is_moved and text.startswith("\r"):  # a progress bar that nobody sees
            return len(text)
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            self._move(text, error)
        return len(text)

    def flush(self):
        self.write("")

    def _move(self, text, error):
        """Let the stream write to the file, first the text that could not be written."""
        with suppress(OSError):  # the file's disk is full as well
            _point_to(self._stream, self._path)
            self._stream.write(text)
            self._stream.flush()
        if not self._is_moved:
            self._is_moved = True
            if self._stream is not sys.__stderr__:
                output.show(f"{self._name} is closed ({error.strerror}): continued in {self._path}", sys.stderr)


def _point_to(stream, path):
    """Make the file descriptor of a stream one of another file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        os.dup2(file, stream.fileno())
    finally:
        os.close(file)
