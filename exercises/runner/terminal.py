"""Text for terminals of any width from 80 columns on, with colour where it is wanted and understood."""

import os
import sys
import textwrap

WIDTH = 79
CODES = {"good": "32", "bad": "31", "open": "33", "dim": "2", "strong": "1"}


def say(text="", indent=0, then=None):
    """Print a paragraph, wrapped; `then`: the indent of its further lines."""
    then = indent if then is None else then
    print(textwrap.fill(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * then, break_long_words=False))
    sys.stdout.flush()


def colored(text, style):
    """The text in a style of CODES, or as it is where colour is not wanted."""
    return f"\033[{CODES[style]}m{text}\033[0m" if _use_color() else text


def line(mark, style, text, indent=2):
    """Print a line that opens with a mark of nine columns in a colour."""
    print((" " * indent + colored(f"{mark:<9}", style) + text).rstrip())
    sys.stdout.flush()


def _use_color():
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if not sys.stdout.isatty():
        return False
    if os.name == "nt":
        os.system("")  # switches the Windows console to understanding colours
    return True
