"""The affine map"""

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Facts
from numpy_sat.layers import linear

FACTS = Facts(difficulty=1, minutes=30)

INTRO = """\
To learn: every layer with weights contains this one. If you can derive its three gradients from the shapes and from
the outputs that contain each number, you can derive all that follow.

    y = x W + b            y_no = sum over i of x_ni W_io + b_o

The slides: a layer is a table of weights. Learning asks how the loss changes with each weight. The weight W_io appears
in y_no of every row n, with the factor x_ni. So its gradient is a sum over n.
Do the same for x_ni and b_o. Then look at the shapes: dW has the shape of W, and only one product of x and dy has it.

Predict before you run: x = [[1, 2]], W = [[1, 0, 2], [0, 1, 3]], b = [0, 0, 1], dy = [[1, 10, 100]].
What are y, dx, dW and db? (y = [[1, 2, 9]], dx = [[201, 310]]; find dW and db yourself.)
Now a second row, the same as the first, in x and in dy: which of the three gradients become twice as large?

x may have more than two axes, such as (T, B, I): all but the last count rows. dx always has the shape of x.
dy is the gradient of the whole loss: if the loss is a mean, dy already contains the division.
The cache is LinearCache(x, W): it holds only what the backward pass needs. (Why does it not hold b?)"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.linear import LinearCache"""

SHAPES = [((3,), 4, 2), ((2, 5), 3, 6), ((4,), 3, 3)]  # the axes of x except the last; I; O


def forward_cases(rng):
    """Return cases with one and two row axes, and with square weights, where only the numbers show a transpose."""
    return [
        {"x": rng.standard_normal((*rows, I)), "W": rng.standard_normal((I, O)), "b": rng.standard_normal(O)}
        for rows, I, O in SHAPES
    ]


def backward_cases(rng):
    """Return a random dy for each forward case."""
    cases = []
    for inputs in forward_cases(rng):
        y, cache = linear.linear_forward(**inputs)
        cases.append({"dy": rng.standard_normal(y.shape), "cache": cache})
    return cases


MIXED = "reshape does not transpose: it fills the new shape with the numbers in their old order"
BACKWARD_MISTAKES = (
    Mistake("dx = dy @ W.T", "dx = (W @ drows.T).reshape(x.shape)", MIXED),
    Mistake("dx = dy @ W.T", "dx = dy @ W.reshape(W.shape[::-1])", MIXED),
    Mistake("dW = rows.T @ drows", "dW = x.reshape(x.shape[-1], -1) @ drows", MIXED),
    Mistake(
        "db = drows.sum(axis=0)", "db = dy.sum(axis=0)", "the sum goes over the first axis only, not over all rows"
    ),
    Mistake("dW = rows.T @ drows", "dW = x.T @ dy", "x.T reverses all axes: reshape x and dy to rows first"),
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
        "Which axis of x and which axis of W is summed over? Which axis of y does b have?",
        "y_no = sum over i of x_ni W_io + b_o",
        "x @ W sums over the last axis of x and the first of W. + b broadcasts b over the rows.",
    ),
    "linear_backward": (
        "Which outputs contain the weight W_io? With which factor?",
        "dW_io = sum over n of x_ni dy_no;  dx_ni = sum over o of dy_no W_io;  db_o = sum over n of dy_no",
        "Reshape x and dy to (rows, I) and (rows, O) first. Then x^T dy has the shape of W. dx = dy @ W.T.",
    ),
}
