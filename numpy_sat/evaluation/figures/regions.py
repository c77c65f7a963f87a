"""Figures of phrases and the regions of an image that they are aligned with."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from numpy_sat.evaluation.figures import canvas

DIM = 0.75  # opacity of the gray over all that is outside a region


def regions_figure(path: Path, entries: Sequence[tuple[np.ndarray, Sequence[tuple[str, np.ndarray]]]]) -> None:
    """Write a PNG of images and their phrases, one row per image: the image, then one panel per phrase.

    A panel is dark outside the region of its phrase.

    Args:
        path: of the PNG.
        entries: a list of (image (H, W, 3) uint8, [(phrase, region)]); a region is a (side, side) grid of shares from 0
            to 1, the part of each cell that it covers.
    Raises:
        InputError: the file cannot be written.
    """
    columns = 1 + max(len(phrases) for _, phrases in entries)
    width, height = 1.7, 2.0
    figure, axes = canvas.bare_panels(len(entries), columns, width, height)
    for row, (image, phrases) in zip(axes.reshape(-1, columns), entries, strict=True):
        row[0].imshow(image)
        for axis, (phrase, region) in zip(row[1:], phrases, strict=False):
            axis.imshow(image)
            frame = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
            axis.imshow(np.zeros_like(region), cmap="gray", vmin=0, vmax=1, alpha=DIM * (1 - region), extent=frame)
            axis.set_title(phrase, fontsize=canvas.fit_size(phrase, 0.9 * width, 9), parse_math=False)
    lines = canvas.add_title(figure, "Words that share a region, and the region (bright)")
    figure.set_figheight(height * len(entries) + 0.2 * lines)
    canvas.save(figure, path)
