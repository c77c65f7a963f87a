"""Solution 46: One step of meta-learning.

The loss after a step is a function of theta by way of theta' = theta - alpha g(theta). The chain rule multiplies the
gradient at theta' by the derivative of theta' by theta. The first term of theta' has the derivative I. The derivative
of g is the Hessian H. Together this is I - alpha H, a symmetric matrix, so no transpose is needed.

H has as many rows as there are parameters, so it is never computed. H v is the rate at which the gradient changes if
theta moves along v. Central differences measure it with two gradients.

Answers to the questions of the page:

1. The step leads to [0, -1], so v = [0, -4]. The chain rule gives maml = [0, 4], because 1 - 0.5 * 4 = -1. The step is
   so long that theta_2' = -theta_2. To bring theta_2' closer to 0, theta_2 must fall. maml is right, and the direction
   of first-order MAML is wrong.
2. c = 1 for v, because grad L(theta - alpha g) = g - alpha H g. For maml, (I - alpha H) v adds the same once more: 2.
   For reptile, it is the mean of 0 and 1: 1/2. The plain gradient has 0. The larger c, the more the methods avoid steep
   directions, in which a step of the rate alpha changes the gradient most.
3. Hv = 12.04. The gradient is 4 theta^3, so (4 * 1.331 - 4 * 0.729) / 0.2. The second derivative is 12, and the error
   falls with epsilon^2.
"""

import math
from typing import Any

import numpy as np

from numpy_sat.training.objectives.meta_gradients import REPTILE_STEPS, Arrays, LossAndGrads, moved


def hessian_product(params: Arrays, loss_and_grads: LossAndGrads, v: Arrays) -> Arrays:
    """Compute H v at theta by central differences of the gradient.

    The distance epsilon |v| is the cube root of the machine epsilon, which balances truncation and rounding.

    Args:
        params: {name: array}, theta.
        loss_and_grads: the task.
        v: {name: array}, the direction.
    Returns:
        {name: array}.
    """
    # |v| = the root of the sum of the squares of all entries, over all arrays
    squares = [float(np.sum(array * array)) for array in v.values()]
    norm = math.sqrt(sum(squares))
    if norm == 0:
        return v

    # epsilon |v| = (machine epsilon)^(1/3). Longer steps leave the region where the gradient is nearly linear, and
    # shorter ones lose digits in the difference.
    root = max(float(np.finfo(array.dtype).eps) for array in v.values()) ** (1 / 3)
    epsilon = root / norm

    # the gradients on both sides of theta
    _, after = loss_and_grads(moved(params, v, epsilon))
    _, before = loss_and_grads(moved(params, v, -epsilon))

    # H v = (after - before) / (2 epsilon)
    product = {}
    for name in v:
        difference = after[name] - before[name]
        product[name] = difference / (2 * epsilon)
    return product


def first_order(params: Arrays, loss_and_grads: LossAndGrads, rate: float) -> tuple[Any, Arrays]:
    """Return the loss and grad L(theta'), from two evaluations: the gradient of MAML without the Hessian.

    Args:
        params: {name: array}, theta.
        loss_and_grads: the task.
        rate: alpha, the rate of the inner step.
    Returns:
        loss: the loss at theta.
        grads: {name: array}.
    """
    loss, g = loss_and_grads(params)

    # theta' = theta - alpha g
    stepped = moved(params, g, -rate)

    # v = grad L(theta')
    _, v = loss_and_grads(stepped)
    return loss, v


def maml(params: Arrays, loss_and_grads: LossAndGrads, rate: float) -> tuple[Any, Arrays]:
    """Return the loss and (I - alpha H) grad L(theta'), from four evaluations.

    Args:
        params: {name: array}, theta.
        loss_and_grads: the task.
        rate: alpha, the rate of the inner step.
    Returns:
        loss: the loss at theta.
        grads: {name: array}.
    """
    # v = grad L(theta')
    loss, v = first_order(params, loss_and_grads, rate)

    # d theta' / d theta = I - alpha H, with H at theta. So the gradient is (I - alpha H) v = v - alpha H v:
    # term 1: v, as if g did not depend on theta
    # term 2: through g, the direction of the step
    Hv = hessian_product(params, loss_and_grads, v)
    gradient = moved(v, Hv, -rate)
    return loss, gradient


def reptile(params: Arrays, loss_and_grads: LossAndGrads, rate: float) -> tuple[Any, Arrays]:
    """Return the loss and (theta - theta_K) / (K alpha), from K = REPTILE_STEPS inner steps.

    It is the mean gradient along the path. The outer optimizer decides how far to move.

    Args:
        params: {name: array}, theta.
        loss_and_grads: the task.
        rate: alpha, the rate of the inner steps.
    Returns:
        loss: the loss at theta.
        grads: {name: array}.
    """
    # g_0 is the gradient at theta
    loss, total = loss_and_grads(params)

    for _ in range(REPTILE_STEPS - 1):
        # theta_k = theta - alpha (g_0 + ... + g_k-1): all steps so far together
        theta = moved(params, total, -rate)
        _, g = loss_and_grads(theta)
        total = moved(total, g, 1)

    # (theta - theta_K) / (K alpha) = (g_0 + ... + g_K-1) / K
    mean = {}
    for name in total:
        mean[name] = total[name] / REPTILE_STEPS
    return loss, mean
