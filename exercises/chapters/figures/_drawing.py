"""Shared parts of the figures: arrays with numbers in their cells, boxes and arrows of diagrams."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

INK = "#222222"
BLUE, ORANGE, GREEN, RED, GRAY = "#3b76af", "#e08a2e", "#4c9a52", "#c44e52", "#8a8a8a"
PALE = {BLUE: "#dce8f4", ORANGE: "#fbe8d0", GREEN: "#dff0df", RED: "#f7dede", GRAY: "#eeeeee"}


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """Create a figure for a diagram: one axis without frame, measured in inches from the lower left corner."""
    figure = Figure(figsize=(width, height))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, width), ylim=(0, height))
    axis.axis("off")
    return figure, axis


def draw_cells(axis, array, title="", colors=None, texts=None, size=11):
    """Draw a matrix (or a vector, as one row) as square cells with a number in each.

    Args:
        axis: Axes that the matrix fills.
        array: (rows, columns) or (columns,) numbers.
        title: text above the matrix.
        colors: colors of the cells, of the array's shape; white by default.
        texts: texts of the cells, of the array's shape; the numbers by default.
        size: font size of the numbers in points.
    """
    array = np.atleast_2d(array)
    rows, columns = array.shape
    texts = [[f"{value:g}" for value in row] for row in array] if texts is None else np.atleast_2d(texts)
    colors = np.full(array.shape, "white", dtype=object) if colors is None else np.atleast_2d(colors)
    for i, j in np.ndindex(rows, columns):
        draw_box(axis, j, rows - 1 - i, 1, 1, texts[i][j], color=colors[i, j], edge=GRAY, size=size, rounded=False)
    axis.set(xlim=(-0.05, columns + 0.05), ylim=(-0.05, rows + 0.05), aspect="equal")
    axis.axis("off")
    axis.set_title(title, fontsize=size, color=INK)


def draw_box(axis, x, y, width, height, text, color="white", edge=INK, size=10, rounded=True):
    """Draw a box with a text in its middle. x, y: its lower left corner."""
    style = "round,pad=0,rounding_size=0.08" if rounded else "square,pad=0"
    axis.annotate(text, (x + width / 2, y + height / 2), ha="center", va="center", fontsize=size, color=INK)
    axis.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=color, edgecolor=edge, zorder=0.5))


def draw_arrow(axis, start, end, color=INK, text="", bend=0.0, size=9, offset=(0, 0.08), dashed=False):
    """Draw an arrow from start to end, (x, y) each.

    Args:
        axis: Axes of the diagram.
        start, end: (x, y) points.
        color: of the arrow and its text.
        text: beside the middle of the arrow.
        bend: curvature; 0 is a straight arrow.
        size: font size of the text in points.
        offset: (x, y) from the middle of the arrow to the text.
        dashed: whether the line is dashed.
    """
    line = {"arrowstyle": "-|>", "color": color, "lw": 1.3, "shrinkA": 0, "shrinkB": 0}
    line |= {"connectionstyle": f"arc3,rad={bend}", "linestyle": "--" if dashed else "-"}
    axis.annotate("", end, start, arrowprops=line)
    if text:
        x, y = ((start[i] + end[i]) / 2 + offset[i] for i in (0, 1))
        axis.text(x, y, text, fontsize=size, color=color, ha="center", va="center")
