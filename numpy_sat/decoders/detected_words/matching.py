"""The similarity of an image and a caption, from two small networks (after Fang et al. 2014).

y_I = W_I tanh(W_x x + b_x)                   x: the mean annotations of the image's four quarters
y_S = W_S sum_t tanh(W_e e_t + b_e)           e_t: the embeddings of three neighboring words
R(I, S) = cos(y_I, y_S)                       trained to choose right captions among wrong ones (layers/similarity.py)
"""

import math
from typing import NamedTuple

import numpy as np

from numpy_sat.data.vocabulary import END
from numpy_sat.layers import activations, embedding, linear, similarity

GAMMA = 10.0  # factor of the cosine in the softmax over captions
WINDOW = 3  # words side by side
QUARTERS = 4


class NetworkCache(NamedTuple):
    """The caches of one network."""

    first: linear.LinearCache
    tanh: activations.TanhCache
    second: linear.LinearCache
    mask: np.ndarray | None  # (T, B) of captions
    embedding: embedding.EmbeddingCache | None  # of captions


def init_params(rng, D, V, M, H, dtype=np.float32):
    """Draw the parameters of both networks. Weights have the standard deviation 1 / sqrt(inputs), those of E 0.5.

    Args:
        rng: numpy Generator.
        D, V, M, H: annotation size, vocabulary size, embedding size, size of the networks' layers.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    """

    def weights(rows):
        return (rng.standard_normal((rows, H)) / np.sqrt(rows)).astype(dtype)

    return {
        "E": (0.5 * rng.standard_normal((V, M))).astype(dtype),
        **{"W_x": weights(QUARTERS * D), "b_x": np.zeros(H, dtype), "W_I": weights(H)},
        **{"W_e": weights(WINDOW * M), "b_e": np.zeros(H, dtype), "W_S": weights(H)},
    }


def image_forward(params, a):
    """Compute the vectors of images. The annotations are constants.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
    Returns:
        y_I: (N, H).
        cache: what image_backward needs.
    """
    x = (quarters(a.shape[1]).astype(a.dtype) @ a).reshape(len(a), -1)
    hidden, cache_first = linear.linear_forward(x, params["W_x"], params["b_x"])
    hidden, cache_tanh = activations.tanh_forward(hidden)
    y_I, cache_second = linear.linear_forward(hidden, params["W_I"], np.zeros(len(params["b_x"]), a.dtype))
    return y_I, NetworkCache(cache_first, cache_tanh, cache_second, None, None)


def image_backward(dy_I, cache):
    """Compute the gradients of image_forward by name. dy_I: (N, H)."""
    dhidden, dW_I, _ = linear.linear_backward(dy_I, cache.second)
    dhidden = activations.tanh_backward(dhidden, cache.tanh)
    _, dW_x, db_x = linear.linear_backward(dhidden, cache.first)
    return {"W_I": dW_I, "W_x": dW_x, "b_x": db_x}


def caption_forward(params, words, targets, mask):
    """Compute the vectors of captions.

    Args:
        params: arrays by name.
        words: (T, B) integers y_0 = <start>, y_1, ...
        targets: (T, B) integers y_1, ..., <end>.
        mask: (T, B) 1 at words, 0 at padding.
    Returns:
        y_S: (B, H).
        cache: what caption_backward needs.
    """
    following = np.concatenate([targets[1:], np.full_like(targets[:1], END)])
    windows, cache_embedding = embedding.embedding_forward(params["E"], np.stack([words, targets, following], axis=-1))
    hidden, cache_first = linear.linear_forward(windows.reshape(*words.shape, -1), params["W_e"], params["b_e"])
    hidden, cache_tanh = activations.tanh_forward(hidden)
    # y_S = W_S sum_t tanh(W_e e_t + b_e); the cosine ignores its length
    total = (hidden * mask[..., None]).sum(axis=0)
    y_S, cache_second = linear.linear_forward(total, params["W_S"], np.zeros(len(params["b_e"]), hidden.dtype))
    return y_S, NetworkCache(cache_first, cache_tanh, cache_second, mask, cache_embedding)


def caption_backward(dy_S, cache):
    """Compute the gradients of caption_forward by name. dy_S: (B, H)."""
    dtotal, dW_S, _ = linear.linear_backward(dy_S, cache.second)
    dhidden = activations.tanh_backward(dtotal * cache.mask[..., None], cache.tanh)
    dwindows, dW_e, db_e = linear.linear_backward(dhidden, cache.first)
    dE = embedding.embedding_backward(dwindows.reshape(*dwindows.shape[:-1], WINDOW, -1), cache.embedding)
    return {"W_S": dW_S, "W_e": dW_e, "b_e": db_e, "E": dE}


def similarities(params, a, words, targets, mask):
    """Compute R(I, S) of every image with every caption: (N, B). Arguments are those of the two networks."""
    y_I, _ = image_forward(params, a)
    y_S, _ = caption_forward(params, words, targets, mask)
    return similarity.cosine_forward(y_I, y_S)[0]


def quarters(L):
    """Return the weights of the locations in the mean of each quarter of the image.

    Args:
        L: number of locations. If L is no square, as for the words of a phrase, each mean takes all locations.
    Returns:
        (QUARTERS, L) weights; each row sums to 1.
    """
    side = math.isqrt(L)
    if side * side != L:
        return np.full((QUARTERS, L), 1 / L)
    # the share of each row of the grid, or column, in the first half of the image
    first = np.clip(side / 2 - np.arange(side), 0, 1)
    halves = np.stack([first, 1 - first])
    shares = np.einsum("ir,jc->ijrc", halves, halves).reshape(QUARTERS, L)
    return shares / shares.sum(axis=1, keepdims=True)
