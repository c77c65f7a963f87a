"""The softmax over the last axis."""

from typing import NamedTuple

import numpy as np


class SoftmaxCache(NamedTuple):
    """The probabilities that softmax_forward keeps for softmax_backward."""

    p: np.ndarray


def softmax_forward(x):
    """Compute the softmax over the last axis, without overflow.

    p_i = exp(x_i) / sum_j exp(x_j)

    Args:
        x: (..., K) scores.
    Returns:
        p: (..., K) probabilities; each row sums to 1.
        cache: what softmax_backward needs.
    """
    # Subtracting the maximum leaves p unchanged and keeps exp from overflowing.
    exp = np.exp(x - x.max(axis=-1, keepdims=True))
    p = exp / exp.sum(axis=-1, keepdims=True)
    return p, SoftmaxCache(p)


def softmax_backward(dp, cache):
    """Compute the gradient of softmax_forward.

    Args:
        dp: (..., K) gradient of p.
        cache: from softmax_forward.
    Returns:
        dx: (..., K).
    """
    p = cache.p
    # dx_i = p_i (dp_i - sum_j p_j dp_j)
    # term 1, dp_i: through the numerator exp(x_i)
    # term 2, the sum: through the normalization of every p_j
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


def log_softmax(x):
    """Compute the log of the softmax over the last axis, which stays finite where p would round to 0.

    log p_i = x_i - log sum_j exp(x_j)

    Args:
        x: (..., K) scores.
    Returns:
        (..., K) log probabilities.
    """
    return x - log_sum_exp(x)[..., None]


def log_sum_exp(x):
    """Compute log sum_j exp(x_j) over the last axis, without overflow.

    Args:
        x: (..., K) scores.
    Returns:
        (...) logarithms.
    """
    largest = x.max(axis=-1)
    return largest + np.log(np.exp(x - largest[..., None]).sum(axis=-1))
