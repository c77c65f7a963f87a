"""Gradients of a task for meta-learning: of its loss L(theta), or of its loss after a step of SGD on the task.

The inner step of rate alpha is theta' = theta - alpha g, with g = grad L(theta). Model-agnostic meta-learning (MAML,
Finn et al. 2017) looks for a theta from which this step is good. The chain rule gives its gradient:

    d L(theta') / d theta = (I - alpha H) grad L(theta')        H: the Hessian of L at theta

first_order leaves out H, and reptile (Nichol et al. 2018) follows the path of several inner steps. Every function takes

    params            {name: array}, theta; the arrays stay as they are
    loss_and_grads    the task: function of params that returns a loss and {name: gradient}
    rate              alpha

and returns the loss at theta and the gradients by name. The task must be the same function at every call, with the same
batch and the same dropout masks.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
LossAndGrads = Callable[[Arrays], tuple[Any, Arrays]]

REPTILE_STEPS = 2  # with a single step, Reptile is the plain gradient


def plain(params: Arrays, loss_and_grads: LossAndGrads, rate: float) -> tuple[Any, Arrays]:
    """Return the loss and grad L(theta), from one evaluation of the task. `rate` is not used."""
    return loss_and_grads(params)


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
    _, v = loss_and_grads(moved(params, g, -rate))
    return loss, v


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
    loss, total = loss_and_grads(params)
    for _ in range(REPTILE_STEPS - 1):
        # theta_k = theta - alpha (g_0 + ... + g_k-1)
        _, g = loss_and_grads(moved(params, total, -rate))
        total = moved(total, g, 1)
    return loss, {name: array / REPTILE_STEPS for name, array in total.items()}


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
    loss, v = first_order(params, loss_and_grads, rate)
    # (I - alpha H) v = v - alpha H v
    return loss, moved(v, hessian_product(params, loss_and_grads, v), -rate)


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
    norm = math.sqrt(sum(float(np.vdot(array, array)) for array in v.values()))
    if norm == 0:
        return v
    epsilon = max(float(np.finfo(array.dtype).eps) for array in v.values()) ** (1 / 3) / norm
    # H v ~ (grad L(theta + epsilon v) - grad L(theta - epsilon v)) / (2 epsilon)
    _, after = loss_and_grads(moved(params, v, epsilon))
    _, before = loss_and_grads(moved(params, v, -epsilon))
    return {name: (after[name] - before[name]) / (2 * epsilon) for name in v}


def moved(params: Arrays, direction: Arrays, distance: float) -> Arrays:
    """Return params + distance * direction. Arrays without a direction stay the same.

    Args:
        params: {name: array}.
        direction: {name: array} of some or all parameters.
        distance: factor of the direction.
    """
    return params | {name: params[name] + distance * array for name, array in direction.items()}
