"""Figures of captioners as points in the plane of diversity and accuracy."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numpy_sat.evaluation.bootstrap import Share
from numpy_sat.evaluation.figures import canvas
from numpy_sat.evaluation.figures.words import label_points


def plane_figure(
    path: Path, groups: Mapping[str, Sequence[tuple[str, Share, Share]]], xlabel: str, ylabel: str, title: str
) -> None:
    """Write a PNG with a point for each way of writing captions. Lines join the points of a group.

    No label covers another label, a point, an error bar or a line.

    Args:
        path: of the PNG.
        groups: {label of the group: [(label of the point, or "", x, y)]}; error bars show the intervals.
        xlabel, ylabel: names of the axes with their units.
        title: title of the figure.
    Raises:
        InputError: the file cannot be written.
    """
    figure = Figure(figsize=(9, 5.5), dpi=100, layout="constrained")
    axis = figure.subplots()
    for k, (label, points) in enumerate(groups.items()):
        x, y = ([point[which] for point in points] for which in (1, 2))
        errors = {name: _error_bars(shares) for name, shares in (("xerr", x), ("yerr", y))}
        values = ([share.value for share in shares] for shares in (x, y))
        axis.errorbar(*values, **errors, marker=".", markersize=9, lw=1.2, elinewidth=0.7, color=f"C{k}", label=label)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.set_title(title, fontsize=canvas.fit_size(title, 7.5, 11))
    axis.grid(alpha=0.3)
    figure.legend(frameon=False, fontsize=9, loc="outside right upper")
    lines = np.concatenate([_along_lines(points) for points in groups.values()])
    names = [name for points in groups.values() for name, _, _ in points]
    places = [(x.value, y.value) for points in groups.values() for _, x, y in points]
    label_points(axis, [*names, *[""] * len(lines)], np.concatenate([places, lines]))
    canvas.save(figure, path)


def _along_lines(points, count=25):
    """Return (P, 2) places along a group's error bars and along the lines between its points."""
    ends = [((x.low, y.value), (x.high, y.value)) for _, x, y in points]
    ends += [((x.value, y.low), (x.value, y.high)) for _, x, y in points]
    places = [(x.value, y.value) for _, x, y in points]
    return np.concatenate([np.linspace(*pair, count) for pair in ends + list(itertools.pairwise(places))])


def _error_bars(shares):
    """Return the distances from each value to its lower and its upper limit."""
    return [[share.value - share.low for share in shares], [share.high - share.value for share in shares]]
