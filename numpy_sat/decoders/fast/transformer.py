"""Compute the decoder of transformer.py with fused kernels (stack.py), and without padding (packing.py)."""

import math
from typing import NamedTuple

import numpy as np

from numpy_sat.decoders.fast import packing, stack
from numpy_sat.decoders.stack import Masks
from numpy_sat.kernels import elementwise
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.layers import position
from numpy_sat.system.workspace import current


class Cache(NamedTuple):
    """Arrays and caches that decode_forward keeps for decode_backward."""

    params: dict
    a: np.ndarray  # (N, L, D)
    words: np.ndarray  # (W,)
    packing: packing.Packing
    stack: stack.StackCache
    h: np.ndarray  # (W, S) vectors of the words after the last block


def decode_forward(params, a, words, dropout_masks, lengths=None):
    """Compute the logits of whole captions, 0 at padding. Arguments and results: see transformer.decode_forward."""
    (N, L, _), shape = a.shape, words.shape
    a, packed = np.ascontiguousarray(a), packing.pack(shape, lengths)
    words = packed.words_of(words)
    # r_i = W_r a_i + b_r + place(i),  x_t = sqrt(S) E y_{t-1} + place(t)
    sequence = join(multiply(a, pack(params["W_r"], params["b_r"])), params["E"][words], packed.places)
    # h = Stack(r, x)
    captions, masks = stack.Captions(packed.starts, N), _packed(dropout_masks, packed, L)
    h, cache_stack = stack.stack_forward(params, sequence, captions, masks, first=N * L)
    h = h[0]
    # logits_t = E h_t + b_o
    logits = multiply(h, pack(params["E"].T, params["b_o"]))
    return packed.padded(logits, shape), Cache(params, a, words, packed, cache_stack, h)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward. Arguments and results are those of transformer.decode_backward."""
    params, (N, L, _), S = cache.params, cache.a.shape, cache.h.shape[1]
    # logits_t = E h_t + b_o
    dlogits = cache.packing.words_of(dlogits)
    dh = multiply(dlogits, pack(params["E"]))
    dsequence, grads = stack.stack_backward(dh[None], cache.stack)
    dr, dEy = dsequence[0, : N * L].reshape(N, L, S), math.sqrt(S) * dsequence[0, N * L :]
    # gradient of E = term 1: through the output + term 2: through the input x_t
    grads["E"] = multiply_transposed(dlogits, cache.h)
    elementwise.add_rows(dEy, cache.words, grads["E"])
    grads["b_o"] = elementwise.column_sums(dlogits)
    # r_i = W_r a_i + b_r + place(i)
    grads |= {"W_r": multiply_transposed(cache.a, dr), "b_r": elementwise.column_sums(dr)}
    return multiply(dr, pack(params["W_r"].T)), grads


def join(r, Ey, places):
    """Return the packed sequence of a batch: the regions of all images, then the words, with their places.

    Args:
        r: (N, L, S) W_r a_i + b_r.
        Ey: (W, S) embeddings of the previous words.
        places: (W,) place of each word in its caption, from 0.
    Returns:
        (1, N L + W, S).
    """
    N, L, S = r.shape
    sequence = current().empty((1, N * L + len(Ey), S))
    regions, x = sequence[0, : N * L].reshape(N, L, S), sequence[0, N * L :]
    np.add(r, position.sinusoids(L, S, r.dtype), out=regions)
    # x_t = sqrt(S) E y_{t-1} + place(t)
    np.multiply(Ey, np.float32(math.sqrt(S)), out=x)
    x += position.sinusoids(places.max(initial=0) + 1, S, r.dtype)[places]
    return sequence


def _packed(masks, packed, L):
    """Return the Masks of the packed sequence from those of padded sequences. Without dropout, both are None."""
    if masks is None:
        return None
    *blocks, last = masks.blocks
    blocks = [[packed.sequence_of(mask, L) for mask in pair] for pair in blocks]
    return Masks(packed.sequence_of(masks.input, L), [*blocks, [packed.sequence_of(mask, 0) for mask in last]])
