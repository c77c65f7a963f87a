"""The figure of the chapter about six ways to caption an image."""

import numpy as np

from exercises.chapters.figures import _drawing as drawing

IMAGE, WORD, STATE, MEMORY = drawing.BLUE, drawing.GRAY, drawing.ORANGE, drawing.GREEN
READ, WRITTEN = ("<start>", "a", "red"), ("a", "red", "circle")
WIDTH, HEIGHT = 3.3, 2.75  # of a panel
COLUMNS = (0.95, 1.75, 2.55)  # middles of the three steps
BOX, TALL = 0.5, 0.34  # width and height of a state
CELL = 0.15  # side of a location
LOOKS = ({(1, 0), (1, 1), (1, 2)}, {(1, 0), (2, 0), (2, 1)}, {(2, 1)})  # locations, as (row from below, column)


def six_ways():
    """Draw which states of six captioners see the image: three words each."""
    figure, axis = drawing.blank(3 * WIDTH, 2 * HEIGHT)
    panels = (
        ("log-bilinear: no state", _log_bilinear),
        ("tell: the image is the first word", _tell),
        ("brnn: the image at the first step only", _brnn),
        ("visual-memory: s sees it always, u never", _visual_memory),
        ("detected-words: words first", _detected_words),
        ("soft, hard: a new look for each word", _soft),
    )
    for number, (title, draw) in enumerate(panels):
        x0, y0 = WIDTH * (number % 3), HEIGHT * (1 - number // 3)
        axis.text(x0 + WIDTH / 2, y0 + HEIGHT - 0.14, title, ha="center", fontsize=10, color=drawing.INK)
        draw(axis, x0, y0)
    return figure


def _words(axis, x0, y0, top=1.95):
    """Draw the words that are read, below, and those that are written, above."""
    for column, word, written in zip(COLUMNS, READ, WRITTEN, strict=True):
        axis.text(x0 + column, y0 + 0.2, word, ha="center", va="center", fontsize=9, color=WORD)
        axis.text(x0 + column, y0 + top + 0.4, written, ha="center", va="center", fontsize=9)


def _state(axis, x0, y0, column, y, text, color=STATE):
    drawing.draw_box(axis, x0 + column - BOX / 2, y0 + y, BOX, TALL, text, drawing.PALE[color], size=9)


def _arrow(axis, x0, y0, start, end, color, **options):
    (x, y), (to_x, to_y) = start, end
    drawing.draw_arrow(axis, (x0 + x, y0 + y), (x0 + to_x, y0 + to_y), color, **options)


def _image(axis, x0, y0, y, text="image"):
    drawing.draw_box(axis, x0 + 0.06, y0 + y, 0.52, 0.42, text, drawing.PALE[IMAGE], size=8)


def _chain(axis, x0, y0, y, name):
    """Draw three states in a row, with arrows from each to the next and to the word that it writes."""
    for step, column in enumerate(COLUMNS):
        _state(axis, x0, y0, column, y, f"{name}{step + 1}")
        if step:
            _arrow(axis, x0, y0, (COLUMNS[step - 1] + BOX / 2, y + TALL / 2), (column - BOX / 2, y + TALL / 2), STATE)
        _arrow(axis, x0, y0, (column, y + TALL), (column, 2.22), drawing.INK)


def _read(axis, x0, y0, y):
    """Draw an arrow from each word to its state."""
    for column in COLUMNS:
        _arrow(axis, x0, y0, (column, 0.32), (column, y), WORD)


def _tell(axis, x0, y0):
    _words(axis, x0, y0)
    _chain(axis, x0, y0, 1.1, "h")
    _read(axis, x0, y0, 1.1)
    _image(axis, x0, y0, 0.1)
    _state(axis, x0, y0, 0.32, 1.1, "h0")
    _arrow(axis, x0, y0, (0.32, 0.52), (0.32, 1.1), IMAGE)
    _arrow(axis, x0, y0, (0.57, 1.27), (0.7, 1.27), STATE)


def _brnn(axis, x0, y0):
    _words(axis, x0, y0)
    _chain(axis, x0, y0, 1.1, "h")
    _read(axis, x0, y0, 1.1)
    _image(axis, x0, y0, 1.06)
    _arrow(axis, x0, y0, (0.58, 1.27), (0.7, 1.27), IMAGE)


def _log_bilinear(axis, x0, y0):
    _words(axis, x0, y0)
    for step, column in enumerate(COLUMNS):
        _state(axis, x0, y0, column, 1.1, "sum", drawing.GREEN)
        _arrow(axis, x0, y0, (column, 1.1 + TALL), (column, 2.22), drawing.INK)
        for before in range(step + 1):
            _arrow(axis, x0, y0, (COLUMNS[before], 0.32), (column, 1.1), WORD)
    _image_to_all(axis, x0, y0, 1.1)


def _image_to_all(axis, x0, y0, y):
    """Draw the image with a line above the states, from which an arrow leads to each."""
    _image(axis, x0, y0, 1.65)
    line = y0 + 1.86
    axis.plot((x0 + 0.58, x0 + COLUMNS[-1] + 0.12), (line, line), color=IMAGE, linewidth=1.3)
    for column in COLUMNS:
        _arrow(axis, x0, y0, (column + 0.12, 1.86), (column + 0.12, y + TALL), IMAGE)


def _visual_memory(axis, x0, y0):
    _words(axis, x0, y0)
    _image_to_all(axis, x0, y0, 1.25)
    _chain(axis, x0, y0, 1.25, "s")
    for step, column in enumerate(COLUMNS):
        _state(axis, x0, y0, column, 0.62, f"u{step + 1}", MEMORY)
        _arrow(axis, x0, y0, (column, 0.32), (column, 0.62), WORD)
        _arrow(axis, x0, y0, (column - 0.1, 0.32), (column - 0.2, 1.25), WORD, bend=-0.5)
        _arrow(axis, x0, y0, (column + 0.2, 0.62 + TALL), (column + 0.05, 2.22), MEMORY, bend=0.3)
        if step:
            _arrow(axis, x0, y0, (COLUMNS[step - 1] + BOX / 2, 0.79), (column - BOX / 2, 0.79), MEMORY)
    _arrow(axis, x0, y0, (COLUMNS[0] - BOX / 2, 0.79), (0.25, 1.65), drawing.RED, dashed=True, bend=-0.35)
    axis.text(x0 + 0.04, y0 + 0.62, "imagines", fontsize=8, color=drawing.RED)


def _detected_words(axis, x0, y0):
    _words(axis, x0, y0)
    _image(axis, x0, y0, 1.75)
    words = "red\ncircle\nblue\nsquare"
    drawing.draw_box(axis, x0 + 0.06, y0 + 0.6, 0.52, 0.8, words, drawing.PALE[drawing.RED], size=8)
    _arrow(axis, x0, y0, (0.32, 1.75), (0.32, 1.4), IMAGE)
    line = y0 + 1.0
    axis.plot((x0 + 0.58, x0 + COLUMNS[-1] + 0.12), (line, line), color=drawing.RED, linewidth=1.3)
    for step, column in enumerate(COLUMNS):
        _state(axis, x0, y0, column, 1.3, "exp", drawing.GREEN)
        _arrow(axis, x0, y0, (column + 0.12, 1.0), (column + 0.12, 1.3), drawing.RED)
        _arrow(axis, x0, y0, (column, 1.3 + TALL), (column, 2.22), drawing.INK)
        for before in range(step + 1):
            _arrow(axis, x0, y0, (COLUMNS[before], 0.32), (column, 1.3), WORD)


def _soft(axis, x0, y0):
    _words(axis, x0, y0)
    _chain(axis, x0, y0, 0.75, "h")
    _read(axis, x0, y0, 0.75)
    for looks, column in zip(LOOKS, COLUMNS, strict=True):
        for row, cell in np.ndindex(3, 3):
            color = IMAGE if (row, cell) in looks else drawing.PALE[drawing.GRAY]
            x, y = x0 + column + 0.1 + CELL * cell, y0 + 1.55 + CELL * row
            drawing.draw_box(axis, x, y, CELL, CELL, "", color, edge="white", rounded=False)
        _arrow(axis, x0, y0, (column + 0.3, 1.55), (column + 0.15, 0.75 + TALL), IMAGE)
