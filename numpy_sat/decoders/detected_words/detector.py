"""The word detectors: which words fit an image, learned from its captions without boxes (after Fang et al. 2014).

    z_jw = W_d a_j + b_w + beta_w                 logit of word w at location j
    p_w = 1 - prod_j (1 - sigm(z_jw))             noisy-OR over the locations (layers/noisy_or.py)

beta_w is the bias with which p_w starts at the word's base rate, the share of training images whose captions have it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data.vocabulary import SPECIALS
from numpy_sat.layers import linear, noisy_or

FUNCTION_WORD = 0.55  # base rate from which on a word is a function word, which fits every image
THRESHOLD = 0.5  # probability above which a word counts as detected


class DetectCache(NamedTuple):
    """The caches that detect_forward keeps for detect_backward."""

    linear: linear.LinearCache
    noisy_or: noisy_or.NoisyOrCache


def init_params(rng, D, V, dtype=np.float32):
    """Draw the detectors' parameters. The weights start small, so that p_w starts at the word's base rate.

    Args:
        rng: numpy Generator.
        D, V: annotation size, vocabulary size.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name. The base rates are 1/2 until they are counted.
    """
    W_d = (0.01 * (rng.standard_normal((D, V)) / np.sqrt(D))).astype(dtype)
    return {"W_d": W_d, "b_d": np.zeros(V, dtype), "base_rates": np.full(V, 0.5, dtype)}


def word_labels(captions: Sequence[Sequence[Sequence[int]]], V: int) -> np.ndarray:
    """Return which words the captions of each image have.

    Args:
        captions: word numbers of each caption of each of N images.
        V: vocabulary size.
    Returns:
        (N, V) bool.
    """
    labels = np.zeros((len(captions), V), bool)
    for row, image_captions in zip(labels, captions, strict=True):
        row[np.concatenate(image_captions)] = True
    return labels


def base_rates(labels: np.ndarray) -> np.ndarray:
    """Return the share of images that have each word, which is never 0 or 1. labels: (N, V) bool."""
    return (labels.sum(axis=0) + 1) / (len(labels) + 2)


def location_logits(params, a):
    """Compute the logit of every word at every location.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
    Returns:
        z: (N, L, V).
        cache: of layers/linear.py.
    """
    # z_jw = W_d a_j + b_w + beta_w
    beta = noisy_or.bias_of_rate(params["base_rates"].astype(np.float64), a.shape[1]).astype(a.dtype)
    return linear.linear_forward(a, params["W_d"], params["b_d"] + beta)


def detect_forward(params, a):
    """Compute log p and log(1 - p) of every word.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
    Returns:
        log_p: (N, V).
        log_not_p: (N, V).
        cache: what detect_backward needs.
    """
    z, cache_linear = location_logits(params, a)
    log_p, log_not_p, cache_noisy_or = noisy_or.noisy_or_forward(z)
    return log_p, log_not_p, DetectCache(cache_linear, cache_noisy_or)


def detect_backward(dlog_p, dlog_not_p, cache):
    """Compute the gradients of detect_forward.

    Args:
        dlog_p: (N, V).
        dlog_not_p: (N, V).
        cache: from detect_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by name.
    """
    dz = noisy_or.noisy_or_backward(dlog_p, dlog_not_p, cache.noisy_or)
    da, dW_d, db_d = linear.linear_backward(dz, cache.linear)
    return da, {"W_d": dW_d, "b_d": db_d}


def detected_words(params, log_p):
    """Return which words count as detected: likely ones, without function words, <start>, <end> and <unk>.

    Args:
        params: arrays by name.
        log_p: (N, V) from detect_forward.
    Returns:
        (N, V) bool, V~ before the first word.
    """
    detected = (log_p > np.log(THRESHOLD)) & (params["base_rates"] < FUNCTION_WORD)
    detected[:, : len(SPECIALS)] = False
    return detected
