"""The log-bilinear model (Kiros, Salakhutdinov and Zemel 2014, Multimodal Neural Language Models, their MLBL-B).

    r_hat = sum_{i=1}^{n-1} C_i E y_{t-i} + C_m abar, abar the mean annotation
    p(y_t | a, y_t-1, ..., y_t-n+1) ~ exp(E r_hat + b_o)

It is a language model without a hidden state. From the vectors of the last n - 1 words it predicts the vector of the
next word. A word is the more probable, the more similar its own vector is to that. The image adds the same to every
prediction of a caption. One table E serves the words that are read and those that are written.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.data.vocabulary import START
from numpy_sat.layers import dropout, embedding, linear

WINDOW = 5  # n - 1, the words before that count


class State(NamedTuple):
    """What decoding carries from word to word, for N images and B captions."""

    abar: np.ndarray  # (N, D)
    window: np.ndarray  # (B, n - 1) integers, the last words read, the latest first


class PredictCache(NamedTuple):
    Ey: np.ndarray
    abar: np.ndarray
    C: np.ndarray
    C_m: np.ndarray


class DecodeCache(NamedTuple):
    locations: int
    embedding: embedding.EmbeddingCache
    predict: PredictCache
    dropout: dropout.DropoutCache
    output: linear.LinearCache


def init_params(rng, D, M, log_frequencies, dtype=np.float32):
    """Draw all parameters.

    Weights are normal and scaled by 1 / sqrt(inputs). E is a weight of the output, too, which has M inputs. The output
    bias starts at the log word frequencies.

    Args:
        rng: numpy Generator.
        D, M: annotation size, embedding size.
        log_frequencies: (V,).
    Returns:
        Arrays by name.
    """
    V = len(log_frequencies)

    def weights(inputs, *shape):
        return (rng.standard_normal(shape) / np.sqrt(inputs)).astype(dtype)

    return {
        "E": weights(M, V, M),
        "C": weights(WINDOW * M, WINDOW, M, M),
        "C_m": weights(D, D, M),
        "b_o": np.asarray(log_frequencies).astype(dtype),
    }


def decode_forward(params, a, words, mask_r):
    """Predict every word of whole captions from the image and the n - 1 true words before it.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        words: (T, B) integers y_0 = <start>, y_1, ...; B / N consecutive captions belong to each image.
        mask_r: (T, B, M) dropout mask of r_hat.
    Returns:
        logits: (T, B, V).
        cache: what decode_backward needs.
    """
    Ey, cache_embedding = embedding.embedding_forward(params["E"], windows(words))
    r_hat, cache_predict = predict_forward(Ey, a.mean(axis=1), params["C"], params["C_m"])
    dropped, cache_dropout = dropout.dropout_forward(r_hat, mask_r)
    # logits_t = E r_hat_t + b_o
    logits, cache_output = linear.linear_forward(dropped, params["E"].T, params["b_o"])
    return logits, DecodeCache(a.shape[1], cache_embedding, cache_predict, cache_dropout, cache_output)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
    Returns:
        da: (N, L, D).
        grads: E: (V, M), C: (n - 1, M, M), C_m: (D, M), b_o: (V,).
    """
    grads = {}
    ddropped, dE_T, grads["b_o"] = linear.linear_backward(dlogits, cache.output)
    dr_hat = dropout.dropout_backward(ddropped, cache.dropout)
    dEy, dabar, grads["C"], grads["C_m"] = predict_backward(dr_hat, cache.predict)
    # term 1: through the windows; term 2: through the output
    grads["E"] = embedding.embedding_backward(dEy, cache.embedding) + dE_T.T
    da = np.repeat(dabar[:, None] / cache.locations, cache.locations, axis=1)
    return da, grads


def windows(words):
    """Return the n - 1 words before each word to predict, the latest first. <start> stands before a caption's first.

    Args:
        words: (T, B) integers y_0 = <start>, y_1, ...
    Returns:
        (T, B, n - 1).
    """
    padded = np.pad(words, ((WINDOW - 1, 0), (0, 0)), constant_values=START)
    return np.stack([padded[WINDOW - 1 - i : len(padded) - i] for i in range(WINDOW)], axis=-1)


def predict_forward(Ey, abar, C, C_m):
    """Predict the next word's vector, r_hat = sum_i C_i E y_{t-i} + C_m abar.

    Vectors are rows: C_i x is x @ C[i - 1].

    Args:
        Ey: (..., B, n - 1, M) vectors of the words before, the latest first.
        abar: (N, D) mean annotations; B / N consecutive captions belong to each image.
        C: (n - 1, M, M), C_1 first.
        C_m: (D, M).
    Returns:
        r_hat: (..., B, M).
        cache: what predict_backward needs.
    """
    *rows, _, M = Ey.shape
    # The sum over i is one product: the vectors side by side, times the matrices one below the other.
    of_words = Ey.reshape(*rows, -1) @ C.reshape(-1, M)
    of_image = np.repeat(abar @ C_m, rows[-1] // len(abar), axis=0)
    return of_words + of_image, PredictCache(Ey, abar, C, C_m)


def predict_backward(dr_hat, cache):
    """Compute the gradients of predict_forward.

    Args:
        dr_hat: (..., B, M).
    Returns:
        dEy: (..., B, n - 1, M).
        dabar: (N, D).
        dC: (n - 1, M, M).
        dC_m: (D, M).
    """
    Ey, abar, C, C_m = cache
    *_, B, M = dr_hat.shape
    drows = dr_hat.reshape(-1, M)
    dEy = (drows @ C.reshape(-1, M).T).reshape(Ey.shape)
    dC = (Ey.reshape(len(drows), -1).T @ drows).reshape(C.shape)
    dof_image = drows.reshape(-1, len(abar), B // len(abar), M).sum(axis=(0, 2))
    dC_m = abar.T @ dof_image
    dabar = dof_image @ C_m.T
    return dEy, dabar, dC, dC_m


def begin(params, a):
    """Return the State before the first word, with one caption per image. a: (N, L, D)."""
    return State(a.mean(axis=1), np.full((len(a), WINDOW), START))


def select(state, rows):
    """Return the State of chosen captions. rows: (B',) integers, the captions to keep or repeat, B' / N per image."""
    return state._replace(window=state.window[rows])


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
    window = np.concatenate([words[:, None], state.window[:, :-1]], axis=1)
    Ey, _ = embedding.embedding_forward(params["E"], window)
    r_hat, _ = predict_forward(Ey, state.abar, params["C"], params["C_m"])
    logits, _ = linear.linear_forward(r_hat, params["E"].T, params["b_o"])
    return logits, np.zeros((len(words), 0), r_hat.dtype), np.ones(len(words), r_hat.dtype), State(state.abar, window)
