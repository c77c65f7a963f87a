"""Exercise 46: One step of meta-learning            (difficulty 3 of 3, about 60 minutes; builds on exercises 1 and 26)

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

Run             python -m exercises check 46   python -m exercises hint 46   python -m exercises check 46 --pencil
Read            exercises/chapters/own_captions.md: the longer story, with figures
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
    raise NotImplementedError("exercise 46: hessian_product")


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
    raise NotImplementedError("exercise 46: first_order")


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
    raise NotImplementedError("exercise 46: maml")


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
    raise NotImplementedError("exercise 46: reptile")
