"""Convolution, backward"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import conv

FACTS = Facts(difficulty=3, minutes=75, builds_on=(6,), chapter="convolution")

INTRO = """\
Goal            Write the backward pass of a convolution. The gradient of a weight that is used in many places is a sum
                over these places. The gradient of a cell that many windows cover is a sum over these windows.

Equations       db[o]          = sum over n, i, j of dy[n, i, j, o]                                     (O,)
                dW[p, q, c, o] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, o]     (P, Q, C, O)
                dx_padded[n, i s + p, j s + q, c] += sum over o of dy[n, i, j, o] W[p, q, c, o], for every i, j, p, q
                dx             = dx_padded without the padding                                          (N, H, W, C)
                The windows of a filter W = [[a, b], [c, d]] on a 3 x 3 image. All four cover the middle cell *:
                dy[0, 0]      dy[0, 1]      dy[1, 0]      dy[1, 1]
                [a  b ] .     .  [a  b]      .  .   .     .  .  .        dx[1, 1] = dy[0, 0] d + dy[0, 1] c
                [c  d*] .     .  [c* d]     [a  b*] .     . [a* b]                + dy[1, 0] b + dy[1, 1] a
                 .  .   .     .   .  .      [c  d ] .     . [c  d]

Worked example  x = [[1, 2, 3],    W = [[1,  0],    dy = [[  1,   10],    dW[0, 0] = 1*1 + 2*10 + 4*100 + 5*1000 = 5421
                     [4, 5, 6],         [0, 10]]          [100, 1000]]    dx[1, 1] = 1*10 + 1000*1 = 1010
                     [7, 8, 9]]         one image and channel in and out, no padding, stride 1
                Find db and dW[1, 0]. Which dy reaches the corner dx[2, 2], through which weight? Which cells of dx are
                0?

Your task       1. conv_parameter_gradients: compute dW and db. The layer next to the image needs no dx.
                2. conv_input_gradient: compute dx. You can scatter: add each dy to the cells of its window, with the
                   filter unchanged. Or gather: let each cell sum over the windows that cover it, with the filter
                   rotated by half a turn. Trap: a mixture of the two is wrong. Trap: windows overlap, so use +=. Cells
                   that no window covers stay 0.

Given           You may use conv.conv_forward and the rest of the library. The cache of exercise 6 is unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import conv"""

# (N, H, W, C), (P, Q), O, stride, padding
GEOMETRIES = [
    ((2, 9, 5, 4), (3, 2), 6, 2, 1),  # overlapping
    ((2, 5, 5, 3), (3, 3), 3, 1, 0),
    ((3, 7, 5, 1), (2, 3), 2, 3, 2),  # windows in the padding alone
    ((2, 8, 6, 2), (3, 3), 3, 2, 0),  # a last row and column that no window reaches
    ((1, 6, 7, 2), (3, 2), 4, 1, 2),  # a wide border and small steps
]


def backward_cases(rng):
    """Return a random dy for each geometry; in the second all is square: only numbers show a transpose."""
    cases = []
    for shape, cells, O, stride, padding in GEOMETRIES:
        x, W = rng.standard_normal(shape), rng.standard_normal((*cells, shape[3], O))
        y, cache = conv.conv_forward(x, W, rng.standard_normal(O), stride, padding)
        cases.append({"dy": rng.standard_normal(y.shape), "cache": cache})
    return cases


CELLS = "_cells(x_padded, p, q, dy, stride)"
SUMMED = f"np.tensordot({CELLS}, dy, axes=((0, 1, 2), (0, 1, 2)))"
PARAMETER_MISTAKES = (
    Mistake(SUMMED, f"{CELLS}[:, -1, -1].T @ dy[:, -1, -1]", "only the last window counts: = where += belongs"),
    Mistake(
        SUMMED,
        f"np.outer({CELLS}[-1, -1, -1], dy[-1, -1, -1])",
        "only the last window of the last image counts: = where += belongs",
    ),
    Mistake(SUMMED, f"np.tensordot({CELLS}[:1], dy[:1], axes=((0, 1, 2), (0, 1, 2)))", "only the first image counts"),
    Mistake(SUMMED, f"np.tensordot({CELLS}[-1], dy[-1], axes=((0, 1), (0, 1)))", "only the last image counts"),
    Mistake("dW[p, q] =", "dW[-1 - p, -1 - q] =", "`dW` is rotated by half a turn"),
    Mistake(
        "_pad(x, padding)",
        "np.pad(x, ((0, 0), (0, 2 * padding), (0, 2 * padding), (0, 0)))",
        "the padding is below and to the right only, but it belongs above and to the left as well",
    ),
    Mistake(
        "dy.sum(axis=(0, 1, 2))", "dy.sum(axis=(0, 2, 3))", "summed over (0, 2, 3), but the channels are last here"
    ),
    Mistake("dy.sum(axis=(0, 1, 2))", "dy[0].sum(axis=(0, 1))", "the sum over images is missing"),
)
LOOP = """\
for p, q in np.ndindex(W.shape[:2]):
        cells = _cells(dx_padded, p, q, dy, stride)
        cells += dy @ W[p, q].T
"""
BACKWARDS = """\
for p, q in reversed([*np.ndindex(W.shape[:2])]):
        cells = _cells(dx_padded, p, q, dy, stride)
        cells[...] = {}
"""
CUT = "padding : padding + H, padding : padding + width"
WRONG_WAY = "the filter is the wrong way round: rotate it by half a turn to gather dy, and never to scatter dy"
INPUT_MISTAKES = (
    Mistake("dy @ W[p, q].T", "dy @ W[-1 - p, -1 - q].T", WRONG_WAY),
    Mistake(
        LOOP,
        BACKWARDS.format("dy @ W[p, q].T"),
        "where windows overlap, the last one overwrites the others: = where += belongs",
    ),
    Mistake(
        LOOP,
        BACKWARDS.format("dy[..., -1:] @ W[p, q, :, -1:].T"),
        "the last window's last channel o overwrites all others: = where += belongs",
    ),
    Mistake("cells += dy", "dx_padded[:] = 0; cells += dy", "`dx_padded` is set to zero again for every filter cell"),
    Mistake(
        CUT,
        ":H, :width",
        "the padding is cut off below and to the right only, but it is above and to the left as well",
    ),
    Mistake(CUT, "padding:-padding, padding:-padding", "padding:-padding is empty where padding is 0"),
    Mistake(CUT, ":, :", "the padding is not cut off"),
)

TASKS = (
    Task(
        conv,
        "conv_parameter_gradients",
        backward_cases,
        ("dW", "db"),
        {
            "x_padded": "x_padded = x with `padding` rings of zeros around it, as in the forward pass",
            "dW": "dW[p, q, c, o] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, o]",
            "db": "db[o] = sum over n, i, j of dy[n, i, j, o]",
        },
        mistakes=PARAMETER_MISTAKES,
    ),
    Task(
        conv,
        "conv_input_gradient",
        backward_cases,
        ("dx",),
        {
            "dx_padded": "dx_padded = zeros in the shape of the padded x; then "
            "dx_padded[n, i s + p, j s + q, c] += sum over o of dy[n, i, j, o] W[p, q, c, o], for every i, j, p, q",
            "cells": "cells = dx_padded[n, i s + p, j s + q, c], the cells under W[p, q]; add "
            "sum over o of dy[n, i, j, o] W[p, q, c, o]",
            "H": "H and W are the image's height and width, x.shape[1] and x.shape[2]",
            "dx": "dx = dx_padded without the padding, in the shape of x",
        },
        mistakes=INPUT_MISTAKES,
    ),
)

HINTS = {
    "conv_parameter_gradients": (
        "Which y contain the weight W[p, q, c, o]? With which factor in each?",
        "dW[p, q, c, o] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, o];  "
        "db[o] = sum over n, i, j of dy[n, i, j, o]",
        "The cells under W[p, q] are (N, H', W', C), and dy is (N, H', W', O). dW[p, q] is (C, O), so N, H' and W' "
        "are summed over. db is (O,).",
        "For every (p, q), take the cells under W[p, q], (N, H', W', C). Then dW[p, q] = "
        "np.tensordot(cells, dy, axes=((0, 1, 2), (0, 1, 2))), the x^T dy of exercise 3 with windows as rows.",
    ),
    "conv_input_gradient": (
        "Which windows cover the cell in row r, column k? Which gradient does each of them send?",
        "dx_padded[n, i s + p, j s + q, c] += sum over o of dy[n, i, j, o] W[p, q, c, o]",
        "dy, (N, H', W', O), times W[p, q].T, (O, C), is (N, H', W', C): as many cells of dx_padded, (N, H + 2 "
        "padding, W + 2 padding, C).",
        "For every (p, q): dx_padded[:, p : p + s * rows : s, q : q + s * columns : s] += dy @ W[p, q].T. Then "
        "cut off the padding: padding : padding + H. (padding:-padding is empty where padding is 0.)",
    ),
}


def pencil():
    """Return the worked example of the page."""
    x, W = np.arange(1.0, 10).reshape(1, 3, 3, 1), np.diag([1.0, 10])[..., None, None]
    _, cache = conv.conv_forward(x, W, np.zeros(1))
    case = {"dy": np.array([[1.0, 10], [100, 1000]])[None, ..., None], "cache": cache}
    return [Example("conv_parameter_gradients", case), Example("conv_input_gradient", case)]
