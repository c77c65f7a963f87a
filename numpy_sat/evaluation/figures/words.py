"""The map of words: an embedding's rows in a plane."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from numpy_sat.evaluation.figures import canvas, fonts


def words_figure(
    path: Path, words: Sequence[str], points: np.ndarray, shares: Sequence[float], name: str = "E"
) -> None:
    """Write a PNG with a map of words. Where points crowd, their labels stand beside each other.

    Args:
        path: of the PNG.
        words: V texts.
        points: (V, 2) coordinates of the words along the first two principal axes.
        shares: (2,) share of the variance along each axis, 0 to 1.
        name: name of the embedding, for the title.
    Raises:
        InputError: the file cannot be written.
    """
    figure = Figure(figsize=(9, 9), dpi=100, layout="constrained")
    axis = figure.subplots()
    axis.scatter(*points.T, s=10)
    axis.set_aspect("equal", adjustable="datalim")
    axis.set_title(f"Words in the plane of the first two principal axes of {name}")
    labels = [f"principal axis {k} ({share:.0%} of the variance)" for k, share in enumerate(shares, 1)]
    axis.set(xlabel=labels[0], ylabel=labels[1])
    axis.margins(0.12)
    axis.grid(alpha=0.3)
    label_points(axis, words, points)
    canvas.save(figure, path)


def label_points(axis: Axes, words: Sequence[str], points: np.ndarray) -> None:
    """Write words beside their points, so that no word covers another word or a point.

    Args:
        axis: map on which the points are drawn already, since its limits must be final.
        words: V texts; a point with "" has no label, but no label covers it.
        points: (V, 2) coordinates.
    """
    axis.figure.draw_without_rendering()  # fixes the positions in pixels
    places = axis.transData.transform(points)
    occupied = [Bbox.from_extents(x - 3, y - 3, x + 3, y + 3) for x, y in places]
    font = {"fontsize": 9, "fontfamily": fonts.families("".join(words)), "parse_math": False}
    for word, point, place in zip(words, points, places, strict=True):
        if word:
            occupied.append(_label(axis, word, point, place, occupied, font))


def _label(axis, word, point, place, occupied, font):
    """Write a word as near its point as there is room.

    Args:
        axis: the map.
        word: text.
        point: (2,) coordinates.
        place: (2,) the same in pixels.
        occupied: Bboxes in pixels, of points and of earlier labels.
        font: options of the text.
    Returns:
        The Bbox of the label and its margin, in pixels.
    """
    text = axis.text(0, 0, word, **font)
    with fonts.quiet():
        size, frame = text.get_window_extent().size, axis.get_window_extent()
    text.remove()
    for distance, angle in itertools.product(range(5, 120, 5), np.arange(8) * np.pi / 4):
        offset = (distance + size / 2) * (np.cos(angle), np.sin(angle))
        box = Bbox.from_bounds(*(place + offset - size / 2), *size)
        if frame.containsx(box.x0) and frame.containsx(box.x1) and not box.count_overlaps(occupied):
            break
    line = {"arrowstyle": "-", "lw": 0.5, "color": "0.6"} if distance > 10 else None
    position = {"xytext": offset, "textcoords": "offset pixels", "ha": "center", "va": "center"}
    axis.annotate(word, point, **position, **font, arrowprops=line)
    return box.padded(4)  # a blank between two words
