"""Printing of text for terminals of at least 80 columns, in color if the terminal supports it."""

import os
import sys
import textwrap

WIDTH = 79
CODES = {"good": "32", "bad": "31", "open": "33", "dim": "2", "strong": "1"}


def say(text: str = "", indent: int = 0, then: int | None = None) -> None:
    """Print a wrapped paragraph.

    Args:
        text: the paragraph.
        indent: columns before the first line.
        then: columns before further lines; None for the same as `indent`.
    """
    then = indent if then is None else then
    print(textwrap.fill(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * then, break_long_words=False))
    sys.stdout.flush()


def colored(text: str, style: str) -> str:
    """Return the text in a style of CODES, or unchanged if the output is not a color terminal."""
    return f"\033[{CODES[style]}m{text}\033[0m" if _use_color() else text


def line(mark: str, style: str, text: str, indent: int = 2) -> None:
    """Print a line that starts with a colored mark of nine columns."""
    print((" " * indent + colored(f"{mark:<9}", style) + text).rstrip())
    sys.stdout.flush()


def _use_color():
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if not sys.stdout.isatty():
        return False
    if os.name == "nt":
        os.system("")  # enables color codes in the Windows console
    return True
