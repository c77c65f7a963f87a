"""The figure of the chapter about word vectors."""

import numpy as np
from matplotlib.figure import Figure

from exercises.chapters import scene_words
from exercises.chapters.figures import _drawing as drawing
from numpy_sat.data.scenes import scene_language
from numpy_sat.evaluation import neighbors
from numpy_sat.evaluation.figures.words import label_points
from numpy_sat.layers import softmax

KINDS = {
    "colors": (scene_language.COLORS, drawing.RED),
    "one shape": (scene_language.SHAPES, drawing.BLUE),
    "several shapes": ([f"{shape}s" for shape in scene_language.SHAPES], drawing.GREEN),
    "sizes": (scene_language.SIZE_OF, drawing.ORANGE),
    "numbers": (scene_language.COUNT_OF, "#8064a2"),
    "backgrounds": (scene_language.BACKGROUNDS, "#8c6d46"),
}


def word_map():
    """Draw vectors of words, learned from the captions of scenes, in the plane of their principal axes."""
    words, counts = scene_words.count_pairs()
    E = _train(counts / counts.sum())
    axes, shares = neighbors.principal_axes(E, 2)
    points = neighbors.project(E, axes)
    figure = Figure(figsize=(8, 6), layout="constrained")
    axis = figure.subplots()
    others = set(words)
    for kind, (members, color) in KINDS.items():
        rows = [words.index(word) for word in members]
        axis.plot(*points[rows].T, "o", color=color, markersize=5, label=kind)
        others -= set(members)
    rows = [words.index(word) for word in sorted(others)]
    axis.plot(*points[rows].T, "o", color=drawing.GRAY, markersize=5, label="others")
    labels = [f"principal axis {k} ({share:.0%} of the variance)" for k, share in enumerate(shares, 1)]
    axis.set(xlabel=labels[0], ylabel=labels[1])
    axis.legend(fontsize=8)
    label_points(axis, words, points)
    return figure


def _train(q):
    """Learn vectors by predicting the next word, as the chapter does. q: (V, V) shares of the pairs of words."""
    rng, V, M = np.random.default_rng(1), len(q), 4
    E, U = 0.1 * rng.standard_normal((V, M)), 0.1 * rng.standard_normal((M, V))
    for _ in range(2001):
        p, _ = softmax.softmax_forward(E @ U)
        dlogits = p * q.sum(axis=1, keepdims=True) - q
        E, U = E - 2 * dlogits @ U.T, U - 2 * E.T @ dlogits
    return E
