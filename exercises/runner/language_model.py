"""A language model that sees no image: an LSTM reads a caption and predicts the next word at each step.

It runs `lstm_sequence_forward`. The captioner cannot, because it computes the attention between two words. This module
has the functions of captioner.py, so it can be trained in place of the captioner.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from numpy_sat.data.batches import Batch
from numpy_sat.data.vocabulary import END, START, UNK
from numpy_sat.decoding.search import Caption
from numpy_sat.layers import embedding, linear, losses, lstm
from numpy_sat.loss import Loss


class Config(NamedTuple):
    """The sizes of the language model."""

    embedding_size: int  # M
    hidden_size: int  # S


def init_params(rng: np.random.Generator, config: Config, log_frequencies: np.ndarray, dtype=np.float32) -> dict:
    """Initialize the parameters in the same way as the captioner's.

    Args:
        rng: NumPy random generator.
        config: Config.
        log_frequencies: (V,) log of the words' relative frequencies; they become the output bias.
        dtype: of the parameters.
    Returns:
        Dict of E: (V, M), W_x: (M, 4S), W_hh: (S, 4S), b: (4S,), W_o: (S, V), b_o: (V,).
    """
    (M, S), V = config, len(log_frequencies)
    shapes = {"E": (V, M), "W_x": (M, 4 * S), "W_hh": (S, 4 * S), "W_o": (S, V)}
    weights = {name: rng.standard_normal(shape) / np.sqrt(shape[0]) for name, shape in shapes.items()}
    weights["E"] = 0.5 * rng.standard_normal((V, M))
    b = np.repeat([0.0, 1.0, 0.0, 0.0], S)  # gates i, f, o, g: the forget gate starts open
    return {name: array.astype(dtype) for name, array in {**weights, "b": b, "b_o": log_frequencies}.items()}


def loss_and_grads(params: dict, batch: Batch, config: Config, rng: np.random.Generator | None) -> tuple[Loss, dict]:
    """Compute the loss and its gradients as captioner.loss_and_grads does, but from the captions alone.

    Args:
        params: dict from init_params.
        batch: batches.Batch; its inputs are not used.
        config: Config.
        rng: not used.
    Returns:
        loss: Loss.
        grads: dict with the shapes of params.
    """
    logits, (cache_embedding, cache_lstm, cache_linear) = _forward(params, batch.words, config)
    loss, cache_loss = losses.cross_entropy_forward(logits, batch.targets, batch.mask)
    word = -losses.word_log_probabilities(cache_loss).sum() / batch.mask.sum()

    grads, dlogits = {}, losses.cross_entropy_backward(1.0, cache_loss)
    dh, grads["W_o"], grads["b_o"] = linear.linear_backward(dlogits, cache_linear)
    dc = np.zeros_like(dh[0])
    dEy, _, _, grads["W_x"], grads["W_hh"], grads["b"] = lstm.lstm_sequence_backward(dh, dc, cache_lstm)
    grads["E"] = embedding.embedding_backward(dEy, cache_embedding)
    return Loss(loss, word, 0.0), grads


def measure_running_statistics(params: dict, batches: Iterable[Batch], config: Config) -> None:
    """Do nothing, because the model has no batch normalization."""


def _forward(params, words, config):
    """Compute the logits (T, B, V) and the caches for words (T, B)."""
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    zero = np.zeros((words.shape[1], config.hidden_size), Ey.dtype)
    h, _, cache_lstm = lstm.lstm_sequence_forward(Ey, zero, zero, params["W_x"], params["W_hh"], params["b"])
    logits, cache_linear = linear.linear_forward(h, params["W_o"], params["b_o"])
    return logits, (cache_embedding, cache_lstm, cache_linear)


def caption_images(params: dict, config: Config, images: np.ndarray, beam: int, max_words: int) -> list[Caption]:
    """Write one caption by greedy decoding and return it for every image.

    Args:
        params: dict from init_params.
        config: Config.
        images: N images, of which only the number is used.
        beam: not used.
        max_words: maximum length of the caption.
    Returns:
        List of N Captions without attention weights.
    """
    words, log_p = [START], 0.0
    while len(words) <= max_words and words[-1] != END:
        logits, _ = _forward(params, np.array(words)[:, None], config)
        last = logits[-1, 0].astype(np.float64)
        allowed = np.delete(np.arange(len(last)), [START, UNK] if len(words) > 1 else [START, END, UNK])
        words.append(int(allowed[last[allowed].argmax()]))
        log_p += last[words[-1]] - np.log(np.exp(last).sum())
    caption = tuple(word for word in words[1:] if word != END)
    return [Caption(caption, log_p, None, None)] * len(images)
