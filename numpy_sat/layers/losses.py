"""The loss of Xu et al. equation 14: masked cross-entropy and the doubly stochastic penalty.

Both are means over the B captions of sums over their words; padding (mask 0) enters neither.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import cross_entropy as kernel
from numpy_sat.kernels import float32
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
    """Compute the mean over captions of the sum over words of - sum_k q_k log p_k, with p = softmax(logits).

    q is 1 at the target; with smoothing s it is 1 - s at the target plus s / V at every word (Szegedy et al. 2016).

    Args:
        logits: (T, B, V).
        targets: (T, B) integers.
        mask: (T, B) of the dtype of the logits, 1 at words, 0 at padding.
        smoothing: s, label smoothing, 0 to below 1.
    Returns:
        loss: a scalar, nats per caption.
        cache: what cross_entropy_backward needs.
    """
    log_sum, mean = _log_sum_and_mean(logits)
    at_target = np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    word = (1 - smoothing) * (log_sum - at_target) + smoothing * (log_sum - mean)
    loss = (word * mask).sum() / targets.shape[1]
    return loss, CrossEntropyCache(logits, log_sum, targets, mask, smoothing)


@float32(kernel.cross_entropy_backward)
def cross_entropy_backward(dloss, cache):
    """Compute the gradient of cross_entropy_forward: (p - q) / B of every word, 0 at padding.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from cross_entropy_forward.
    Returns:
        dlogits: (T, B, V).
    """
    logits, log_sum, targets, mask, smoothing = cache
    weight = mask * (dloss / targets.shape[1])
    V = logits.shape[-1]
    difference = np.exp(logits - log_sum[..., None]) - smoothing / V
    at_target = np.take_along_axis(difference, targets[..., None], axis=-1) - (1 - smoothing)
    np.put_along_axis(difference, targets[..., None], at_target, axis=-1)
    return difference * weight[..., None]


def word_log_probabilities(cache):
    """Return log p of every target word, without label smoothing: (T, B), 0 at padding.

    Args:
        cache: from cross_entropy_forward.
    """
    at_target = np.take_along_axis(cache.logits, cache.targets[..., None], axis=-1)[..., 0]
    return (at_target - cache.log_sum) * cache.mask


@float32(kernel.log_sum_exp)
def _log_sum_and_mean(logits):
    """Return log sum_k exp(logits_k) and the mean of the logits, both over the last axis."""
    return softmax.log_sum_exp(logits), logits.mean(axis=-1)


def doubly_stochastic_forward(alpha, mask, normalisation="sum", target="one"):
    """Compute the mean over captions of sum_i (target - sum_t alpha_ti)^2.

    The penalty is small where a caption, as a whole, looks at every location equally long.

    Args:
        alpha: (T, B, L) attention weights.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
        normalisation: "sum" over locations, as in the paper, or their "mean", as in the authors' code.
        target: "one", as in the paper, or "T/L", the caption's words over L, which sum_i sum_t alpha_ti = T can reach.
    Returns:
        penalty: a scalar.
        cache: what doubly_stochastic_backward needs.
    Raises:
        ValueError: another normalisation or target.
    """
    if normalisation not in ("sum", "mean") or target not in ("one", "T/L"):
        raise ValueError(f"penalty: normalisation is sum or mean, target one or T/L, not {normalisation!r}, {target!r}")
    _, B, L = alpha.shape
    aim = mask.sum(axis=0)[:, None] / L if target == "T/L" else alpha.dtype.type(1)
    missing = aim - (alpha * mask[..., None]).sum(axis=0)
    scale = 1 / B if normalisation == "sum" else 1 / (B * L)
    return scale * (missing * missing).sum(), DoublyStochasticCache(missing, mask, scale)


def doubly_stochastic_backward(dpenalty, cache):
    """Compute the gradient of doubly_stochastic_forward: - 2 (target - sum_t alpha_ti) at every word, 0 at padding.

    Args:
        dpenalty: gradient of the penalty, a scalar.
        cache: from doubly_stochastic_forward.
    Returns:
        dalpha: (T, B, L).
    """
    missing, mask, scale = cache
    return (-2 * scale * dpenalty) * missing * mask[..., None]
