"""The loss of Xu et al. 2015, equation 14: masked cross-entropy and the doubly stochastic attention penalty.

Both are means over the B captions. Padding (mask 0) contributes to neither.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels import cross_entropy as kernel
from numpy_sat.kernels import float32
from numpy_sat.kernels import penalty as penalty_kernel
from numpy_sat.layers import softmax


class CrossEntropyCache(NamedTuple):
    """Arrays that cross_entropy_forward keeps for cross_entropy_backward."""

    logits: np.ndarray  # (T, B, V)
    log_sum: np.ndarray  # (T, B), log sum_k exp(logits_k), so that log p_k = logits_k - log_sum
    targets: np.ndarray  # (T, B)
    mask: np.ndarray  # (T, B)
    smoothing: float


class DoublyStochasticCache(NamedTuple):
    """Arrays that doubly_stochastic_forward keeps for doubly_stochastic_backward."""

    missing: np.ndarray  # (B, L), target - sum over t of alpha
    mask: np.ndarray  # (T, B)
    scale: float  # 1 / B, or 1 / (B L)


def cross_entropy_forward(logits, targets, mask, smoothing=0.0):
    """Compute the cross-entropy of captions, with label smoothing (Szegedy et al. 2016).

    The loss of a word is - sum_k q_k log p_k, with p = softmax(logits). Without smoothing, q is 1 at the target and 0
    elsewhere. Label smoothing s changes q to 1 - s at the target, plus s / V at every word of the vocabulary. The loss
    sums over the words of a caption and averages over captions.

    Args:
        logits: (T, B, V) scores of all words at every position.
        targets: (T, B) integers, the correct words.
        mask: (T, B) of the dtype of the logits, 1 at words, 0 at padding.
        smoothing: s, label smoothing, 0 to below 1.
    Returns:
        loss: a scalar, nats per caption.
        cache: what cross_entropy_backward needs.
    """
    log_sum, mean = _log_sum_and_mean(logits)
    at_target = np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    # - sum_k q_k log p_k = (1 - s) (log_sum - logit of the target) + s (log_sum - mean of the logits)
    word = (1 - smoothing) * (log_sum - at_target) + smoothing * (log_sum - mean)
    loss = (word * mask).sum() / targets.shape[1]
    return loss, CrossEntropyCache(logits, log_sum, targets, mask, smoothing)


@float32(kernel.cross_entropy_backward)
def cross_entropy_backward(dloss, cache):
    """Compute the gradient of cross_entropy_forward: (p - q) / B at every word, 0 at padding.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from cross_entropy_forward.
    Returns:
        dlogits: (T, B, V).
    """
    logits, log_sum, targets, mask, smoothing = cache
    weight = mask * (dloss / targets.shape[1])
    V = logits.shape[-1]
    # dlogits = (p - q) dloss / B, with q = s / V at every word, plus 1 - s at the target
    difference = np.exp(logits - log_sum[..., None]) - smoothing / V
    at_target = np.take_along_axis(difference, targets[..., None], axis=-1) - (1 - smoothing)
    np.put_along_axis(difference, targets[..., None], at_target, axis=-1)
    return difference * weight[..., None]


def word_log_probabilities(cache):
    """Return log p of every target word, without label smoothing.

    Args:
        cache: from cross_entropy_forward.
    Returns:
        (T, B) log probabilities, 0 at padding.
    """
    at_target = np.take_along_axis(cache.logits, cache.targets[..., None], axis=-1)[..., 0]
    return (at_target - cache.log_sum) * cache.mask


@float32(kernel.log_sum_exp)
def _log_sum_and_mean(logits):
    """Return log sum_k exp(logits_k) and the mean of the logits, both over the last axis."""
    return softmax.log_sum_exp(logits), logits.mean(axis=-1)


def doubly_stochastic_forward(alpha, mask, normalisation="sum", target="one"):
    """Compute the doubly stochastic attention penalty: the mean over captions of sum_i (target - sum_t alpha_ti)^2.

    The penalty is small if a caption, summed over its words, gives every location the same attention.

    Args:
        alpha: (T, B, L) attention weights.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
        normalisation: "sum" over locations, as in the paper, or their "mean", as in the authors' code.
        target: "one", as in the paper, or "T/L", words of the caption over L. Uniform attention reaches "T/L" exactly.
    Returns:
        penalty: a scalar.
        cache: what doubly_stochastic_backward needs.
    Raises:
        ValueError: the normalisation or the target is unknown.
    """
    if normalisation not in ("sum", "mean") or target not in ("one", "T/L"):
        raise ValueError(f"penalty: normalisation is sum or mean, target one or T/L, not {normalisation!r}, {target!r}")
    _, B, L = alpha.shape
    aim = mask.sum(axis=0)[:, None] / L if target == "T/L" else alpha.dtype.type(1)
    # missing_i = target - sum over t of alpha_ti
    missing = aim - (alpha * mask[..., None]).sum(axis=0)
    scale = 1 / B if normalisation == "sum" else 1 / (B * L)
    return scale * (missing * missing).sum(), DoublyStochasticCache(missing, mask, scale)


@float32(penalty_kernel.doubly_stochastic_backward)
def doubly_stochastic_backward(dpenalty, cache):
    """Compute the gradient of doubly_stochastic_forward.

    It is - 2 scale (target - sum_t alpha_ti) at every word and 0 at padding. The scale is 1 / B, or 1 / (B L) if the
    normalisation is "mean".

    Args:
        dpenalty: gradient of the penalty, a scalar.
        cache: from doubly_stochastic_forward.
    Returns:
        dalpha: (T, B, L).
    """
    missing, mask, scale = cache
    # dalpha_ti = - 2 scale dpenalty missing_i, the same for every word t of a caption
    return (-2 * scale * dpenalty) * missing * mask[..., None]
