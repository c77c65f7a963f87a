"""Gradient clipping, the learning-rate schedule, Adam, RMSProp, and the exponential moving average (EMA) of weights.

The updates change parameters and optimizer state in place. This is the one exception to "inputs are never changed".
"""

import math

import numpy as np

from numpy_sat import kernels
from numpy_sat.kernels import updates


def clip_by_norm(grads: dict[str, np.ndarray], largest: float) -> float:
    """Scale all gradients in place, so that their joint Euclidean norm is at most `largest` (Pascanu et al. 2013).

    Args:
        grads: {name: array}.
        largest: the largest norm after clipping.
    Returns:
        The norm before clipping.
    """
    if _in_one_pass([grads.values()]):
        norm = updates.norm(grads.values())
        if norm > largest:
            updates.scale(grads.values(), largest / norm)
        return norm
    norm = math.sqrt(sum(float(np.vdot(g, g)) for g in grads.values()))
    if norm > largest:
        for g in grads.values():
            g *= largest / norm
    return norm


def cosine_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """Return the learning rate of a step: linear warmup, then half a cosine down to 1 % of the peak.

    Args:
        step: number of the step, from 0 on.
        steps: number of steps of the whole run.
        peak: largest learning rate.
        warmup: number of warmup steps.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def decay_weights(params: dict[str, np.ndarray], grads: dict[str, np.ndarray], share: float) -> None:
    """Apply decoupled weight decay in place, w <- (1 - share) w (Loshchilov and Hutter 2019).

    Only matrices and filters with a gradient decay. Biases and the scales of batch normalization stay as they are.

    Args:
        params: {name: array}.
        grads: {name: array}.
        share: learning rate times weight decay.
    """
    for name in grads:
        if params[name].ndim > 1:
            params[name] *= 1 - share


def shorten_step(params: dict[str, np.ndarray], before: dict[str, np.ndarray], share: float) -> None:
    """Shorten the last step of some parameters in place, w <- before + share (w - before).

    Updates and weight decay change weights in proportion to the learning rate. So `share` scales the learning rate of
    these parameters.

    Args:
        params: {name: array}, after the step.
        before: {name: array}, copies of the parameters to change, made before the step.
        share: share of the step to keep.
    """
    for name, w in before.items():
        params[name] -= (1 - share) * (params[name] - w)


def average_weights(params: dict[str, np.ndarray], state: dict[str, np.ndarray], keep: float) -> None:
    """Update the exponential moving average (EMA) of every trained weight in place, a <- keep a + (1 - keep) w.

    The EMA is about the mean of the last 1 / (1 - keep) steps, so the noise of single steps cancels (Polyak and
    Juditsky 1992). It starts as w.

    Args:
        params: {name: array}.
        state: the optimizer's state after at least one update. The averages are stored in it.
        keep: decay of the average per step.
    """
    for name in [key.removeprefix("v.") for key in state if key.startswith("v.")]:
        a = state.setdefault(f"ema.{name}", params[name].copy())
        a += (1 - keep) * (params[name] - a)


def ema_params(params: dict[str, np.ndarray], state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the parameters, with the EMA in place of each weight that has one.

    Args:
        params: {name: array}.
        state: the optimizer's state.
    """
    return {name: state.get(f"ema.{name}", array) for name, array in params.items()}


def adam_update(params, grads, state, rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Update all parameters in place by one step of Adam (Kingma and Ba 2015, algorithm 1).

    m and v are moving means of g and g^2. The update is w <- w - rate m_hat / (sqrt(v_hat) + epsilon).

    Args:
        params: {name: array}.
        grads: {name: array}, gradients of some or all parameters.
        state: dict that lasts from call to call; {} before the first update.
        rate: learning rate.
        beta1: decay of m.
        beta2: decay of v.
        epsilon: smallest denominator.
    """
    t = state["t"] = state.get("t", np.zeros(1, np.int64)) + 1
    correction1, correction2 = 1 - beta1 ** int(t[0]), 1 - beta2 ** int(t[0])
    if _in_one_pass(rows := _rows(params, grads, state, "mv")):
        updates.adam(rows, rate, beta1, beta2, epsilon, correction1, correction2)
        return
    for name, g in grads.items():
        m, v = _moments(state, name, g, "mv")
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        params[name] -= (rate / correction1) * m / (np.sqrt(v / correction2) + epsilon)


def rmsprop_update(params, grads, state, rate, decay=0.95, epsilon=1e-6):
    """Update all parameters in place by one step of RMSProp (Tieleman and Hinton 2012, lecture 6).

    v is a moving mean of g^2. The update is w <- w - rate g / (sqrt(v) + epsilon).

    Args:
        params: {name: array}.
        grads: {name: array}, gradients of some or all parameters.
        state: dict that lasts from call to call; {} before the first update.
        rate: learning rate.
        decay: decay of v.
        epsilon: smallest denominator.
    """
    if _in_one_pass(rows := _rows(params, grads, state, "v")):
        updates.rmsprop(rows, rate, decay, epsilon)
        return
    for name, g in grads.items():
        (v,) = _moments(state, name, g, "v")
        v += (1 - decay) * (g * g - v)
        params[name] -= rate * g / (np.sqrt(v) + epsilon)


def _rows(params, grads, state, letters):
    """Return a tuple of arrays for each parameter with a gradient: the parameter, its moving means, the gradient."""
    return [(params[k], *_moments(state, k, g, letters), np.ascontiguousarray(g)) for k, g in grads.items()]


def _in_one_pass(rows):
    """Return True if one run of a kernel can change these arrays in place: all are float32 and contiguous."""
    arrays = [array for row in rows for array in row]
    return kernels.use_kernels(*arrays) and all(array.flags.c_contiguous for array in arrays)


def _moments(state, name, gradient, letters):
    """Return the moving means of one parameter, which start as zeros. letters: "v" or "mv"."""
    for letter in letters:
        if f"{letter}.{name}" not in state:
            state[f"{letter}.{name}"] = np.zeros_like(gradient)
    return [state[f"{letter}.{name}"] for letter in letters]
