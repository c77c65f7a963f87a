"""Noisy-OR: the probability that a word fits an image, from its probabilities at the locations (Fang et al. 2014).

p_j = sigm(z_j),   p = 1 - prod_j (1 - p_j)

A product of many factors underflows, and 1 - p loses all digits of a small p. So both logarithms are computed from z.
"""

from typing import NamedTuple

import numpy as np


class NoisyOrCache(NamedTuple):
    """Arrays that noisy_or_forward keeps for noisy_or_backward."""

    z: np.ndarray  # (N, L, V)
    log_p: np.ndarray  # (N, V)
    log_not_p: np.ndarray  # (N, V)


class DetectionCache(NamedTuple):
    """The labels that detection_forward keeps for detection_backward."""

    labels: np.ndarray  # (N, V)


def noisy_or_forward(z):
    """Compute log p and log(1 - p) of every word of every image.

    Args:
        z: (N, L, V) logits of every word at every location.
    Returns:
        log_p: (N, V) log p.
        log_not_p: (N, V) log(1 - p).
        cache: what noisy_or_backward needs.
    """
    # log(1 - p) = sum_j log(1 - p_j) = sum_j -softplus(z_j), below 0 even if every softplus rounds to 0
    log_not_p = -np.maximum(softplus(z).sum(axis=1), np.finfo(z.dtype).tiny)
    # log p = log(1 - exp(log(1 - p)))
    log_p = np.log(-np.expm1(log_not_p))
    return log_p, log_not_p, NoisyOrCache(z, log_p, log_not_p)


def noisy_or_backward(dlog_p, dlog_not_p, cache):
    """Compute the gradient of noisy_or_forward.

    Args:
        dlog_p: (N, V).
        dlog_not_p: (N, V).
        cache: from noisy_or_forward.
    Returns:
        dz: (N, L, V).
    """
    z, log_p, log_not_p = cache
    log_p_j = -softplus(-z)
    # term 1: dlog p / dz_j = p_j (1 - p) / p, whose logarithm is finite even if p rounds to 0
    share = np.exp(log_p_j + (log_not_p - log_p)[:, None])
    # term 2: dlog(1 - p) / dz_j = - p_j
    return dlog_p[:, None] * share - dlog_not_p[:, None] * np.exp(log_p_j)


def detection_forward(log_p, log_not_p, labels):
    """Compute the cross-entropy of word detectors.

    The loss is the mean over images of - sum_w [y_w log p_w + (1 - y_w) log(1 - p_w)].

    Args:
        log_p: (N, V) log p.
        log_not_p: (N, V) log(1 - p).
        labels: (N, V) y, 1 if a caption of the image has the word, else 0.
    Returns:
        loss: a scalar, nats per image.
        cache: what detection_backward needs.
    """
    loss = -(labels * log_p + (1 - labels) * log_not_p).sum() / len(labels)
    return loss, DetectionCache(labels)


def detection_backward(dloss, cache):
    """Compute the gradients of detection_forward.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from detection_forward.
    Returns:
        dlog_p: (N, V).
        dlog_not_p: (N, V).
    """
    weight = dloss / len(cache.labels)
    return -weight * cache.labels, -weight * (1 - cache.labels)


def bias_of_rate(rate, L):
    """Return the logit of a word at L equal locations whose noisy-OR p is the word's base rate.

    With a bias of 0, every p would start at 1 - 2^-L. Present words would learn nothing, and absent ones too much.

    Args:
        rate: (V,) share of images with the word, above 0 and below 1.
        L: number of locations.
    Returns:
        (V,) logits.
    """
    # (1 - p_j)^L = 1 - rate, and the logit of p_j is log p_j - log(1 - p_j)
    log_not_p_j = np.log1p(-rate) / L
    return np.log(-np.expm1(log_not_p_j)) - log_not_p_j


def softplus(x):
    """Compute log(1 + exp(x)) without overflow. x: any shape."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
