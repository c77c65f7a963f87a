"""The layout of reports: figures as text, and pages of tables and sentences, for the terminal and as Markdown."""

import math
import textwrap
from typing import NamedTuple

WIDTH = 80  # characters


def number(figure):
    """Return a figure as text with one decimal; "-" for None and nan."""
    missing = figure is None or (isinstance(figure, float) and math.isnan(figure))
    return "-" if missing else f"{figure:.1f}" if isinstance(figure, float) else str(figure)


def percent(share):
    """Return a share, 0 to 1, as text in percent; "-" for nan."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else "-"


def finite(figures):
    """Return a NamedTuple as a dict for the json module, with None in place of nan. Of None, return None."""
    if figures is None:
        return None
    broken = {name for name, figure in figures._asdict().items() if isinstance(figure, float) and math.isnan(figure)}
    return {name: None if name in broken else figure for name, figure in figures._asdict().items()}


def wrapped(sentence, indent="", width=WIDTH):
    """Return a sentence as lines. The lines after its first line feed are commands, which are not wrapped."""
    sentence, *commands = sentence.split("\n")
    return [*textwrap.wrap(sentence, width, initial_indent=indent, subsequent_indent=f"{indent}  "), *commands]


class Table(NamedTuple):
    """A table of texts."""

    rows: list  # of tuples of texts; the first is the head
    widths: tuple = ()  # characters of each column in the terminal; by default two more than the longest text


class Paragraphs(NamedTuple):
    """Sentences, each on lines of its own."""

    sentences: list


class Points(NamedTuple):
    """A list."""

    sentences: list
    heading: str = ""
    indent: str = ""  # in the terminal


class Page(NamedTuple):
    """A report, which can be written for the terminal and as Markdown."""

    title: str
    blocks: list  # of Table, Paragraphs and Points
    width: int = WIDTH


def as_text(page):
    """Return a Page as one text for the terminal."""
    blocks = [wrapped(page.title, width=page.width), *(_text_lines(block, page.width) for block in page.blocks)]
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def as_markdown(page):
    """Return a Page as Markdown."""
    return "\n\n".join([f"# {page.title}", *map(_markdown, page.blocks)]) + "\n"


def _text_lines(block, width):
    if isinstance(block, Table):
        return _columns(block)
    indent = block.indent if isinstance(block, Points) else ""
    lines = [line for sentence in block.sentences for line in wrapped(sentence, indent, width)]
    return [block.heading, *lines] if isinstance(block, Points) and block.heading else lines


def _columns(table):
    """Return a table's rows as aligned lines, the first column to the left, all others to the right."""
    longest = [max(map(len, column)) for column in zip(*table.rows, strict=True)]
    first, *others = table.widths or (longest[0], *(length + 2 for length in longest[1:]))
    line = "".join([f"{{:<{first}}}", *(f"{{:>{width}}}" for width in others)])
    return [line.format(*row) for row in table.rows]


def _markdown(block):
    if isinstance(block, Table):
        head, *rows = block.rows
        return "\n".join(map(_cells, [head, ["---"] * len(head), *rows]))
    if isinstance(block, Paragraphs):
        return "\n\n".join(map(_escaped, block.sentences))
    points = "\n".join(f"* {_escaped(sentence)}" for sentence in block.sentences)
    return f"{block.heading}\n\n{points}" if block.heading else points


def _cells(texts):
    return f"| {' | '.join(map(_escaped, texts))} |"


def _escaped(sentence):
    return sentence.replace("*", r"\*").replace("\n  ", "\n\n    ")  # a command, as code
