"""The model "log-bilinear": Kiros, Salakhutdinov and Zemel 2014, Multimodal Neural Language Models, their MLBL-B.

    r_hat = sum_{i=1}^{n-1} C_i E y_{t-i} + C_m abar, abar the mean annotation
    p(y_t | a, y_t-1, ..., y_t-n+1) ~ exp(E r_hat + b_o)

A language model without state: from the vectors of the last n - 1 words it predicts the vector of the next, and a word
is the likelier, the more its own vector is like that. The picture adds the same to every prediction of a caption.
There is one table E, of words read and of words written.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat import kernels
from numpy_sat.data.vocabulary import START
from numpy_sat.decoders import parts
from numpy_sat.kernels import elementwise
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.layers import dropout, embedding, linear
from numpy_sat.loss import loss_backward, loss_forward
from numpy_sat.system.workspace import Workspace

SETTINGS = ()

WINDOW = 5  # n - 1, the words before that count


class State(NamedTuple):
    """What decoding carries from word to word: of the N pictures, then of the B captions."""

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


def init_params(rng, D, config, log_frequencies, dtype=np.float32):
    """All parameters by name: random weights scaled by 1 / sqrt(inputs), the output bias at the log word frequencies.

    E is weights, too, of the output, which has M inputs.
    """
    parts.refuse("log-bilinear", config.without)
    V, M = len(log_frequencies), config.embedding

    def weights(inputs, *shape):
        return (rng.standard_normal(shape) / np.sqrt(inputs)).astype(dtype)

    return {
        "E": weights(M, V, M),
        "C": weights(WINDOW * M, WINDOW, M, M),
        "C_m": weights(D, D, M),
        "b_o": np.asarray(log_frequencies).astype(dtype),
    }


def loss_and_grads(params, a, batch, config, rng, workspace=None):
    """One pass forward and back. a: (N, L, D). Returns the loss.Loss, da: (N, L, D) and gradients by name."""
    mask_r = dropout.dropout_mask(rng, (*batch.words.shape, config.embedding), config.dropout, a.dtype)
    logits, cache = decode_forward(params, a, batch.words, mask_r, workspace)
    loss, cache_loss = loss_forward(logits, None, batch, config)
    dlogits, _ = loss_backward(cache_loss, workspace)
    da, grads = decode_backward(dlogits, cache, workspace)
    return loss, da, grads


def loss_only(params, a, batch, config, workspace=None):
    """The loss.Loss without dropout and without gradients."""
    mask_r = np.ones((*batch.words.shape, config.embedding), a.dtype)
    logits, _ = decode_forward(params, a, batch.words, mask_r, workspace)
    return loss_forward(logits, None, batch, config)[0]


def decode_forward(params, a, words, mask_r, workspace=None):
    """Every word of whole captions is predicted from the picture and the n - 1 true words before it.

    a: (N, L, D) annotations; words: (T, B) integers y_0 = <start>, y_1, ..., B / N captions a picture in order;
    mask_r: (T, B, M) dropout mask of r_hat; workspace: for the compiled float32 twin.
    Returns logits: (T, B, V) and the cache.
    """
    if kernels.use_kernels(a, composite=True):
        return _fused_forward(params, a, words, mask_r, workspace)
    Ey, cache_embedding = embedding.embedding_forward(params["E"], windows(words))
    r_hat, cache_predict = predict_forward(Ey, a.mean(axis=1), params["C"], params["C_m"])
    dropped, cache_dropout = dropout.dropout_forward(r_hat, mask_r)
    logits, cache_output = linear.linear_forward(dropped, params["E"].T, params["b_o"])
    return logits, DecodeCache(a.shape[1], cache_embedding, cache_predict, cache_dropout, cache_output)


def decode_backward(dlogits, cache, workspace=None):
    """dlogits: (T, B, V). Returns da: (N, L, D) and grads by name: E: (V, M), C: (n - 1, M, M), C_m: (D, M), b_o."""
    if kernels.use_kernels(dlogits, composite=True):
        return _fused_backward(dlogits, cache, workspace)
    grads = {}
    ddropped, dE_T, grads["b_o"] = linear.linear_backward(dlogits, cache.output)
    dr_hat = dropout.dropout_backward(ddropped, cache.dropout)
    dEy, dabar, grads["C"], grads["C_m"] = predict_backward(dr_hat, cache.predict)
    grads["E"] = embedding.embedding_backward(dEy, cache.embedding) + dE_T.T
    da = np.repeat(dabar[:, None] / cache.locations, cache.locations, axis=1)
    return da, grads


def windows(words):
    """The n - 1 words before each that is to be predicted, the latest first; before a caption's first, <start>.

    words: (T, B) integers y_0 = <start>, y_1, ... Returns (T, B, n - 1).
    """
    padded = np.pad(words, ((WINDOW - 1, 0), (0, 0)), constant_values=START)
    return np.stack([padded[WINDOW - 1 - i : len(padded) - i] for i in range(WINDOW)], axis=-1)


def predict_forward(Ey, abar, C, C_m):
    """r_hat = sum_i C_i E y_{t-i} + C_m abar: the vector that the next word is expected to have.

    Ey: (..., B, n - 1, M) vectors of the words before, the latest first; abar: (N, D) mean annotations, of each the
    B / N captions side by side; C: (n - 1, M, M), C_1 first; C_m: (D, M). Vectors are rows: C_i x is x @ C[i - 1].
    Returns r_hat: (..., B, M) and the cache.
    """
    *rows, _, M = Ey.shape
    # One sum over words and their numbers: the vectors side by side, times the matrices one below the other.
    of_words = Ey.reshape(*rows, -1) @ C.reshape(-1, M)
    of_picture = np.repeat(abar @ C_m, rows[-1] // len(abar), axis=0)
    return of_words + of_picture, PredictCache(Ey, abar, C, C_m)


def predict_backward(dr_hat, cache):
    """dr_hat: (..., B, M). Returns dEy: (..., B, n - 1, M), dabar: (N, D), dC: (n - 1, M, M), dC_m: (D, M)."""
    Ey, abar, C, C_m = cache
    *_, B, M = dr_hat.shape
    drows = dr_hat.reshape(-1, M)
    dEy = (drows @ C.reshape(-1, M).T).reshape(Ey.shape)
    dC = (Ey.reshape(len(drows), -1).T @ drows).reshape(C.shape)
    dof_picture = drows.reshape(-1, len(abar), B // len(abar), M).sum(axis=(0, 2))
    dC_m = abar.T @ dof_picture
    dabar = dof_picture @ C_m.T
    return dEy, dabar, dC, dC_m


def begin(params, a):
    """The state before the first word, one caption a picture. a: (N, L, D)."""
    return State(a.mean(axis=1), np.full((len(a), WINDOW), START))


def select(state, rows):
    """The state of chosen captions. rows: (B',) integers, the captions to keep or repeat, B' / N of each picture."""
    return state._replace(window=state.window[rows])


def step(params, state, words):
    """One word on. words: (B,) the words before.

    Returns logits: (B, V), alpha: (B, 0), for it looks nowhere, beta: (B,), ones, and the next state.
    """
    window = np.concatenate([words[:, None], state.window[:, :-1]], axis=1)
    Ey, _ = embedding.embedding_forward(params["E"], window)
    r_hat, _ = predict_forward(Ey, state.abar, params["C"], params["C_m"])
    logits, _ = linear.linear_forward(r_hat, params["E"].T, params["b_o"])
    return logits, np.zeros((len(words), 0), r_hat.dtype), np.ones(len(words), r_hat.dtype), State(state.abar, window)


def _fused_forward(params, a, words, mask_r, workspace):
    """decode_forward with the products of kernels/matmul.py."""
    workspace = workspace or Workspace()
    E, C, abar = params["E"], params["C"], a.mean(axis=1)
    Ey, cache_embedding = embedding.embedding_forward(E, windows(words))
    r_hat = workspace.empty(mask_r.shape)
    r_hat[:] = np.repeat(abar @ params["C_m"], words.shape[1] // len(a), axis=0)
    multiply(Ey.reshape(*words.shape, -1), pack(C.reshape(-1, C.shape[2])), r_hat)
    r_hat *= mask_r
    logits = multiply(r_hat, pack(E.T, params["b_o"]))
    cache_predict, cache_output = PredictCache(Ey, abar, C, params["C_m"]), linear.LinearCache(r_hat, E.T)
    return logits, DecodeCache(a.shape[1], cache_embedding, cache_predict, dropout.DropoutCache(mask_r), cache_output)


def _fused_backward(dlogits, cache, workspace):
    """decode_backward with the products of kernels/matmul.py."""
    workspace = workspace or Workspace()
    Ey, abar, C, C_m = cache.predict
    M, N = C.shape[2], len(abar)
    dr_hat = multiply(dlogits, pack(cache.embedding.E))
    dr_hat *= cache.dropout.mask
    dof_picture = dr_hat.sum(axis=0).reshape(N, -1, M).sum(axis=1)
    dEy = multiply(dr_hat, pack(C.reshape(-1, M).T))
    grads = {
        "E": multiply_transposed(dlogits, cache.output.x),
        "C": multiply_transposed(Ey.reshape(*dr_hat.shape[:2], -1), dr_hat).reshape(C.shape),
        "C_m": abar.T @ dof_picture,
        "b_o": elementwise.column_sums(dlogits),
    }
    elementwise.add_rows(dEy.reshape(-1, M), cache.embedding.words.ravel(), grads["E"])
    da = np.repeat((dof_picture @ C_m.T)[:, None] / cache.locations, cache.locations, axis=1)
    return da, grads
