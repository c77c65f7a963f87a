"""What the reports are laid out with: figures as text, sentences cut into lines, tables."""

import math
import textwrap

WIDTH = 80  # characters


def number(figure):
    """A figure with a decimal; "-" for None and nan."""
    missing = figure is None or (isinstance(figure, float) and math.isnan(figure))
    return "-" if missing else f"{figure:.1f}" if isinstance(figure, float) else str(figure)


def percent(share):
    """A share, 0 to 1, in percent; "-" for nan."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else "-"


def finite(figures):
    """A NamedTuple as what the json module can write: what is not a number as None; of None, None."""
    if figures is None:
        return None
    broken = {name for name, figure in figures._asdict().items() if isinstance(figure, float) and math.isnan(figure)}
    return {name: None if name in broken else figure for name, figure in figures._asdict().items()}


def wrapped(sentence, indent="", width=WIDTH):
    """A sentence as lines. After a line feed it has commands, which are copied, and stay whole."""
    sentence, *commands = sentence.split("\n")
    return [*textwrap.wrap(sentence, width, initial_indent=indent, subsequent_indent=f"{indent}  "), *commands]


def cells(*texts):
    """A row of a Markdown table."""
    return f"| {' | '.join(texts)} |"


def columns(rows):
    """Rows of texts as aligned lines, the first column to the left, all others to the right."""
    first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
    line = "  ".join([f"{{:<{first}}}", *(f"{{:>{width}}}" for width in others)])
    return [line.format(*row) for row in rows]
