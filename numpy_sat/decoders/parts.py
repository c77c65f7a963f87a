"""The decoder of attend_tell.py with parts left out, to find what each of them is worth.

A part that is left out has no parameters. In their place stand constants under which it does nothing, so that the
decoder itself need not know: with v = 0, or W_q = 0, all scores are equal and z is of the mean annotation; sigm(40) is
1 to the last bit, and so is the gate; and with L_z = 0 the output does not see z. It still sees the word before, whose
share of the logits, (E y_{t-1}) L_o, is taken off again.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders import attend_tell
from numpy_sat.layers import embedding, linear
from numpy_sat.system.errors import InputError

PARTS = {  # what can be left out: its parameters
    "attention": ("W_a", "b_a", "W_h", "v", "W_q", "W_k"),  # of the model "dot" the last two; its W_v stays
    "gate": ("w_beta", "b_beta"),
    "deep output": ("L_z",),
}


class WordCache(NamedTuple):
    embedding: embedding.EmbeddingCache
    linear: linear.LinearCache


def removed(params, parts):
    """The parameters without those of some parts. parts: names in PARTS. Raises ValueError for another name."""
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise ValueError(f"without: {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    names = {name for part in parts for name in PARTS[part]}
    return {name: array for name, array in params.items() if name not in names}


def refuse(model, names):
    """Raise InputError where parts are to be left out, `names`, of a model that has none of them."""
    if names:
        raise InputError(f"without={','.join(names)}: the model {model} has no parts that can be left out.")


def completed(params):
    """The parameters, and constants for those that were left out."""
    (D, S), M, dtype = params["W_h0"].shape, params["E"].shape[1], params["E"].dtype
    zeros = {"w_beta": (S,), "L_z": (len(params["W_x"]) - M, M)}
    if attend_tell.has_dot_score(params):
        heads = len(params["W_v"])
        zeros |= {"W_q": (heads, S, 1), "W_k": (heads, D, 1)}
    else:
        zeros |= {"W_a": (D, 1), "b_a": (1,), "W_h": (S, 1), "v": (1,)}
    constants = {name: np.zeros(shape, dtype) for name, shape in zeros.items() if name not in params}
    return {"b_beta": np.full(1, 40, dtype), **constants, **params}


def has_deep_output(params):
    """Whether the output layer sees more than h_t."""
    return "L_z" in params


def word_forward(params, words):
    """What the word before adds to the logits, (E y_{t-1}) L_o. words: (..., B). Returns (..., B, V) and the cache."""
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    V = len(params["b_o"])
    logits, cache_linear = linear.linear_forward(Ey, params["L_o"], np.zeros(V, Ey.dtype))
    return logits, WordCache(cache_embedding, cache_linear)


def word_backward(dlogits, cache):
    """dlogits: (..., B, V). Returns the gradients of E and L_o by name."""
    dEy, dL_o, _ = linear.linear_backward(dlogits, cache.linear)
    return {"E": embedding.embedding_backward(dEy, cache.embedding), "L_o": dL_o}
