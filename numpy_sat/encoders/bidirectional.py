"""Encode a sentence by a bidirectional recurrent network with relu (Karpathy and Li 2014).

    e_t   = relu(W_e E y_t + b_e)
    h^f_t = relu(W_f h^f_{t-1} + e_t + b_f)        from left to right
    h^b_t = relu(W_b h^b_{t+1} + e_t + b_b)        from right to left
    s_t   = relu(W_d (h^f_t + h^b_t) + b_d)

The vector s_t of a word depends on all words of its sentence. Words after the end of a sentence change none of its
vectors.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import activations, embedding, linear, rnn


class EncodeCache(NamedTuple):
    """The caches that encode_forward keeps for encode_backward."""

    order: np.ndarray  # (T, B, 1) positions of the words from right to left
    embedding: embedding.EmbeddingCache
    inputs: linear.LinearCache
    relu_e: activations.ReluCache
    ahead: rnn.RNNSequenceCache
    back: rnn.RNNSequenceCache
    output: linear.LinearCache
    relu_s: activations.ReluCache


def init_params(rng, V, M, H, dtype=np.float32):
    """Draw all parameters.

    W_f and W_b start at half the identity. The other weights are normal, with the standard deviation 0.5 for E and
    1 / sqrt(inputs) for the others. Biases start at 0.

    Args:
        rng: numpy Generator.
        V, M, H: vocabulary size, embedding size, size of the vectors s_t.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    """

    def weights(rows, columns):
        return (rng.standard_normal((rows, columns)) / np.sqrt(rows)).astype(dtype)

    return {
        "E": (0.5 * rng.standard_normal((V, M))).astype(dtype),
        **{"W_e": weights(M, H), "W_f": (0.5 * np.eye(H)).astype(dtype), "W_b": (0.5 * np.eye(H)).astype(dtype)},
        "W_d": weights(H, H),
        **{name: np.zeros(H, dtype) for name in ("b_e", "b_f", "b_b", "b_d")},
    }


def encode_forward(params, words, lengths):
    """Encode all words of B sentences.

    Args:
        params: arrays by name.
        words: (T, B) integers, the words of each sentence and padding.
        lengths: (B,) number of words of each sentence.
    Returns:
        s: (T, B, H) vectors of the words. Those of the padding have no meaning.
        cache: what encode_backward needs.
    """
    order = _from_right_to_left(len(words), lengths)
    # e_t = relu(W_e E y_t + b_e)
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    affine, cache_inputs = linear.linear_forward(Ey, params["W_e"], params["b_e"])
    e, cache_e = activations.relu_forward(affine)
    start = np.zeros_like(e[0])
    # h^f_t = relu(W_f h^f_{t-1} + e_t + b_f)
    ahead, cache_ahead = rnn.rnn_sequence_forward(e + params["b_f"], start, params["W_f"])
    # h^b_t = relu(W_b h^b_{t+1} + e_t + b_b): the same network, from right to left
    reversed_e = np.take_along_axis(e, order, axis=0)
    back, cache_back = rnn.rnn_sequence_forward(reversed_e + params["b_b"], start, params["W_b"])
    # s_t = relu(W_d (h^f_t + h^b_t) + b_d)
    states = ahead + np.take_along_axis(back, order, axis=0)
    affine, cache_output = linear.linear_forward(states, params["W_d"], params["b_d"])
    s, cache_s = activations.relu_forward(affine)
    caches = cache_embedding, cache_inputs, cache_e, cache_ahead, cache_back, cache_output, cache_s
    return s, EncodeCache(order, *caches)


def encode_backward(ds, cache):
    """Compute the gradients of encode_forward.

    Args:
        ds: (T, B, H), 0 at padding.
        cache: from encode_forward.
    Returns:
        grads: gradients by parameter name.
    """
    grads, order = {}, cache.order
    # s_t = relu(W_d (h^f_t + h^b_t) + b_d)
    daffine = activations.relu_backward(ds, cache.relu_s)
    dstates, grads["W_d"], grads["b_d"] = linear.linear_backward(daffine, cache.output)
    # h^f_t = relu(W_f h^f_{t-1} + e_t + b_f)
    du_ahead, _, grads["W_f"] = rnn.rnn_sequence_backward(dstates, cache.ahead)
    grads["b_f"] = du_ahead.sum(axis=(0, 1))
    # h^b_t = relu(W_b h^b_{t+1} + e_t + b_b); the order from right to left is its own inverse
    du_back, _, grads["W_b"] = rnn.rnn_sequence_backward(np.take_along_axis(dstates, order, axis=0), cache.back)
    grads["b_b"] = du_back.sum(axis=(0, 1))
    # gradient of e_t = term 1: through h^f + term 2: through h^b
    de = du_ahead + np.take_along_axis(du_back, order, axis=0)
    # e_t = relu(W_e E y_t + b_e)
    daffine = activations.relu_backward(de, cache.relu_e)
    dEy, grads["W_e"], grads["b_e"] = linear.linear_backward(daffine, cache.inputs)
    grads["E"] = embedding.embedding_backward(dEy, cache.embedding)
    return grads


def _from_right_to_left(T, lengths):
    """Return the positions (T, B, 1) that reverse the words of each sentence and leave its padding in place."""
    t = np.arange(T)[:, None]
    return np.where(t < lengths, lengths - 1 - t, t)[..., None]
