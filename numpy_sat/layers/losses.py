"""The loss of Xu et al. equation 14: masked cross-entropy and the doubly stochastic penalty.

Both are means over the B captions of sums over their words; padding (mask 0) enters neither.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat import kernels
from numpy_sat.kernels import cross_entropy as kernel
from numpy_sat.layers import softmax


class CrossEntropyCache(NamedTuple):
    logits: np.ndarray  # (T, B, V)
    log_sum: np.ndarray  # (T, B), log sum_k exp(logits_k): log p_k is logits_k less that
    targets: np.ndarray
    mask: np.ndarray
    smoothing: float


class DoublyStochasticCache(NamedTuple):
    missing: np.ndarray  # (B, L), target - sum over t of alpha
    mask: np.ndarray
    scale: float


def cross_entropy_forward(logits, targets, mask, smoothing=0.0):
    """The mean over captions of the sum over words of - sum_k q_k log p_k, p = softmax(logits).

    q is 1 at the target; with smoothing s it is 1 - s at the target plus s / V at every word (Szegedy et al. 2016).
    logits: (T, B, V); targets: (T, B) integers; mask: (T, B) of the dtype of the logits, 1 at words, 0 at padding.
    Returns the loss, a scalar in nats a caption, and the cache.
    """
    log_sum, mean = _log_sum_and_mean(logits)
    at_target = np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    word = (1 - smoothing) * (log_sum - at_target) + smoothing * (log_sum - mean)
    loss = (word * mask).sum() / targets.shape[1]
    return loss, CrossEntropyCache(logits, log_sum, targets, mask, smoothing)


def cross_entropy_backward(dloss, cache):
    """dloss: scalar. Returns dlogits: (T, B, V) = (p - q) of every word, 0 at padding."""
    logits, log_sum, targets, mask, smoothing = cache
    weight = mask * (dloss / targets.shape[1])
    if kernels.fast(logits):
        return kernel.gradient(logits, log_sum, targets, weight, smoothing)
    V = logits.shape[-1]
    difference = np.exp(logits - log_sum[..., None]) - smoothing / V
    at_target = np.take_along_axis(difference, targets[..., None], axis=-1) - (1 - smoothing)
    np.put_along_axis(difference, targets[..., None], at_target, axis=-1)
    return difference * weight[..., None]


def word_log_probabilities(cache):
    """log p of every target word, without smoothing: (T, B), 0 at padding. cache: of cross_entropy_forward."""
    at_target = np.take_along_axis(cache.logits, cache.targets[..., None], axis=-1)[..., 0]
    return (at_target - cache.log_sum) * cache.mask


def _log_sum_and_mean(logits):
    """log sum_k exp(logits_k), and the mean of the logits, over the last axis."""
    if kernels.fast(logits):
        return kernel.log_sum_exp(logits)
    return softmax.log_sum_exp(logits), logits.mean(axis=-1)


def doubly_stochastic_forward(alpha, mask, normalisation="sum", target="one"):
    """The mean over captions of sum_i (target - sum_t alpha_ti)^2: over a caption, look at every location alike.

    alpha: (T, B, L) attention; mask: (T, B) of the same dtype.
    normalisation: "sum" over locations, as the paper, or their "mean", as the authors' code.
    target: "one", as the paper, or "T/L", the caption's words over L, which sum_i sum_t alpha_ti = T allows to reach.
    Returns the penalty, a scalar, and the cache. Raises ValueError for another option.
    """
    if normalisation not in ("sum", "mean") or target not in ("one", "T/L"):
        raise ValueError(f"penalty: normalisation is sum or mean, target one or T/L, not {normalisation!r}, {target!r}")
    _, B, L = alpha.shape
    aim = mask.sum(axis=0)[:, None] / L if target == "T/L" else alpha.dtype.type(1)
    missing = aim - (alpha * mask[..., None]).sum(axis=0)
    scale = 1 / B if normalisation == "sum" else 1 / (B * L)
    return scale * (missing * missing).sum(), DoublyStochasticCache(missing, mask, scale)


def doubly_stochastic_backward(dpenalty, cache):
    """dpenalty: scalar. Returns dalpha: (T, B, L), - 2 (target - sum_t alpha_ti) at every word, 0 at padding."""
    missing, mask, scale = cache
    return (-2 * scale * dpenalty) * missing * mask[..., None]
