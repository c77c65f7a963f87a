"""How the decoder of attend_tell_fused.py looks: by scaled dot products, as mlp_fused.py does by the MLP score.

The same as layers/dot_attention.py, otherwise arranged. Here the values are computed, once a picture as the keys are,
so that for every word there are four small products of each picture and head, which BLAS does, forward and back
together; and as scores are linear in the keys, their gradient can wait for all words, as that of the values does.
Axes are those of pictures, heads, captions of the picture.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.layers import softmax


class Look(NamedTuple):
    size: int  # of z, A
    W_query: np.ndarray  # (S, A), the heads side by side
    b_query: None
    W_k: np.ndarray  # (D, A)
    W_v: np.ndarray
    a: np.ndarray  # (N, L, D)
    keys: np.ndarray  # (N, heads, L, A / heads)
    values: np.ndarray
    alpha: np.ndarray  # (T, N, heads, B / N, L)


class Sums(NamedTuple):
    """What gradients are summed of, after the first word."""

    de: np.ndarray  # (T, N, heads, B / N, L)


def look(params, a, words, workspace):
    """What stays the same from word to word. a: (N, L, D) contiguous; words: (T, B)."""
    (N, L, _), (T, B), heads = a.shape, words.shape, len(params["W_v"])
    W_q, W_k, W_v = (_side_by_side(params[name]) for name in ("W_q", "W_k", "W_v"))
    keys, values = (_of_locations(multiply(a, pack(W)), heads) for W in (W_k, W_v))
    alpha = workspace.empty((T, N, heads, B // N, L))
    return Look(W_v.shape[1], W_q, None, W_k, W_v, np.ascontiguousarray(a), keys, values, alpha)


def attend(look, t, query, z, alpha, workspace):
    """(4) (5) (6) of word t. query: (B, A). Writes z: (B, size) and alpha: (B, L), the mean over heads."""
    e = _of_pictures(query, look) @ look.keys.swapaxes(2, 3)
    e /= look.keys.shape[3] ** 0.5
    look.alpha[t], _ = softmax.softmax_forward(e)
    _of_pictures(z, look)[...] = look.alpha[t] @ look.values
    np.mean(look.alpha[t], axis=1, out=alpha.reshape(look.alpha[t, :, 0].shape))


def sums(look, workspace):
    """The Sums before the last word."""
    return Sums(workspace.empty(look.alpha.shape))


def attend_backward(look, sums, t, query, dz, alpha, dalpha, dquery, workspace):
    """dz: (B, size); dalpha: (B, L), of the mean over heads. Writes dquery: (B, A) and what is to be summed."""
    N, heads, each, L = look.alpha[t].shape
    dalpha_heads = _of_pictures(dz, look) @ look.values.swapaxes(2, 3)
    dalpha_heads += (dalpha / heads).reshape(N, 1, each, L)
    de = softmax.softmax_backward(dalpha_heads, softmax.SoftmaxCache(look.alpha[t]))
    np.divide(de, look.keys.shape[3] ** 0.5, out=sums.de[t])
    _of_pictures(dquery, look)[...] = sums.de[t] @ look.keys


def gradients(look, sums, h, query, dz, alpha, dquery, workspace):
    """h: (T, B, S) before each word, and so on, of all words. Returns da: (N, L, D) and grads by name."""
    heads = look.keys.shape[1]
    dkeys, dvalues = _summed(sums.de, query, workspace), _summed(look.alpha, dz, workspace)
    products = {"W_q": (h, dquery), "W_k": (look.a, dkeys), "W_v": (look.a, dvalues)}
    grads = {name: _of_heads(multiply_transposed(*pair), heads) for name, pair in products.items()}
    da = multiply(dkeys, pack(look.W_k.T))
    multiply(dvalues, pack(look.W_v.T), da)
    return da, grads


def _summed(weights, rows, workspace):
    """For each location the sum over words and captions of weights_ti rows_t, of every head.

    weights: (T, N, heads, B / N, L); rows: (T, B, A). Returns (N, L, A).
    """
    T, N, heads, each, L = weights.shape
    A = rows.shape[2]
    weights = weights.transpose(1, 2, 0, 3, 4).reshape(N, heads, T * each, L)
    rows = rows.reshape(T, N, each, heads, A // heads).transpose(1, 3, 0, 2, 4).reshape(N, heads, T * each, -1)
    found = workspace.empty((N, L, A))
    np.matmul(weights.swapaxes(2, 3), rows, out=_of_locations(found, heads))
    return found


def _of_pictures(x, look):
    """x: (B, A), seen as (N, heads, B / N, A / heads)."""
    N, heads, each, _ = look.alpha.shape[1:]
    return x.reshape(N, each, heads, -1).swapaxes(1, 2)


def _of_locations(x, heads):
    """x: (N, L, A), seen as (N, heads, L, A / heads)."""
    N, L, A = x.shape
    return x.reshape(N, L, heads, A // heads).swapaxes(1, 2)


def _of_heads(W, heads):
    """W: (I, A), seen as (heads, I, A / heads)."""
    I, A = W.shape
    return W.reshape(I, heads, A // heads).swapaxes(0, 1)


def _side_by_side(W):
    """W: (heads, I, K). Returns (I, heads K)."""
    heads, I, K = W.shape
    return W.swapaxes(0, 1).reshape(I, heads * K)
