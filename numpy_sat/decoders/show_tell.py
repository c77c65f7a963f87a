"""Show and Tell's decoder (Vinyals, Toshev, Bengio and Erhan 2015, arXiv 1411.4555): it reads the image like a word.

    (10) x_{-1} = W_I abar + b_I, abar the mean annotation: the LSTM's first input, before <start>
    (11) x_t = E y_t;  (12) p(y_{t+1} | a, y_1..t) ~ exp(L_o h_t + b_o), h_t = LSTM(x_t)

There is no attention: after its first step the decoder never reads the image again. Training reads whole captions
(`decode_forward`, `decode_backward`). Captioning goes word by word (`begin`, `step`). The LSTM is that of lstm.py.
Theirs has h_t = o_t c_t, without the tanh of c_t.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import dropout, embedding, linear, lstm


class State(NamedTuple):
    """What decoding carries from word to word."""

    h: np.ndarray  # (B, S)
    c: np.ndarray  # (B, S)


class PictureCache(NamedTuple):
    locations: int
    linear: linear.LinearCache
    lstm: lstm.LSTMCache


class DecodeCache(NamedTuple):
    picture: PictureCache
    each: int  # captions per image
    embedding: embedding.EmbeddingCache
    lstm: lstm.LSTMSequenceCache
    dropout: dropout.DropoutCache
    output: linear.LinearCache


def init_params(rng, D, M, S, log_frequencies, dtype=np.float32):
    """Draw all parameters.

    Weights are normal and scaled by 1 / sqrt(inputs). The output bias starts at the log word frequencies, the forget
    bias at 1.

    Args:
        rng: numpy Generator.
        D, M, S: annotation size, embedding size, hidden size.
        log_frequencies: (V,).
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
    h, c, cache_image = picture_forward(params, a)  # (10)
    each = words.shape[1] // len(a)
    h, c = np.repeat(h, each, axis=0), np.repeat(c, each, axis=0)
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)  # (11)
    hs, _, cache_lstm = lstm.lstm_sequence_forward(Ey, h, c, params["W_x"], params["W_hh"], params["b"])  # (12)
    dropped, cache_dropout = dropout.dropout_forward(hs, mask_h)
    logits, cache_output = linear.linear_forward(dropped, params["L_o"], params["b_o"])
    return logits, DecodeCache(cache_image, each, cache_embedding, cache_lstm, cache_dropout, cache_output)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
    Returns:
        da: (N, L, D).
        grads: gradients by the parameters' names.
    """
    grads = {}
    ddropped, grads["L_o"], grads["b_o"] = linear.linear_backward(dlogits, cache.output)  # (12)
    dhs = dropout.dropout_backward(ddropped, cache.dropout)
    dEy, dh, dc, grads["W_x"], grads["W_hh"], grads["b"] = lstm.lstm_sequence_backward(
        dhs, np.zeros_like(dhs[0]), cache.lstm
    )
    grads["E"] = embedding.embedding_backward(dEy, cache.embedding)  # (11)
    # h and c after the image: one term per caption
    dh, dc = (d.reshape(-1, cache.each, d.shape[1]).sum(axis=1) for d in (dh, dc))
    da, grads_image = picture_backward(dh, dc, cache.picture)  # (10)
    # W_x, W_hh, b: term 1: through the words; term 2: through the image's step
    for name, gradient in grads_image.items():
        grads[name] = grads[name] + gradient if name in grads else gradient
    return da, grads


def picture_forward(params, a):
    """Run the LSTM's first step, from zero states, on the mean annotation abar (equation 10).

    Args:
        params: arrays by name, of which W_I, b_I, W_x, W_hh and b are read.
        a: (N, L, D) annotations.
    Returns:
        h, c: (N, S), the hidden and cell state that <start> begins with.
        cache: what picture_backward needs.
    """
    # (10) x_{-1} = W_I abar + b_I
    x, cache_linear = linear.linear_forward(a.mean(axis=1), params["W_I"], params["b_I"])
    nothing = np.zeros((len(a), len(params["W_hh"])), a.dtype)
    h, c, cache_lstm = lstm.lstm_forward(x, nothing, nothing, params["W_x"], params["W_hh"], params["b"])
    return h, c, PictureCache(a.shape[1], cache_linear, cache_lstm)


def picture_backward(dh, dc, cache):
    """Compute the gradients of picture_forward.

    Args:
        dh, dc: (N, S).
    Returns:
        da: (N, L, D).
        grads: W_I: (D, M), b_I: (M,), W_x, W_hh, b.
    """
    grads = {}
    dx, _, _, grads["W_x"], grads["W_hh"], grads["b"] = lstm.lstm_backward(dh, dc, cache.lstm)
    dabar, grads["W_I"], grads["b_I"] = linear.linear_backward(dx, cache.linear)
    da = np.repeat(dabar[:, None] / cache.locations, cache.locations, axis=1)
    return da, grads


def begin(params, a):
    """Return the State before the first word, with one caption per image. a: (N, L, D)."""
    h, c, _ = picture_forward(params, a)
    return State(h, c)


def select(state, rows):
    """Return the State of chosen captions. rows: (B',) integers, the captions to keep or repeat."""
    return State(state.h[rows], state.c[rows])


def step(params, state, words):
    """Advance by one word: predict the word after each caption's last one.

    Args:
        params: arrays by name.
        state: State.
        words: (B,) the words before.
    Returns:
        logits: (B, V).
        alpha: (B, 0), for there is no attention.
        beta: (B,), ones.
        state: the State after the word.
    """
    Ey, _ = embedding.embedding_forward(params["E"], words)
    h, c, _ = lstm.lstm_forward(Ey, state.h, state.c, params["W_x"], params["W_hh"], params["b"])
    logits, _ = linear.linear_forward(h, params["L_o"], params["b_o"])
    return logits, np.zeros((len(words), 0), h.dtype), np.ones(len(words), h.dtype), State(h, c)
