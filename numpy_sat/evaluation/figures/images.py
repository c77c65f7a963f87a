"""Figures of images: contact sheets of captions, and the filters of a convolution."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from numpy_sat.evaluation.figures import canvas

COLUMNS = 3  # images in each row of a contact sheet
LINE = 45  # characters in each line of the text below an image


def sheet_figure(path: Path, entries: Sequence[tuple[np.ndarray, str, Sequence[str]]]) -> None:
    """Write a PNG of images, three in each row, with a title above each image and sentences below it.

    Args:
        path: file name of the PNG.
        entries: a list of (image (H, W, 3) uint8, title, sentences).
    Raises:
        InputError: the file cannot be written.
    """
    rows, height = -(-len(entries) // COLUMNS), 4.8
    figure, axes = canvas.bare_panels(rows, COLUMNS, 3.5, height)
    for axis, (image, title, sentences) in zip(axes, entries, strict=False):
        axis.imshow(image)
        axis.set_anchor("W")
        axis.set_title(title, fontsize=canvas.fit_size(title, 3.2, 9), loc="left", parse_math=False)
        text = "\n".join(_wrap(sentence) for sentence in sentences)
        axis.set_xlabel(text, fontsize=9, loc="left", parse_math=False)
    lines = canvas.add_title(figure, "Captions of the model, a reference of each image, and scores (%)")
    figure.set_figheight(height * rows + 0.2 * lines)
    canvas.save(figure, path)


def _wrap(sentence):
    """Break a sentence into lines as wide as an image. Lines of wide letters have fewer letters."""
    width = int(LINE * len(sentence) / max(1, canvas.columns_of(sentence)))
    return textwrap.fill(sentence, max(1, width), subsequent_indent="    ")


def filters_figure(path: Path, W: np.ndarray) -> None:
    """Write a PNG of the first layer's filters as small color images.

    All filters share one scale: medium gray is weight 0, and the largest weight of all is black or full brightness.
    The number below each filter is its own largest absolute weight.

    Args:
        path: file name of the PNG.
        W: (3, 3, 3, O) weights; the third axis is red, green and blue.
    Raises:
        InputError: the file cannot be written.
    """
    columns = min(max(W.shape[-1], 4), 8)
    rows = -(-W.shape[-1] // columns)
    height = 1.05
    figure, axes = canvas.bare_panels(rows, columns, 0.9, height)
    largest = float(np.abs(W).max()) or 1.0
    for axis, kernel in zip(axes, np.moveaxis(W, -1, 0), strict=False):
        axis.imshow(0.5 + kernel / (2 * largest), interpolation="nearest")
        axis.set_xlabel(f"max {np.abs(kernel).max():.2f}", fontsize=7)
    label, options = "weight of each color channel", {"location": "bottom", "fraction": 0.1, "aspect": 40, "pad": 0.03}
    canvas.add_color_bar(figure, list(axes), -largest, largest, label, **options)
    lines = canvas.add_title(figure, "Filters of the first layer", "max: largest absolute weight", size=10)
    figure.set_figheight(height * rows + 0.2 * lines + 0.5)
    canvas.save(figure, path)
