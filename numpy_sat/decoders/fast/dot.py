"""Attention by scaled dot products for the fused recurrence.

It computes what layers/dot_attention.py computes, in another order. The values are computed once per image, as the keys
are. So every word needs four small products per image and head, forward and backward together, which BLAS computes.
Scores are linear in the keys, so the keys' gradient can wait for all words, as that of the values does. Axes are
images, heads, captions of the image.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.layers import softmax
from numpy_sat.system.workspace import current


class Attention(NamedTuple):
    """Arrays that are the same for every word, and queries and alpha of all words."""

    size: int  # of z, A
    W_q: np.ndarray  # (S, A), the heads side by side
    packed: tuple  # W_q, packed
    W_k: np.ndarray  # (D, A)
    W_v: np.ndarray
    a: np.ndarray  # (N, L, D)
    keys: np.ndarray  # (N, heads, L, A / heads)
    values: np.ndarray
    query: np.ndarray  # (T, B, A)
    alpha: np.ndarray  # (T, N, heads, B / N, L)


class Sums(NamedTuple):
    """Arrays of all words, from which the gradients are computed in the end."""

    W_q: tuple  # transposed and packed
    de: np.ndarray  # (T, N, heads, B / N, L)
    dquery: np.ndarray  # (T, B, A)


def start(params, a, words, modes=None):
    """Return the Attention. a: (N, L, D); words: (T, B); modes: not used."""
    (N, L, _), (T, B), heads = a.shape, words.shape, len(params["W_v"])
    W_q, W_k, W_v = (_side_by_side(params[name]) for name in ("W_q", "W_k", "W_v"))
    keys, values = (_of_locations(multiply(a, pack(W)), heads) for W in (W_k, W_v))
    query, alpha = current().empty((T, B, W_q.shape[1])), current().empty((T, N, heads, B // N, L))
    return Attention(W_v.shape[1], W_q, pack(W_q), W_k, W_v, np.ascontiguousarray(a), keys, values, query, alpha)


def attend_forward(attention, t, h, z, alpha):
    """Compute equations 4 to 6 of word t. h: (B, S). Writes z: (B, size) and alpha: (B, L), the mean over heads."""
    query, alpha_heads = attention.query[t], attention.alpha[t]
    query[:] = multiply(h, attention.packed)
    # (4) e_ti = q_t . k_i / sqrt(K)
    e = _of_images(query, attention) @ attention.keys.swapaxes(2, 3)
    e /= attention.keys.shape[3] ** 0.5
    # (5) alpha_t = softmax(e_t)
    alpha_heads[:], _ = softmax.softmax_forward(e)
    # (6) z_t = sum_i alpha_ti v_i
    _of_images(z, attention)[...] = alpha_heads @ attention.values
    np.mean(alpha_heads, axis=1, out=alpha.reshape(alpha_heads[:, 0].shape))


def start_backward(attention):
    """Return empty Sums."""
    empty = current().empty
    return Sums(pack(attention.W_q.T), empty(attention.alpha.shape), empty(attention.query.shape))


def attend_backward(attention, sums, t, dz, alpha, dalpha, dh):
    """Compute the gradients of word t.

    Args:
        dz: (B, size).
        alpha: not used.
        dalpha: (B, L), of the mean over heads.
        dh: (B, S), added to in place.
    """
    (N, heads, each, L), dquery = attention.alpha[t].shape, sums.dquery[t]
    # alpha of each head: term 1: through its context; term 2: through the mean
    dalpha_heads = _of_images(dz, attention) @ attention.values.swapaxes(2, 3)
    dalpha_heads += (dalpha / heads).reshape(N, 1, each, L)
    de = softmax.softmax_backward(dalpha_heads, softmax.SoftmaxCache(attention.alpha[t]))
    np.divide(de, attention.keys.shape[3] ** 0.5, out=sums.de[t])
    _of_images(dquery, attention)[...] = sums.de[t] @ attention.keys
    multiply(dquery, sums.W_q, dh)


def gradients(attention, sums, h, dz, alpha):
    """Compute the gradients that need all words.

    Args:
        h: (T, B, S) hidden states before each word.
        dz: (T, B, size).
        alpha: not used.
    Returns:
        da: (N, L, D).
        grads: W_q, W_k, W_v.
    """
    heads = attention.keys.shape[1]
    dkeys, dvalues = _summed(sums.de, attention.query), _summed(attention.alpha, dz)
    products = {"W_q": (h, sums.dquery), "W_k": (attention.a, dkeys), "W_v": (attention.a, dvalues)}
    grads = {name: _of_heads(multiply_transposed(*pair), heads) for name, pair in products.items()}
    # a: term 1: through the keys; term 2: through the values
    da = multiply(dkeys, pack(attention.W_k.T))
    multiply(dvalues, pack(attention.W_v.T), da)
    return da, grads


def _summed(weights, rows):
    """Compute the sum over words and captions of weights_ti rows_t, for each location and head.

    Args:
        weights: (T, N, heads, B / N, L).
        rows: (T, B, A).
    Returns:
        (N, L, A).
    """
    T, N, heads, each, L = weights.shape
    A = rows.shape[2]
    weights = weights.transpose(1, 2, 0, 3, 4).reshape(N, heads, T * each, L)
    rows = rows.reshape(T, N, each, heads, A // heads).transpose(1, 3, 0, 2, 4).reshape(N, heads, T * each, -1)
    sums = current().empty((N, L, A))
    np.matmul(weights.swapaxes(2, 3), rows, out=_of_locations(sums, heads))
    return sums


def _of_images(x, attention):
    """View x: (B, A) as (N, heads, B / N, A / heads)."""
    N, heads, each, _ = attention.alpha.shape[1:]
    return x.reshape(N, each, heads, -1).swapaxes(1, 2)


def _of_locations(x, heads):
    """View x: (N, L, A) as (N, heads, L, A / heads)."""
    N, L, A = x.shape
    return x.reshape(N, L, heads, A // heads).swapaxes(1, 2)


def _of_heads(W, heads):
    """View W: (I, A) as (heads, I, A / heads)."""
    I, A = W.shape
    return W.reshape(I, heads, A // heads).swapaxes(0, 1)


def _side_by_side(W):
    """Return W: (heads, I, K) as (I, heads K)."""
    heads, I, K = W.shape
    return W.swapaxes(0, 1).reshape(I, heads * K)
