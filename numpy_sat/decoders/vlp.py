"""Define one Transformer that fills gaps and writes captions (after Zhou et al. 2020, VLP, arXiv 1909.11059).

    r_i = W_r a_i + b_r + place(i)               regions
    x_t = sqrt(S) E_w + place(t)                 token w at place t: the word y_t, or [MASK]
    h   = Stack(r_1 .. r_L, x_1 .. x_T)          with one of two masks
    p(y_t | what position t sees) ~ exp(E h_t + b_o)

In training, some words of a caption are hidden (masking.py), and the model predicts these alone. With the
left-to-right mask, a word sees the words before it. With the bidirectional one, all regions and words see each other.
Both share all weights. To write, the model reads [MASK] at the next place, predicts its word, puts the word in its
place, and goes on. A caption has no <start> here: the first [MASK] sees the regions alone.
"""

import math
from typing import NamedTuple

import numpy as np

from numpy_sat.decoders import masks, stack, transformer
from numpy_sat.layers import embedding, linear, position


class Reading(NamedTuple):
    """What the model reads: sequences of tokens, and which of them it predicts."""

    tokens: np.ndarray  # (sequences, Q) integers: words, or V for [MASK]
    places: np.ndarray  # (Q,) place of each token in its caption, from 1
    mask: np.ndarray  # (1 or sequences, P, P) with P = L + Q
    copies: int  # sequences of each image
    first: int  # the first token whose word is predicted


class PredictCache(NamedTuple):
    """The caches that predict_forward keeps for predict_backward."""

    reading: Reading
    shape: tuple  # T and B
    regions: linear.LinearCache
    embedding: embedding.EmbeddingCache
    stack: NamedTuple
    output: linear.LinearCache


class State(NamedTuple):
    """The state of decoding between two words. The first three fields are those of transformer.State."""

    regions: list
    words: list
    weights: np.ndarray | None = None  # (heads, B, L) alpha of each head for the last word; None after begin and select
    started: bool = False  # False before the first word


def init_params(rng, D, S, layers, heads, log_frequencies, dtype=np.float32):
    """Draw all parameters: those of transformer.py, and E_mask: (1, S), the vector of [MASK]."""
    params = transformer.init_params(rng, D, S, layers, heads, log_frequencies, dtype)
    return params | {"E_mask": (rng.standard_normal((1, S)) / np.sqrt(S)).astype(dtype)}


def left_to_right(tokens, L, N, dtype):
    """Return the Reading of captions in which a word sees the words before it. One sequence holds an image's captions.

    Args:
        tokens: (T, B) integers, the captions with hidden words.
        L, N: number of locations, number of images.
        dtype: dtype of the mask.
    """
    T, B = tokens.shape
    mask = masks.left_to_right(L, T, B // N, dtype)
    return Reading(_in_sequences(tokens, N), np.tile(np.arange(1, T + 1), B // N), mask, 1, 0)


def bidirectional(tokens, real, L, N, dtype):
    """Return the Reading of captions in which all words see each other. Each caption has a sequence of its own.

    Args:
        tokens: (T, B) integers, the captions with hidden words.
        real: (T, B) 1 at words, 0 at padding.
        L, N: number of locations, number of images.
        dtype: dtype of the mask.
    """
    T, B = tokens.shape
    return Reading(tokens.T, np.arange(1, T + 1), masks.bidirectional(L, real.T, dtype), B // N, 0)


def writing(words, V, L, N, dtype):
    """Return the Reading that predicts each word of whole captions from the words before it, as in writing.

    Args:
        words: (T, B) integers y_0 = <start>, y_1, ..., y_{T-1}.
        V: vocabulary size, which is the number of [MASK].
        L, N: number of locations, number of images.
        dtype: dtype of the mask.
    """
    T, each = len(words), words.shape[1] // N
    tokens = np.concatenate([_in_sequences(words[1:], N), np.full((N, each * T), V)], axis=1)
    places = np.concatenate([np.tile(np.arange(1, T), each), np.tile(np.arange(1, T + 1), each)])
    return Reading(tokens, places, masks.writing(L, T, each, dtype), 1, each * (T - 1))


def predict_forward(params, a, reading, core, dropout_masks=None):
    """Predict the words at the tokens of a Reading, from reading.first on.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        reading: Reading.
        core: the module that computes the blocks: stack, or fast/stack.py for float32.
        dropout_masks: stack.Masks for P = L + Q positions, with first = L + reading.first; None for no dropout.
    Returns:
        logits: (sequences, Q - first, V).
        cache: what predict_backward needs.
    """
    L, S = a.shape[1], params["E"].shape[1]
    # r_i = W_r a_i + b_r + place(i)
    r, cache_regions = linear.linear_forward(a, params["W_r"], params["b_r"])
    r = np.repeat(r + position.sinusoids(L, S, a.dtype), reading.copies, axis=0)
    # x_t = sqrt(S) E_w + place(t)
    E = np.concatenate([params["E"], params["E_mask"]])
    Ew, cache_embedding = embedding.embedding_forward(E, reading.tokens)
    x = math.sqrt(S) * Ew + position.sinusoids(reading.places.max() + 1, S, a.dtype)[reading.places]
    # h = Stack(r, x)
    sequence = np.concatenate([r, x], axis=1)
    h, cache_stack = core.stack_forward(params, sequence, reading.mask, dropout_masks, first=L + reading.first)
    # logits_t = E h_t + b_o
    logits, cache_output = linear.linear_forward(h, params["E"].T, params["b_o"])
    return logits, PredictCache(reading, a.shape, cache_regions, cache_embedding, cache_stack, cache_output)


def predict_backward(dlogits, cache, core):
    """Compute the gradients of predict_forward.

    Args:
        dlogits: (sequences, Q - first, V).
        cache: from predict_forward.
        core: as for predict_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    (N, L, _), copies = cache.shape, cache.reading.copies
    # logits_t = E h_t + b_o
    dh, dE_output, db_o = linear.linear_backward(dlogits, cache.output)
    # h = Stack(r, x)
    dsequence, grads = core.stack_backward(dh, cache.stack)
    # x_t = sqrt(S) E_w + place(t)
    S = dsequence.shape[2]
    dE = embedding.embedding_backward(math.sqrt(S) * dsequence[:, L:], cache.embedding)
    # gradient of E = term 1: through the input + term 2: through the output
    grads["E"], grads["E_mask"], grads["b_o"] = dE[:-1], dE[-1:], db_o
    grads["E"] += dE_output.T
    # r_i = W_r a_i + b_r + place(i): each sequence of the image adds a term
    dr = dsequence[:, :L].reshape(N, copies, L, S).sum(axis=1)
    da, grads["W_r"], grads["b_r"] = linear.linear_backward(dr, cache.regions)
    return da, grads


def by_word(x, T):
    """Return x: (sequences, tokens, V) as (T, B, V), contiguous."""
    return np.ascontiguousarray(x.reshape(-1, T, x.shape[2]).swapaxes(0, 1))


def by_sequence(x, sequences):
    """Return x: (T, B, V) as (sequences, tokens, V), the inverse of by_word."""
    return x.swapaxes(0, 1).reshape(sequences, -1, x.shape[2])


def _in_sequences(words, N):
    """Return words: (T, B) as (N, T B / N), the captions of an image one after the other."""
    return words.T.reshape(N, -1)


def begin(params, a, core=stack):
    """Return the State before the first word. Arguments: see transformer.begin."""
    return State(*transformer.begin(params, a, core))


def select(state, rows):
    """Return the State of selected captions: see transformer.select."""
    return transformer.select(state, rows)


def step(params, state, words):
    """Put the previous words in their places, and predict the next ones at [MASK].

    Args:
        params: arrays by name.
        state: State.
        words: (B,) integers, the previous words; <start> before the first word, which has no place.
    Returns:
        logits: (B, V).
        alpha, beta: (B, L) and (B,) attention of [MASK], see transformer.step.
        state: State after these words.
    """
    regions, written = state.regions, state.words
    if state.started:
        _, _, written = stack.stack_step(params, _token(params["E"][words], written), regions, written)
    B = len(words)
    token = _token(np.repeat(params["E_mask"], B, axis=0), written)
    h, p, _ = stack.stack_step(params, token, regions, written)
    logits, _ = linear.linear_forward(h, params["E"].T, params["b_o"])
    alpha, beta, weights = transformer.attention_map(p, regions[0].k.shape[1])
    return logits, alpha, beta, State(regions, written, weights, started=True)


def _token(E_w, written):
    """Compute x_t = sqrt(S) E_w + place(t) at the next place."""
    t, S = written[0].k.shape[1] + 1, E_w.shape[1]
    return math.sqrt(S) * E_w + position.sinusoids(t + 1, S, E_w.dtype)[t]
