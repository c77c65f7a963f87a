"""The figures of the chapter about softmax and cross-entropy."""

import numpy as np
from matplotlib.figure import Figure

from exercises.chapters.figures import _drawing as drawing
from numpy_sat.layers import losses

P = np.array([1, 2, 5]) / 8
Q = np.array([0.1, 0.1, 0.8])


def cross_entropy_gradient():
    """Draw the probabilities of three words, the smoothed target, and the gradient of the scores."""
    figure = Figure(figsize=(8.4, 2.6), layout="constrained")
    panels = {
        "p, the prediction": (P, drawing.BLUE),
        "q, the target with s = 0.3": (Q, drawing.GREEN),
        "p - q, the gradient of the scores": (P - Q, drawing.ORANGE),
    }
    for axis, (title, (heights, color)) in zip(figure.subplots(1, 3, sharey=True), panels.items(), strict=True):
        bars = axis.bar(["word 0", "word 1", "target"], heights, color=color, width=0.6)
        axis.bar_label(bars, fmt="{:.3g}", fontsize=9, padding=2)
        axis.axhline(0, color=drawing.INK, linewidth=0.8)
        axis.set(title=title, ylim=(-0.35, 1))
        axis.title.set_fontsize(10)
    return figure


def label_smoothing():
    """Draw the loss of a word over the distance of the right score from the others, for V = 3."""
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axis = figure.subplots()
    distances = np.linspace(-1, 8, 181)
    for smoothing, color in ((0, drawing.BLUE), (0.1, drawing.GREEN), (0.3, drawing.ORANGE)):
        loss = np.array([_loss(distance, smoothing) for distance in distances])
        axis.plot(distances, loss, color=color, label=f"s = {smoothing}")
        if smoothing:
            axis.plot(distances[loss.argmin()], loss.min(), "o", color=color)
    axis.set(xlabel="score of the right word minus the others", ylabel="loss in nats", ylim=(0, 2.2))
    axis.legend(title="label smoothing", fontsize=9)
    return figure


def _loss(distance, smoothing):
    logits = np.array([[[0, 0, distance]]], dtype=float)
    return losses.cross_entropy_forward(logits, np.array([[2]]), np.ones((1, 1)), smoothing)[0]
