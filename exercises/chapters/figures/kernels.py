"""The figures of the chapter about kernels."""

import re
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from exercises.chapters.figures import _drawing as drawing

C, O = 4, 8  # sizes of the matrix W in the figure of loop orders
VECTOR = 4  # numbers that one instruction handles there
RESULTS = Path(__file__).parents[3] / "numpy_sat" / "RESULTS.md"
SECTION = "## The ladder of convolutions"


def loop_order():
    """Draw the numbers that the innermost loop touches, in the order of its steps, for both orders of the loops."""
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    axes = figure.subplots(3, 2, height_ratios=(1, C, 1))
    steps_c, steps_o = np.arange(C), np.arange(O)
    column, row = np.zeros((C, O), int), np.zeros((C, O), int)
    column[:, 0], row[0] = steps_c + 1, steps_o // VECTOR + 1
    _draw_steps(axes[:, 0], steps_c + 1, column, np.eye(1, O, dtype=int)[0] * C, "sums: c innermost, one at a time")
    _draw_steps(axes[:, 1], np.eye(1, C, dtype=int)[0], row, row[0], f"rows: o innermost, {VECTOR} at a time")
    return figure


def _draw_steps(axes, x, W, y, title):
    """Draw a row of x, W and a row of y. The cells have the number of the instruction that uses them last, or 0."""
    for axis, name, steps in zip(axes, ("x[p, :]", "W[:, :]", "y[p, :]"), (x, W, y), strict=True):
        texts = np.where(steps > 0, steps.astype(str), "")
        colors = np.array(("white", drawing.PALE[drawing.BLUE], drawing.PALE[drawing.ORANGE]))[
            (steps > 0) * (2 - steps % 2)
        ]
        drawing.draw_cells(axis, steps, title if axis is axes[0] else "", colors, texts, size=10)
        axis.set(xlim=(-2, O + 0.05), anchor="W")
        axis.text(-0.3, np.atleast_2d(steps).shape[0] / 2, name, ha="right", va="center", fontsize=10)


def ladder():
    """Draw the speed of each rung of the ladder of convolutions, from the table of the results."""
    section = RESULTS.read_text(encoding="utf-8").split(SECTION)[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\w +]+) \| [\d.,]+ \| ([\d.]+) \|", section, re.M)
    names, speeds = [name for name, _ in rows], [float(speed) for _, speed in rows]
    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    axis = figure.subplots()
    places = -np.arange(len(rows))
    axis.barh(places, speeds, color=drawing.BLUE)
    for place, speed in zip(places, speeds, strict=True):
        axis.text(speed * 1.15, place, f"{speed:g}", va="center", fontsize=9)
    axis.set_yticks(places, names)
    axis.set(xscale="log", xlabel="GFLOP/s", xlim=(1e-3, 1e4), title="128 to 256 channels at 56 x 56, batch size 8")
    return figure
