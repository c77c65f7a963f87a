"""Pairs of arrays beside each other, and their difference."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from numpy_sat.evaluation.figures import canvas

LARGEST = 12, 8  # rows and columns of an array whose numbers are written into its cells
CELLS_WIDTH = 2.6  # inches, of the cells of a panel
BLOCKS = {"3S": "ifo", "4S": "ifog"}  # {size of an axis of the LSTM: its gates, a block of S columns for each}


def pairs_figure(
    path: Path,
    pairs: dict[str, tuple[np.ndarray, np.ndarray]],
    title: str,
    axes: dict[str, tuple[str, ...]] | None = None,
) -> None:
    """Write a PNG with one row for each pair of arrays: yours, the right one, and their difference.

    The last axis of an array goes across, all others go down. Yours and the right one share a scale. Entries that are
    not finite are black. Arrays of different shapes have no difference. The cells of small arrays show their numbers.

    Args:
        path: of the PNG.
        pairs: {name: (yours, right)}, arrays of any shapes.
        title: of the figure.
        axes: {name: names of the array's axes, such as ("B", "4S")}; arrays that it lacks have general labels.
    Raises:
        InputError: the file cannot be written.
    """
    heights = [np.clip(0.25 * _as_matrix(right).shape[0], 1.1, 3) for _, right in pairs.values()]
    figure = Figure(figsize=(12, sum(heights) + 0.9 * len(pairs) + 0.4), layout="constrained")
    rows = figure.subplots(len(pairs), 3, squeeze=False, height_ratios=heights)
    for panels, (name, (yours, right)) in zip(rows, pairs.items(), strict=True):
        _draw_pair(figure, panels, name, yours, right, (axes or {}).get(name, ()))
    canvas.add_title(figure, title)
    canvas.save(figure, path)


def _draw_pair(figure, panels, name, yours, right, axes):
    """Draw a row of the figure: yours, the right array, and their difference."""
    finite = np.concatenate([array[np.isfinite(array)] for array in (yours.ravel(), right.ravel())])
    scale = {"vmin": finite.min(initial=0), "vmax": finite.max(initial=0), "cmap": "viridis"}
    _draw_array(figure, panels[0], f"{name}: yours, shape {yours.shape}", yours, "value", scale, axes)
    _draw_array(figure, panels[1], f"{name}: right, shape {right.shape}", right, "value", scale, axes)
    if yours.shape == right.shape:
        with np.errstate(invalid="ignore"):
            difference = yours - right
        most, largest = (np.abs(x[np.isfinite(x)]).max(initial=0) for x in (difference, finite))
        most = most if most > 1e-6 * largest else largest or 1  # rounding is not worth a color
        scale = {"vmin": -most, "vmax": most, "cmap": "RdBu_r"}
        _draw_array(figure, panels[2], f"{name}: yours - right", difference, "difference", scale, axes)
    else:
        panels[2].axis("off")
        panels[2].text(0.5, 0.5, "different shapes", ha="center", va="center")
    others = ", ".join(axes[:-1]) or "other axes, flattened"
    panels[0].set_ylabel(others if max(yours.ndim, right.ndim) > 1 else "", fontsize=8)


def _draw_array(figure, panel, title, array, label, scale, axes):
    """Draw an array as colored cells with a color bar. label: of the color bar; scale: options of imshow."""
    cells = np.ma.masked_invalid(_as_matrix(array))
    panel.set_facecolor("black")
    image = panel.imshow(cells, aspect="auto", interpolation="nearest", **scale)
    panel.set_title(title, fontsize=canvas.fit_size(title, 3.2, 9), parse_math=False)
    panel.set_xlabel(axes[-1] if axes else "last axis", fontsize=8)
    panel.tick_params(labelsize=7)
    for index_axis in (panel.xaxis, panel.yaxis):
        index_axis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    if axes and axes[-1] in BLOCKS:
        _mark_gates(panel, BLOCKS[axes[-1]], cells.shape[1])
    if all(size <= largest for size, largest in zip(cells.shape, LARGEST, strict=True)):
        _write_numbers(panel, image, _as_matrix(array))
        if array.ndim > 2:
            panel.set_yticks(range(len(cells)), [", ".join(map(str, index)) for index in np.ndindex(array.shape[:-1])])
    bar = figure.colorbar(image, ax=panel, ticks=MaxNLocator(6, integer=True) if _is_whole(array) else None)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _mark_gates(panel, gates, columns):
    """Draw a line between the blocks of columns of an LSTM's gates, and write each gate's letter below its block."""
    size = columns / len(gates)
    for k, gate in enumerate(gates):
        if k:
            panel.axvline(k * size - 0.5, color="white", linewidth=2)
            panel.axvline(k * size - 0.5, color="black", linewidth=0.8)
        panel.text((k + 0.5) * size - 0.5, -0.03, gate, transform=panel.get_xaxis_transform(), ha="center", va="top")
    panel.set_xticks([])
    panel.xaxis.labelpad = 14


def _write_numbers(panel, image, cells):
    """Write each number into its cell, with three digits of the largest, in black or white, whichever can be read.

    Whole numbers have no decimals.
    """
    largest = np.abs(cells[np.isfinite(cells)]).max(initial=0)
    decimals = int(np.clip(2 - np.floor(np.log10(largest)), 0, 9)) if largest and not _is_whole(cells) else 0
    style = ".2g" if largest >= 1e5 else f".{decimals}f"
    texts = [f"{np.round(value, decimals) + 0.0:{style}}" for value in cells.flat]
    size = canvas.fit_size(max(texts, key=len, default="") + " ", CELLS_WIDTH / cells.shape[1], 7)
    for ((row, column), value), text in zip(np.ndenumerate(cells), texts, strict=True):
        red, green, blue, _ = image.cmap(image.norm(value)) if np.isfinite(value) else (0, 0, 0, 1)
        color = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
        panel.text(column, row, text, fontsize=size, color=color, ha="center", va="center")


def _is_whole(array):
    return array.dtype.kind in "biu"


def _as_matrix(array):
    """Return an array of any shape as a matrix with the last axis across."""
    return array.reshape(-1, array.shape[-1]) if array.ndim and array.size else array.reshape(1, -1)
