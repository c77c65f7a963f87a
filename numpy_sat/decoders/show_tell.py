"""Define the decoder of Show and Tell (Vinyals, Toshev, Bengio and Erhan 2015, arXiv 1411.4555).

    (10) x_{-1} = W_I abar + b_I, where abar is the mean annotation: the first input of the LSTM, before <start>
    (11) x_t = E y_t
    (12) p(y_{t+1} | a, y_1..t) ~ exp(L_o h_t + b_o), h_t = LSTM(x_t)

The decoder reads the image once, like a first word. It has no attention. Training reads whole captions
(`decode_forward`, `decode_backward`). Captioning goes word by word (`begin`, `step`). The LSTM is that of
layers/lstm.py, with h_t = o_t tanh(c_t). The paper's LSTM has h_t = o_t c_t.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import dropout, embedding, linear, lstm


class State(NamedTuple):
    """The state of decoding between two words, for B captions."""

    h: np.ndarray  # (B, S)
    c: np.ndarray  # (B, S)


class PictureCache(NamedTuple):
    """The caches that picture_forward keeps for picture_backward."""

    locations: int  # L
    linear: linear.LinearCache
    lstm: lstm.LSTMCache


class DecodeCache(NamedTuple):
    """The caches that decode_forward keeps for decode_backward."""

    picture: PictureCache
    each: int  # captions per image
    embedding: embedding.EmbeddingCache
    lstm: lstm.LSTMSequenceCache
    dropout: dropout.DropoutCache
    output: linear.LinearCache


def init_params(rng, D, M, S, log_frequencies, dtype=np.float32):
    """Draw all parameters.

    Weights are normal, with the standard deviation 0.5 for E and 1 / sqrt(inputs) for the others. The output bias
    starts at the log word frequencies. The forget bias starts at 1, all other biases at 0.

    Args:
        rng: numpy Generator.
        D, M, S: annotation size, embedding size, hidden size.
        log_frequencies: (V,) log frequencies of the words.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    """
    V = len(log_frequencies)

    def weights(rows, columns):
        return (rng.standard_normal((rows, columns)) / np.sqrt(rows)).astype(dtype)

    b = np.zeros(4 * S, dtype)
    b[S : 2 * S] = 1
    return {
        **{"W_I": weights(D, M), "b_I": np.zeros(M, dtype)},
        "E": (0.5 * rng.standard_normal((V, M))).astype(dtype),
        **{"W_x": weights(M, 4 * S), "W_hh": weights(S, 4 * S), "b": b},
        **{"L_o": weights(S, V), "b_o": np.asarray(log_frequencies).astype(dtype)},
    }


def decode_forward(params, a, words, mask_h):
    """Predict every word of whole captions from the image and the true words before it (teacher forcing).

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        words: (T, B) integers y_0 = <start>, y_1, ...; B / N consecutive captions belong to each image.
        mask_h: (T, B, S) dropout mask of h_t on its way to the output.
    Returns:
        logits: (T, B, V).
        cache: what decode_backward needs.
    """
    # (10) h, c = LSTM(W_I abar + b_I), once per image
    h, c, cache_picture = picture_forward(params, a)
    each = words.shape[1] // len(a)
    h, c = np.repeat(h, each, axis=0), np.repeat(c, each, axis=0)
    # (11) x_t = E y_t
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    # (12) h_t = LSTM(x_t), logits_t = L_o h_t + b_o, with h_t after dropout
    hs, _, cache_lstm = lstm.lstm_sequence_forward(Ey, h, c, params["W_x"], params["W_hh"], params["b"])
    dropped, cache_dropout = dropout.dropout_forward(hs, mask_h)
    logits, cache_output = linear.linear_forward(dropped, params["L_o"], params["b_o"])
    return logits, DecodeCache(cache_picture, each, cache_embedding, cache_lstm, cache_dropout, cache_output)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    grads = {}
    # (12) logits_t = L_o h_t + b_o, with h_t after dropout
    ddropped, grads["L_o"], grads["b_o"] = linear.linear_backward(dlogits, cache.output)
    dhs = dropout.dropout_backward(ddropped, cache.dropout)
    # (12) h_t = LSTM(x_t); no gradient reaches the last cell state from outside
    dEy, dh, dc, grads["W_x"], grads["W_hh"], grads["b"] = lstm.lstm_sequence_backward(
        dhs, np.zeros_like(dhs[0]), cache.lstm
    )
    # (11) x_t = E y_t
    grads["E"] = embedding.embedding_backward(dEy, cache.embedding)
    # gradients of h and c after the image: each caption of the image adds a term
    dh, dc = (d.reshape(-1, cache.each, d.shape[1]).sum(axis=1) for d in (dh, dc))
    # (10) h, c = LSTM(W_I abar + b_I)
    da, grads_image = picture_backward(dh, dc, cache.picture)
    # gradients of W_x, W_hh and b = term 1: through the words + term 2: through the image
    for name, gradient in grads_image.items():
        grads[name] = grads[name] + gradient if name in grads else gradient
    return da, grads


def picture_forward(params, a):
    """Run the first step of the LSTM on the mean annotation abar, from zero states (equation 10).

    Args:
        params: arrays by name: W_I, b_I, W_x, W_hh and b.
        a: (N, L, D) annotations.
    Returns:
        h, c: (N, S) hidden and cell states before <start>.
        cache: what picture_backward needs.
    """
    # (10) x_{-1} = W_I abar + b_I
    x, cache_linear = linear.linear_forward(a.mean(axis=1), params["W_I"], params["b_I"])
    zeros = np.zeros((len(a), len(params["W_hh"])), a.dtype)
    h, c, cache_lstm = lstm.lstm_forward(x, zeros, zeros, params["W_x"], params["W_hh"], params["b"])
    return h, c, PictureCache(a.shape[1], cache_linear, cache_lstm)


def picture_backward(dh, dc, cache):
    """Compute the gradients of picture_forward.

    Args:
        dh, dc: (N, S).
        cache: from picture_forward.
    Returns:
        da: (N, L, D).
        grads: W_I (D, M), b_I (M,), W_x (M, 4S), W_hh (S, 4S) and b (4S,) by name.
    """
    grads = {}
    # h, c = LSTM(x_{-1}), from zero states
    dx, _, _, grads["W_x"], grads["W_hh"], grads["b"] = lstm.lstm_backward(dh, dc, cache.lstm)
    # (10) x_{-1} = W_I abar + b_I
    dabar, grads["W_I"], grads["b_I"] = linear.linear_backward(dx, cache.linear)
    # abar = sum_i a_i / L: each location gets the share 1 / L
    da = np.repeat(dabar[:, None] / cache.locations, cache.locations, axis=1)
    return da, grads


def begin(params, a):
    """Return the State before the first word, with one caption per image.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
    """
    h, c, _ = picture_forward(params, a)
    return State(h, c)


def select(state, rows):
    """Return the State of selected captions.

    Args:
        state: State of B captions.
        rows: (B',) integers, the captions to keep or repeat.
    Returns:
        State of B' captions.
    """
    return State(state.h[rows], state.c[rows])


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
    h, c, _ = lstm.lstm_forward(Ey, state.h, state.c, params["W_x"], params["W_hh"], params["b"])
    logits, _ = linear.linear_forward(h, params["L_o"], params["b_o"])
    return logits, np.zeros((len(words), 0), h.dtype), np.ones(len(words), h.dtype), State(h, c)
