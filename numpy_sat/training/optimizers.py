"""Gradient clipping, learning-rate decay, Adam and RMSProp, and the average of weights.

The updates change parameters and optimiser state in place: the one exception to "inputs are never changed".
"""

import math

import numpy as np

from numpy_sat import kernels
from numpy_sat.kernels import elementwise


def clip_by_norm(grads, largest):
    """Scale all gradients, in place, so that their joint Euclidean norm is at most `largest`.

    grads: {name: array}. Returns the norm before clipping (Pascanu et al. 2013).
    """
    norm = math.sqrt(sum(float(np.vdot(g, g)) for g in grads.values()))
    if norm > largest:
        for g in grads.values():
            g *= largest / norm
    return norm


def cosine_rate(step, steps, peak, warmup):
    """The learning rate of a step: up in a line for `warmup` steps, then down half a cosine to 1 % of the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def decay_weights(params, grads, share):
    """w <- (1 - share) w, in place, of every weight with a gradient: decoupled weight decay (Loshchilov, Hutter 2019).

    Of matrices and filters alone: biases, and what scales a normalised channel, are left as they are.
    """
    for name in grads:
        if params[name].ndim > 1:
            params[name] *= 1 - share


def shorten_step(params, before, share):
    """w <- before + share (w - before), in place, of each parameter in `before`: what an update made of it, but less.

    Updates and decay move weights by multiples of the learning rate, so that `share` is a rate of their own.
    before: {name: array}, as it was.
    """
    for name, w in before.items():
        params[name] -= (1 - share) * (params[name] - w)


def average_weights(params, state, keep):
    """a <- keep a + (1 - keep) w of every weight that is trained: the mean of about the last 1 / (1 - keep) steps.

    Each step's noise pushes weights another way; their mean has less of it (Polyak and Juditsky 1992).
    params: {name: array}; state: that an update has changed; a begins as w, and is kept there.
    """
    for name in [key.removeprefix("v.") for key in state if key.startswith("v.")]:
        a = state.setdefault(f"ema.{name}", params[name].copy())
        a += (1 - keep) * (params[name] - a)


def averaged(params, state):
    """The parameters with the averages in the place of the weights they are of; without any as they are."""
    return {name: state.get(f"ema.{name}", array) for name, array in params.items()}


def adam_update(params, grads, state, rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Adam (Kingma and Ba 2015): m, v <- moving means of g, g^2; w <- w - rate m_hat / (sqrt(v_hat) + epsilon).

    params, grads: {name: array}; state: {} at first, kept by the caller; rate: learning rate.
    """
    t = state["t"] = state.get("t", np.zeros(1, np.int64)) + 1
    correction1, correction2 = 1 - beta1 ** int(t[0]), 1 - beta2 ** int(t[0])
    for name, g in grads.items():
        m, v = _moments(state, name, g, "mv")
        if _in_one_pass(params[name], m, v):
            elementwise.adam(params[name], g, m, v, rate, beta1, beta2, epsilon, correction1, correction2)
            continue
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        params[name] -= (rate / correction1) * m / (np.sqrt(v / correction2) + epsilon)


def rmsprop_update(params, grads, state, rate, decay=0.95, epsilon=1e-6):
    """RMSProp (Tieleman and Hinton 2012): v <- moving mean of g^2; w <- w - rate g / (sqrt(v) + epsilon).

    params, grads: {name: array}; state: {} at first, kept by the caller; rate: learning rate.
    """
    for name, g in grads.items():
        (v,) = _moments(state, name, g, "v")
        if _in_one_pass(params[name], v):
            elementwise.rmsprop(params[name], g, v, rate, decay, epsilon)
            continue
        v += (1 - decay) * (g * g - v)
        params[name] -= rate * g / (np.sqrt(v) + epsilon)


def _in_one_pass(*changed):
    """Whether these arrays, which change in place, go to the kernels, which want them flat."""
    return kernels.use_kernels(*changed) and all(array.flags.c_contiguous for array in changed)


def _moments(state, name, like, which):
    """The moving means of one parameter, zeros at first."""
    for letter in which:
        if f"{letter}.{name}" not in state:
            state[f"{letter}.{name}"] = np.zeros_like(like)
    return [state[f"{letter}.{name}"] for letter in which]
