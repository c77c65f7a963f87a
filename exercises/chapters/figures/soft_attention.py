"""The figures of the chapter about soft attention."""

import numpy as np
from matplotlib.figure import Figure

from exercises.chapters.figures import _drawing as drawing

ALPHA = np.array([0.04, 0.32, 0.64])
A = np.array([[25, 0], [0, 25], [25, 25]])
COLORS = (drawing.BLUE, drawing.GREEN, drawing.ORANGE)


def context_vector():
    """Draw the weights of three locations, and the context vector between their annotations."""
    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    bars, plane = figure.subplots(1, 2)
    heights = bars.bar(["location 1", "location 2", "location 3"], ALPHA, color=COLORS, width=0.6)
    bars.bar_label(heights, fmt="{:.2f}", padding=2)
    bars.set(title="attention weights alpha", ylim=(0, 0.8))
    z = ALPHA @ A
    for a, alpha, color in zip(A, ALPHA, COLORS, strict=True):
        plane.plot(*np.array([a, z]).T, color=color, linewidth=1 + 4 * alpha)
        plane.plot(*a, "o", color=color, markersize=5 + 15 * alpha)
        plane.annotate(f"({a[0]}, {a[1]})", a, (8, 8), textcoords="offset points", fontsize=9)
    plane.plot(*z, "X", color=drawing.INK, markersize=10)
    plane.annotate("z = (17, 24)", z, (-12, -22), textcoords="offset points", fontsize=10, ha="center")
    plane.set(title="annotations, and the context vector z", xlim=(-4, 34), ylim=(-4, 34), aspect="equal")
    return figure


def stretched_axes():
    """Draw u for two captions and three locations, and the sums of its gradient over rows and columns."""
    figure, axis = drawing.blank(8.4, 3.1)
    for i in range(3):
        x = 2.3 + 1.5 * i
        drawing.draw_box(axis, x, 2.35, 1.4, 0.45, f"key {i + 1}", drawing.PALE[drawing.BLUE])
        drawing.draw_arrow(axis, (x + 0.7, 0.95), (x + 0.7, 0.62), drawing.BLUE)
        drawing.draw_box(axis, x, 0.2, 1.4, 0.4, f"dkey {i + 1}", drawing.PALE[drawing.BLUE])
    for b in range(2):
        y = 1.65 - 0.6 * b
        drawing.draw_box(axis, 0.5, y, 1.5, 0.5, f"query {b + 1}", drawing.PALE[drawing.ORANGE])
        drawing.draw_arrow(axis, (6.8, y + 0.25), (7.0, y + 0.25), drawing.ORANGE)
        drawing.draw_box(axis, 7.0, y, 1.1, 0.5, f"dquery {b + 1}", drawing.PALE[drawing.ORANGE])
        for i in range(3):
            text = f"tanh(key {i + 1} + query {b + 1})"
            drawing.draw_box(axis, 2.3 + 1.5 * i, y, 1.4, 0.5, text, size=8)
    axis.text(1.25, 2.5, "captions of one image", ha="center", fontsize=9, color=drawing.GRAY)
    axis.text(1.25, 0.4, "sum over the captions", ha="center", va="center", fontsize=9, color=drawing.BLUE)
    axis.text(7.55, 2.5, "sum over\nthe locations", ha="center", va="center", fontsize=9, color=drawing.ORANGE)
    return figure
