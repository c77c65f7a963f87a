"""relu and max-pooling"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.check import gradcheck
from numpy_sat.layers import activations, pool

FACTS = Facts(difficulty=2, minutes=60)

INTRO = """\
Goal            Write two layers that only select. relu selects the positive numbers, and max-pooling selects one cell
                of each window. Backward, the selected number receives the whole gradient, and the others receive 0.

Equations       relu       y = max(x, 0)                                                        the shape of x
                max_pool   y[n, i, j, c] = largest of x[n, i s - padding + p, j s - padding + q, c]     (N, H', W', C)
                           over p, q = 0 ... window - 1;      H' = (H + 2 padding - window) // s + 1, and W' likewise
                Window (i, j) begins at row i s - padding and column j s - padding, where s is the stride. So windows
                overlap where s < window. A remainder is ignored. Every channel is pooled separately.

Worked example  x = [-2, 0, 3]   dy = [5, 7, 9]   y = [0, 0, 3]      Find dx. (At 0 there is no derivative; use 0.)
                Max-pooling of one row of windows, with window 2 and stride 1:
                x = [[1, 3, 3], [3, 3, 2]]   y = [[3, 3]]   winner = [[1, 0]]   dy = [[7, 20]]      Find dx.
                A 3 x 3 image of nothing but -5, with window 3, stride 2 and padding 1: y is -5 everywhere. What would
                it be if the padding were zeros?

Your task       1. relu_forward and relu_backward: select, and return new arrays.
                2. max_pool_forward: compute y and winner, which the cache needs. Call pool.check_arguments(x, window,
                   stride, padding) first: it raises the errors of the docstring. Trap: the padding must never win. A
                   ring of zeros would win over negative cells.
                3. max_pool_backward: compute dx. Trap: a cell that several windows select receives the sum of their
                   gradients.

Given           The caches are packed and unpacked for you. winner has the shape of y and the dtype np.uint8. It holds
                the number p * window + q of each window's largest cell, the first of equal ones, row by row. Python
                loops over p and q are fast enough; loops over all windows are slow.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import pool
from numpy_sat.layers.activations import ReluCache
from numpy_sat.layers.pool import PoolCache"""

# (N, H, W, C), window, stride, padding
GEOMETRIES = [
    ((2, 10, 5, 6), 3, 2, 1),  # overlapping
    ((2, 5, 6, 4), 2, 2, 0),  # a last row that no window reaches
    ((3, 4, 4, 1), 3, 1, 2),  # overlapping by all but one
    ((2, 7, 5, 2), 2, 3, 1),  # gaps between the windows
    ((1, 6, 8, 2), 4, 3, 2),  # a border as wide as half a window
    ((1, 7, 6, 1), 3, 1, 0),
    ((1, 5, 4, 2), 1, 2, 0),  # windows of a single cell
]


def relu_forward_cases(rng):
    """Return numbers of both signs, some exactly zero."""
    return [{"x": _with_zeros(rng, shape)} for shape in [(2, 3, 4), (5,)]]


def relu_backward_cases(rng):
    """Return a random dy for each forward case."""
    cases = []
    for inputs in relu_forward_cases(rng):
        y, cache = activations.relu_forward(**inputs)
        cases.append({"dy": rng.standard_normal(y.shape), "cache": cache})
    return cases


def max_pool_forward_cases(rng):
    """Return mostly negative numbers, smaller than padding with zeros; many are equal, except in the second case."""
    cases = []
    for k, (shape, window, stride, padding) in enumerate(GEOMETRIES):
        x = gradcheck.separated(rng, shape) if k == 1 else rng.integers(-20, 4, shape).astype(float)
        cases.append({"x": x, "window": window, "stride": stride, "padding": padding})
    return cases


def max_pool_backward_cases(rng):
    """Return a random dy for each forward case."""
    cases = []
    for inputs in max_pool_forward_cases(rng):
        y, cache = pool.max_pool_forward(**inputs)
        cases.append({"dy": rng.standard_normal(y.shape), "cache": cache})
    return cases


def _with_zeros(rng, shape):
    x = rng.standard_normal(shape)
    x.flat[::4] = 0
    return x


NO_STRIDE = "the stride is forgotten: window (i, j) begins in row i s and column j s"
BEGIN = """\
y = _cells(x_padded, 0, 0, window, stride).copy()
    winner = np.zeros(y.shape, np.uint8)
    for p, q in np.ndindex(window, window):
        cells = _cells(x_padded, p, q, window, stride)
"""
BEGIN_WITHOUT_STRIDE = """\
_, rows, columns, _ = _cells(x_padded, 0, 0, window, stride).shape
    y = x_padded[:, :rows, :columns].copy()
    winner = np.zeros(y.shape, np.uint8)
    for p, q in np.ndindex(window, window):
        cells = x_padded[:, p : p + rows, q : q + columns]
"""
PADDED, RETURNED = "_pad(x, padding, -np.inf)", "p * window + q\n    return y,"
FORWARD_MISTAKES = (
    Mistake("-np.inf", "0", "the padding is 0, which wins over negative cells"),
    Mistake(BEGIN, BEGIN_WITHOUT_STRIDE, NO_STRIDE),
    Mistake(
        RETURNED,
        "p * window + q\n    return np.broadcast_to(y.max(axis=-1, keepdims=True), y.shape),",
        "the maximum over all channels: each channel needs a separate maximum",
    ),
    Mistake(
        RETURNED,
        "p * window + q\n    return np.broadcast_to(y.max(axis=(0, -1), keepdims=True), y.shape),",
        "the maximum over all images and channels: each needs a separate maximum",
    ),
    Mistake(PADDED, f"{PADDED}[:, :-stride, :-stride]", "the + 1 in H' and W' is missing: a window too few"),
    Mistake(PADDED, f"{PADDED}[:, :-stride]", "the + 1 in H' is missing: a window too few"),
    Mistake(PADDED, f"{PADDED}[:, :, :-stride]", "the + 1 in W' is missing: a window too few"),
    Mistake(
        PADDED,
        f"{PADDED}[:, : x.shape[1] + padding, : x.shape[2] + padding]",
        "the padding counts only once in H' and W', but it is on both sides: 2 padding",
    ),
)
GATHERED, WON = "_cells(dx_padded, p, q, window, stride)", "winner == p * window + q"
OVERWRITTEN = "where windows overlap, the last one overwrites the others: = where += belongs"
CUT = "padding : padding + H, padding : padding + W"
BACKWARD_MISTAKES = (
    Mistake(
        f"cells = {GATHERED}\n        cells += dy * ({WON})",
        f"p, q = window - 1 - p, window - 1 - q; cells = {GATHERED}\n        np.copyto(cells, dy, where={WON})",
        OVERWRITTEN,
    ),
    Mistake(f"cells += dy * ({WON})", f"np.copyto(cells, dy, where={WON})", OVERWRITTEN),
    Mistake(GATHERED, "dx_padded[:, p : p + dy.shape[1], q : q + dy.shape[2]]", NO_STRIDE),
    Mistake(
        f"dy * ({WON})", "dy / window**2", "dy is divided among the window's cells, but all of it belongs to the winner"
    ),
    Mistake(
        CUT,
        ":H, :W",
        "the padding is cut off below and to the right only, but it is above and to the left as well",
    ),
    Mistake(CUT, "padding:-padding, padding:-padding", "padding:-padding is empty where padding is 0"),
    Mistake(CUT, ":, :", "the padding is not cut off"),
)

TASKS = (
    Task(
        activations,
        "relu_forward",
        relu_forward_cases,
        ("y", "cache"),
        {"y": "y = max(x, 0), elementwise", "cache": "the cache is ReluCache(y)"},
        mistakes=(Mistake("np.maximum(x, 0)", "np.abs(x)", "the absolute value where 0 belongs"),),
    ),
    Task(
        activations,
        "relu_backward",
        relu_backward_cases,
        ("dx",),
        {"dx": "dx = dy where x > 0, which is where y > 0; dx = 0 elsewhere, also at x = 0"},
        mistakes=(Mistake("(cache.y > 0)", "cache.y", "dy times y: the factor is 1 where y > 0, not y"),),
    ),
    Task(
        pool,
        "max_pool_forward",
        max_pool_forward_cases,
        ("y", "cache"),
        {
            "x_padded": "x_padded = x with `padding` rings of -infinity around it; -infinity never wins",
            "cells": "cells = x_padded[n, i s + p, j s + q, c], cell (p, q) of every window (i, j)",
            "larger": "larger = where cell (p, q) is larger than the largest before it; an equal cell is not larger",
            "winner": "winner = p * window + q of the window's largest cell, the first of equal ones, row by row",
            "y": "y[n, i, j, c] = the largest of x_padded[n, i s + p, j s + q, c] over p, q in the window, "
            "for i below H' = (H + 2 padding - window) // s + 1, and j below W'",
            "cache": "the cache is PoolCache(winner, x.shape, window, stride, padding)",
        },
        refused=(
            {"x": np.zeros((2, 4, 6, 3)), "window": 5, "stride": 2, "padding": 0},
            {"x": np.zeros((2, 6, 4, 3)), "window": 2, "stride": 2, "padding": 2},
        ),
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        pool,
        "max_pool_backward",
        max_pool_backward_cases,
        ("dx",),
        {
            "cells": "cell (p, q) of window (i, j) is dx_padded[n, i s + p, j s + q, c]; "
            "add dy[n, i, j, c] to it where winner = p * window + q",
            "dx_padded": "dx_padded = zeros in the shape of the padded x; then "
            "dx_padded[n, i s + p, j s + q, c] += dy[n, i, j, c] where winner[n, i, j, c] = p * window + q",
            "H": "H and W are the image's height and width, x_shape[1] and x_shape[2]",
            "dx": "dx[n, r, k, c] = the sum of dy over all windows that cell (r, k) won, without the padding",
        },
        mistakes=BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "relu_forward": (
        "Which numbers does relu keep, and what replaces the others?",
        "y = x where x > 0, else 0",
        "y has the shape of x, whatever it is.",
        "np.maximum(x, 0) works elementwise and returns a new array. (np.max would return the maximum of the array.)",
    ),
    "relu_backward": (
        "The cache holds y, not x. Can you tell from y alone where x was positive?",
        "dx = dy where y > 0, else 0",
        "dy, y and dx have the same shape, so all is elementwise.",
        "y > 0 is an array of True and False; dy times it is dy or 0. (y >= 0 would hold everywhere.)",
    ),
    "max_pool_forward": (
        "Compare the cells of all windows one after the other, (0, 0) first. When does a new cell become the winner?",
        "for every (p, q): cells = x_padded[:, p + s i, q + s j]; where cells > y: y = cells, winner = p * window + q",
        "x is (N, H, W, C), x_padded is (N, H + 2 padding, W + 2 padding, C). y, winner and cells are (N, H', W', C), "
        "with H' = (H + 2 padding - window) // stride + 1.",
        "cells = x_padded[:, p : p + s * rows : s, q : q + s * columns : s] for rows x columns windows; pad with "
        "np.pad(..., constant_values=-np.inf), the first and last axis by 0; start from cell (0, 0) and winner 0.",
    ),
    "max_pool_backward": (
        "A cell may win in several windows. Which gradient does it receive from each of them?",
        "dx_padded[n, i s + p, j s + q, c] += dy[n, i, j, c] where winner[n, i, j, c] = p * window + q",
        "dy and winner are (N, H', W', C). dx_padded is (N, H + 2 padding, W + 2 padding, C), and a slice of it for "
        "one (p, q) is (N, H', W', C) again. dx is (N, H, W, C).",
        "For every (p, q), use the forward's slice of dx_padded: slice += dy * (winner == p * window + q). "
        "Then cut off the padding: padding : padding + H. (padding:-padding is empty where padding is 0.)",
    ),
}


def pencil():
    """Return the worked example of the page."""
    x, image = np.array([-2.0, 0, 3]), np.array([[1.0, 3, 3], [3, 3, 2]])[None, ..., None]
    _, relu_cache = activations.relu_forward(x)
    _, pool_cache = pool.max_pool_forward(image, 2, 1)
    return [
        Example("relu_forward", {"x": x}),
        Example("relu_backward", {"dy": np.array([5.0, 7, 9]), "cache": relu_cache}),
        Example("max_pool_forward", {"x": image, "window": 2, "stride": 1}),
        Example("max_pool_backward", {"dy": np.array([7.0, 20])[None, None, :, None], "cache": pool_cache}),
        Example("max_pool_forward", {"x": np.full((1, 3, 3, 1), -5.0), "window": 3, "stride": 2, "padding": 1}),
    ]
