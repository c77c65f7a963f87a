"""Figures: the attention of captions, the curves of training, filters, words."""

import itertools
import textwrap
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox
from PIL import Image

from numpy_sat.system.errors import writing


def attention_figure(path, image, words, alpha, beta):
    """Write a PNG: the image, then a panel a word with the attention's map over it and the gate under it.

    image: (H, W, 3) uint8; words: of the caption, and <end> where it was written; alpha: (words, L) with square L;
    beta: (words,) the gate. Every map is scaled to its own largest value, which the panel states.
    """
    columns = min(6, len(words) + 1)
    rows = -(-(len(words) + 1) // columns)
    figure, axes = _bare_panels(rows, columns, 2.1, 2.5)
    axes[0].imshow(image)
    for axis, word, weights, gate in zip(axes[1:], words, alpha, beta, strict=False):
        _looked_at(axis, image, weights)
        axis.set_title(word, fontsize=9)
        axis.set_xlabel(f"beta {gate:.2f}, max {weights.max():.2f}", fontsize=8)
    _save(figure, path)


def attention_rows_figure(path, entries):
    """Write a PNG, a row an image: the image, then a panel a word with the attention's map over it.

    entries: [(image (H, W, 3) uint8, title, words, alpha (words, L) with square L), ...]. Every map is scaled to its
    own largest value, which the panel states.
    """
    columns = 1 + max(len(words) for _, _, words, _ in entries)
    figure, axes = _bare_panels(len(entries), columns, 1.2, 1.6)
    for row, (image, title, words, alpha) in zip(axes.reshape(-1, columns), entries, strict=True):
        row[0].imshow(image)
        row[0].set_title(title, fontsize=8, loc="left")
        for axis, word, weights in zip(row[1:], words, alpha, strict=False):
            _looked_at(axis, image, weights)
            axis.set_title(word, fontsize=8)
            axis.set_xlabel(f"{weights.max():.2f}", fontsize=7)
    _save(figure, path)


def alignment_figure(path, source, words, alpha):
    """Write a PNG, a matrix: across the words that were read, down those that were written, the lighter the more alpha.

    source: J words that were read, <end> last; words: T that were written, and <end>; alpha: (T, L), L >= J, of which
    what stands behind the Jth location, all <end> to fill up, counts with that.
    """
    J = len(source)
    weights = np.concatenate([alpha[:, : J - 1], alpha[:, J - 1 :].sum(axis=1, keepdims=True)], axis=1)
    figure = Figure(figsize=(1.9 + 0.42 * J, 1.2 + 0.42 * len(words)), layout="constrained")
    axis = figure.subplots()
    shown = axis.imshow(weights, cmap="gray", vmin=0, vmax=1)
    axis.set_xticks(range(J), source, rotation=60, ha="left", rotation_mode="anchor")
    axis.set_yticks(range(len(words)), words)
    axis.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    figure.colorbar(shown, ax=axis, label="alpha", shrink=0.7)
    _save(figure, path)


def sheet_figure(path, entries):
    """Write a PNG, a contact sheet of three columns: each image, a title above and sentences below it.

    entries: [(image (H, W, 3) uint8, title, sentences), ...].
    """
    figure, axes = _bare_panels(-(-len(entries) // 3), 3, 3.5, 4.8)
    for axis, (image, title, sentences) in zip(axes, entries, strict=False):
        axis.imshow(image)
        axis.set_title(title, fontsize=9, loc="left", parse_math=False)
        below = "\n".join(textwrap.fill(sentence, 50, subsequent_indent="    ") for sentence in sentences)
        axis.set_xlabel(below, fontsize=9, loc="left", parse_math=False)
    _save(figure, path)


def filters_figure(path, W):
    """Write a PNG: the first layer's filters as little images, grey where a weight is 0.

    W: (3, 3, 3, O), the third axis red, green and blue. Each is scaled to its own largest weight, stated below.
    """
    columns = min(W.shape[-1], 8)
    figure, axes = _bare_panels(-(-W.shape[-1] // columns), columns, 0.9, 1.05)
    for axis, kernel in zip(axes, np.moveaxis(W, -1, 0), strict=False):
        largest = np.abs(kernel).max()
        axis.imshow(0.5 + kernel / (2 * largest or 1), interpolation="nearest")
        axis.set_xlabel(f"{largest:.2f}", fontsize=7)
    _save(figure, path)


def runs_figure(path, runs):
    """Write a PNG: the curves of several runs in one plot. runs: {name: (train, dev)}, log entries as curves_figure."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for k, (name, (train, dev)) in enumerate(runs.items()):
        steps, losses = _of_people(train)
        left.plot(steps, losses, lw=0.5, alpha=0.4, color=f"C{k % 10}")
        left.plot([e["step"] for e in dev], [e["loss"] for e in dev], marker=".", color=f"C{k % 10}", label=name)
        right.plot([e["step"] for e in dev], [e["bleu"][3] for e in dev], marker=".", color=f"C{k % 10}")
    left.set(xlabel="step", ylabel="-log p a word (nats)")
    left.set_title("thin: train; dots: dev", fontsize=9)
    right.set(xlabel="step", ylabel="dev BLEU-4, % (greedy)", ylim=(0, None))
    for axis in (left, right):
        axis.grid(alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    _save(figure, path)


def curves_figure(path, train, dev):
    """Write a PNG of a run's curves.

    train: log entries with "step" and "loss", of self-critical steps "greedy", too; dev: those with "step", "loss",
    "bleu" (four percentages) and "cider".
    """
    figure = Figure(figsize=(13, 3.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    steps, losses = _of_people(train)
    if steps:
        left.plot(steps, losses, lw=0.8, label="train")
    left.plot([e["step"] for e in dev], [e["loss"] for e in dev], marker=".", color="C1", label="dev")
    left.set(xlabel="step", ylabel="-log p a word (nats)", ylim=(0, None))
    for n in range(4):
        middle.plot([e["step"] for e in dev], [e["bleu"][n] for e in dev], marker=".", label=f"BLEU-{n + 1}")
    middle.set(xlabel="step", ylabel="dev BLEU, % (greedy)", ylim=(0, None))
    if own := [e for e in train if "greedy" in e]:
        right.plot([e["step"] for e in own], [e["greedy"] for e in own], lw=0.8, label="train, self-critical")
    right.plot([e["step"] for e in dev], [e["cider"] for e in dev], marker=".", color="C1", label="dev")
    right.set(xlabel="step", ylabel="CIDEr-D, % (greedy)", ylim=(0, None))
    for axis in (left, middle, right):
        axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, frameon=False)  # clear of the curves
        axis.grid(alpha=0.3)
    _save(figure, path)


def _of_people(train):
    """Steps and losses of the log's entries whose loss is that of people's captions, not of some that were drawn."""
    entries = [e for e in train if "greedy" not in e]
    return [e["step"] for e in entries], [e["loss"] for e in entries]


def compared_figure(path, curves, xlabel, ylabel):
    """Write a PNG, a panel for each title. curves: {title: {label: values, one a step}}; the first lies under all."""
    figure = Figure(figsize=(max(6, 4.5 * len(curves)), 3.8), layout="constrained")
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    for axis, (title, of_one) in zip(panels, curves.items(), strict=True):
        for k, (label, values) in enumerate(of_one.items()):
            axis.plot(range(1, len(values) + 1), values, lw=1.2 if k else 5, alpha=1 if k else 0.35, label=label)
        axis.set(title=title, xlabel=xlabel, ylabel=ylabel, ylim=(0, None))
        axis.legend(frameon=False)
        axis.grid(alpha=0.3)
    _save(figure, path)


def variance_figure(path, steps, variances):
    """Write a PNG: how a gradient's variance goes as a model learns. variances: {label: values}, one of each step."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    for label, values in variances.items():
        axis.plot(steps, values, marker=".", label=label)
    axis.set(xlabel="training step", ylabel="variance of a caption's gradient", yscale="log")
    axis.legend(frameon=False)
    axis.grid(alpha=0.3, which="both")
    _save(figure, path)


def pairs_figure(path, pairs):
    """Write a PNG, a row for each pair of arrays: the one, the other, what they differ by.

    pairs: {name: (yours, right)} of any shapes. The last axis goes across, all others go down. Yours and the right one
    share a scale; what is not a number is black; of unlike shapes there is no difference.
    """
    heights = [np.clip(0.16 * _flat(right).shape[0], 1.1, 3) for _, right in pairs.values()]
    figure = Figure(figsize=(9, sum(heights) + 0.6 * len(pairs)), layout="constrained")
    rows = figure.subplots(len(pairs), 3, squeeze=False, height_ratios=heights)
    for (left, middle, last), (name, (yours, right)) in zip(rows, pairs.items(), strict=True):
        finite = np.concatenate([array[np.isfinite(array)] for array in (yours.ravel(), right.ravel())])
        scale = {"vmin": finite.min(initial=0), "vmax": finite.max(initial=0), "cmap": "viridis"}
        _panel(figure, left, f"{name}, yours: {yours.shape}", yours, scale)
        _panel(figure, middle, f"right: {right.shape}", right, scale)
        if yours.shape == right.shape:
            with np.errstate(invalid="ignore"):
                difference = yours - right
            most, largest = (np.abs(x[np.isfinite(x)]).max(initial=0) for x in (difference, finite))
            most = most if most > 1e-6 * largest else largest or 1  # rounding is not worth a colour
            _panel(figure, last, "yours - right", difference, {"vmin": -most, "vmax": most, "cmap": "RdBu_r"})
        else:
            last.axis("off")
            last.text(0.5, 0.5, "unlike shapes", ha="center", va="center")
    _save(figure, path)


def words_figure(path, words, points, shares):
    """Write a PNG: a map of words, their labels beside one another where points crowd.

    words: texts; points: (words, 2) where they lie; shares: (2,) of the variance, along each axis.
    """
    figure = Figure(figsize=(9, 9), dpi=100, layout="constrained")
    axis = figure.subplots()
    axis.scatter(*points.T, s=10)
    axis.set_aspect("equal", adjustable="datalim")
    axis.set(xlabel=f"{shares[0]:.0%} of the variance", ylabel=f"{shares[1]:.0%} of the variance")
    axis.margins(0.12)
    axis.grid(alpha=0.3)
    figure.draw_without_rendering()  # it settles what is where in pixels
    places = axis.transData.transform(points)
    taken = [Bbox.from_extents(x - 3, y - 3, x + 3, y + 3) for x, y in places]
    for word, point, place in zip(words, points, places, strict=True):
        taken.append(_label(axis, word, point, place, taken))
    _save(figure, path)


def _bare_panels(rows, columns, width, height):
    """A figure and its panels in reading order, without ticks and frames, but with room for words above and below.

    width, height: of a panel, inches.
    """
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.08)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set(xticks=[], yticks=[], frame_on=False)
    return figure, axes


def _label(axis, word, point, place, taken):
    """Write a word as near its point as there is room; returns the Bbox it takes, in pixels as place and taken."""
    text = axis.text(0, 0, word, fontsize=9)
    size, frame = text.get_window_extent().size, axis.get_window_extent()
    text.remove()
    for distance, angle in itertools.product(range(5, 120, 5), np.arange(8) * np.pi / 4):
        offset = (distance + size / 2) * (np.cos(angle), np.sin(angle))
        box = Bbox.from_bounds(*(place + offset - size / 2), *size)
        if frame.containsx(box.x0) and frame.containsx(box.x1) and not box.count_overlaps(taken):
            break
    line = {"arrowstyle": "-", "lw": 0.5, "color": "0.6"} if distance > 10 else None
    where = {"xytext": offset, "textcoords": "offset pixels", "ha": "center", "va": "center"}
    axis.annotate(word, point, **where, fontsize=9, arrowprops=line)
    return box


def _panel(figure, axis, title, array, scale):
    """An array as coloured cells, and what the colours mean."""
    cells = np.ma.masked_invalid(_flat(array))
    axis.set_facecolor("black")
    shown = axis.imshow(cells, aspect="auto", interpolation="nearest", **scale)
    axis.set_title(title, fontsize=9)
    axis.tick_params(labelsize=7)
    for which in (axis.xaxis, axis.yaxis):
        which.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    figure.colorbar(shown, ax=axis).ax.tick_params(labelsize=7)


def _flat(array):
    """Any array as a matrix: the last axis across."""
    return array.reshape(-1, array.shape[-1]) if array.ndim and array.size else array.reshape(1, -1)


def _looked_at(axis, image, weights):
    """An image, the lighter the more attention is there. weights: (L,)."""
    axis.imshow(image)
    axis.imshow(_upsample(weights, image.shape[:2]), cmap="gray", alpha=0.75, vmin=0)


def _upsample(weights, shape):
    """A square grid of weights as a smooth map of an image's shape (H, W)."""
    side = round(np.sqrt(weights.size))
    grid = Image.fromarray(weights.reshape(side, side).astype(np.float32))
    return np.asarray(grid.resize(shape[::-1], Image.Resampling.BICUBIC))


def _save(figure, path):
    aside = Path(f"{path}.part")
    with writing(path, aside):
        figure.savefig(aside, format="png", dpi=100)
        aside.replace(path)
