"""The layout of reports: numbers as text, and pages of tables and sentences, for the terminal and as Markdown."""

import math
import textwrap
from typing import NamedTuple

WIDTH = 80  # characters


def number(value: float | str | None) -> str:
    """Format a number with one decimal; integers have none. Return "-" for None and nan."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "-" if missing else f"{value:.1f}" if isinstance(value, float) else str(value)


def percent(share: float) -> str:
    """Format a share, 0 to 1, in percent. Return "-" for nan."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else "-"


def finite(record: tuple | None) -> dict | None:
    """Return a NamedTuple as a dict for the json module, with None in place of nan. Of None, return None."""
    return None if record is None else {name: _finite(value) for name, value in record._asdict().items()}


def _finite(value):
    """Return a value with None in place of nan, also inside of tuples and dicts."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def wrap(sentence: str, indent: str = "", width: int = WIDTH) -> list[str]:
    """Wrap a sentence into lines. Text after its first line feed is a command, which is not wrapped.

    Args:
        sentence: text.
        indent: blanks before the first line; further lines have two more.
        width: characters of a line.
    Returns:
        A list of lines.
    """
    sentence, *commands = sentence.split("\n")
    return [*textwrap.wrap(sentence, width, initial_indent=indent, subsequent_indent=f"{indent}  "), *commands]


class Table(NamedTuple):
    """A table of texts."""

    rows: list  # of tuples of texts; the first is the head
    widths: tuple = ()  # characters of each column in the terminal; the default is two more than the longest text


class Paragraphs(NamedTuple):
    """Sentences, each a paragraph."""

    sentences: list


class Points(NamedTuple):
    """A list with an optional heading."""

    sentences: list
    heading: str = ""
    indent: str = ""  # in the terminal


class Page(NamedTuple):
    """A report, for the terminal and as Markdown."""

    title: str
    blocks: list  # of Table, Paragraphs and Points
    width: int = WIDTH


def as_text(page: Page) -> str:
    """Return a Page as text for the terminal."""
    blocks = [wrap(page.title, width=page.width), *(_text_lines(block, page.width) for block in page.blocks)]
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def as_markdown(page: Page) -> str:
    """Return a Page as Markdown."""
    return "\n\n".join([f"# {page.title}", *map(_markdown, page.blocks)]) + "\n"


def _text_lines(block, width):
    """Return the lines of a block for the terminal."""
    if isinstance(block, Table):
        return _columns(block)
    indent = block.indent if isinstance(block, Points) else ""
    lines = [line for sentence in block.sentences for line in wrap(sentence, indent, width)]
    return [block.heading, *lines] if isinstance(block, Points) and block.heading else lines


def _columns(table):
    """Return the rows of a table as lines. The first column is aligned left, all others right."""
    longest = [max(map(len, column)) for column in zip(*table.rows, strict=True)]
    first, *others = table.widths or (longest[0], *(length + 2 for length in longest[1:]))
    line = "".join([f"{{:<{first}}}", *(f"{{:>{width}}}" for width in others)])
    return [line.format(*row) for row in table.rows]


def _markdown(block):
    """Return a block as Markdown."""
    if isinstance(block, Table):
        head, *rows = block.rows
        return "\n".join(map(_cells, [head, ["---"] * len(head), *rows]))
    if isinstance(block, Paragraphs):
        return "\n\n".join(map(_escape, block.sentences))
    points = "\n".join(f"* {_escape(sentence)}" for sentence in block.sentences)
    return f"{block.heading}\n\n{points}" if block.heading else points


def _cells(texts):
    return f"| {' | '.join(map(_escape, texts))} |"


def _escape(sentence):
    """Escape asterisks, and indent commands as code."""
    return sentence.replace("*", r"\*").replace("\n  ", "\n\n    ")
