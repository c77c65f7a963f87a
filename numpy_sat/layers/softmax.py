"""The softmax over the last axis."""

from typing import NamedTuple

import numpy as np


class SoftmaxCache(NamedTuple):
    p: np.ndarray


def softmax_forward(x):
    """p_i = exp(x_i) / sum_j exp(x_j) over the last axis; the maximum is taken off first, so exp cannot overflow.

    x: (..., K) scores. Returns p: (..., K), each row summing to 1, and the cache.
    """
    exp = np.exp(x - x.max(axis=-1, keepdims=True))
    p = exp / exp.sum(axis=-1, keepdims=True)
    return p, SoftmaxCache(p)


def softmax_backward(dp, cache):
    """dp: (..., K). Returns dx: (..., K), dx_i = p_i (dp_i - sum_j p_j dp_j)."""
    p = cache.p
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


def log_softmax(x):
    """log p_i = x_i - log sum_j exp(x_j) over the last axis, without forming a p that could be 0. x: (..., K)."""
    return x - log_sum_exp(x)[..., None]


def log_sum_exp(x):
    """log sum_j exp(x_j) over the last axis; the maximum is taken off first, so exp cannot overflow. x: (..., K)."""
    largest = x.max(axis=-1)
    return largest + np.log(np.exp(x - largest[..., None]).sum(axis=-1))
