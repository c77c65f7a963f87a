"""The figures of the chapter about the LSTM."""

import numpy as np
from matplotlib.figure import Figure

from exercises.chapters.figures import _drawing as drawing
from numpy_sat.layers import lstm

GATES = {"i": drawing.BLUE, "f": drawing.RED, "o": drawing.GREEN, "g": drawing.ORANGE}
T, S, B = 20, 32, 16  # steps, hidden size, sequences


def lstm_cell():
    """Draw one step of the LSTM: the path of the cell state, the gates, and the four blocks of columns."""
    figure, axis = drawing.blank(8.4, 4.1)
    top, middle, bottom = 3.45, 1.75, 0.95  # heights of the cell state, the gates and the affine map
    _draw_affine(axis, bottom)
    names = {"i": "i = sigm", "f": "f = sigm", "o": "o = sigm", "g": "g = tanh"}
    places = dict(zip(GATES, (2.35, 3.65, 4.95, 6.25), strict=True))
    for name, x in places.items():
        drawing.draw_arrow(axis, (x, bottom + 0.4), (x, middle), GATES[name])
        drawing.draw_box(axis, x - 0.5, middle, 1, 0.38, names[name], drawing.PALE[GATES[name]])
    times_f, plus, times_ig, times_o = (1.6, top), (3.0, top), (3.0, 2.75), (6.6, 2.55)
    for point, sign in ((times_f, "×"), (plus, "+"), (times_ig, "×"), (times_o, "×")):
        _draw_sign(axis, point, sign)
    drawing.draw_arrow(axis, (0.6, top), (1.43, top))
    drawing.draw_arrow(axis, (1.77, top), (2.83, top))
    drawing.draw_arrow(axis, (3.17, top), (7.7, top))
    drawing.draw_arrow(axis, (3.0, 2.92), (3.0, top - 0.17))
    drawing.draw_arrow(axis, (places["f"] - 0.5, middle + 0.3), (1.6, top - 0.17), GATES["f"], bend=-0.25)
    drawing.draw_arrow(axis, (places["i"], middle + 0.38), (2.88, 2.63), GATES["i"])
    drawing.draw_arrow(axis, (places["g"], middle + 0.38), (3.17, 2.75), GATES["g"], bend=0.12)
    drawing.draw_arrow(axis, (places["o"], middle + 0.38), (6.45, 2.47), GATES["o"])
    drawing.draw_box(axis, 6.25, 2.98, 0.7, 0.28, "tanh", size=9)
    drawing.draw_arrow(axis, (6.6, top), (6.6, 3.26))
    drawing.draw_arrow(axis, (6.6, 2.98), (6.6, 2.72))
    drawing.draw_arrow(axis, (6.77, 2.55), (7.7, 2.55))
    for x, y, text in ((0.4, top, "c"), (7.95, top, "c'"), (7.95, 2.55, "h'")):
        axis.text(x, y, text, fontsize=14, ha="center", va="center")
    axis.text(4.9, top + 0.17, "(2)  c' = f c + i g", fontsize=10, ha="center", color=drawing.GRAY)
    axis.text(7.3, 2.25, "(3)  h' = o tanh(c')", fontsize=10, ha="center", color=drawing.GRAY)
    axis.text(7.55, middle + 0.19, "(1)  gates", fontsize=10, ha="center", va="center", color=drawing.GRAY)
    return figure


def _draw_affine(axis, bottom):
    """Draw the affine map as four blocks of columns."""
    for k, (name, color) in enumerate(GATES.items()):
        text = f"columns of {name}"
        drawing.draw_box(axis, 1.7 + 1.3 * k, bottom, 1.3, 0.4, text, drawing.PALE[color], size=9, rounded=False)
    axis.text(7.0, bottom + 0.2, "affine (B, 4S)", fontsize=10, va="center", color=drawing.GRAY)
    drawing.draw_box(axis, 2.6, 0.15, 3.4, 0.4, "x W_x + h W_hh + b")
    drawing.draw_arrow(axis, (4.3, 0.55), (4.3, bottom))
    for y, text in ((0.45, "x"), (0.23, "h")):
        axis.text(1.5, y, text, fontsize=12, ha="center", va="center")
        drawing.draw_arrow(axis, (1.7, y), (2.6, y))


def _draw_sign(axis, point, sign):
    axis.plot(*point, "o", markersize=18, color="white", markeredgecolor=drawing.INK)
    axis.text(*point, sign, fontsize=13, ha="center", va="center_baseline")


def gradient_through_time():
    """Draw how much of a gradient of the last state reaches earlier states, for random weights."""
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axis = figure.subplots()
    axis.semilogy(_simple_norms(), color=drawing.GRAY, marker=".", label="simple recurrent network, h")
    for bias, color in ((0, drawing.BLUE), (1, drawing.GREEN), (3, drawing.ORANGE)):
        axis.semilogy(_lstm_norms(bias), color=color, marker=".", label=f"LSTM, c, forget bias {bias}")
    axis.set(xlabel="steps back", ylabel="norm of the gradient, relative", xticks=range(0, 21, 4), ylim=(1e-7, 3))
    axis.legend(fontsize=9, loc="lower left")
    return figure


def _weights(columns):
    """Return random inputs, weights of the hidden state, and the gradient of the last state."""
    rng = np.random.default_rng(0)
    W = 0.5 * rng.standard_normal((S, columns)) / np.sqrt(S)
    return rng.standard_normal((T, B, columns)), W, rng.standard_normal((B, S))


def _simple_norms():
    x, W, dh = _weights(S)
    states = [np.zeros((B, S))]
    for x_t in x:
        states.append(np.tanh(x_t + states[-1] @ W))
    norms = [np.linalg.norm(dh)]
    for h in reversed(states[1:]):
        dh = (dh * (1 - h * h)) @ W.T
        norms.append(np.linalg.norm(dh))
    return np.array(norms) / norms[0]


def _lstm_norms(bias):
    x, W, dc = _weights(4 * S)
    b, h, c = np.zeros(4 * S), np.zeros((B, S)), np.zeros((B, S))
    b[S : 2 * S] = bias
    caches = []
    for x_t in x:
        h, c, cache = lstm.lstm_forward(x_t, h, c, np.eye(4 * S), W, b)
        caches.append(cache)
    norms, dh = [np.linalg.norm(dc)], np.zeros((B, S))
    for cache in reversed(caches):
        _, dh, dc, *_ = lstm.lstm_backward(dh, dc, cache)
        norms.append(np.linalg.norm(dc))
    return np.array(norms) / norms[0]
