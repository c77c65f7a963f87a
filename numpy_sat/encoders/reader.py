"""The encoder of a translator: from a sentence to annotation vectors, one for each word.

An LSTM reads the sentence. Its hidden state after a word says what has been read so far, the last word best. That is
half of what there is to say: in "the red houses" nothing up to "red" tells how many are red. So a second LSTM reads
from the end, and an annotation vector is the two hidden states side by side (Bahdanau et al. 2015).
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import embedding, lstm

SETTINGS = ("hidden_size",)  # half of it is the size of each LSTM
WEIGHTS = ("W_x", "W_hh", "b")  # of an LSTM


class EncodeCache(NamedTuple):
    embedding: embedding.EmbeddingCache
    ahead: lstm.LSTMSequenceCache
    back: lstm.LSTMSequenceCache


def init_params(rng, sizes, norm=False, dtype=np.float32):
    """Draw weights scaled by 1 / sqrt(inputs); biases are zero, the forget bias is 1.

    Args:
        rng: numpy Generator.
        sizes: (V, M, S) vocabulary size of the source language, embedding size, hidden size of each LSTM.
        norm: not used, there is nothing to normalise.
        dtype: of the parameters.
    Returns:
        {"E_source": (V, M), "W_x_ahead": (M, 4S), "W_hh_ahead": (S, 4S), "b_ahead": (4S,), "W_x_back": (M, 4S), ...}
    """
    V, M, S = sizes
    params = {"E_source": (0.5 * rng.standard_normal((V, M))).astype(dtype)}
    for way in ("ahead", "back"):
        params[f"W_x_{way}"] = (rng.standard_normal((M, 4 * S)) / np.sqrt(M)).astype(dtype)
        params[f"W_hh_{way}"] = (rng.standard_normal((S, 4 * S)) / np.sqrt(S)).astype(dtype)
        params[f"b_{way}"] = np.repeat([0, 1, 0, 0], S).astype(dtype)
    return params


def encode_forward(params, sources, sizes):
    """Compute a_j = (ahead_j, back_j) with two LSTMs, which both start from zeros.

    ahead_j = LSTM(E x_j, ahead_{j-1}),  back_j = LSTM(E x_j, back_{j+1})

    Args:
        params: arrays by name, as from init_params.
        sources: (N, L) integers x_1, ..., x_L. Short sentences are filled up with <end>, which is read like any word.
        sizes: (V, M, S).
    Returns:
        a: (N, L, 2S).
        cache: what encode_backward needs.
    """
    Ex, cache_embedding = embedding.embedding_forward(params["E_source"], sources.T)  # (L, N, M)
    zeros = np.zeros((len(sources), sizes[2]), Ex.dtype)
    weights_ahead, weights_back = ([params[f"{name}_{way}"] for name in WEIGHTS] for way in ("ahead", "back"))
    ahead, _, cache_ahead = lstm.lstm_sequence_forward(Ex, zeros, zeros, *weights_ahead)
    back, _, cache_back = lstm.lstm_sequence_forward(Ex[::-1], zeros, zeros, *weights_back)
    a = np.concatenate([ahead, back[::-1]], axis=2).swapaxes(0, 1)
    return np.ascontiguousarray(a), EncodeCache(cache_embedding, cache_ahead, cache_back)


def encode_backward(da, cache):
    """Compute the gradients of encode_forward.

    Args:
        da: (N, L, 2S) gradient of a.
        cache: from encode_forward.
    Returns:
        The gradients by parameter name; words need none.
    """
    dahead, dback = np.split(da.swapaxes(0, 1), 2, axis=2)
    zeros, grads = np.zeros_like(dahead[0]), {}
    dEx_ahead, _, _, grads["W_x_ahead"], grads["W_hh_ahead"], grads["b_ahead"] = lstm.lstm_sequence_backward(
        dahead, zeros, cache.ahead
    )
    dEx_back, _, _, grads["W_x_back"], grads["W_hh_back"], grads["b_back"] = lstm.lstm_sequence_backward(
        dback[::-1], zeros, cache.back
    )
    grads["E_source"] = embedding.embedding_backward(dEx_ahead + dEx_back[::-1], cache.embedding)
    return grads


def encode(params, sources, sizes):
    """Return a of encode_forward."""
    return encode_forward(params, sources, sizes)[0]


def size(sizes):
    """Return D, the annotation vectors' size."""
    return 2 * sizes[2]


def smallest(stages):
    """Return 0: there are no images that could be too small."""
    return 0
