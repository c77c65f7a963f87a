"""The output of a learner's code, with a mark in front of each line, so that it is not taken for the check's own."""

import sys
from typing import BinaryIO

from exercises.runner import terminal
from numpy_sat.system import output

MARK = "your code | "
LINES, COLUMNS = 200, 500  # that are shown


class LearnerOutput:
    """The lines of a growing file, printed to standard error as they come."""

    def __init__(self, file: BinaryIO):
        self._file, self._rest, self._count = file, b"", 0

    def show(self, end: bool = False) -> None:
        """Print the new lines. end: True to print an unfinished last line too, and how many lines were left out."""
        while data := self._file.read(2**20):
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._print(line)
            self._rest = self._rest[: 4 * COLUMNS + 4]  # as much of a long line as is shown
        if end and self._rest:
            self._print(self._rest)
            self._rest = b""
        if end and self._count > LINES:
            self._write(f"... and {self._count - LINES:,} more lines")

    def _print(self, line):
        self._count += 1
        if self._count > LINES:
            return
        text = line.decode(errors="backslashreplace").removesuffix("\r")
        self._write(output.printable(text if len(text) <= COLUMNS else f"{text[:COLUMNS]}...", keep="\t"))

    def _write(self, text):
        sys.stdout.flush()
        print(f"{MARK}{text}", file=terminal.stream("stderr"), flush=True)
