"""Pairs of arrays beside each other, and their difference."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from numpy_sat.evaluation.figures import canvas


def pairs_figure(path: Path, pairs: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Write a PNG with one row for each pair of arrays: yours, the right one, and their difference.

    The last axis of an array goes across, all others go down. Yours and the right one share a scale. Entries that are
    not finite are black. Arrays of different shapes have no difference.

    Args:
        path: of the PNG.
        pairs: {name: (yours, right)}, arrays of any shapes.
    Raises:
        InputError: the file cannot be written.
    """
    heights = [np.clip(0.16 * _as_matrix(right).shape[0], 1.1, 3) for _, right in pairs.values()]
    figure = Figure(figsize=(9, sum(heights) + 0.9 * len(pairs) + 0.4), layout="constrained")
    rows = figure.subplots(len(pairs), 3, squeeze=False, height_ratios=heights)
    for axes, (name, (yours, right)) in zip(rows, pairs.items(), strict=True):
        finite = np.concatenate([array[np.isfinite(array)] for array in (yours.ravel(), right.ravel())])
        scale = {"vmin": finite.min(initial=0), "vmax": finite.max(initial=0), "cmap": "viridis"}
        _draw_array(figure, axes[0], f"{name}: yours, shape {yours.shape}", yours, "value", scale)
        _draw_array(figure, axes[1], f"{name}: right, shape {right.shape}", right, "value", scale)
        if yours.shape == right.shape:
            with np.errstate(invalid="ignore"):
                difference = yours - right
            most, largest = (np.abs(x[np.isfinite(x)]).max(initial=0) for x in (difference, finite))
            most = most if most > 1e-6 * largest else largest or 1  # rounding is not worth a color
            scale = {"vmin": -most, "vmax": most, "cmap": "RdBu_r"}
            _draw_array(figure, axes[2], f"{name}: yours - right", difference, "difference", scale)
        else:
            axes[2].axis("off")
            axes[2].text(0.5, 0.5, "different shapes", ha="center", va="center")
        axes[0].set_ylabel("other axes, flattened" if max(yours.ndim, right.ndim) > 1 else "", fontsize=8)
    canvas.add_title(figure, "Your arrays and the right ones")
    canvas.save(figure, path)


def _draw_array(figure, axis, title, array, label, scale):
    """Draw an array as colored cells with a color bar. label: of the color bar; scale: options of imshow."""
    cells = np.ma.masked_invalid(_as_matrix(array))
    axis.set_facecolor("black")
    image = axis.imshow(cells, aspect="auto", interpolation="nearest", **scale)
    axis.set_title(title, fontsize=canvas.fit_size(title, 2.4, 9), parse_math=False)
    axis.set_xlabel("last axis", fontsize=8)
    axis.tick_params(labelsize=7)
    for index_axis in (axis.xaxis, axis.yaxis):
        index_axis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    bar = figure.colorbar(image, ax=axis)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _as_matrix(array):
    """Return an array of any shape as a matrix with the last axis across."""
    return array.reshape(-1, array.shape[-1]) if array.ndim and array.size else array.reshape(1, -1)
