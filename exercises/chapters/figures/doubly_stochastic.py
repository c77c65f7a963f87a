"""The figure of the chapter about the doubly stochastic penalty."""

import numpy as np
from matplotlib.figure import Figure

from exercises.chapters.figures import _drawing as drawing
from numpy_sat.layers import losses

MAPS = np.array([[0.1, 0.4, 0.2, 0.3], [0.1, 0.1, 0.1, 0.7], [0.0, 0.4, 0.3, 0.3]])  # (T, L)


def doubly_stochastic():
    """Draw three matrices of attention weights, and the sums of their columns against the target 1."""
    T, L = MAPS.shape
    cases = {"one location": np.eye(L)[[0] * T], "the example": MAPS, "uniform": np.full((T, L), 1 / L)}
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots(2, len(cases), sharey="row", height_ratios=(1, 1.1))
    for (cells, bars), (name, weights) in zip(axes.T, cases.items(), strict=True):
        penalty, _ = losses.doubly_stochastic_forward(weights[:, None], np.ones((T, 1)))
        _draw_weights(cells, weights)
        cells.set_title(f"{name}: penalty {penalty:.2f}", fontsize=11)
        _draw_sums(bars, weights.sum(axis=0))
    axes[0, 0].set_yticks(range(T), [f"word {t + 1}" for t in range(T)])
    axes[1, 0].set_ylabel("sum over words")
    return figure


def _draw_weights(axis, weights):
    """Draw a matrix of attention weights, (T, L), as shaded cells with numbers."""
    axis.imshow(weights, cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for (t, i), value in np.ndenumerate(weights):
        axis.text(i, t, f"{value:g}", ha="center", va="center", color=drawing.INK)
    axis.set_xticks([])
    axis.tick_params(length=0)


def _draw_sums(axis, sums):
    """Draw the sums of the columns, (L,), as bars, with their distances from 1 in red."""
    locations = np.arange(len(sums)) + 1
    axis.bar(locations, np.minimum(sums, 1), color=drawing.BLUE, width=0.6)
    axis.bar(locations, np.abs(sums - 1), bottom=np.minimum(sums, 1), color=drawing.RED, alpha=0.45, width=0.6)
    axis.axhline(1, color=drawing.INK, linestyle="--", linewidth=1)
    axis.set(xlabel="location", xticks=locations, xlim=(0.5, len(sums) + 0.5))
