"""The figure of the chapter about beam search."""

from exercises.chapters.figures import _drawing as drawing

NEXT = {  # {word: its next words and their probabilities}, the toy decoder of the chapter
    "<start>": {"a": 0.6, "two": 0.4},
    "a": {"dog": 0.4, "cat": 0.35, "ball": 0.25},
    "two": {"dogs": 0.9, "<end>": 0.1},
    "dog": {"runs": 0.6, "<end>": 0.4},
    "dogs": {"run": 0.55, "<end>": 0.45},
    "run": {"<end>": 0.8, "fast": 0.2},
}
WIDTH, STEPS = 2, 4  # of the beam
BOX, GAP, ROW = 1.25, 0.85, 0.5  # inches: width of a box, space between two columns, distance of two rows


def beam_search():
    """Draw the candidates of each step of a beam of width 2, as a tree from left to right."""
    figure, axis = drawing.blank(0.4 + (STEPS + 1) * (BOX + GAP) - GAP, 5 * ROW + 0.75)
    beam = [(("<start>",), 1.0)]
    places = {("<start>",): _draw_caption(axis, 0, 1.5, "<start>", 1.0, True)}
    for step in range(1, STEPS + 1):
        candidates = sorted((new for caption in beam for new in _extensions(*caption)), key=lambda new: -new[1])
        for row, (words, p) in enumerate(candidates):
            in_beam = row < WIDTH
            place = _draw_caption(axis, step, row, words[-1], p, in_beam)
            parent = places[words if words in places else words[:-1]]
            color = drawing.BLUE if in_beam else drawing.GRAY
            drawing.draw_arrow(axis, (parent[0] + BOX, parent[1]), place, color=color, dashed=not in_beam)
            places[words] = place
        beam = candidates[:WIDTH]
        axis.text(place[0] + BOX / 2, 5 * ROW + 0.45, f"step {step}", ha="center", fontsize=10, color=drawing.INK)
    return figure


def _extensions(words, p):
    """Return the continuations of a caption: a list of (words, probability). A finished caption stays as it was."""
    if words[-1] == "<end>":
        return [(words, p)]
    return [((*words, word), p * share) for word, share in NEXT[words[-1]].items()]


def _draw_caption(axis, step, row, word, p, in_beam):
    """Draw the box of a partial caption's last word, and return the middle of its left side."""
    x, y = 0.2 + step * (BOX + GAP), (4 - row) * ROW + 0.35
    color, edge = (drawing.PALE[drawing.BLUE], drawing.BLUE) if in_beam else ("white", drawing.GRAY)
    drawing.draw_box(axis, x, y - 0.17, BOX, 0.34, f"{word}  {p:.3g}", color=color, edge=edge, size=9)
    return x, y
