"""Define the Transformer that writes captions (after Vaswani et al. 2017), with regions and words in one sequence.

    r_i = W_r a_i + b_r + place(i)                regions, one for each annotation
    x_t = sqrt(S) E y_{t-1} + place(t)            words, from y_0 = <start>
    h   = Stack(r_1 .. r_L, x_1 .. x_T)           self-attention with a mask; h_t is the vector of word t
    p(y_t | a, y_1..t-1) ~ exp(E h_t + b_o)       the output reads the same matrix E as the input

The mask hides all later words from a word, and all words from the regions (masks.py). So the model predicts all words
of a caption at once in training, and each from the words before it. Place(i) is a vector of sinusoids
(layers/position.py). All captions of an image share its regions, in one sequence.

Input and output share E, so both use the same vector of a word. Its entries start small, 1 / sqrt(S), as an output
matrix needs them. The factor sqrt(S) brings the input to the scale of the places.

Before every block, each word gets a share of the words before it (layers/token_shift.py). The reason: `red` looks at
red objects, because it predicts their shapes. The place of the red object decides between `left of` and `right of`,
a few words later. The shift carries it there, as the state of an LSTM does. On scenes, directions are learned much
earlier with it (RESULTS.md, "The Transformer").
"""

import math
from typing import NamedTuple

import numpy as np

from numpy_sat.decoders import masks, stack
from numpy_sat.layers import embedding, linear, position

SHIFT_START = 0.5  # c at the start: the weight of the word before in the token shift
# The scale at which W_r reads row and column. Normalization makes them small beside the features. At scale 1,
# directions are learned later (RESULTS.md, "The Transformer").
PLACE_SCALE = 4


class DecodeCache(NamedTuple):
    """The caches that decode_forward keeps for decode_backward."""

    regions: linear.LinearCache
    embedding: embedding.EmbeddingCache
    stack: stack.StackCache
    output: linear.LinearCache


class State(NamedTuple):
    """The state of decoding between two words, for N images and B captions: what the next word sees."""

    regions: list  # stack.Memory of the regions for each block, (N, L, heads, K)
    words: list  # stack.Memory of the words so far for each block, (B, t, heads, K)
    weights: np.ndarray | None = None  # (heads, B, L) alpha of each head for the last word; None after begin and select


def init_params(rng, D, S, layers, heads, log_frequencies, dtype=np.float32, places=0, shift=True):
    """Draw all parameters.

    Weights are normal with standard deviation 1 / sqrt(number of inputs), and E with 1 / sqrt(S). The rows of W_r for
    the place of a region are PLACE_SCALE times as large. The output bias starts at the log word frequencies, and all
    other biases and the shifts beta of normalizations at 0. Scales start at 1, but that of the last normalization at
    1 / sqrt(S). With 1, the shared E would make the model repeat each word at first. The weights c of the token shift
    start at SHIFT_START.

    Args:
        rng: numpy Generator.
        D, S: annotation size, hidden size.
        layers, heads: number of blocks, and of heads in each block.
        log_frequencies: (V,) log frequencies of the words.
        dtype: dtype of the parameters.
        places: number of last components of an annotation that say where it is.
        shift: True for a token shift, with the parameter c in each block.
    Returns:
        Arrays by name.
    """
    V = len(log_frequencies)
    scale = np.where(np.arange(D) < D - places, 1, PLACE_SCALE)[:, None] / np.sqrt(D)
    return {
        "W_r": (scale * rng.standard_normal((D, S))).astype(dtype),
        "b_r": np.zeros(S, dtype),
        "E": (rng.standard_normal((V, S)) / np.sqrt(S)).astype(dtype),
        **stack.init_params(rng, S, layers, heads, 1 / np.sqrt(S), dtype),
        **({f"block{k}.c": np.full(S, SHIFT_START, dtype) for k in range(1, layers + 1)} if shift else {}),
        "b_o": np.asarray(log_frequencies).astype(dtype),
    }


def decode_forward(params, a, words, dropout_masks, lengths=None):
    """Predict every word of whole captions from the image and the true words before it (teacher forcing).

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        words: (T, B) integers y_0 = <start>, y_1, ...; B / N consecutive captions belong to each image.
        dropout_masks: stack.Masks for P = L + T B / N positions, with first = L; None for no dropout.
        lengths: (B,) number of words of each caption; None if all have T. It is not used here. fast/transformer.py
            does not compute padding, whose logits are 0 there. The gradients of the logits of padding must be 0.
    Returns:
        logits: (T, B, V).
        cache: what decode_backward needs.
    """
    (N, L, _), (T, B) = a.shape, words.shape
    # r_i = W_r a_i + b_r + place(i)
    r, cache_regions = linear.linear_forward(a, params["W_r"], params["b_r"])
    # x_t = sqrt(S) E y_{t-1} + place(t)
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words.T)
    sequence = join(r, Ey)
    # h = Stack(r, x)
    mask = masks.left_to_right(L, T, B // N, a.dtype)
    h, cache_stack = stack.stack_forward(params, sequence, mask, dropout_masks, first=L, T=T)
    # logits_t = E h_t + b_o
    logits, cache_output = linear.linear_forward(by_word(h, T), params["E"].T, params["b_o"])
    return logits, DecodeCache(cache_regions, cache_embedding, cache_stack, cache_output)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    N, L, _ = cache.regions.x.shape
    # logits_t = E h_t + b_o
    dh, dE_output, db_o = linear.linear_backward(dlogits, cache.output)
    # h = Stack(r, x)
    dsequence, grads = stack.stack_backward(by_image(dh, N), cache.stack)
    dr, dEy = split(dsequence, L)
    # gradient of E = term 1: through the output + term 2: through the input x_t
    grads["E"] = embedding.embedding_backward(dEy, cache.embedding)
    grads["E"] += dE_output.T
    grads["b_o"] = db_o
    # r_i = W_r a_i + b_r + place(i)
    da, grads["W_r"], grads["b_r"] = linear.linear_backward(dr, cache.regions)
    return da, grads


def join(r, Ey):
    """Return the sequence of each image: its regions, then the words of each caption, with their places.

    Args:
        r: (N, L, S) W_r a_i + b_r.
        Ey: (B, T, S) embeddings of the previous words.
    Returns:
        (N, L + T B / N, S).
    """
    (N, L, S), T = r.shape, Ey.shape[1]
    # x_t = sqrt(S) E y_{t-1} + place(t)
    x = math.sqrt(S) * Ey + position.sinusoids(T, S, r.dtype)
    return np.concatenate([r + position.sinusoids(L, S, r.dtype), x.reshape(N, -1, S)], axis=1)


def split(dsequence, L):
    """Compute the gradients of join.

    Args:
        dsequence: (N, P, S) gradient of the sequences.
        L: number of regions.
    Returns:
        dr: (N, L, S).
        dEy: (N, P - L, S), the words of each image's captions, one caption after the other.
    """
    return np.ascontiguousarray(dsequence[:, :L]), math.sqrt(dsequence.shape[2]) * dsequence[:, L:]


def by_word(h, T):
    """Return the vectors of all words, (T, B, S), from those of each image, h: (N, T B / N, S)."""
    return np.ascontiguousarray(h.reshape(-1, T, h.shape[2]).swapaxes(0, 1))


def by_image(h, N):
    """Return the vectors of each image's words, (N, T B / N, S), from those of all words, h: (T, B, S)."""
    return h.swapaxes(0, 1).reshape(N, -1, h.shape[2])


def begin(params, a, core=stack):
    """Return the State before the first word, with one caption per image.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        core: the module that computes the blocks: stack, or fast/stack.py for float32.
    """
    r, _ = linear.linear_forward(a, params["W_r"], params["b_r"])
    _, L, S = r.shape
    return begin_after(params, r + position.sinusoids(L, S, r.dtype), core)


def begin_after(params, shared, core):
    """Return the State before the first word, after positions that see each other and no word.

    Args:
        params: arrays by name.
        shared: (N, P, S) vectors of positions that all captions of an image share.
        core: as for begin.
    """
    P = shared.shape[1]
    # They see no word, so their keys and values are the same for all captions.
    _, cache = core.stack_forward(params, shared, np.zeros((1, P, P), shared.dtype))
    regions, nothing = core.memories(cache), np.zeros_like(shared[:, 0])
    return State(regions, [stack.Memory(memory.k[:, :0], memory.v[:, :0], nothing) for memory in regions])


def select(state, rows):
    """Return the State of selected captions.

    Args:
        state: State of B captions.
        rows: (B',) indices of captions, which may repeat; B' / N for each image, in the order of the images.
    Returns:
        State of B' captions.
    """
    return State(state.regions, select_words(state.words, rows))


def select_words(words, rows):
    """Return the memories of selected captions. words: a stack.Memory for each block; rows: as for select."""
    return [stack.Memory(*(array[rows] for array in memory)) for memory in words]


def attend_to(state, images, locations):
    """Return the State of some images' captions, whose next word sees some of the regions only.

    The regions themselves have seen each other before. The regions that remain are the same in every block.

    Args:
        state: State with one caption per image.
        images: (B,) indices of images.
        locations: (B, K) indices of the regions that remain.
    Returns:
        State of B captions with K regions.
    """
    rows = images[:, None]
    regions = [stack.Memory(memory.k[rows, locations], memory.v[rows, locations]) for memory in state.regions]
    return State(regions, select_words(state.words, images))


def step(params, state, words):
    """Advance by one word and predict the next one.

    Only the new word is computed. The keys and values of the regions and of all words before it are in the State.

    Args:
        params: arrays by name.
        state: State.
        words: (B,) integers, the previous words.
    Returns:
        logits: (B, V).
        alpha, beta: (B, L) and (B,) attention of the last block, see attention_map.
        state: State after these words.
    """
    t, L = state.words[0].k.shape[1], state.regions[0].k.shape[1]
    Ey, _ = embedding.embedding_forward(params["E"], words)
    S = Ey.shape[1]
    # x_t = sqrt(S) E y_{t-1} + place(t)
    x = math.sqrt(S) * Ey + position.sinusoids(t + 1, S, Ey.dtype)[t]
    h, p, longer = stack.stack_step(params, x, state.regions, state.words)
    # logits_t = E h_t + b_o
    logits, _ = linear.linear_forward(h, params["E"].T, params["b_o"])
    alpha, beta, weights = attention_map(p, L)
    return logits, alpha, beta, State(state.regions, longer, weights)


def attention_map(p, L):
    """Compute the attention to the regions, as a mean over heads.

    Args:
        p: (B, heads, positions) attention weights of a word; the regions come first.
        L: number of regions.
    Returns:
        alpha: (B, L) attention to each region; each row sums to 1.
        beta: (B,) share of the attention that goes to regions.
        weights: (heads, B, L) attention of each head over beta, whose mean is alpha.
    """
    to_regions = p[:, :, :L].swapaxes(0, 1)
    alpha = to_regions.mean(axis=0)
    beta = alpha.sum(axis=1)
    return alpha / beta[:, None], beta, to_regions / beta[:, None]
