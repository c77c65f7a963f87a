"""The figure of the chapter about teaching a captioner with its own captions."""

import re
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import numpy_sat
from exercises.chapters.figures import _drawing as drawing
from numpy_sat.layers import softmax

PEOPLE, CIDER = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.9, 0.8, 0.6, 0.5])  # of the four captions
COLORS = {
    "likelihood": drawing.BLUE,
    "self-critical": drawing.GREEN,
    "adversarial": drawing.ORANGE,
    "straight-through": drawing.RED,
}
RESULTS = Path(numpy_sat.__file__).parent / "RESULTS.md"


def own_captions():
    """Draw what each objective does to four captions (left), and the measured plane of RESULTS.md (right)."""
    figure = Figure(figsize=(9.4, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_four_captions(left)
    _draw_plane(right)
    return figure


def _gradients():
    """Return {objective: function from the probabilities to the gradient of the logits}."""

    def policy(p, r):
        return p * (r - p @ r)

    return {
        "likelihood": lambda p: PEOPLE - p,
        "self-critical": lambda p: policy(p, CIDER),
        "adversarial": lambda p: policy(p, PEOPLE / (PEOPLE + p)),
        "weighted sum": lambda p: PEOPLE - p + 2 * policy(p, CIDER),
    }


def _trained(gradient, steps=3000, rate=0.2):
    logits = np.zeros(len(PEOPLE))
    for _ in range(steps):
        logits = logits + rate * gradient(softmax.softmax_forward(logits)[0])
    return softmax.softmax_forward(logits)[0]


def _draw_four_captions(axis):
    rows = {"people": PEOPLE} | {name: _trained(gradient) for name, gradient in _gradients().items()}
    shades, names = (drawing.INK, drawing.BLUE, drawing.ORANGE, drawing.GRAY), list(rows)
    start = np.zeros(len(rows))
    for k, shade in enumerate(shades):
        widths = np.array([p[k] for p in rows.values()])
        axis.barh(names, widths, left=start, color=shade, edgecolor="white", label=f"{CIDER[k]:.1f}")
        start += widths
    axis.invert_yaxis()
    axis.set(title="Probabilities of four captions", xlabel="probability", xlim=(0, 1))
    axis.figure.legend(title="CIDEr-D of the caption", fontsize=8, title_fontsize=8, ncols=4, loc="outside lower left")


def _points():
    """Return [(training, how captions are chosen, accuracy, Div-2)] of the first table in the section of RESULTS.md."""
    section = RESULTS.read_text(encoding="utf-8").split("### Accuracy and diversity")[1].split("\n### ")[0]
    table = re.search(r"(^\|.*\n)+", section, re.M)[0]
    rows = re.findall(r"^\| ([\w-]+), ([\w ]+[\d.]+) \| ([\d.]+)[^|]*\| [\d.]+ \| ([\d.]+)", table, re.M)
    return [(name, choice, float(true), float(div)) for name, choice, true, div in rows if name in COLORS]


def _draw_plane(axis):
    points = _points()
    curve = [(div, true) for name, choice, true, div in points if name == "likelihood" and "temperature" in choice]
    axis.plot(*zip(*sorted(curve), strict=True), "-", color=COLORS["likelihood"], linewidth=1)
    for name, color in COLORS.items():
        for marker, chosen in (("o", "temperature"), ("s", "beam width")):
            places = [(div, true) for other, choice, true, div in points if other == name and chosen in choice]
            label = name if marker == "o" else None
            axis.plot(*zip(*places, strict=True), marker, color=color, label=label, markersize=5)
    axis.set(title="Five captions a scene (squares: beam search)", xlabel="Div-2, %", ylabel="true captions, %")
    axis.legend(fontsize=8, loc="lower left")
