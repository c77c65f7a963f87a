"""Printing of text for terminals of at least 80 columns, in color if the terminal supports it."""

import os
import sys
import textwrap
from typing import TextIO

from numpy_sat.system import output

WIDTH = 79
CODES = {"good": "32", "bad": "31", "open": "33", "dim": "2", "strong": "1"}
MARKS = {"right": ("right", "good"), "wrong": ("WRONG", "bad"), "unwritten": ("to write", "open")}  # of states

_streams = {}  # those set by `use`


def use(out: TextIO, err: TextIO) -> None:
    """Print to these streams from now on, instead of standard output and standard error."""
    _streams.update(stdout=out, stderr=err)


def restore() -> None:
    """Print to standard output and standard error again."""
    _streams.clear()


def stream(name: str = "stdout") -> TextIO:
    """Return the stream to print to: "stdout", or "stderr" for progress."""
    return _streams.get(name) or getattr(sys, name)


def show(text: object = "") -> None:
    """Print a text without wrapping it."""
    print(text, file=stream(), flush=True)


def say(text: str = "", indent: int = 0, then: int | None = None) -> None:
    """Print a wrapped paragraph, see `wrapped`."""
    show("\n".join(wrapped(text, indent, then)))


def wrapped(text: str, indent: int = 0, then: int | None = None) -> list[str]:
    """Return the lines of a wrapped paragraph.

    Args:
        text: the paragraph.
        indent: columns before the first line.
        then: columns before further lines; None for the same as `indent`.
    """
    then = indent if then is None else then
    text = output.printable(text, keep="\t\n\v\f\r")  # these become blanks
    options = {"initial_indent": " " * indent, "subsequent_indent": " " * then, "break_long_words": False}
    return textwrap.wrap(text, WIDTH, **options)


def colored(text: str, style: str) -> str:
    """Return the text in a style of CODES, or unchanged if the output is not a color terminal."""
    return f"\033[{CODES[style]}m{text}\033[0m" if _use_color() else text


def marked(mark: str, style: str, text: str, indent: int = 2) -> str:
    """Return a line that starts with a colored mark of nine columns."""
    return (" " * indent + colored(f"{mark:<9}", style) + output.printable(text)).rstrip()


def _use_color():
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if not stream().isatty():
        return False
    if os.name == "nt":
        os.system("")  # enables color codes in the Windows console
    return True
