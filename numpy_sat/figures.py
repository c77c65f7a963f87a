"""Pictures for people: where the model looked, and how training went."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from numpy_sat.errors import writing


def attention_figure(path, image, words, alpha, beta):
    """Write a PNG: the picture, then a panel a word with the attention's map over it.

    image: (H, W, 3) uint8; words: of the caption, and <end> where it was written; alpha: (words, L) with square L;
    beta: (words,) the gate. Every map is scaled to its own largest value, which the panel states.
    """
    columns = min(6, len(words) + 1)
    rows = -(-(len(words) + 1) // columns)
    figure = Figure(figsize=(2.1 * columns, 2.4 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    axes[0].imshow(image)
    for axis, word, weights, gate in zip(axes[1:], words, alpha, beta, strict=False):
        axis.imshow(image)
        axis.imshow(_upsample(weights, image.shape[:2]), cmap="gray", alpha=0.75, vmin=0)
        axis.set_title(f"{word}\nbeta {gate:.2f}, max {weights.max():.2f}", fontsize=9)
    _save(figure, path)


def curves_figure(path, train, dev):
    """Write a PNG of a run's curves.

    train: log entries with "step" and "loss"; dev: those with "step", "loss" and "bleu" (four percentages).
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([e["step"] for e in train], [e["loss"] for e in train], lw=0.8, label="train")
    left.plot([e["step"] for e in dev], [e["loss"] for e in dev], marker=".", label="dev")
    left.set(xlabel="step", ylabel="-log p a word (nats)", ylim=(0, None))
    for n in range(4):
        right.plot([e["step"] for e in dev], [e["bleu"][n] for e in dev], marker=".", label=f"BLEU-{n + 1}")
    right.set(xlabel="step", ylabel="dev BLEU, % (greedy)", ylim=(0, None))
    for axis in (left, right):
        axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, frameon=False)  # clear of the curves
        axis.grid(alpha=0.3)
    _save(figure, path)


def _upsample(weights, shape):
    """A square grid of weights as a smooth map of a picture's shape (H, W)."""
    side = round(np.sqrt(weights.size))
    grid = Image.fromarray(weights.reshape(side, side).astype(np.float32))
    return np.asarray(grid.resize(shape[::-1], Image.Resampling.BICUBIC))


def _save(figure, path):
    aside = Path(f"{path}.part")
    with writing(path, aside):
        figure.savefig(aside, format="png", dpi=100)
        aside.replace(path)
