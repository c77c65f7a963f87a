"""Gradient clipping, the learning-rate schedule, Adam and RMSProp, and the moving average (EMA) of the weights.

The updates change parameters and optimizer state in place. This is the one exception to "inputs are never changed".
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
    """Return the learning rate of a step: linear for `warmup` steps, then half a cosine down to 1 % of the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def decay_weights(params, grads, share):
    """Decay every weight with a gradient in place, w <- (1 - share) w (Loshchilov and Hutter 2019).

    Only matrices and filters decay. Biases, and the scales of normalized channels, stay as they are.
    """
    for name in grads:
        if params[name].ndim > 1:
            params[name] *= 1 - share


def shorten_step(params, before, share):
    """Shorten the last step of some parameters in place, w <- before + share (w - before).

    Updates and decay move weights by multiples of the learning rate. So `share` scales the learning rate of these.

    Args:
        params: {name: array}.
        before: {name: array}, the values before the step of the parameters to change.
        share: of the step that is kept.
    """
    for name, w in before.items():
        params[name] -= (1 - share) * (params[name] - w)


def average_weights(params, state, keep):
    """Update the exponential moving average of every trained weight, a <- keep a + (1 - keep) w, in place.

    It is about the mean of the last 1 / (1 - keep) steps. The noise of single steps cancels in it (Polyak and Juditsky
    1992). The average starts as w.

    Args:
        params: {name: array}.
        state: the optimizer's, after at least one update. The averages are stored in it.
        keep: decay of the average.
    """
    for name in [key.removeprefix("v.") for key in state if key.startswith("v.")]:
        a = state.setdefault(f"ema.{name}", params[name].copy())
        a += (1 - keep) * (params[name] - a)


def averaged(params, state):
    """Return the parameters, with the moving average in place of each weight that has one."""
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
    """Return True if kernels can update these arrays in place: all are float32 and contiguous."""
    return kernels.use_kernels(*changed) and all(array.flags.c_contiguous for array in changed)


def _moments(state, name, like, which):
    """Return the moving means of one parameter, which start as zeros."""
    for letter in which:
        if f"{letter}.{name}" not in state:
            state[f"{letter}.{name}"] = np.zeros_like(like)
    return [state[f"{letter}.{name}"] for letter in which]
