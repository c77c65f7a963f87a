"""Provide scaled dot-product attention for the fused recurrence.

The results are those of layers/dot_attention.py, computed in another order. Keys and values are computed once per
image. Every word then needs four small BLAS products per image and head, forward and backward together. Scores are
linear in the keys, so the gradients of keys and values are computed after the loop over words. The leading axes of the
arrays are images, heads and captions of an image.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.layers import softmax
from numpy_sat.system.workspace import current


class Attention(NamedTuple):
    """The arrays that all words share, and the queries and attention weights of all words."""

    size: int  # size of z, A
    W_q: np.ndarray  # (S, A), the heads side by side
    packed: tuple  # W_q packed
    W_k: np.ndarray  # (D, A)
    W_v: np.ndarray
    a: np.ndarray  # (N, L, D)
    keys: np.ndarray  # (N, heads, L, A / heads)
    values: np.ndarray
    query: np.ndarray  # (T, B, A)
    alpha: np.ndarray  # (T, N, heads, B / N, L)


class Sums(NamedTuple):
    """The arrays of all words from which the gradients are computed after the loop over words."""

    W_q: tuple  # W_q transposed and packed
    de: np.ndarray  # (T, N, heads, B / N, L)
    dquery: np.ndarray  # (T, B, A)


def start(params, a, words, modes=None):
    """Return the Attention of a batch.

    Args:
        params: arrays by name: W_q, W_k and W_v.
        a: (N, L, D) annotations.
        words: (T, B) integers; only their shape is used.
        modes: not used.
    """
    (N, L, _), (T, B), heads = a.shape, words.shape, len(params["W_v"])
    W_q, W_k, W_v = (_side_by_side(params[name]) for name in ("W_q", "W_k", "W_v"))
    keys, values = (_by_location(multiply(a, pack(W)), heads) for W in (W_k, W_v))
    query, alpha = current().empty((T, B, W_q.shape[1])), current().empty((T, N, heads, B // N, L))
    return Attention(W_v.shape[1], W_q, pack(W_q), W_k, W_v, np.ascontiguousarray(a), keys, values, query, alpha)


def attend_forward(attention, t, h, z, alpha):
    """Compute equations 4 to 6 for word t.

    Args:
        attention: Attention.
        t: index of the word.
        h: (B, S) hidden states before the word.
        z: (B, size) output array for the contexts.
        alpha: (B, L) output array for the attention weights, the mean over heads.
    """
    query, alpha_heads = attention.query[t], attention.alpha[t]
    query[:] = multiply(h, attention.packed)
    # (4) e_ti = q_t . k_i / sqrt(K)
    e = _by_image(query, attention) @ attention.keys.swapaxes(2, 3)
    e /= attention.keys.shape[3] ** 0.5
    # (5) alpha_t = softmax(e_t)
    alpha_heads[:], _ = softmax.softmax_forward(e)
    # (6) z_t = sum_i alpha_ti v_i
    _by_image(z, attention)[...] = alpha_heads @ attention.values
    np.mean(alpha_heads, axis=1, out=alpha.reshape(alpha_heads[:, 0].shape))


def start_backward(attention):
    """Return empty Sums."""
    empty = current().empty
    return Sums(pack(attention.W_q.T), empty(attention.alpha.shape), empty(attention.query.shape))


def attend_backward(attention, sums, t, dz, alpha, dalpha, dh):
    """Compute the gradients of word t.

    Args:
        attention: Attention.
        sums: Sums; the entries of word t are set.
        t: index of the word.
        dz: (B, size).
        alpha: not used.
        dalpha: (B, L) gradient of the mean over heads.
        dh: (B, S) gradient of h_{t-1}; the term through the attention is added in place.
    """
    (N, heads, each, L), dquery = attention.alpha[t].shape, sums.dquery[t]
    # (6) gradient of alpha of each head: term 1: through the context of the head
    dalpha_heads = _by_image(dz, attention) @ attention.values.swapaxes(2, 3)
    # term 2: through the mean over heads
    dalpha_heads += (dalpha / heads).reshape(N, 1, each, L)
    # (5) alpha_t = softmax(e_t)
    de = softmax.softmax_backward(dalpha_heads, softmax.SoftmaxCache(attention.alpha[t]))
    # (4) e_ti = q_t . k_i / sqrt(K), q_t = h_{t-1} W_q
    np.divide(de, attention.keys.shape[3] ** 0.5, out=sums.de[t])
    _by_image(dquery, attention)[...] = sums.de[t] @ attention.keys
    multiply(dquery, sums.W_q, dh)


def gradients(attention, sums, h, dz, alpha, da_location):
    """Compute the gradients that are sums over all words.

    Args:
        attention: Attention.
        sums: Sums.
        h: (T, B, S) hidden states before each word.
        dz: (T, B, size).
        alpha: not used.
        da_location: (N, D) gradient of every annotation of an image, through h_0 and c_0.
    Returns:
        da: (N, L, D).
        grads: W_q, W_k and W_v by name.
    """
    heads = attention.keys.shape[1]
    dkeys, dvalues = _weighted_sum(sums.de, attention.query), _weighted_sum(attention.alpha, dz)
    # dW = x^T dy for queries, keys and values y = x W
    products = {"W_q": (h, sums.dquery), "W_k": (attention.a, dkeys), "W_v": (attention.a, dvalues)}
    grads = {name: _by_head(multiply_transposed(*pair), heads) for name, pair in products.items()}
    # gradient of a: term 1: through the keys
    da = multiply(dkeys, pack(attention.W_k.T))
    # term 2: through the values
    multiply(dvalues, pack(attention.W_v.T), da)
    # term 3: through h_0 and c_0
    da += da_location[:, None]
    return da, grads


def _weighted_sum(weights, rows):
    """Compute the sum over words and captions of weights_ti rows_t, for each location and head.

    Args:
        weights: (T, N, heads, B / N, L).
        rows: (T, B, A).
    Returns:
        sums: (N, L, A).
    """
    T, N, heads, each, L = weights.shape
    A = rows.shape[2]
    weights = weights.transpose(1, 2, 0, 3, 4).reshape(N, heads, T * each, L)
    rows = rows.reshape(T, N, each, heads, A // heads).transpose(1, 3, 0, 2, 4).reshape(N, heads, T * each, -1)
    sums = current().empty((N, L, A))
    np.matmul(weights.swapaxes(2, 3), rows, out=_by_location(sums, heads))
    return sums


def _by_image(x, attention):
    """View x: (B, A) as (N, heads, B / N, A / heads)."""
    N, heads, each, _ = attention.alpha.shape[1:]
    return x.reshape(N, each, heads, -1).swapaxes(1, 2)


def _by_location(x, heads):
    """View x: (N, L, A) as (N, heads, L, A / heads)."""
    N, L, A = x.shape
    return x.reshape(N, L, heads, A // heads).swapaxes(1, 2)


def _by_head(W, heads):
    """View W: (I, A) as (heads, I, A / heads)."""
    I, A = W.shape
    return W.reshape(I, heads, A // heads).swapaxes(0, 1)


def _side_by_side(W):
    """Return W: (heads, I, K) as (I, heads K)."""
    heads, I, K = W.shape
    return W.swapaxes(0, 1).reshape(I, heads * K)
