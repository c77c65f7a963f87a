"""Compute the decoder of transformer.py with fused kernels (stack.py)."""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders import masks
from numpy_sat.decoders.fast import stack
from numpy_sat.decoders.transformer import by_image, by_word, join, split
from numpy_sat.kernels import elementwise
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack


class Cache(NamedTuple):
    """Arrays and caches that decode_forward keeps for decode_backward."""

    params: dict
    a: np.ndarray  # (N, L, D)
    words: np.ndarray  # (T, B)
    stack: stack.StackCache
    h: np.ndarray  # (T, B, S) vectors of the words after the last block


def decode_forward(params, a, words, dropout_masks):
    """Compute the logits of whole captions. Arguments and results are those of transformer.decode_forward."""
    (N, L, _), (T, B) = a.shape, words.shape
    a = np.ascontiguousarray(a)
    # r_i = W_r a_i + b_r + place(i),  x_t = sqrt(S) E y_{t-1} + place(t)
    sequence = join(multiply(a, pack(params["W_r"], params["b_r"])), params["E"][words.T])
    # h = Stack(r, x)
    mask = masks.left_to_right(L, T, B // N, np.float32)
    h, cache_stack = stack.stack_forward(params, sequence, mask, dropout_masks, first=L, T=T)
    h = by_word(h, T)
    # logits_t = E h_t + b_o
    logits = multiply(h, pack(params["E"].T, params["b_o"]))
    return logits, Cache(params, a, words, cache_stack, h)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward. Arguments and results are those of transformer.decode_backward."""
    params, (N, L, _), S = cache.params, cache.a.shape, cache.h.shape[2]
    # logits_t = E h_t + b_o
    dh = by_image(multiply(dlogits, pack(params["E"])), N)
    dsequence, grads = stack.stack_backward(dh, cache.stack)
    dr, dEy = split(dsequence, L)
    # gradient of E = term 1: through the output + term 2: through the input x_t
    grads["E"] = multiply_transposed(dlogits, cache.h)
    elementwise.add_rows(dEy.reshape(-1, S), cache.words.T.ravel(), grads["E"])
    grads["b_o"] = elementwise.column_sums(dlogits)
    # r_i = W_r a_i + b_r + place(i)
    grads |= {"W_r": multiply_transposed(cache.a, dr), "b_r": elementwise.column_sums(dr)}
    return multiply(dr, pack(params["W_r"].T)), grads
