"""What all figures share: panels of images, color bars, titles that fit, and saving."""

import textwrap
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text

from numpy_sat.evaluation.figures import fonts
from numpy_sat.system import output
from numpy_sat.system.files import replacing

SMALLEST = 4  # points, of a text that is made to fit
POINTS_PER_INCH = 72
CHARACTER = 0.62  # mean width of a character of the default font, as a share of its size


def bare_panels(rows: int, columns: int, width: float, height: float) -> tuple[Figure, np.ndarray]:
    """Create a figure of panels without ticks and frames, with room for text above and below.

    Args:
        rows, columns: number of panels.
        width, height: size of a panel in inches.
    Returns:
        figure: the Figure.
        axes: (rows columns,) its Axes in reading order.
    """
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.08)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set(xticks=[], yticks=[], frame_on=False)
    return figure, axes


def add_title(figure: Figure, *lines: str, size: float = 11) -> int:
    """Add a title above all panels, wrapped to the width of the figure. Return its number of lines."""
    width = max(12, int(figure.get_figwidth() * POINTS_PER_INCH / (CHARACTER * size)))
    text = "\n".join(textwrap.fill(line, width) for line in lines)
    figure.suptitle(text, fontsize=size, parse_math=False)
    return text.count("\n") + 1


def add_color_bar(
    figure: Figure,
    axes: Axes | Sequence[Axes],
    low: float,
    high: float,
    label: str,
    cmap: str = "gray",
    size: float = 8,
    **options,
) -> None:
    """Add a color bar beside the axes.

    Args:
        figure: the Figure.
        axes: the Axes that share the scale.
        low, high: the numbers that the first and the last color mean.
        label: text with the quantity and its unit.
        cmap: name of the color map.
        size: font size in points.
        **options: keyword arguments of Figure.colorbar.
    """
    scale = ScalarMappable(Normalize(low, high), cmap)
    bar = figure.colorbar(scale, ax=axes, **options)
    bar.set_label(label, fontsize=size)
    bar.ax.tick_params(labelsize=size - 1)


def fit_size(text: str, width: float, size: float) -> float:
    """Return the font size, at most `size` points, at which a text is about `width` inches wide or less."""
    longest = max(map(columns_of, text.split("\n")))
    return max(SMALLEST, min(size, width * POINTS_PER_INCH / (CHARACTER * max(1, longest))))


def columns_of(line: str) -> float:
    """Return the width of a line, in characters of mean width. Letters of East Asian scripts are as wide as high."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in line)
    return len(line) + wide * (1 / CHARACTER - 1)


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a PNG file, with control characters in its texts escaped.

    Raises:
        InputError: the file cannot be written.
    """
    for text in figure.findobj(Text):
        text.set_text(output.printable(text.get_text(), output.LAYOUT))
    fonts.cover(figure)
    with replacing(path) as temporary, fonts.quiet():
        # One layout leaves too little room below images that shrink for the text beside them. savefig lays out again.
        if engine := figure.get_layout_engine():  # a diagram has none: it sets its own places
            engine.execute(figure)
        figure.savefig(temporary, format="png", dpi=100)
