"""Convolution, backward"""

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.layers import conv

INTRO = """\
To learn: the gradient of a weight that is used in many places is the sum over all of them; and the gradient of a cell
that many windows look at is the sum over all those. Nothing else is in the backward pass of a convolution.

    y[n, i, j, o]  = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]        the forward

    db[o]          = sum over n, i, j of dy[n, i, j, o]
    dW[p, q, c, o] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, o]
    dx_padded[n, i s + p, j s + q, c] gains sum over o of dy[n, i, j, o] W[p, q, c, o], for every i, j, p, q
    dx             = dx_padded without its rings of padding

Ask of a number of the forward: in which y does it take part, and what is it multiplied by there? W[p, q, c, o] takes
part in y[n, i, j, o] of every n, i, j, times a cell of x_padded. That cell takes part in every window that covers it.

dx may be scattered: each dy gives to the cells its window looked at, with += where windows overlap, and the filter is
not turned. Or gathered: each cell collects from the windows that cover it, in reverse order, and there the filter is
turned by half a turn. Both are right, a mixture is not. dx has the shape of x, whatever dy's shape suggests: cells
that no window reached stay 0.

Predict before you run: one image, one channel in and out, no padding, stride 1,

    x = [[1, 2, 3],     W = [[1,  0],     dy = [[  1,   10],     dW[0, 0] = 1*1 + 2*10 + 4*100 + 5*1000 = 5421
         [4, 5, 6],          [0, 10]]           [100, 1000]]     dx[1, 1] = 1*1000 + 10*1 = 1010
         [7, 8, 9]]

What are db and dW[1, 0]? Which dy does the corner dx[2, 2] hear of, through which weight? Which cells of dx are 0?

Two functions, for the layer next to the image needs no dx. Both take the cache ConvCache(x, W, stride, padding) of
exercise 6. Only these two must be written out; the rest of the library, conv.conv_forward too, may be used."""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import conv"""

# (N, H, W, C), (P, Q), O, stride, padding
GEOMETRIES = [
    ((2, 9, 5, 4), (3, 2), 6, 2, 1),  # overlapping
    ((2, 5, 5, 3), (3, 3), 3, 1, 0),
    ((3, 7, 5, 1), (2, 3), 2, 3, 2),  # windows in the padding alone
    ((2, 8, 6, 2), (3, 3), 3, 2, 0),  # a last row and column that no window reaches
]


def backward_cases(rng):
    """A random dy for each; the second is all square, where a transpose shows in the numbers only."""
    cases = []
    for shape, cells, O, stride, padding in GEOMETRIES:
        x, W = rng.standard_normal(shape), rng.standard_normal((*cells, shape[3], O))
        y, cache = conv.conv_forward(x, W, rng.standard_normal(O), stride, padding)
        cases.append({"dy": rng.standard_normal(y.shape), "cache": cache})
    return cases


MET = "_cells(x_padded, p, q, dy, stride)"
SUMMED = f"np.tensordot({MET}, dy, axes=((0, 1, 2), (0, 1, 2)))"
PARAMETER_MISTAKES = (
    Mistake(SUMMED, f"{MET}[:, -1, -1].T @ dy[:, -1, -1]", "the last window alone counts: = where += belongs"),
    Mistake(
        SUMMED,
        f"np.outer({MET}[-1, -1, -1], dy[-1, -1, -1])",
        "the last window of the last image alone counts: = where += belongs",
    ),
    Mistake(SUMMED, f"np.tensordot({MET}[:1], dy[:1], axes=((0, 1, 2), (0, 1, 2)))", "the first image alone counts"),
    Mistake(SUMMED, f"np.tensordot({MET}[-1], dy[-1], axes=((0, 1), (0, 1)))", "the last image alone counts"),
    Mistake("dW[p, q] =", "dW[-1 - p, -1 - q] =", "`dW` is turned by half a turn"),
    Mistake(
        "_pad(x, padding)",
        "np.pad(x, ((0, 0), (0, 2 * padding), (0, 2 * padding), (0, 0)))",
        "the padding is below and to the right only, where it belongs above and to the left as well",
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
INPUT_MISTAKES = (
    Mistake(
        LOOP,
        BACKWARDS.format("dy @ W[p, q].T"),
        "of windows that overlap the last one overwrites the others: = where += belongs",
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
        "the padding is cut off below and to the right only, where it is above and to the left as well",
    ),
    Mistake(CUT, "padding:-padding, padding:-padding", "padding:-padding is empty where padding is 0"),
    Mistake(CUT, ":, :", "the rings of padding are not cut off"),
)

TASKS = (
    Task(
        conv,
        "conv_parameter_gradients",
        backward_cases,
        ("dW", "db"),
        {
            "x_padded": "x_padded = x with `padding` rings of zeros around it, as in the forward",
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
            "dx_padded": "dx_padded = zeros, as large as x with its rings of padding; then "
            "dx_padded[n, i s + p, j s + q, c] += sum over o of dy[n, i, j, o] W[p, q, c, o], for every i, j, p, q",
            "cells": "cells = dx_padded[n, i s + p, j s + q, c], what W[p, q] met, gains "
            "sum over o of dy[n, i, j, o] W[p, q, c, o]",
            "H": "H and W are the image's height and width, x.shape[1] and x.shape[2]",
            "dx": "dx = dx_padded without its rings of padding, the shape of x",
        },
        mistakes=INPUT_MISTAKES,
    ),
)

HINTS = {
    "conv_parameter_gradients": (
        "In which y does one weight W[p, q, c, o] take part? What is it multiplied by in each?",
        "dW[p, q, c, o] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, o];  "
        "db[o] = sum over n, i, j of dy[n, i, j, o]",
        "For every (p, q) take the cells it met in the forward, (N, H', W', C); then dW[p, q] = "
        "np.tensordot(met, dy, axes=((0, 1, 2), (0, 1, 2))), the x^T dy of exercise 3 with windows as rows.",
    ),
    "conv_input_gradient": (
        "Which windows look at the cell in row r, column k? What does each owe it, and what if there are several?",
        "dx_padded[n, i s + p, j s + q, c] += sum over o of dy[n, i, j, o] W[p, q, c, o]",
        "For every (p, q): dx_padded[:, p : p + s * rows : s, q : q + s * columns : s] += dy @ W[p, q].T. Then "
        "cut off the padding: padding : padding + H (padding:-padding is empty where padding is 0).",
    ),
}
