"""One step of meta-learning"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.training.objectives import meta_gradients

FACTS = Facts(difficulty=3, minutes=60, builds_on=(1, 26), chapter="own_captions")

INTRO = """\
Goal            Look one step ahead. Likelihood and CIDEr-D pull a captioner in different directions. Meta-learning
                looks for parameters from which a step on either task is good (Finn et al. 2017, Li et al. 2019). It
                minimizes the loss *after* a step. The gradient of that loss contains second derivatives, the Hessian H.
                You need only its product with a vector, and differences of gradients give that.

Equations       theta' = theta - alpha g            the inner step: g is the gradient of L at theta, alpha is `rate`
                v      = grad L(theta')             first-order MAML stops here
                maml   = (I - alpha H) v            the gradient of L(theta') at theta, by the chain rule; H at theta
                H v    = (grad L(theta + epsilon v) - grad L(theta - epsilon v)) / (2 epsilon)
                epsilon = (machine epsilon)^(1/3) / |v|         |v|: the norm of all arrays of v together
                reptile = (g_0 + ... + g_K-1) / K   the mean gradient along K steps, theta_k+1 = theta_k - alpha g_k
                Parameters, gradients and vectors are dicts of arrays with the same names and shapes.

Worked example  L = theta_1^2 + 2 theta_2^2 has the gradient [2 theta_1, 4 theta_2] and H = [[2, 0], [0, 4]]
                theta = [1, 1] and rate = 0.1: the step leads to [0.8, 0.6], where L is smaller.
                v = [1.6, 2.4]   Hv = [3.2, 9.6]   maml = [1.28, 1.44]   reptile = [1.8, 3.2] after K = 2 steps
                1. Find v and maml for rate = 0.5. Which of them points to a theta with a smaller L(theta')?
                2. All three are g - c alpha H g, up to terms of alpha^2. Find c of v, of maml and of reptile.
                3. H v is exact here for every epsilon. Find it for L = theta^4 with theta = 1, v = 1, epsilon = 0.1.

Your task       1. hessian_product: compute H v. If all entries of v are 0, return v. Trap: divide by 2 epsilon, not by
                   2 (machine epsilon)^(1/3).
                2. first_order: return the loss at theta, and the gradient at theta'.
                3. maml: return the loss at theta, and the gradient of L(theta'). Trap: take H at theta, not theta'.
                4. reptile: return the loss at theta, and the mean gradient of K = REPTILE_STEPS steps.

Given           loss_and_grads(params) returns the loss and its gradients. moved(params, direction, distance) returns
                params + distance * direction, as new arrays. Do not change params. np.finfo(dtype).eps is the machine
                epsilon of a dtype; take the largest of all arrays. You may call the functions of this file.
"""

IMPORTS = """\
import math
from typing import Any

import numpy as np

from numpy_sat.training.objectives.meta_gradients import REPTILE_STEPS, Arrays, LossAndGrads, moved"""

SHAPES = [{"W": (2, 3), "b": (2,)}, {"W": (3, 2), "b": (4,), "E": (2, 2)}, {"b": (5,)}]
RATES = (0.1, 0.03, 0.25)
TOLERANCE = 1e-6  # differences of gradients are not exact
PAGE = np.diag([2.0, 4.0])  # the Hessian of the worked example


class Loss:
    """A loss of fourth order: x A x / 2 + sum of x^4 / 4, where x has the entries of all parameters."""

    def __init__(self, A, fourth=1.0):
        self.A, self.fourth = A, fourth

    def __repr__(self):
        return "loss_and_grads"

    def __call__(self, params):
        x = np.concatenate([array.ravel() for array in params.values()])
        A = self.A.astype(x.dtype)
        g, grads, start = A @ x + np.float32(self.fourth) * x**3, {}, 0
        for name, array in params.items():
            grads[name] = g[start : start + array.size].reshape(array.shape)
            start += array.size
        return x @ A @ x / 2 + np.float32(self.fourth) * (x**4).sum() / 4, grads


def _arrays(rng, shapes):
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def cases(rng):
    """Return losses of fourth order of several arrays, whose Hessians change from place to place."""
    result = []
    for shapes, rate in zip(SHAPES, RATES, strict=True):
        size = sum(int(np.prod(shape)) for shape in shapes.values())
        B = rng.standard_normal((size, size))
        result.append({"params": _arrays(rng, shapes), "loss_and_grads": Loss((B + B.T) / 2), "rate": rate})
    return result


def product_cases(rng):
    """Return a random vector for each loss, and one of zeros."""
    result = [
        {"params": case["params"], "loss_and_grads": case["loss_and_grads"], "v": _arrays(rng, shapes)}
        for case, shapes in zip(cases(rng), SHAPES, strict=True)
    ]
    zeros = {name: np.zeros_like(array) for name, array in result[0]["params"].items()}
    return [*result, {**result[0], "v": zeros}]


DIFFERENCE = "(after[name] - before[name]) / (2 * epsilon)"
PRODUCT_MISTAKES = (
    Mistake(DIFFERENCE, "(after[name] - before[name]) / epsilon", "the factor 2 is missing: divide by 2 epsilon"),
    Mistake(DIFFERENCE, "(after[name] - before[name]) / 2", "divide by 2 epsilon, not by 2"),
    Mistake(
        DIFFERENCE,
        "(after[name] - before[name]) / (2 * epsilon * norm)",
        "divided by twice the root alone: epsilon contains 1 / |v|",
    ),
    Mistake(
        "_, before = loss_and_grads(moved(params, v, -epsilon))",
        "_, before = loss_and_grads(params)",
        "the gradient at theta, where that at theta - epsilon v belongs",
    ),
    Mistake(DIFFERENCE, "(before[name] - after[name]) / (2 * epsilon)", "the two gradients are swapped"),
)

FIRST_MISTAKES = (
    Mistake("return loss, v", "return loss, g", "the gradient at theta where that at theta' belongs", "grads"),
    Mistake("moved(params, g, -rate)", "moved(params, g, rate)", "the sign of the inner step: it goes against g"),
    Mistake("moved(params, g, -rate)", "moved(params, g, -1)", "the rate of the inner step is missing"),
    Mistake("_, v = loss_and_grads", "loss, v = loss_and_grads", "the loss at theta' where that at theta belongs"),
)

MAML = "moved(v, hessian_product(params, loss_and_grads, v), -rate)"
MAML_MISTAKES = (
    Mistake(MAML, "v", "the term of the Hessian is missing: this is first-order MAML", "grads"),
    Mistake(MAML, "moved(v, hessian_product(params, loss_and_grads, v), rate)", "the sign: (I - alpha H) v", "grads"),
    Mistake(
        MAML, "moved(v, hessian_product(params, loss_and_grads, v), -1)", "alpha is missing: v - alpha H v", "grads"
    ),
    Mistake(
        MAML,
        "moved(v, hessian_product(params, loss_and_grads, loss_and_grads(params)[1]), -rate)",
        "H is multiplied by the gradient at theta: it belongs to v, the gradient at theta'",
        "grads",
    ),
    Mistake(
        MAML,
        "moved(v, hessian_product(moved(params, loss_and_grads(params)[1], -rate), loss_and_grads, v), -rate)",
        "the Hessian at theta', but H is that at theta",
        "grads",
    ),
    Mistake(
        MAML,
        "moved(loss_and_grads(params)[1], hessian_product(params, loss_and_grads, v), -rate)",
        "the gradient at theta where v, the gradient at theta', belongs",
        "grads",
    ),
    Mistake(
        MAML,
        "{name: -rate * array for name, array in hessian_product(params, loss_and_grads, v).items()}",
        "the term v is missing",
        "grads",
    ),
)

REPTILE_MISTAKES = (
    Mistake("array / REPTILE_STEPS", "1 * array", "the sum of the gradients where their mean belongs"),
    Mistake("array / REPTILE_STEPS", "array * rate", "theta - theta_K alone: divide by K alpha"),
    Mistake(
        "_, g = loss_and_grads(moved(params, total, -rate))",
        "_, g = loss_and_grads(params)",
        "every gradient is that at theta: each step starts where the last one ended",
    ),
    Mistake(
        "total = moved(total, g, 1)", "total = g", "the last gradient alone: the gradients of all steps are added up"
    ),
)

TASKS = (
    Task(
        meta_gradients,
        "hessian_product",
        product_cases,
        ("product",),
        {
            "norm": "|v| = the root of the sum of all squares",
            "epsilon": "epsilon = (machine epsilon)^(1/3) / |v|",
            "after": "after = grad L(theta + epsilon v)",
            "before": "before = grad L(theta - epsilon v)",
            "product": "H v = (grad L(theta + epsilon v) - grad L(theta - epsilon v)) / (2 epsilon)",
        },
        tolerance=TOLERANCE,
        mistakes=PRODUCT_MISTAKES,
    ),
    Task(
        meta_gradients,
        "first_order",
        cases,
        ("loss", "grads"),
        {"loss": "loss = L(theta)", "v": "v = grad L(theta - alpha g)", "grads": "v = grad L(theta - alpha g)"},
        mistakes=FIRST_MISTAKES,
    ),
    Task(
        meta_gradients,
        "maml",
        cases,
        ("loss", "grads"),
        {"loss": "loss = L(theta)", "grads": "grads = v - alpha H v, with v = grad L(theta - alpha g) and H at theta"},
        tolerance=TOLERANCE,
        mistakes=MAML_MISTAKES,
    ),
    Task(
        meta_gradients,
        "reptile",
        cases,
        ("loss", "grads"),
        {
            "loss": "loss = L(theta)",
            "g": "g_k = grad L(theta_k), with theta_k = theta - alpha (g_0 + ... + g_k-1)",
            "total": "total = g_0 + ... + g_K-1",
            "grads": "grads = (g_0 + ... + g_K-1) / K",
        },
        mistakes=REPTILE_MISTAKES,
    ),
)

HINTS = {
    "hessian_product": (
        "How does the gradient change if theta moves a little along v, and a little against it?",
        "H v = (grad L(theta + epsilon v) - grad L(theta - epsilon v)) / (2 epsilon)",
        "v and H v are dicts of arrays with the same shapes. |v| and epsilon are one number each.",
        "norm = math.sqrt(sum(np.vdot(array, array) for array in v.values())); _, after = "
        "loss_and_grads(moved(params, v, epsilon)); the same with -epsilon gives the gradients before.",
    ),
    "first_order": (
        "Where does the inner step lead? Whose gradient is taken there, and whose loss is returned?",
        "theta' = theta - alpha g;  v = grad L(theta')",
        "loss is one number. The gradients are a dict of arrays with the shapes of the parameters.",
        "loss, g = loss_and_grads(params); _, v = loss_and_grads(moved(params, g, -rate))",
    ),
    "maml": (
        "How does theta' change with theta? That is a matrix. What does the chain rule do with it?",
        "d theta' / d theta = I - alpha H;  gradient = v - alpha H v",
        "v and H v are dicts of arrays with the shapes of the parameters.",
        "loss, v = first_order(...); moved(v, hessian_product(params, loss_and_grads, v), -rate)",
    ),
    "reptile": (
        "Where is the gradient of the second step taken? How many gradients are there in all?",
        "theta_k = theta - alpha (g_0 + ... + g_k-1);  gradient = (g_0 + ... + g_K-1) / K",
        "All gradients, their sum and their mean are dicts of arrays with the shapes of the parameters.",
        "loss, total = loss_and_grads(params); then K - 1 times: _, g = loss_and_grads(moved(params, total, -rate)); "
        "total = moved(total, g, 1). Divide each array by K.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    call = {"params": {"theta": np.array([1.0, 1.0])}, "loss_and_grads": Loss(PAGE, fourth=0.0)}
    return [
        Example("hessian_product", {**call, "v": {"theta": np.array([1.6, 2.4])}}),
        Example("first_order", {**call, "rate": 0.1}),
        Example("maml", {**call, "rate": 0.1}),
        Example("reptile", {**call, "rate": 0.1}),
    ]
