"""Figures of attention weights: over an image, word by word, and over the words of a phrase."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from numpy_sat.evaluation.figures import canvas

LABEL = "attention weight alpha"
COLUMNS = 6  # panels a row, of attention_figure
OPACITY = 0.75  # of an attention map over its image


def attention_figure(
    path: Path, image: np.ndarray, words: Sequence[str], alpha: np.ndarray, beta: Sequence[float] | None
) -> None:
    """Write a PNG of a caption's attention: the image, then one panel per word with its attention map.

    All panels share one brightness range, from 0 to the largest weight of the caption. Below each panel stand the gate
    and the largest weight of the panel.

    Args:
        path: of the PNG.
        image: (H, W, 3) uint8.
        words: T texts, the words of the caption, and <end> if it was written.
        alpha: (T, L) attention weights; L is a square number.
        beta: T values of the gate; None for a model without a gate.
    Raises:
        InputError: the file cannot be written.
    """
    columns = min(COLUMNS, len(words) + 1)
    rows = -(-(len(words) + 1) // columns)
    width, height = 2.1, 2.5
    figure, axes = canvas.bare_panels(rows, columns, width, height)
    largest = np.max(alpha)
    axes[0].imshow(image)
    axes[0].set_title("image", fontsize=9)
    gates = [""] * len(words) if beta is None else [f"beta {gate:.2f}, " for gate in beta]
    for axis, word, weights, gate in zip(axes[1:], words, alpha, gates, strict=False):
        _draw_map(axis, image, weights, largest)
        _write_word(axis, word, 0.85 * width, 9)
        axis.set_xlabel(f"{gate}max {weights.max():.2f}", fontsize=8)
    canvas.add_color_bar(figure, list(axes), 0, largest, LABEL, fraction=0.15 / columns, aspect=30, pad=0.01)
    gate = "" if beta is None else "beta: weight of the image; "
    legend = f"bright: much attention; {gate}max: largest alpha of the panel"
    lines = canvas.add_title(figure, "Attention while each word is written", legend)
    figure.set_figheight(height * rows + 0.2 * lines)
    canvas.save(figure, path)


def attention_rows_figure(path: Path, entries: Sequence[tuple[np.ndarray, str, Sequence[str], np.ndarray]]) -> None:
    """Write a PNG of several captions' attention, one row per image: the image, then one panel per word.

    The panels of a row share one brightness range, from 0 to the largest weight of that caption. The row's color bar
    gives the scale. Below each panel stands its largest weight.

    Args:
        path: of the PNG.
        entries: a list of (image (H, W, 3) uint8, title, T words, alpha (T, L)); L is a square number.
    Raises:
        InputError: the file cannot be written.
    """
    columns = max(4, 1 + max(len(words) for _, _, words, _ in entries))  # 4, so that the title has room
    width, height = 1.2, 1.6
    figure, axes = canvas.bare_panels(len(entries), columns, width, height)
    for row, (image, title, words, alpha) in zip(axes.reshape(-1, columns), entries, strict=True):
        largest = np.max(alpha)
        row[0].imshow(image)
        row[0].set_title(title, fontsize=canvas.fit_size(title, 0.9 * width, 8), loc="left", parse_math=False)
        for axis, word, weights in zip(row[1:], words, alpha, strict=False):
            _draw_map(axis, image, weights, largest)
            _write_word(axis, word, 0.85 * width, 8)
            axis.set_xlabel(f"max {weights.max():.2f}", fontsize=7)
        canvas.add_color_bar(figure, list(row), 0, largest, LABEL, size=7, fraction=0.15 / columns, aspect=12, pad=0.01)
    legend = "bright: much attention; each row has its own scale; max: largest alpha of the panel"
    lines = canvas.add_title(figure, "Attention while each word is written", legend)
    figure.set_figheight(height * len(entries) + 0.2 * lines)
    canvas.save(figure, path)


def alignment_figure(path: Path, source: Sequence[str], words: Sequence[str], alpha: np.ndarray) -> None:
    """Write a PNG of a translation's attention: a matrix of queries (rows) and keys (columns).

    The decoder asks once for every word that it writes: its hidden state is the query, and the row carries the word.
    The words of the source are the keys.

    Args:
        path: of the PNG.
        source: J texts, the words that were read, <end> last.
        words: T texts, the words that were written, and <end>.
        alpha: (T, J) attention weights.
    Raises:
        InputError: the file cannot be written.
    """
    J = len(source)
    figure = Figure(figsize=(3.2 + 0.42 * J, 2.4 + 0.42 * len(words)), layout="constrained")
    axis = figure.subplots()
    axis.imshow(alpha, cmap="gray", vmin=0, vmax=1)
    axis.set_xticks(range(J), source, rotation=60, ha="left", rotation_mode="anchor", parse_math=False)
    axis.set_yticks(range(len(words)), words, parse_math=False)
    axis.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axis.xaxis.set_label_position("top")
    axis.set_xlabel("keys: words of the source phrase")
    # A label of the whole figure: one of the axis may be longer than the axis, and would be clipped.
    figure.supylabel("queries: the decoder's hidden state\nbefore each target word", fontsize=10)
    canvas.add_color_bar(figure, axis, 0, 1, LABEL, size=9, shrink=0.8)
    canvas.add_title(figure, "Attention of a translation")
    canvas.save(figure, path)


def _draw_map(axis, image, weights, largest):
    """Draw an attention map over an image: the more weight, the brighter.

    Args:
        axis: the panel.
        image: (H, W, 3) uint8.
        weights: (L,) attention weights; L is a square number.
        largest: the weight that is white.
    """
    axis.imshow(image)
    axis.imshow(_upsample(weights, image.shape[:2]), cmap="gray", alpha=OPACITY, vmin=0, vmax=largest)


def _write_word(axis, word, width, size):
    """Write a word above a panel, small enough for `width` inches."""
    axis.set_title(word, fontsize=canvas.fit_size(word, width, size), parse_math=False)


def _upsample(weights, shape):
    """Upsample a square grid of weights to a smooth map of the shape (H, W) of an image."""
    side = round(np.sqrt(weights.size))
    grid = Image.fromarray(weights.reshape(side, side).astype(np.float32))
    return np.asarray(grid.resize(shape[::-1], Image.Resampling.BICUBIC))
