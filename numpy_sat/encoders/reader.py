"""Define the encoder of a translator: a bidirectional LSTM, with one annotation vector per word (Bahdanau et al. 2015).

One LSTM reads the sentence from the start. Its hidden state after a word depends on the words up to this one, but later
words matter too: in "the red houses", the words up to "red" do not say that "red" is plural. So a second LSTM reads the
sentence from the end. An annotation vector consists of the two hidden states side by side.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import embedding, lstm

SETTINGS = ("embedding_size", "hidden_size")  # half of it is the size of each LSTM
WEIGHTS = ("W_x", "W_hh", "b")  # weights of an LSTM


class EncodeCache(NamedTuple):
    """The caches of the embedding and of the two LSTMs."""

    embedding: embedding.EmbeddingCache
    ahead: lstm.LSTMSequenceCache
    back: lstm.LSTMSequenceCache


def init_params(rng, sizes, norm=False, dtype=np.float32):
    """Draw weights scaled by 1 / sqrt(inputs); biases are zero, the forget bias is 1.

    Args:
        rng: numpy Generator.
        sizes: (V, M, S) vocabulary size of the source language, embedding size, hidden size of each LSTM.
        norm: not used; there is no batch normalization.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name: "E_source": (V, M), "W_x_ahead": (M, 4S), "W_hh_ahead": (S, 4S), "b_ahead": (4S,), and the
        same with "_back".
    """
    V, M, S = sizes
    params = {"E_source": (0.5 * rng.standard_normal((V, M))).astype(dtype)}
    for direction in ("ahead", "back"):
        params[f"W_x_{direction}"] = (rng.standard_normal((M, 4 * S)) / np.sqrt(M)).astype(dtype)
        params[f"W_hh_{direction}"] = (rng.standard_normal((S, 4 * S)) / np.sqrt(S)).astype(dtype)
        params[f"b_{direction}"] = np.repeat([0, 1, 0, 0], S).astype(dtype)
    return params


def encode_forward(params, sources, sizes):
    """Compute a_j = (ahead_j, back_j) with two LSTMs that start from zeros.

    ahead_j = LSTM(E x_j, ahead_{j-1}),  back_j = LSTM(E x_j, back_{j+1})

    Args:
        params: arrays by name, as from init_params.
        sources: (N, L) integers x_1, ..., x_L. Short sentences are padded with <end>, which is read like any word.
        sizes: (V, M, S) vocabulary size, embedding size, hidden size of each LSTM.
    Returns:
        a: (N, L, 2S) annotation vectors.
        cache: what encode_backward needs.
    """
    # E x_j of all words, words first: (L, N, M)
    Ex, cache_embedding = embedding.embedding_forward(params["E_source"], sources.T)
    zeros = np.zeros((len(sources), sizes[2]), Ex.dtype)
    weights_ahead, weights_back = (
        [params[f"{name}_{direction}"] for name in WEIGHTS] for direction in ("ahead", "back")
    )
    # ahead_j = LSTM(E x_j, ahead_{j-1})
    ahead, _, cache_ahead = lstm.lstm_sequence_forward(Ex, zeros, zeros, *weights_ahead)
    # back_j = LSTM(E x_j, back_{j+1}): the words and the states in reverse order
    back, _, cache_back = lstm.lstm_sequence_forward(Ex[::-1], zeros, zeros, *weights_back)
    a = np.concatenate([ahead, back[::-1]], axis=2).swapaxes(0, 1)
    return np.ascontiguousarray(a), EncodeCache(cache_embedding, cache_ahead, cache_back)


def encode_backward(da, cache):
    """Compute the gradients of encode_forward.

    Args:
        da: (N, L, 2S).
        cache: from encode_forward.
    Returns:
        Gradients by parameter name.
    """
    # a_j = (ahead_j, back_j)
    dahead, dback = np.split(da.swapaxes(0, 1), 2, axis=2)
    zeros, grads = np.zeros_like(dahead[0]), {}
    # ahead_j = LSTM(E x_j, ahead_{j-1}); no gradient reaches the last cell state from outside
    dEx_ahead, _, _, grads["W_x_ahead"], grads["W_hh_ahead"], grads["b_ahead"] = lstm.lstm_sequence_backward(
        dahead, zeros, cache.ahead
    )
    # back_j = LSTM(E x_j, back_{j+1}), in reverse order
    dEx_back, _, _, grads["W_x_back"], grads["W_hh_back"], grads["b_back"] = lstm.lstm_sequence_backward(
        dback[::-1], zeros, cache.back
    )
    # gradient of E x_j = term 1: through the LSTM ahead + term 2: through the LSTM back
    grads["E_source"] = embedding.embedding_backward(dEx_ahead + dEx_back[::-1], cache.embedding)
    return grads


def encode(params, sources, sizes):
    """Return the annotation vectors of encode_forward, without the cache."""
    return encode_forward(params, sources, sizes)[0]


def size(sizes):
    """Return D, the size of the annotation vectors."""
    return 2 * sizes[2]


def smallest(stages):
    """Return 0: there are no images, so there is no lower limit."""
    return 0
