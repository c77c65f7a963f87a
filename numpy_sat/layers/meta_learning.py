"""Gradients of a loss after a step of gradient descent: MAML (Finn et al. 2017) and Reptile (Nichol et al. 2018).

    theta' = theta - alpha g(theta)                           one inner step along g, the gradient of a loss L
    MAML minimizes M(theta'), for a loss M. By the chain rule, with d theta' / d theta = I - alpha H,

        gradient = (I - alpha H) grad M(theta')               H: the Hessian of L at theta, a symmetric matrix

    H has as many rows as there are parameters. But only its product with a vector v is needed:

        H v = [g(theta + epsilon v) - g(theta - epsilon v)] / (2 epsilon)          up to an error of order epsilon^2

    First-order MAML drops H. Reptile also needs no H: after K inner steps, its gradient is (theta - theta_K) / alpha.

Parameters, gradients and vectors are dicts of arrays with the same names. A gradient function takes parameters and
returns gradients. It must return the same result for the same parameters, so its batch and its samples stay fixed.
"""

from collections.abc import Callable, Sequence

import numpy as np

Arrays = dict[str, np.ndarray]  # {name: array}
Gradient = Callable[[Arrays], Arrays]  # from parameters to the gradients of a loss


def inner_step(params: Arrays, grads: Arrays, rate: float) -> Arrays:
    """Compute the parameters after one step of gradient descent. The given parameters stay as they are.

    Args:
        params: {name: array} theta.
        grads: {name: array} gradients at theta.
        rate: alpha, the inner learning rate.
    Returns:
        {name: array} theta'.
    """
    # theta' = theta - alpha g
    return {name: params[name] - rate * g for name, g in grads.items()}


def hessian_vector_product(gradient: Gradient, params: Arrays, vector: Arrays, epsilon: float) -> Arrays:
    """Compute the product of the Hessian of a loss with a vector, by central differences of the gradient.

    Args:
        gradient: function from parameters to gradients, both {name: array}.
        params: {name: array} theta.
        vector: {name: array} v.
        epsilon: a positive number, the size of the differences.
    Returns:
        {name: array} H v.
    """
    # H v = [g(theta + epsilon v) - g(theta - epsilon v)] / (2 epsilon)
    ahead = gradient(inner_step(params, vector, -epsilon))
    behind = gradient(inner_step(params, vector, epsilon))
    return {name: (ahead[name] - behind[name]) / (2 * epsilon) for name in vector}


def first_order_gradient(inner: Gradient, outer: Gradient, params: Arrays, rate: float) -> Arrays:
    """Compute the gradient of first-order MAML, grad M(theta').

    Args:
        inner: function from parameters to the gradients of the loss L of the inner step.
        outer: function from parameters to the gradients of the loss M after the step.
        params: {name: array} theta.
        rate: alpha, the inner learning rate.
    Returns:
        {name: array} gradients.
    """
    return outer(inner_step(params, inner(params), rate))


def maml_gradient(inner: Gradient, outer: Gradient, params: Arrays, rate: float, epsilon: float) -> Arrays:
    """Compute the gradient of M(theta - alpha grad L(theta)), a loss after one inner step.

    Args:
        inner: function from parameters to the gradients of the loss L of the inner step.
        outer: function from parameters to the gradients of the loss M after the step.
        params: {name: array} theta.
        rate: alpha, the inner learning rate.
        epsilon: size of the differences of hessian_vector_product.
    Returns:
        {name: array} gradients.
    """
    # v = grad M(theta')
    v = first_order_gradient(inner, outer, params, rate)
    # gradient = v - alpha H v
    Hv = hessian_vector_product(inner, params, v, epsilon)
    return {name: v[name] - rate * Hv[name] for name in v}


def reptile_gradient(gradients: Sequence[Gradient], params: Arrays, rate: float) -> Arrays:
    """Compute the gradient of Reptile, the way that K inner steps go, divided by alpha.

    Args:
        gradients: K functions from parameters to gradients, one for each inner step.
        params: {name: array} theta.
        rate: alpha, the inner learning rate.
    Returns:
        {name: array} gradients.
    """
    theta = params
    for gradient in gradients:
        theta = inner_step(theta, gradient(theta), rate)
    # gradient = (theta - theta_K) / alpha
    return {name: (params[name] - theta[name]) / rate for name in theta}
