"""Depthwise convolution"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import depthwise

FACTS = Facts(difficulty=2, minutes=60, builds_on=(7,))

INTRO = """\
Goal            See what a convolution costs, and how networks for phones save nine tenths of it. A convolution of C to
                C channels with P x P filters combines pixels and mixes channels at once: P P C C products per pixel.
                One after the other takes P P C + C C. The first half is the depthwise convolution: no sum over
                channels.

Equations       y[n, i, j, c] = b[c] + sum over p, q of x_padded[n, i s + p, j s + q, c] W[p, q, c]       (N, H', W', C)
                db[c]         = sum over n, i, j of dy[n, i, j, c]                                        (C,)
                dW[p, q, c]   = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, c]       (P, P, C)
                dx_padded[n, i s + p, j s + q, c] += dy[n, i, j, c] W[p, q, c], for every i, j, p, q
                dx            = dx_padded without the padding                                             (N, H, W, C)
                The padding is TensorFlow's "SAME": as many zeros as needed for H' = ceil(H / s) windows, half of them
                above, half below, and an odd one below. For P = 3 and stride 2, an even side has none before and one
                behind.

Worked example  One image of 2 x 2, two channels, P = 3, s = 2; so one window, which begins at the first pixel:
                x of both channels: [[1, 2], [3, 4]]      W[:, :, 0]: all 1      W[:, :, 1]: 0, but 1 in the middle
                b = [100, 0]   y = [[[[110, 4]]]]         Padded by one on both sides, y would be [[[[110, 1]]]].
                dy = [[[[1, 10]]]]   db = [1, 10]         dW[:, :, 0] is [[1, 2, 0], [3, 4, 0], [0, 0, 0]].
                Find dW[:, :, 1] and dx. How many products does a pixel take with 3 x 3 filters and 512 channels, in one
                step and in two?

Your task       1. depthwise_forward: compute y. Call depthwise.check_arguments(x, W, b, stride) first: it raises the
                   errors of the docstring.
                2. depthwise_backward: compute dx, dW and db. Trap: the padding differs at its two ends, and between
                   height and width. Trap: windows overlap, so use +=.

Given           depthwise.same_padding(H, P, s) returns the zeros before and behind, for one side. The cache
                DepthwiseCache(x, W, stride) is packed and unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import depthwise
from numpy_sat.layers.depthwise import DepthwiseCache"""

# (N, H, W, C), P, stride
GEOMETRIES = [
    ((2, 9, 6, 4), 3, 2),  # an odd side, and an even one
    ((3, 3, 3, 3), 3, 1),
    ((2, 8, 7, 2), 5, 2),
    ((1, 4, 5, 3), 2, 1),  # padded on one side only
    ((1, 7, 8, 2), 3, 3),  # windows side by side
    ((2, 5, 6, 1), 4, 2),
    ((1, 4, 6, 2), 1, 1),  # a single cell, without padding
]


def forward_cases(rng):
    """Return cases of strides and paddings; in the second all is square: only numbers show swapped axes."""
    return [
        {
            "x": rng.standard_normal(shape),
            "W": rng.standard_normal((P, P, shape[3])),
            "b": rng.standard_normal(shape[3]),
            "stride": stride,
        }
        for shape, P, stride in GEOMETRIES
    ]


def backward_cases(rng):
    """Return a random dy for each forward case."""
    cases = []
    for inputs in forward_cases(rng):
        y, cache = depthwise.depthwise_forward(**inputs)
        cases.append({"dy": rng.standard_normal(y.shape), "cache": cache})
    return cases


IMAGES, FILTERS = np.zeros((2, 5, 4, 3)), np.zeros((3, 3, 3))
REFUSED = (  # another number of channels; a convolution's filters; a stride that leaves pixels out
    {"x": IMAGES, "W": FILTERS[:, :, :2], "b": np.zeros(2), "stride": 1},
    {"x": IMAGES, "W": FILTERS[:, :, :, None], "b": np.zeros(3), "stride": 1},
    {"x": IMAGES, "W": FILTERS, "b": np.zeros(3), "stride": 4},
)

PADDED = "_pad(cache)"
TERM = "_cells(x_padded, p, q, y, stride) * W[p, q]"
START = "np.broadcast_to(b, output_shape(cache)).copy()"
EVEN = "np.pad(x, ((0, 0), (len(W) // 2, len(W) // 2), (len(W) // 2, len(W) // 2), (0, 0)))"
SWAPPED = (
    "np.pad(x, ((0, 0), *(same_padding(size, len(W), stride)[::-1] for size in x.shape[1:3]), (0, 0)))"  # odd one above
)
FORWARD_MISTAKES = (
    Mistake(PADDED, f"{EVEN[:-1]})", "padded by P // 2 on both sides, but an odd zero belongs below and to the right"),
    Mistake(PADDED, SWAPPED, "the odd zero is above and to the left, but it belongs below and to the right"),
    Mistake(
        PADDED,
        "np.pad(x, ((0, 0), *(same_padding(size, len(W), 1) for size in x.shape[1:3]), (0, 0)))",
        "padded as for stride 1: at another stride fewer zeros are enough",
    ),
    Mistake(
        PADDED,
        "np.pad(x, ((0, 0), *((0, len(W)) for _ in range(2)), (0, 0)))",
        "the padding is below and to the right only, but it belongs above and to the left as well",
    ),
    Mistake(START, "0 * np.broadcast_to(b, output_shape(cache))", "the bias `b` is missing"),
    Mistake(
        START,
        "len(W) ** 2 * np.broadcast_to(b, output_shape(cache))",
        "`b` is added for every filter cell; add it once",
    ),
    Mistake("* W[p, q]\n", "* W[-1 - p, -1 - q]\n", "the filter is rotated by half a turn"),
    Mistake("* W[p, q]\n", "* W[q, p]\n", "the filter's rows and columns are swapped"),
    Mistake(
        "* W[p, q]\n", "@ np.outer(np.ones(len(b)), W[p, q])\n", "summed over channels, which are independent here"
    ),
    Mistake(TERM, f"({TERM}).sum(axis=-1, keepdims=True)", "summed over channels, which are independent here"),
    Mistake("* W[p, q]\n", "* W[p, q] + b\n", "`b` is added again for every filter cell"),
    Mistake("* W[p, q]\n", "* W[p, q].mean()\n", "one filter for all channels: each channel has its own filter"),
)

DW = "(_cells(x_padded, p, q, dy, stride) * dy).sum(axis=(0, 1, 2))"
CUT = "top : top + H, left : left + width"
BACKWARD_MISTAKES = (
    Mistake("* dy).sum(axis=(0, 1, 2))", "* dy)[0].sum(axis=(0, 1))", "the sum over images is missing from dW"),
    Mistake("* dy).sum(axis=(0, 1, 2))", "* dy).mean(axis=(0, 1, 2))", "the mean over windows where their sum belongs"),
    Mistake(DW, "(_cells(x_padded, p, q, dy, stride) * dy)[-1, -1, -1]", "only the last window counts: use +="),
    Mistake("dW[p, q] =", "dW[-1 - p, -1 - q] =", "`dW` is rotated by half a turn"),
    Mistake(
        DW,
        "np.einsum('nijc,nijd->c', _cells(x_padded, p, q, dy, stride), dy)",
        "every channel of x times every channel of dy, but channels are independent",
    ),
    Mistake(
        "cells += dy * W[p, q]",
        "cells += dy * W[-1 - p, -1 - q]",
        "the filter is the wrong way round: rotate it by half a turn to gather dy, and never to scatter dy",
    ),
    Mistake("cells += dy * W[p, q]", "cells[...] = dy * W[p, q]", "where windows overlap, only the last one counts"),
    Mistake("cells += dy * W[p, q]", "cells += (dy * W[p, q]).sum(axis=-1, keepdims=True)", "summed over channels"),
    Mistake(CUT, ":H, :width", "the padding is cut off below and to the right only; some is above and to the left"),
    Mistake(CUT, "-H:, -width:", "the padding is cut off above and to the left only; some is below and to the right"),
    Mistake(CUT, "len(W) // 2 : len(W) // 2 + H, len(W) // 2 : len(W) // 2 + width", "P // 2 lines are cut off above"),
    Mistake("db = dy.sum(axis=(0, 1, 2))", "db = dy.sum(axis=(0, 1))[0]", "the sum over columns is missing from db"),
    Mistake("db = dy.sum(axis=(0, 1, 2))", "db = dy[0].sum(axis=(0, 1))", "the sum over images is missing from db"),
)

TASKS = (
    Task(
        depthwise,
        "depthwise_forward",
        forward_cases,
        ("y", "cache"),
        {
            "x_padded": "x_padded = x with zeros before and behind each side, as depthwise.same_padding returns",
            "y": "y[n, i, j, c] = b[c] + sum over p, q of x_padded[n, i s + p, j s + q, c] W[p, q, c]",
            "cache": "the cache is DepthwiseCache(x, W, stride)",
        },
        refused=REFUSED,
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        depthwise,
        "depthwise_backward",
        backward_cases,
        ("dx", "dW", "db"),
        {
            "x_padded": "x_padded = x with zeros around it, as in the forward pass",
            "db": "db[c] = sum over n, i, j of dy[n, i, j, c]",
            "dW": "dW[p, q, c] = sum over n, i, j of x_padded[n, i s + p, j s + q, c] dy[n, i, j, c]",
            "dx_padded": "dx_padded = zeros in the shape of x_padded; then "
            "dx_padded[n, i s + p, j s + q, c] += dy[n, i, j, c] W[p, q, c], for every i, j, p, q",
            "cells": "cells = dx_padded[n, i s + p, j s + q, c], under W[p, q]; add dy[n, i, j, c] W[p, q, c]",
            "dx": "dx = dx_padded without the padding, in the shape of x",
        },
        mistakes=BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "depthwise_forward": (
        "Take exercise 6 and remove the sum over c. What does the matrix product with W[p, q] become?",
        "y[n, i, j, c] = b[c] + sum over p, q of x_padded[n, i s + p, j s + q, c] W[p, q, c]",
        "x is (N, H, W, C). y and the cells under W[p, q] are (N, H', W', C), with H' = ceil(H / stride). W[p, q] is "
        "(C,), not (C, O): nothing is summed over channels.",
        "For every (p, q): y += x_padded[:, p : p + rows * s : s, q : q + columns * s : s] * W[p, q], where W[p, q] is "
        "(C,), broadcast over images and pixels. rows is ceil(H / s), that is -(-H // s).",
    ),
    "depthwise_backward": (
        "Which y contain W[p, q, c], and which contain a cell of x_padded? With which factor, in which channels?",
        "dW[p, q, c] = sum over n, i, j of cells[n, i, j, c] dy[n, i, j, c];  the same cells of dx_padded += "
        "dy[n, i, j, c] W[p, q, c];  db[c] = sum over n, i, j of dy[n, i, j, c]",
        "dy and the cells are (N, H', W', C), so dW[p, q] and db are (C,): N, H' and W' are summed over. dx_padded "
        "has the shape of x_padded, dx the shape of x.",
        "For every (p, q): dW[p, q] = (cells * dy).sum(axis=(0, 1, 2)), and the same cells of dx_padded += dy * "
        "W[p, q]. Then dx = dx_padded[:, top : top + H, left : left + width].copy(), top and left from same_padding.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    x, W = np.repeat(np.array([[1.0, 2], [3, 4]])[None, ..., None], 2, axis=3), np.zeros((3, 3, 2))
    W[:, :, 0], W[1, 1, 1] = 1, 1
    inputs = {"x": x, "W": W, "b": np.array([100.0, 0]), "stride": 2}
    _, cache = depthwise.depthwise_forward(**inputs)
    gradient = {"dy": np.array([[[[1.0, 10]]]]), "cache": cache}
    return [Example("depthwise_forward", inputs), Example("depthwise_backward", gradient)]
