"""The affine map"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import linear

FACTS = Facts(difficulty=1, minutes=30)

INTRO = """\
Goal            Derive the gradients of a layer with weights. You need two questions: which outputs contain a number,
                and with which factor? Every layer with weights contains this one, so all later backward passes use it.

Equations       y = x W + b         y_no = sum over i of x_ni W_io + b_o        (..., O)
                dx, dW, db          the shapes of x, W and b: (..., I), (I, O), (O,)
                The weight W_io appears in y_no of every row n, with the factor x_ni. So dW_io is a sum over n. Ask the
                same of x_ni and of b_o. Then look at the shapes: only one product of x and dy has the shape of W.

Worked example  x = [[1, 2], [3, 0]]   W = [[1, 0, 2], [0, 1, 3]]   b = [0, 0, 1]   dy = [[1, 10, 100], [0, 1, 0]]
                y = [[1, 2, 9], [3, 0, 7]]   dx = [[201, 310], [0, 1]]              Find dW and db.
                Now repeat the two rows of x and dy below them. Which of the three gradients become twice as large?

Your task       1. linear_forward: compute y.
                2. linear_backward: compute dx, dW and db. Trap: x may have more than two axes, such as (T, B, I). All
                   axes but the last count rows, and dx has the shape of x. Trap: do not divide. dy is the gradient of
                   the whole loss. If the loss is a mean, dy contains the division already.

Given           The cache LinearCache(x, W) is packed and unpacked for you. It holds only what the backward pass needs.
                (Why does it not hold b?)
"""

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
    Mistake(
        "dx = dy @ W.T",
        "dx = np.broadcast_to(drows.sum(axis=0) @ W.T, x.shape).copy()",
        "dy is summed over the rows first, but every row of x has a gradient of its own",
    ),
    *(
        Mistake(
            "dW = rows.T @ drows",
            f"dW = x[{k}].reshape(-1, W.shape[0]).T @ dy[{k}].reshape(-1, W.shape[1])",
            f"only the {which} entry of the first axis counts: add the terms of all rows",
        )
        for k, which in ((0, "first"), (-1, "last"))
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
        "x is (..., I) and W is (I, O), so x @ W is (..., O): the axis I is summed over. b, (O,), is added to each "
        "row.",
        "x @ W sums over the last axis of x and the first of W. + b broadcasts b over the rows.",
    ),
    "linear_backward": (
        "Which outputs contain the weight W_io? With which factor?",
        "dW_io = sum over n of x_ni dy_no;  dx_ni = sum over o of dy_no W_io;  db_o = sum over n of dy_no",
        "With x as (rows, I) and dy as (rows, O): dx = (rows, O) (O, I), in the shape of x; dW = (I, rows) (rows, O), "
        "in the shape of W; db is (O,), so the rows are summed over.",
        "Reshape x and dy to (rows, I) and (rows, O) first. Then x^T dy has the shape of W. dx = dy @ W.T.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    inputs = {"x": np.array([[1.0, 2], [3, 0]]), "W": np.array([[1.0, 0, 2], [0, 1, 3]]), "b": np.array([0.0, 0, 1])}
    _, cache = linear.linear_forward(**inputs)
    dy = np.array([[1.0, 10, 100], [0, 1, 0]])
    return [Example("linear_forward", inputs), Example("linear_backward", {"dy": dy, "cache": cache})]
