"""The figure of the chapter that leads from attention to Transformers."""

import numpy as np
from matplotlib.figure import Figure

from exercises.chapters.figures import _drawing as drawing
from numpy_sat.decoders import masks

REGIONS, WORDS = ("region 1", "region 2"), ("two", "[MASK]", "stars", "<end>")
OF_REGIONS, OF_WORDS, HIDDEN = drawing.PALE[drawing.BLUE], drawing.PALE[drawing.ORANGE], "white"


def two_masks():
    """Draw which positions see which, under the two masks of VLP."""
    L, T = len(REGIONS), len(WORDS)
    both = {
        "left to right, to write": masks.left_to_right(L, T, 1)[0],
        "all see all, to fill gaps": masks.bidirectional(L, np.ones((1, T)))[0],
    }
    figure = Figure(figsize=(8.4, 4.1), layout="constrained")
    for axis, (title, mask) in zip(figure.subplots(1, 2), both.items(), strict=True):
        _draw_mask(axis, mask == 0, title)
    return figure


def _draw_mask(axis, sees, title):
    """Draw a mask: a colored cell with a dot where the position of the row sees that of the column."""
    names, P = REGIONS + WORDS, len(sees)
    for row, column in np.ndindex(P, P):
        color = (OF_REGIONS if column < len(REGIONS) else OF_WORDS) if sees[row, column] else HIDDEN
        text = "o" if sees[row, column] else ""
        drawing.draw_box(axis, column, P - 1 - row, 1, 1, text, color, drawing.GRAY, rounded=False)
    axis.plot([0, P], 2 * [P - len(REGIONS)], color=drawing.INK, linewidth=1.5)
    axis.plot(2 * [len(REGIONS)], [0, P], color=drawing.INK, linewidth=1.5)
    axis.set_xticks(np.arange(P) + 0.5, names, rotation=40, ha="left", rotation_mode="anchor")
    axis.set_yticks(np.arange(P)[::-1] + 0.5, names)
    axis.xaxis.tick_top()
    axis.tick_params(length=0, labelsize=9)
    axis.spines[:].set_visible(False)
    axis.set(xlim=(-0.02, P + 0.02), ylim=(-0.02, P + 0.02), aspect="equal")
    axis.set_title(title, fontsize=11, color=drawing.INK)
