"""One step of the LSTM"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import lstm

FACTS = Facts(difficulty=2, minutes=60, builds_on=(3,), chapter="lstm")

INTRO = """\
Goal            Write the layer that remembers. Besides its hidden state h, an LSTM carries a cell state c from word to
                word. Three gates between 0 and 1 control it: f says how much of c stays, i how much of the candidate g
                is added, o how much of c appears in h. Back through (2), dc = f * dc'. So where f is 1, a gradient
                passes unchanged.

Equations       affine = x W_x + h W_hh + b        (B, 4S), four blocks of S columns:
                    0 ... S-1      S ... 2S-1    2S ... 3S-1    3S ... 4S-1
                 |     i      |      f      |      o      |      g      |    * is elementwise, ' marks the new states
                     sigm          sigm          sigm          tanh
                (1) i, f, o = sigm of their blocks;  g = tanh of its block          (B, S) each; sigm is the sigmoid
                (2) c' = f * c + i * g        (B, S)      c ---> * f ---> + i * g ---> c' ----------> to the next step
                (3) h' = o * tanh(c')         (B, S)                                   +---> tanh ---> * o ---> h'

Worked example  B = I = S = 1, all weights and biases 0, so i = f = o = 1/2 and g = 0:
                x = [[1]]   h = [[1]]   c = [[2]]   c_next = [[1]]   h_next = [[0.3808]]
                dh_next = [[1]]   dc_next = [[3]]   do = 0.7616;   dc' in all: 3 + 0.5 * (1 - 0.7616^2) = 3.2100
                Find dc and the four numbers of db. Which of the four is 0, and why?

Your task       1. lstm_forward: compute (1) to (3) with the functions given below.
                2. lstm_backward: go through the equations in reverse. In a product, the gradient of one factor contains
                   the other: do = dh' * tanh(c'). Trap: c' has two uses, the next step (dc_next) and h'. Add both
                   gradients before you use the sum, in a new array: `dc_next +=` would change an argument.

Given           y, cache_y = activations.tanh_forward(s) returns y = tanh(s) and its cache. sigmoid_forward does the
                same. tanh_backward(dy, cache_y) is dy * (1 - y^2), sigmoid_backward(dy, cache_y) is dy * y (1 - y).
                LSTMCache is packed and unpacked for you. It needs cache_ifo (one sigmoid_forward of the first 3S
                columns), cache_g, and cache_tanh_c of tanh(c').
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import activations
from numpy_sat.layers.lstm import LSTMCache"""

SIZES = [(3, 4, 2), (2, 3, 5), (3, 3, 3)]  # B, I, S


def forward_cases(rng):
    """Return cases with different and equal sizes; h, c and b are nonzero, because zeros hide mistakes."""
    return [
        {
            "x": rng.standard_normal((B, I)),
            "h": rng.standard_normal((B, S)),
            "c": rng.standard_normal((B, S)),
            "W_x": rng.standard_normal((I, 4 * S)),
            "W_hh": rng.standard_normal((S, 4 * S)),
            "b": rng.standard_normal(4 * S),
        }
        for B, I, S in SIZES
    ]


def backward_cases(rng):
    """Return a random dh_next and dc_next for each forward case."""
    cases = []
    for inputs in forward_cases(rng):
        h_next, c_next, cache = lstm.lstm_forward(**inputs)
        dh_next, dc_next = rng.standard_normal(h_next.shape), rng.standard_normal(c_next.shape)
        cases.append({"dh_next": dh_next, "dc_next": dc_next, "cache": cache})
    return cases


FROM_H = "activations.tanh_backward(dh_next * o, cache_tanh_c)"
SLOPES = "activations.sigmoid_backward(difo, cache_ifo), activations.tanh_backward(dg, cache_g)"

BACKWARD_MISTAKES = (
    Mistake("df = dc_next * c", f"df = (dc_next - {FROM_H}) * c", "`dc_next` alone where the total dc' belongs"),
    Mistake("dc = dc_next * f", f"dc = (dc_next - {FROM_H}) * f", "`dc_next` alone where the total dc' belongs"),
    Mistake(
        "df = dc_next * c", "df = dc_next * np.arctanh(cache_tanh_c.y)", "the new cell state c' where the old c belongs"
    ),
    Mistake(
        "di = dc_next * cache_g.y\n    dg = dc_next * i",
        "di = dc_next * i\n    dg = dc_next * cache_g.y",
        "`i` and `g` are swapped: the gradient of one factor contains the other factor",
    ),
    Mistake(FROM_H, "dh_next * o * (1 - cache_tanh_c.y)", "1 - tanh(c') where 1 - tanh(c')^2 belongs"),
    Mistake(FROM_H, "dh_next * o * (1 - np.arctanh(cache_tanh_c.y) ** 2)", "1 - c'^2 where 1 - tanh(c')^2 belongs"),
    Mistake(FROM_H, "dh_next * o * (1 - c * c)", "1 - c^2 where 1 - tanh(c')^2 belongs"),
    Mistake("activations.tanh_backward(dg, cache_g)", "dg * (1 - cache_g.y)", "1 - g where 1 - g^2 belongs"),
    Mistake(SLOPES, "difo, dg", "the derivatives of sigm and tanh are forgotten"),
    *(
        Mistake(
            "activations.sigmoid_backward(difo, cache_ifo)",
            f"difo * np.where(np.arange(3 * S) // S == {k}, 1, cache_ifo.y * (1 - cache_ifo.y))",
            f"the derivative of sigm is forgotten in d{gate}",
        )
        for k, gate in enumerate("ifo")
    ),
    Mistake("h.T @ daffine", "(o * cache_tanh_c.y).T @ daffine", "the new hidden state h' where the old h belongs"),
    Mistake(
        "daffine.sum(axis=0)",
        "np.tile(daffine[:, S : 2 * S].sum(axis=0), 4)",
        "the forget gate's gradient is used for all four blocks",
    ),
    Mistake("daffine @ W_x.T", "daffine @ W_hh.T", "`W_hh` where `W_x` belongs"),
    Mistake("daffine @ W_hh.T", "daffine @ W_x.T", "`W_x` where `W_hh` belongs"),
    Mistake("h.T @ daffine", "h.T @ daffine; dx, dh = dh, dx", "`dx` and `dh` are swapped"),
)


TASKS = (
    Task(
        lstm,
        "lstm_forward",
        forward_cases,
        ("h_next", "c_next", "cache"),
        {
            "affine": "affine = x W_x + h W_hh + b, four blocks of S columns: i, f, o, g",
            "ifo": "(1) i, f, o = sigm of the first, second and third block of affine",
            "i": "(1) i = sigm of the first block of affine",
            "f": "(1) f = sigm of the second block of affine",
            "o": "(1) o = sigm of the third block of affine",
            "g": "(1) g = tanh of the fourth block of affine",
            "c_next": "(2) c' = f * c + i * g",
            "tanh_c": "tanh_c = tanh(c'), where c' is the new cell state",
            "h_next": "(3) h' = o * tanh(c')",
            "cache": "LSTMCache(x, h, c, W_x, W_hh, ifo, g, tanh_c): old h and c, and the caches of ifo, g, tanh(c')",
        },
    ),
    Task(
        lstm,
        "lstm_backward",
        backward_cases,
        ("dx", "dh", "dc", "dW_x", "dW_hh", "db"),
        {
            "i": "i = the first S columns of cache.ifo.y",
            "f": "f = the second S columns of cache.ifo.y",
            "o": "o = the third S columns of cache.ifo.y",
            "do": "(3) do = dh' * tanh(c')",
            "dc_next": "(3) total dc' = dc_next, from the next step, + dh' * o * (1 - tanh(c')^2), through h'",
            "df": "(2) df = dc' * c, with the old cell state c and the total dc'",
            "dc": "(2) dc = dc' * f, with the total dc'",
            "di": "(2) di = dc' * g, with the total dc'",
            "dg": "(2) dg = dc' * i, with the total dc'",
            "difo": "difo = di, df, do side by side, in this order",
            "daffine": "(1) daffine = di i (1-i), df f (1-f), do o (1-o), dg (1-g^2) side by side, in this order",
            "dx": "dx = daffine W_x^T",
            "dW_x": "dW_x = x^T daffine, summed over the captions",
            "dh": "dh = daffine W_hh^T",
            "dW_hh": "dW_hh = h^T daffine, with the old hidden state h, summed over the captions",
            "db": "db = the sum of daffine over the captions",
        },
        mistakes=BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "lstm_forward": (
        "Which columns of affine belong to which gate? Which of the four blocks is not a gate, and may be negative?",
        "i, f, o = sigm of columns 0..S-1, S..2S-1, 2S..3S-1; g = tanh of 3S..4S-1; c' = f c + i g; h' = o tanh(c')",
        "affine is (B, 4S): x W_x is (B, I) (I, 4S), h W_hh is (B, S) (S, 4S), b is (4S,). ifo is (B, 3S). i, f, o, "
        "g, c' and h' are (B, S).",
        "ifo, cache_ifo = activations.sigmoid_forward(affine[:, : 3 * S]), then i, f, o are slices of ifo.",
    ),
    "lstm_backward": (
        "Two places use c'. How many terms does its gradient have? Do df, dc, di, dg need one term or the sum?",
        "dc' = dc_next + dh' * o * (1 - tanh(c')^2). Then do = dh' tanh(c'), df = dc' c, dc = dc' f, di = dc' g, "
        "dg = dc' i.",
        "do, df, di, dg, dc' and dc are (B, S); side by side, in the order i, f, o, g, they are daffine, (B, 4S). "
        "dW_x is (I, B) (B, 4S), dW_hh is (S, B) (B, 4S), db is (4S,). dx is (B, 4S) (4S, I).",
        "daffine = np.concatenate([...], axis=1) of di i (1-i), df f (1-f), do o (1-o), dg (1-g^2). "
        "Then dW_hh = h.T @ daffine, dh = daffine @ W_hh.T, the same with x, and db = daffine.sum(axis=0).",
    ),
}


def pencil():
    """Return the worked example of the page."""
    zeros = {"W_x": np.zeros((1, 4)), "W_hh": np.zeros((1, 4)), "b": np.zeros(4)}
    inputs = {"x": np.ones((1, 1)), "h": np.ones((1, 1)), "c": np.array([[2.0]]), **zeros}
    _, _, cache = lstm.lstm_forward(**inputs)
    gradients = {"dh_next": np.ones((1, 1)), "dc_next": np.full((1, 1), 3.0), "cache": cache}
    return [Example("lstm_forward", inputs), Example("lstm_backward", gradients)]
