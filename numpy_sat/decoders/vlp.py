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

EMBEDDINGS = "E", "E_mask", "E_cls"  # the vectors of tokens: words, then [MASK], then [CLS] in oscar.py


class Reading(NamedTuple):
    """What the model reads: sequences of tokens, and which of them it predicts."""

    tokens: np.ndarray  # (sequences, Q) integers: words, or V for [MASK], V + 1 for [CLS]
    places: np.ndarray  # (Q,) place of each token in its caption, from 1
    mask: np.ndarray  # (1 or sequences, P, P) with P = L + Q
    copies: int  # sequences of each image
    first: int  # the first token whose word is predicted
    tags: int = 0  # number of tags, which are the first tokens (oscar.py)


class ReadCache(NamedTuple):
    """The caches that read_forward keeps for read_backward."""

    reading: Reading
    shape: tuple  # N, L and D
    V: int  # vocabulary size
    regions: linear.LinearCache
    embedding: embedding.EmbeddingCache
    stack: NamedTuple


class PredictCache(NamedTuple):
    """The caches that predict_forward keeps for predict_backward."""

    read: ReadCache
    output: linear.LinearCache


class State(NamedTuple):
    """The state of decoding between two words. The first three fields are those of transformer.State."""

    regions: list
    words: list
    weights: np.ndarray | None = None  # (heads, B, L) alpha of each head for the last word; None after begin and select
    started: bool = False  # False before the first word


def init_params(rng, D, S, layers, heads, log_frequencies, dtype=np.float32):
    """Draw all parameters: those of transformer.py, and E_mask: (1, S), the vector of [MASK]."""
    params = transformer.init_params(rng, D, S, layers, heads, log_frequencies, dtype, shift=False)
    return params | {"E_mask": (rng.standard_normal((1, S)) / np.sqrt(S)).astype(dtype)}


def no_tags(N):
    """Return the tags of N images without tags: (N, 0)."""
    return np.zeros((N, 0), int)


def left_to_right(tokens, L, tags, dtype):
    """Return the Reading of captions in which a word sees the words before it. One sequence holds an image's captions.

    Args:
        tokens: (T, B) integers, the captions with hidden words.
        L: number of locations.
        tags: (N, G) words of each image's tags, which all words see, and which see no word; G is 0 without tags.
        dtype: dtype of the mask.
    """
    (T, B), (N, G) = tokens.shape, tags.shape
    places = np.tile(np.arange(1, T + 1), B // N)
    mask = masks.left_to_right(L + G, T, B // N, dtype)
    return _after_tags(tags, _in_sequences(tokens, N), places, mask)


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


def writing(words, V, L, tags, dtype):
    """Return the Reading that predicts each word of whole captions from the words before it, as in writing.

    Args:
        words: (T, B) integers y_0 = <start>, y_1, ..., y_{T-1}.
        V: vocabulary size, which is the number of [MASK].
        L: number of locations.
        tags: (N, G) as for left_to_right.
        dtype: dtype of the mask.
    """
    N, G = tags.shape
    T, each = len(words), words.shape[1] // N
    tokens = np.concatenate([_in_sequences(words[1:], N), np.full((N, each * T), V)], axis=1)
    places = np.concatenate([np.tile(np.arange(1, T), each), np.tile(np.arange(1, T + 1), each)])
    reading = _after_tags(tags, tokens, places, masks.writing(L + G, T, each, dtype))
    return reading._replace(first=reading.first + each * (T - 1))


def _after_tags(tags, tokens, places, mask):
    """Return the Reading of tags and then tokens, (N, G) and (N, Q), with one sequence for each image."""
    G = tags.shape[1]
    tokens = np.concatenate([tags, tokens], axis=1)
    return Reading(tokens, np.concatenate([np.arange(1, G + 1), places]), mask, copies=1, first=G, tags=G)


def read_forward(params, a, reading, core, dropout_masks=None):
    """Compute the vectors of the tokens of a Reading, from reading.first on.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        reading: Reading.
        core: the module that computes the blocks: stack, or fast/stack.py for float32.
        dropout_masks: stack.Masks for P = L + Q positions, with first = L + reading.first; None for no dropout.
    Returns:
        h: (sequences, Q - first, S).
        cache: what read_backward needs.
    """
    L, S = a.shape[1], params["E"].shape[1]
    # r_i = W_r a_i + b_r + place(i)
    r, cache_regions = linear.linear_forward(a, params["W_r"], params["b_r"])
    r = np.repeat(r + position.sinusoids(L, S, a.dtype), reading.copies, axis=0)
    # x_t = sqrt(S) E_w + place(t), and at tags + E_tag
    E = np.concatenate([params[name] for name in EMBEDDINGS if name in params])
    Ew, cache_embedding = embedding.embedding_forward(E, reading.tokens)
    x = math.sqrt(S) * Ew + position.sinusoids(reading.places.max() + 1, S, a.dtype)[reading.places]
    if reading.tags:
        x[:, : reading.tags] += params["E_tag"]
    # h = Stack(r, x)
    sequence = np.concatenate([r, x], axis=1)
    h, cache_stack = core.stack_forward(params, sequence, reading.mask, dropout_masks, first=L + reading.first)
    return h, ReadCache(reading, a.shape, len(params["E"]), cache_regions, cache_embedding, cache_stack)


def read_backward(dh, cache, core):
    """Compute the gradients of read_forward.

    Args:
        dh: (sequences, Q - first, S).
        cache: from read_forward.
        core: as for read_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    (N, L, _), copies, tags = cache.shape, cache.reading.copies, cache.reading.tags
    # h = Stack(r, x)
    dsequence, grads = core.stack_backward(dh, cache.stack)
    # x_t = sqrt(S) E_w + place(t), and at tags + E_tag
    S = dsequence.shape[2]
    dE = embedding.embedding_backward(math.sqrt(S) * dsequence[:, L:], cache.embedding)
    for name, gradient in zip(EMBEDDINGS, np.split(dE, [cache.V, cache.V + 1]), strict=True):
        if len(gradient):
            grads[name] = gradient
    if tags:
        grads["E_tag"] = dsequence[:, L : L + tags].sum(axis=(0, 1))
    # r_i = W_r a_i + b_r + place(i): each sequence of the image adds a term
    dr = dsequence[:, :L].reshape(N, copies, L, S).sum(axis=1)
    da, grads["W_r"], grads["b_r"] = linear.linear_backward(dr, cache.regions)
    return da, grads


def predict_forward(params, a, reading, core, dropout_masks=None):
    """Predict the words at the tokens of a Reading, from reading.first on.

    Args:
        params, a, reading, core, dropout_masks: as for read_forward.
    Returns:
        logits: (sequences, Q - first, V).
        cache: what predict_backward needs.
    """
    h, cache_read = read_forward(params, a, reading, core, dropout_masks)
    # logits_t = E h_t + b_o
    logits, cache_output = linear.linear_forward(h, params["E"].T, params["b_o"])
    return logits, PredictCache(cache_read, cache_output)


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
    # logits_t = E h_t + b_o
    dh, dE_output, db_o = linear.linear_backward(dlogits, cache.output)
    # gradient of E = term 1: through the input + term 2: through the output
    da, grads = read_backward(dh, cache.read, core)
    grads["E"] += dE_output.T
    return da, grads | {"b_o": db_o}


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
    state = transformer.begin(params, a, core)
    return State(state.regions, state.words)


def select(state, rows):
    """Return the State of selected captions: see transformer.select."""
    return state._replace(words=transformer.select_words(state.words, rows), weights=None)


def step(params, state, words, tags=0):
    """Put the previous words in their places, and predict the next ones at [MASK].

    Args:
        params: arrays by name.
        state: State.
        words: (B,) integers, the previous words; <start> before the first word, which has no place.
        tags: number of tags, which follow the regions in the state.
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
    alpha, beta, weights = transformer.attention_map(p, regions[0].k.shape[1] - tags)
    return logits, alpha, beta, State(regions, written, weights, started=True)


def _token(E_w, written):
    """Compute x_t = sqrt(S) E_w + place(t) at the next place."""
    t, S = written[0].k.shape[1] + 1, E_w.shape[1]
    return math.sqrt(S) * E_w + position.sinusoids(t + 1, S, E_w.dtype)[t]
