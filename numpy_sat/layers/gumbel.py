"""The straight-through Gumbel-softmax (Jang et al. 2017, Maddison et al. 2017): samples with an approximate gradient.

A sampled word has no gradient. But a sample can be written as a maximum of logits plus noise, and a softmax can replace
the maximum:

    g_k = - log(- log u_k), with u_k uniform on (0, 1)
    y   = onehot(argmax_k (logits_k + g_k))          a sample of softmax(logits), exactly
    p   = softmax((logits + g) / tau)                close to y for a small temperature tau, and it has a gradient

"Straight-through" uses y in the forward pass and the gradient of p in the backward pass. So the gradient is biased. A
small tau reduces the bias and increases the variance.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import embedding, softmax


class GumbelCache(NamedTuple):
    """The cache and the temperature that gumbel_softmax_forward keeps for gumbel_softmax_backward."""

    softmax: softmax.SoftmaxCache
    temperature: float


class MixtureCache(NamedTuple):
    """Arrays that mixture_forward keeps for mixture_backward."""

    E: np.ndarray  # (V, M)
    y: np.ndarray  # (B, V)


def gumbel_noise(uniforms):
    """Return noise of the Gumbel distribution, - log(- log u).

    Args:
        uniforms: uniform random numbers in [0, 1), any shape.
    Returns:
        The noise, of the same shape, finite.
    """
    u = np.maximum(uniforms, np.finfo(np.float64).tiny)
    return -np.log(-np.log(u))


def gumbel_softmax_forward(logits, noise, temperature):
    """Compute the soft samples p = softmax((logits + g) / tau).

    Args:
        logits: (B, V).
        noise: (B, V) g.
        temperature: tau, a positive number.
    Returns:
        p: (B, V).
        cache: what gumbel_softmax_backward needs.
    """
    p, cache_softmax = softmax.softmax_forward((logits + noise) / temperature)
    return p, GumbelCache(cache_softmax, temperature)


def gumbel_softmax_backward(dp, cache):
    """Compute the gradient of gumbel_softmax_forward. The noise is fixed.

    Args:
        dp: (B, V).
        cache: from gumbel_softmax_forward.
    Returns:
        dlogits: (B, V).
    """
    # d logits = (softmax's backward of dp) / tau
    return softmax.softmax_backward(dp, cache.softmax) / cache.temperature


def straight_through(p):
    """Return the hard samples y = onehot(argmax p). In the backward pass, the gradient of y is that of p.

    Args:
        p: (B, V) soft samples.
    Returns:
        (B, V) of the same dtype.
    """
    return embedding.one_hot(p.argmax(axis=-1), p.shape[-1]).astype(p.dtype)


def mixture_forward(E, y):
    """Compute the embedding of soft words: the mean of all embeddings, weighted by y. For one-hot y it is E y.

    Args:
        E: (V, M) embedding matrix.
        y: (B, V) soft or one-hot words.
    Returns:
        Ey: (B, M).
        cache: what mixture_backward needs.
    """
    return y @ E, MixtureCache(E, y)


def mixture_backward(dEy, cache):
    """Compute the gradients of mixture_forward.

    Args:
        dEy: (B, M).
        cache: from mixture_forward.
    Returns:
        dE: (V, M).
        dy: (B, V).
    """
    # Ey = y E:  dE = y^T dEy,  dy = dEy E^T
    return cache.y.T @ dEy, dEy @ cache.E.T
