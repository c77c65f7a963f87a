"""The figures of the chapter that leads from Show and Tell to attention."""

import numpy as np
from matplotlib.figure import Figure

from exercises.chapters.figures import _drawing as drawing
from numpy_sat.data.phrases import phrase_language

PHRASE = phrase_language.make_phrase(
    noun_phrases=[phrase_language.NounPhrase("house", True, "the", "two", color="red")],
    time=phrase_language.Time("monday"),
)
READER, WRITER = drawing.BLUE, drawing.ORANGE


def bottleneck():
    """Draw a translator whose writer gets the last state, beside one whose writer attends to all states."""
    figure, axis = drawing.blank(8.4, 3.2)
    source, target = ("the", "red", "house"), ("la", "casa", "rossa")
    columns = [[0.4 + start + 1.2 * k for k in range(3)] for start in (0, 4.3)]
    for places, title in zip(columns, ("one vector for everything", "attention: a state per word"), strict=True):
        axis.text(places[1] + 0.3, 2.98, title, ha="center", fontsize=11, color=drawing.INK)
        for k, x in enumerate(places):
            _draw_word(axis, x, 0.5, source[k], READER, below=True)
            _draw_word(axis, x, 2.0, target[k], WRITER, below=False)
            if k:
                for y in (0.7, 2.2):
                    drawing.draw_arrow(axis, (x - 0.6, y), (x, y))
    drawing.draw_arrow(axis, (columns[0][2] + 0.3, 0.9), (columns[0][0] + 0.3, 2.0), drawing.RED)
    axis.text(columns[0][0] + 0.2, 1.35, "the last state", fontsize=9, color=drawing.RED, va="center")
    for writer, reader in np.ndindex(3, 3):
        width = 2 if (writer, reader) in ((0, 0), (1, 2), (2, 1)) else 0.5
        ends = (columns[1][reader] + 0.3, columns[1][writer] + 0.3), (0.9, 2.0)
        axis.plot(*ends, color=drawing.RED, linewidth=width)
    return figure


def _draw_word(axis, x, y, word, color, below):
    """Draw a state as a box, with its word below or above."""
    drawing.draw_box(axis, x, y, 0.6, 0.4, "h", drawing.PALE[color])
    axis.text(x + 0.3, y - 0.2 if below else y + 0.55, word, ha="center", va="center", fontsize=10)


def alignment():
    """Draw which English words each Italian word of a phrase translates."""
    figure = Figure(figsize=(5.4, 4.2), layout="constrained")
    axis = figure.subplots()
    weights = np.zeros((len(PHRASE.target), len(PHRASE.source)))
    for row, words in enumerate(PHRASE.alignment):
        weights[row, list(words)] = 1 / len(words)
    axis.imshow(weights, cmap="Blues", vmin=0, vmax=1.6)
    for row, column in np.argwhere(weights):
        axis.text(column, row, f"{weights[row, column]:.2g}", ha="center", va="center", fontsize=9)
    axis.set_xticks(range(len(PHRASE.source)), PHRASE.source)
    axis.set_yticks(range(len(PHRASE.target)), PHRASE.target)
    axis.set_xticks(np.arange(len(PHRASE.source)) - 0.5, minor=True)
    axis.set_yticks(np.arange(len(PHRASE.target)) - 0.5, minor=True)
    axis.grid(which="minor", color="white")
    axis.tick_params(which="minor", length=0)
    axis.set(xlabel="read: keys and values", ylabel="written: queries")
    return figure
