"""Define the log-bilinear decoder (Kiros, Salakhutdinov and Zemel 2014, MLBL-B of Multimodal Neural Language Models).

    r_hat = sum_{i=1}^{n-1} C_i E y_{t-i} + C_m abar, where abar is the mean annotation
    p(y_t | a, y_t-1, ..., y_t-n+1) ~ exp(E r_hat + b_o)

The model is a language model without a hidden state. It predicts the embedding of the next word from the embeddings of
the last n - 1 words. The larger the dot product of a word's embedding with this prediction, the more probable the word.
The image adds the same vector to every prediction of a caption. Input and output words share the embedding table E.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.data.vocabulary import START
from numpy_sat.layers import dropout, embedding, linear

WINDOW = 5  # n - 1, the number of previous words that the model reads


class State(NamedTuple):
    """The state of decoding between two words, for N images and B captions."""

    abar: np.ndarray  # (N, D)
    window: np.ndarray  # (B, n - 1) integers, the previous words, the latest first


class PredictCache(NamedTuple):
    """Arrays that predict_forward keeps for predict_backward."""

    Ey: np.ndarray  # (..., B, n - 1, M)
    abar: np.ndarray  # (N, D)
    C: np.ndarray  # (n - 1, M, M)
    C_m: np.ndarray  # (D, M)


class DecodeCache(NamedTuple):
    """The caches that decode_forward keeps for decode_backward."""

    locations: int  # L
    embedding: embedding.EmbeddingCache
    predict: PredictCache
    dropout: dropout.DropoutCache
    output: linear.LinearCache


def init_params(rng, D, M, log_frequencies, dtype=np.float32):
    """Draw all parameters.

    Weights are normal and scaled by 1 / sqrt(inputs). E is scaled as the weights of the output, which has M inputs. The
    output bias starts at the log word frequencies.

    Args:
        rng: numpy Generator.
        D, M: annotation size, embedding size.
        log_frequencies: (V,) log frequencies of the words.
        dtype: dtype of the parameters.
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
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: E (V, M), C (n - 1, M, M), C_m (D, M) and b_o (V,) by name.
    """
    grads = {}
    # logits_t = E r_hat_t + b_o, with r_hat after dropout
    ddropped, dE_T, grads["b_o"] = linear.linear_backward(dlogits, cache.output)
    dr_hat = dropout.dropout_backward(ddropped, cache.dropout)
    dEy, dabar, grads["C"], grads["C_m"] = predict_backward(dr_hat, cache.predict)
    # gradient of E = term 1: through the windows + term 2: through the output
    grads["E"] = embedding.embedding_backward(dEy, cache.embedding) + dE_T.T
    # abar = sum_i a_i / L: each location gets the share 1 / L
    da = np.repeat(dabar[:, None] / cache.locations, cache.locations, axis=1)
    return da, grads


def windows(words):
    """Return the n - 1 words before each predicted word, padded with <start> at the start of a caption.

    Args:
        words: (T, B) integers y_0 = <start>, y_1, ...
    Returns:
        windows: (T, B, n - 1) integers, the latest word first.
    """
    padded = np.pad(words, ((WINDOW - 1, 0), (0, 0)), constant_values=START)
    return np.stack([padded[WINDOW - 1 - i : len(padded) - i] for i in range(WINDOW)], axis=-1)


def predict_forward(Ey, abar, C, C_m):
    """Predict the embedding of the next word, r_hat = sum_i C_i E y_{t-i} + C_m abar.

    Vectors are rows: C_i x is x @ C[i - 1].

    Args:
        Ey: (..., B, n - 1, M) embeddings of the previous words, the latest first.
        abar: (N, D) mean annotations; B / N consecutive captions belong to each image.
        C: (n - 1, M, M) weights of the words, C_1 first.
        C_m: (D, M) weights of the image.
    Returns:
        r_hat: (..., B, M) predicted embeddings.
        cache: what predict_backward needs.
    """
    *rows, _, M = Ey.shape
    # sum_i C_i E y_{t-i} is one product: the embeddings side by side, times the matrices C_i one below the other
    word_terms = Ey.reshape(*rows, -1) @ C.reshape(-1, M)
    # C_m abar, the same for every word and caption of an image
    image_terms = np.repeat(abar @ C_m, rows[-1] // len(abar), axis=0)
    return word_terms + image_terms, PredictCache(Ey, abar, C, C_m)


def predict_backward(dr_hat, cache):
    """Compute the gradients of predict_forward.

    Args:
        dr_hat: (..., B, M).
        cache: from predict_forward.
    Returns:
        dEy: (..., B, n - 1, M).
        dabar: (N, D).
        dC: (n - 1, M, M).
        dC_m: (D, M).
    """
    Ey, abar, C, C_m = cache
    *_, B, M = dr_hat.shape
    drows = dr_hat.reshape(-1, M)
    # dEy_i = C_i^T dr_hat, for all i in one product
    dEy = (drows @ C.reshape(-1, M).T).reshape(Ey.shape)
    # dC_i = sum over words and captions of dr_hat (E y_{t-i})^T
    dC = (Ey.reshape(len(drows), -1).T @ drows).reshape(C.shape)
    # gradient of C_m abar: each word of each caption of the image adds a term
    dimage_terms = drows.reshape(-1, len(abar), B // len(abar), M).sum(axis=(0, 2))
    # dC_m = sum over images of (gradient of C_m abar) abar^T
    dC_m = abar.T @ dimage_terms
    # dabar = C_m^T (gradient of C_m abar)
    dabar = dimage_terms @ C_m.T
    return dEy, dabar, dC, dC_m


def begin(params, a):
    """Return the State before the first word, with one caption per image.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
    """
    return State(a.mean(axis=1), np.full((len(a), WINDOW), START))


def select(state, rows):
    """Return the State of selected captions.

    Args:
        state: State of B captions.
        rows: (B',) integers, the captions to keep or repeat, B' / N for each image.
    Returns:
        State of B' captions.
    """
    return state._replace(window=state.window[rows])


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
    window = np.concatenate([words[:, None], state.window[:, :-1]], axis=1)
    Ey, _ = embedding.embedding_forward(params["E"], window)
    r_hat, _ = predict_forward(Ey, state.abar, params["C"], params["C_m"])
    logits, _ = linear.linear_forward(r_hat, params["E"].T, params["b_o"])
    return logits, np.zeros((len(words), 0), r_hat.dtype), np.ones(len(words), r_hat.dtype), State(state.abar, window)
