"""The figures of the chapter about the decoder through time."""

import numpy as np
from matplotlib.figure import Figure

from exercises.chapters.figures import _drawing as drawing
from numpy_sat.decoders import attend_tell
from numpy_sat.decoders.attentions import soft
from numpy_sat.layers import attention, lstm

WORD = 4.0  # inches from one hidden state to the next
STATE = 0.25  # inches, half the side of a state's box
N, L, D, M, S, A, V, T = 1, 16, 24, 24, 32, 24, 20, 12  # sizes of the decoder whose gradients are drawn
FORGET_BIASES = {-1: drawing.RED, 0: drawing.ORANGE, 1: drawing.GREEN, 3: drawing.BLUE}


def decoder_through_time():
    """Draw two words of the decoder: the forward pass in gray, and in red the gradients that flow into h_1."""
    figure, axis = drawing.blank(9.3, 4.5)
    axis.set(ylim=(-0.1, 4.4))
    for word in (1, 2):
        _draw_word(axis, 0.5 + (word - 1) * WORD, word)
    _draw_box(axis, 0.5, 2.0, "h₀")
    h1 = 0.5 + WORD
    terms = {
        "term 1": ((h1 + 2.15, 2.14), (h1 + 0.28, 2.14), (0.1, 0.11)),
        "term 2": ((h1 + 1.35, 1.28), (h1 + 0.28, 1.84), (0.42, 0.05)),
        "term 3": ((h1 + 0.72, 0.73), (h1 + 0.14, 1.72), (0.42, -0.2)),
        "term 4": ((h1 + 0.1, 3.45), (h1 + 0.1, 2.28), (0.34, 0.1)),
    }
    for text, (start, end, offset) in terms.items():
        drawing.draw_arrow(axis, start, end, color=drawing.RED, text=text, offset=offset)
    return figure


def _draw_word(axis, x, word):
    """Draw the attention, the gate, the LSTM and the output of a word. x: of the hidden state before the word."""
    gray = {"color": drawing.GRAY}
    _draw_box(axis, x + 0.95, 0.5, "attention", 1.0)
    _draw_box(axis, x + 1.75, 1.25, "gate", 0.7)
    _draw_box(axis, x + 2.6, 2.0, "LSTM", 0.85)
    _draw_box(axis, x + WORD, 3.7, "output, loss", 1.1)
    _draw_box(axis, x + WORD, 2.0, f"h{'₀₁₂'[word]}")
    axis.text(x + 2.2, 4.2, f"word {word}", ha="center", fontsize=10, color=drawing.INK)
    axis.text(x + 0.95, 0.05, "a, keys", ha="center", va="center", fontsize=9, color=drawing.GRAY)
    axis.text(x + 2.6, 3.05, f"E y{'₀₁₂'[word - 1]}", ha="center", va="center", fontsize=9, color=drawing.GRAY)
    drawing.draw_arrow(axis, (x + STATE, 2.0), (x + 2.17, 2.0), **gray)
    drawing.draw_arrow(axis, (x + STATE, 1.76), (x + 1.4, 1.2), **gray)
    drawing.draw_arrow(axis, (x, 1.74), (x + 0.55, 0.7), **gray)
    drawing.draw_arrow(axis, (x + 0.95, 0.13), (x + 0.95, 0.29), **gray)
    drawing.draw_arrow(axis, (x + 1.3, 0.72), (x + 1.65, 1.04), text="context", offset=(0.45, -0.05), **gray)
    drawing.draw_arrow(axis, (x + 2.0, 1.46), (x + 2.45, 1.79), text=f"z{'₀₁₂'[word]}", offset=(0.2, -0.05), **gray)
    drawing.draw_arrow(axis, (x + 2.6, 2.95), (x + 2.6, 2.22), **gray)
    drawing.draw_arrow(axis, (x + 3.03, 2.0), (x + WORD - STATE, 2.0), **gray)
    drawing.draw_arrow(axis, (x + 2.8, 3.1), (x + WORD - 0.55, 3.6), bend=0.1, **gray)
    drawing.draw_arrow(axis, (x + 2.1, 1.3), (x + WORD - 0.35, 3.48), bend=0.35, **gray)
    drawing.draw_arrow(axis, (x + WORD - 0.05, 2.25), (x + WORD - 0.05, 3.48), **gray)


def _draw_box(axis, x, y, text, width=2 * STATE):
    """Draw a box with a text around the point (x, y)."""
    color = drawing.PALE[drawing.BLUE] if width == 2 * STATE else "white"
    height = 2 * STATE if width == 2 * STATE else 0.42
    drawing.draw_box(axis, x - width / 2, y - height / 2, width, height, text, color=color, size=10)


def decoder_gradients():
    """Draw the gradient of the cell state (left) and the terms of the hidden state's gradient (right), word by word."""
    figure = Figure(figsize=(9.4, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    words = np.arange(1, T)
    for bias, color in FORGET_BIASES.items():
        cell, _ = _go_back(bias)
        left.semilogy(words, cell[::-1], "o-", color=color, markersize=4, label=f"forget bias {bias}")
    left.set(title="|dc| after each word; loss at word 12 only", xlabel="word", xticks=words)
    left.legend(fontsize=8)
    _, terms = _go_back(1)
    for offset, (name, values), color in zip((-0.27, 0, 0.27), terms.items(), drawing.PALE, strict=False):
        right.bar(words + offset, values[::-1], width=0.27, color=color, label=name)
    right.set(title="|dh| after each word, by term; forget bias 1", xlabel="word", xticks=words, yscale="log")
    right.legend(fontsize=8)
    return figure


def _go_back(forget_bias):
    """Go back from the last word to the first. Only the last hidden state has a gradient from a loss.

    Returns:
        cell: norms of dc after the words T - 1, ..., 1.
        terms: {name: norms of a term of dh after the words T - 1, ..., 1}.
    """
    rng = np.random.default_rng(0)
    params = attend_tell.init_params(rng, D, M, S, A, np.zeros(V), np.float64)
    params["b"][S : 2 * S] = forget_bias
    a, words = rng.standard_normal((N, L, D)), rng.integers(0, V, (T, 1))
    *_, cache = attend_tell.decode_forward(params, a, words, np.ones((T, 1, S)), attend_tell.Parts(soft))
    dh, dc = rng.standard_normal((1, S)), np.zeros((1, S))
    cell, terms = [], {"term 1: LSTM": [], "term 2: gate": [], "term 3: attention": []}
    for step in cache.steps[:0:-1]:
        dx, dh_lstm, dc, *_ = lstm.lstm_backward(dh, dc, step.lstm)
        dcontext, dh_gate, *_ = attention.gate_backward(dx[:, M:], step.gate)
        _, _, dh_attention, *_ = attention.attend_backward(dcontext, np.zeros((1, L)), step.attend)
        dh = dh_lstm + dh_gate + dh_attention
        cell.append(np.linalg.norm(dc))
        for values, term in zip(terms.values(), (dh_lstm, dh_gate, dh_attention), strict=True):
            values.append(np.linalg.norm(term))
    return cell, terms
