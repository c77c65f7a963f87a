"""Convolution, forward"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import conv

FACTS = Facts(difficulty=2, minutes=45, builds_on=(3,), chapter="convolution")

INTRO = """\
Goal            Write the layer that reads images. A convolution applies the affine map of exercise 3 to every small
                window of an image. The input is the P Q C numbers of the window, the output O numbers. All windows
                share the weights.

Equations       x_padded       = x with `padding` rings of zeros around it         (N, H + 2 padding, W + 2 padding, C)
                y[n, i, j, o]  = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]
                y is (N, H', W', O), H' = (H + 2 padding - P) // s + 1, and W' likewise: how often the filter fits
                i, j are the indices of windows, p, q of the filter's cells. c is an input channel, o an output channel,
                s the stride. If the stride leaves a remainder, no window covers the last rows. The filter is not
                flipped.

Worked example  One image, one channel in and out, b = 100, no padding, stride 1. The digits of y show the cells of x:
                x = [[1, 2, 3],     W = [[1,  0],      y[0, 0] = 100 + 1 + 50 = 151
                     [4, 5, 6],          [0, 10]]      y = [[151, 162], [184, 195]]
                     [7, 8, 9]]                        With a flipped filter, y[0, 0] would be 115.
                Now stride 2 and padding 1. Where do the four windows begin? The first and last are 110 and 195. Find
                the others.

Your task       1. conv_forward: compute y. Call conv.check_arguments(x, W, b, stride, padding) first: it raises the
                   errors of the docstring. There are two orders for the sum. By windows: for each (i, j), multiply a
                   patch of P x Q cells by every filter. By filter cells: for each (p, q), take the cells under W[p, q],
                   one of every window. They form an image, (N, H', W', C). Multiplied by W[p, q], (C, O), it is one
                   term of y. That is 9 matrix products for a 3 x 3 filter, for any image size.
                Trap: with a stride above 1, the slice of x_padded needs its end. A step alone may take one cell too
                many.

Given           np.pad adds the zeros. The cache ConvCache(x, W, stride, padding) is packed for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import conv
from numpy_sat.layers.conv import ConvCache"""

# (N, H, W, C), (P, Q), O, stride, padding
GEOMETRIES = [
    ((2, 9, 5, 4), (3, 2), 6, 2, 1),  # overlapping
    ((2, 5, 5, 3), (3, 3), 3, 1, 0),
    ((1, 4, 5, 1), (2, 3), 2, 3, 2),  # windows in the padding alone
    ((2, 8, 6, 2), (3, 3), 3, 2, 0),  # a last row and column that no window reaches
    ((1, 6, 7, 2), (3, 2), 4, 1, 2),  # a wide border and small steps
]


def conv_forward_cases(rng):
    """Return cases of strides, paddings and remainders; in the second all is square: only numbers show a transpose."""
    return [
        {
            "x": rng.standard_normal(shape),
            "W": rng.standard_normal((*cells, shape[3], O)),
            "b": rng.standard_normal(O),
            "stride": stride,
            "padding": padding,
        }
        for shape, cells, O, stride, padding in GEOMETRIES
    ]


OUTPUT = "(*_output_shape(x, W, stride, padding), 1)"
MISTAKES = (
    Mistake(
        OUTPUT,
        "(len(x), *((n - k) // stride + 1 for n, k in zip(x.shape[1:3], W.shape, strict=False)), 1)",
        "2 padding is missing in H' and W': the windows move over the padded image",
    ),
    Mistake(
        OUTPUT,
        "(len(x), *((n + padding - k) // stride + 1 for n, k in zip(x.shape[1:3], W.shape, strict=False)), 1)",
        "padding where 2 padding belongs in H' and W': there is a border on both sides",
    ),
    Mistake("@ W[p, q]", "@ W[-1 - p, -1 - q]", "`W` is rotated by half a turn: a correlation does not rotate it"),
    Mistake(
        "@ W[p, q]",
        "@ W.swapaxes(0, 1).reshape(W.shape)[p, q]",
        "the rows and columns of the filter are exchanged",
    ),
    Mistake(
        "(*_output_shape(x, W, stride, padding), 1)",
        "(len(x), *((n + 2 * padding - k) // stride for n, k in zip(x.shape[1:3], W.shape, strict=False)), 1)",
        "the + 1 of H' and W' is missing: a filter as large as the image fits once",
    ),
    Mistake(
        "_pad(x, padding)",
        "np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), mode='edge')",
        "the edge of x is repeated as padding where zeros belong",
    ),
    Mistake("np.tile(b,", "np.tile(0 * b,", "the bias `b` is missing"),
    Mistake("np.tile(b,", "np.tile(W[..., 0].size * b,", "`b` is added to every term, P Q C times; add it once"),
    Mistake("np.tile(b,", "np.tile(W[..., 0, 0].size * b,", "`b` is added for every filter cell; add it once"),
    Mistake("@ W[p, q]", "@ W[p, q] + b", "`b` is added again for every filter cell"),
    Mistake(
        "y, stride) @ W[p, q]",
        "y, stride)[..., :1] @ W[p, q, :1]",
        "only the first channel is used: the sum over channels c is missing",
    ),
    Mistake(
        "@ W[p, q]",
        "@ W.reshape(W.shape[2], *W.shape[:2], -1).transpose(1, 2, 0, 3)[p, q]",
        "the window's numbers are in the order (C, P, Q), but the filter's are in the order (P, Q, C)",
    ),
    Mistake(
        "@ W[p, q]",
        "@ W.reshape(len(b), -1).T.reshape(W.shape)[p, q]",
        "W.reshape(O, -1) mixes up the filters: O is the last axis of W, so use W.reshape(-1, O)",
    ),
    Mistake(
        "_pad(x, padding)",
        "np.pad(x, ((0, 0), (0, 2 * padding), (0, 2 * padding), (0, 0)))",
        "the padding is below and to the right only, but it belongs above and to the left as well",
    ),
)

TASKS = (
    Task(
        conv,
        "conv_forward",
        conv_forward_cases,
        ("y", "cache"),
        {
            "x_padded": "x_padded = x with `padding` rings of zeros around each image, none over channels",
            "y": "y[n, i, j, o] = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]",
            "cache": "the cache is ConvCache(x, W, stride, padding)",
        },
        refused=(
            {"x": np.zeros((2, 5, 6, 3)), "W": np.zeros((3, 3, 1, 4)), "b": np.zeros(4)},
            {"x": np.zeros((2, 4, 6, 3)), "W": np.zeros((5, 3, 3, 4)), "b": np.zeros(4)},
            {"x": np.zeros((2, 5, 6, 3)), "W": np.zeros((3, 3, 3, 4), np.float32), "b": np.zeros(4)},
        ),
        mistakes=MISTAKES,
    ),
)

HINTS = {
    "conv_forward": (
        "Take one cell (p, q) of the filter. Which cell of x_padded is under it in window (0, 0)? In (0, 1), (1, 0)?",
        "y[n, i, j, o] = b[o] + sum over p, q, c of x_padded[n, i s + p, j s + q, c] W[p, q, c, o]",
        "x_padded is (N, H + 2 padding, W + 2 padding, C). The cells under W[p, q], (C, O), are (N, H', W', C). Their "
        "product is (N, H', W', O), as y, with H' = (H + 2 padding - P) // stride + 1.",
        "Begin with b in every place of y. For every (p, q): cells = x_padded[:, p : p + s * rows : s, "
        "q : q + s * columns : s], where rows x columns windows fit; y += cells @ W[p, q].",
    ),
}


def pencil():
    """Return the worked example of the page."""
    x, W = np.arange(1.0, 10).reshape(1, 3, 3, 1), np.diag([1.0, 10])[..., None, None]
    inputs = {"x": x, "W": W, "b": np.array([100.0])}
    return [
        Example("conv_forward", {**inputs, "stride": 1, "padding": 0}),
        Example("conv_forward", {**inputs, "stride": 2, "padding": 1}),
    ]
