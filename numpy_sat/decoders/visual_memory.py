"""Define a decoder with a visual memory, after Chen and Zitnick 2014 (arXiv 1411.5654).

    V = abar, the mean annotation
    s_t = LSTM([E y_{t-1}, V], s_{t-1})       the language state, which sees words and the image
    u_t = LSTM(E y_{t-1}, u_{t-1})            the visual memory, which sees words only
    V_tilde_t = W_r u_t + b_r                 the image's vector, reconstructed from the words so far
    p(y_t | a, y_1..t-1) ~ exp(L_o [s_t, u_t] + b_o)

The memory learns what the image should look like after the words so far. It never sees V. If it did, reconstruction
would be trivial. The paper's states are simple recurrent networks; here they are LSTMs (layers/lstm.py).
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import dropout, embedding, linear, lstm


class State(NamedTuple):
    """The state of decoding between two words, for B captions: hidden and cell state of both LSTMs, and the image."""

    s: np.ndarray  # (B, S)
    s_cell: np.ndarray  # (B, S)
    u: np.ndarray  # (B, S)
    u_cell: np.ndarray  # (B, S)
    V: np.ndarray  # (B, D)


class DecodeCache(NamedTuple):
    """The caches that decode_forward keeps for decode_backward. Their names are those of their parameters."""

    shape: tuple[int, int, int]  # N, L, D
    embedding: embedding.EmbeddingCache
    s: lstm.LSTMSequenceCache  # the language state
    u: lstm.LSTMSequenceCache  # the visual memory
    r: linear.LinearCache  # the reconstruction
    dropout: dropout.DropoutCache
    o: linear.LinearCache  # the output


def init_params(rng, D, M, S, log_frequencies, dtype=np.float32):
    """Draw all parameters.

    Weights are normal, with the standard deviation 0.5 for E and 1 / sqrt(inputs) for the others. The output bias
    starts at the log word frequencies. The forget biases start at 1, all other biases at 0.

    Args:
        rng: numpy Generator.
        D, M, S: annotation size, embedding size, hidden size of each LSTM.
        log_frequencies: (V,) log frequencies of the words.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    """
    words = len(log_frequencies)

    def weights(rows, columns):
        return (rng.standard_normal((rows, columns)) / np.sqrt(rows)).astype(dtype)

    def biases():
        return np.repeat([0, 1, 0, 0], S).astype(dtype)

    return {
        "E": (0.5 * rng.standard_normal((words, M))).astype(dtype),
        **{"W_xs": weights(M + D, 4 * S), "W_ss": weights(S, 4 * S), "b_s": biases()},
        **{"W_xu": weights(M, 4 * S), "W_uu": weights(S, 4 * S), "b_u": biases()},
        **{"W_r": weights(S, D), "b_r": np.zeros(D, dtype)},
        **{"L_o": weights(2 * S, words), "b_o": np.asarray(log_frequencies).astype(dtype)},
    }


def decode_forward(params, a, words, mask):
    """Predict every word of whole captions (teacher forcing), and reconstruct the image's vector after each word.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        words: (T, B) integers y_0 = <start>, y_1, ...; B / N consecutive captions belong to each image.
        mask: (T, B, 2S) dropout mask of [s_t, u_t] on their way to the output.
    Returns:
        logits: (T, B, V).
        V_tilde: (T, B, D).
        cache: what decode_backward needs.
    """
    zeros = np.zeros((words.shape[1], len(params["W_ss"])), a.dtype)
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    # s_t = LSTM([E y_{t-1}, V], s_{t-1})
    V = np.repeat(a.mean(axis=1), words.shape[1] // len(a), axis=0)
    x = np.concatenate([Ey, np.broadcast_to(V, (len(words), *V.shape))], axis=-1)
    s, _, cache_s = lstm.lstm_sequence_forward(x, zeros, zeros, *(params[name] for name in ("W_xs", "W_ss", "b_s")))
    # u_t = LSTM(E y_{t-1}, u_{t-1})
    u, _, cache_u = lstm.lstm_sequence_forward(Ey, zeros, zeros, *(params[name] for name in ("W_xu", "W_uu", "b_u")))
    # V_tilde_t = W_r u_t + b_r
    V_tilde, cache_r = linear.linear_forward(u, params["W_r"], params["b_r"])
    # logits_t = L_o [s_t, u_t] + b_o, with both states after dropout
    dropped, cache_dropout = dropout.dropout_forward(np.concatenate([s, u], axis=-1), mask)
    logits, cache_o = linear.linear_forward(dropped, params["L_o"], params["b_o"])
    return logits, V_tilde, DecodeCache(a.shape, cache_embedding, cache_s, cache_u, cache_r, cache_dropout, cache_o)


def decode_backward(dlogits, dV_tilde, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
        dV_tilde: (T, B, D).
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    grads, (N, L, D) = {}, cache.shape
    # logits_t = L_o [s_t, u_t] + b_o, with both states after dropout
    ddropped, grads["L_o"], grads["b_o"] = linear.linear_backward(dlogits, cache.o)
    ds, du = np.split(dropout.dropout_backward(ddropped, cache.dropout), 2, axis=-1)
    # V_tilde_t = W_r u_t + b_r
    du_reconstruction, grads["W_r"], grads["b_r"] = linear.linear_backward(dV_tilde, cache.r)
    zeros = np.zeros_like(ds[0])
    # u_t = LSTM(E y_{t-1}, u_{t-1}): term 1: through the output, term 2: through the reconstruction
    dEy_u, _, _, *dweights = lstm.lstm_sequence_backward(du + du_reconstruction, zeros, cache.u)
    grads |= zip(("W_xu", "W_uu", "b_u"), dweights, strict=True)
    # s_t = LSTM([E y_{t-1}, V], s_{t-1})
    dx, _, _, *dweights = lstm.lstm_sequence_backward(ds, zeros, cache.s)
    grads |= zip(("W_xs", "W_ss", "b_s"), dweights, strict=True)
    dEy_s, dV = dx[..., :-D], dx[..., -D:]
    # gradient of E y = term 1: through the memory + term 2: through the language state
    grads["E"] = embedding.embedding_backward(dEy_u + dEy_s, cache.embedding)
    # V = sum_i a_i / L: every word of every caption of the image adds a term, and each location gets the share 1 / L
    dabar = dV.sum(axis=0).reshape(N, -1, D).sum(axis=1)
    return np.repeat(dabar[:, None] / L, L, axis=1), grads


def begin(params, a):
    """Return the State before the first word, with one caption per image.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
    """
    zeros = np.zeros((len(a), len(params["W_ss"])), a.dtype)
    return State(zeros, zeros, zeros, zeros, a.mean(axis=1))


def select(state, rows):
    """Return the State of selected captions.

    Args:
        state: State of B captions.
        rows: (B',) integers, the captions to keep or repeat.
    Returns:
        State of B' captions.
    """
    return State(*(array[rows] for array in state))


def step(params, state, words):
    """Advance by one word and predict the next one.

    Args:
        params: arrays by name.
        state: State.
        words: (B,) integers, the previous words.
    Returns:
        logits: (B, V).
        alpha: (B, 0), empty: there is no attention.
        beta: (B,) ones.
        state: State after these words.
    """
    Ey, _ = embedding.embedding_forward(params["E"], words)
    x = np.concatenate([Ey, state.V], axis=-1)
    s, s_cell, _ = lstm.lstm_forward(x, state.s, state.s_cell, params["W_xs"], params["W_ss"], params["b_s"])
    u, u_cell, _ = lstm.lstm_forward(Ey, state.u, state.u_cell, params["W_xu"], params["W_uu"], params["b_u"])
    logits, _ = linear.linear_forward(np.concatenate([s, u], axis=-1), params["L_o"], params["b_o"])
    empty, ones = np.zeros((len(words), 0), s.dtype), np.ones(len(words), s.dtype)
    return logits, empty, ones, State(s, s_cell, u, u_cell, state.V)


def reconstruct(params, words):
    """Reconstruct images' vectors from captions alone: V_tilde_t after each word.

    Args:
        params: arrays by name.
        words: (T, B) integers y_0 = <start>, y_1, ...
    Returns:
        V_tilde: (T, B, D).
    """
    zeros = np.zeros((words.shape[1], len(params["W_uu"])), params["W_uu"].dtype)
    Ey, _ = embedding.embedding_forward(params["E"], words)
    u, _, _ = lstm.lstm_sequence_forward(Ey, zeros, zeros, params["W_xu"], params["W_uu"], params["b_u"])
    return linear.linear_forward(u, params["W_r"], params["b_r"])[0]
