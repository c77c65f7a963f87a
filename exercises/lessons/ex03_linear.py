"""The affine map"""

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.layers import linear

INTRO = """\
To learn: every layer with weights ends in this one. If you can derive its three gradients by looking at shapes and at
what each number took part in, you can derive all that follow.

    y = x W + b            y_no = sum over i of x_ni W_io + b_o

The slides: a layer is a table of weights; learning is asking, of each weight, how the loss would change with it. The
weight W_io has a part in y_no of every row n, and there it counts x_ni times. So its gradient is a sum over n.
Ask the same of x_ni and of b_o. Then look at the shapes: dW has W's, and only one product of x and dy can give it.

Predict before you run: x = [[1, 2]], W = [[1, 0, 2], [0, 1, 3]], b = [0, 0, 1], dy = [[1, 10, 100]].
What are y, dx, dW and db? (y = [[1, 2, 9]], dx = [[201, 310]]; find dW and db yourself.)
Now a second row, the same as the first, in x and in dy: which of the three gradients become twice as large?

x may have more than two axes, (T, B, I) say: all but the last count rows. dx has x's shape, whatever that is.
dy is the gradient of the whole loss: if the loss is a mean, its division is in dy already.
The cache is LinearCache(x, W): what the backward needs, and no more. (Why is b not in it?)"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.linear import LinearCache"""

SHAPES = [((3,), 4, 2), ((2, 5), 3, 6), ((4,), 3, 3)]  # of x but its last axis, I, O


def forward_cases(rng):
    """x with one and with two axes of rows; square weights too, where a transpose shows in the numbers only."""
    return [
        {"x": rng.standard_normal((*rows, I)), "W": rng.standard_normal((I, O)), "b": rng.standard_normal(O)}
        for rows, I, O in SHAPES
    ]


def backward_cases(rng):
    """A random dy for each forward."""
    cases = []
    for inputs in forward_cases(rng):
        y, cache = linear.linear_forward(**inputs)
        cases.append({"dy": rng.standard_normal(y.shape), "cache": cache})
    return cases


MIXED = "reshape does not transpose: it deals the same numbers out in another order"
BACKWARD_MISTAKES = (
    Mistake("dx = dy @ W.T", "dx = (W @ drows.T).reshape(x.shape)", MIXED),
    Mistake("dx = dy @ W.T", "dx = dy @ W.reshape(W.shape[::-1])", MIXED),
    Mistake("dW = rows.T @ drows", "dW = x.reshape(x.shape[-1], -1) @ drows", MIXED),
    Mistake(
        "db = drows.sum(axis=0)", "db = dy.sum(axis=0)", "only the first axis is summed over, where all rows belong"
    ),
    Mistake("dW = rows.T @ drows", "dW = x.T @ dy", "x.T turns all axes round: bring x and dy to rows first"),
)

TASKS = (
    Task(
        linear, "linear_forward", forward_cases, ("y", "cache"), {"y": "y = x W + b", "cache": "the cache keeps x, W"}
    ),
    Task(
        linear,
        "linear_backward",
        backward_cases,
        ("dx", "dW", "db"),
        {"dx": "dx = dy W^T", "dW": "dW = x^T dy, summed over all rows", "db": "db = the sum of dy over all rows"},
        mistakes=BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "linear_forward": (
        "Which axis of x meets which axis of W? And which does b belong to?",
        "y_no = sum over i of x_ni W_io + b_o",
        "x @ W sums over x's last axis and W's first; + b stretches b over the rows by itself.",
    ),
    "linear_backward": (
        "In which outputs does one weight W_io take part? What is it multiplied by there?",
        "dW_io = sum over n of x_ni dy_no;  dx_ni = sum over o of dy_no W_io;  db_o = sum over n of dy_no",
        "Bring x and dy to (rows, I) and (rows, O) by reshape first; then x^T dy has W's shape. dx = dy @ W.T.",
    ),
}
