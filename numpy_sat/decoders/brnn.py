"""Define the generator of Karpathy and Li 2014 (arXiv 1412.2306), which sees the image at the first step only.

    b_v = W_hi abar, where abar is the mean annotation
    h_t = relu(W_hx E y_{t-1} + W_hh h_{t-1} + b_h + [t = 1] b_v), from h_0 = 0
    p(y_t | a, y_1..t-1) ~ exp(W_oh h_t + b_o)

It is a simple recurrent network. The image enters as a bias of the first step, so the network must remember it. The
table of models calls it BRNN, after the bidirectional network that aligns words with regions.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import dropout, embedding, linear, rnn


class State(NamedTuple):
    """The state of decoding between two words, for B captions."""

    h: np.ndarray  # (B, S)
    image: np.ndarray  # (B, S) bias of the next step: b_v before the first word, then zeros


class DecodeCache(NamedTuple):
    """The caches that decode_forward keeps for decode_backward."""

    a: np.ndarray  # (N, L, D)
    W_hi: np.ndarray  # (D, S)
    embedding: embedding.EmbeddingCache
    inputs: linear.LinearCache
    rnn: rnn.RNNSequenceCache
    dropout: dropout.DropoutCache
    output: linear.LinearCache


def init_params(rng, D, M, S, log_frequencies, dtype=np.float32):
    """Draw all parameters.

    W_hh starts at half the identity, so that relu neither forgets the image at once nor lets states grow. The other
    weights are normal, with the standard deviation 0.5 for E and 1 / sqrt(inputs) for the others. The output bias
    starts at the log word frequencies, b_h at 0.

    Args:
        rng: numpy Generator.
        D, M, S: annotation size, embedding size, hidden size.
        log_frequencies: (V,) log frequencies of the words.
        dtype: dtype of the parameters.
    Returns:
        Arrays by name.
    """
    V = len(log_frequencies)

    def weights(rows, columns):
        return (rng.standard_normal((rows, columns)) / np.sqrt(rows)).astype(dtype)

    return {
        "W_hi": weights(D, S),
        "E": (0.5 * rng.standard_normal((V, M))).astype(dtype),
        **{"W_hx": weights(M, S), "W_hh": (0.5 * np.eye(S)).astype(dtype), "b_h": np.zeros(S, dtype)},
        **{"W_oh": weights(S, V), "b_o": np.asarray(log_frequencies).astype(dtype)},
    }


def decode_forward(params, a, words, mask_h):
    """Predict every word of whole captions from the image and the true words before it (teacher forcing).

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        words: (T, B) integers y_0 = <start>, y_1, ...; B / N consecutive captions belong to each image.
        mask_h: (T, B, S) dropout mask of h_t on its way to the output.
    Returns:
        logits: (T, B, V).
        cache: what decode_backward needs.
    """
    # u_t = W_hx E y_{t-1} + b_h
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    u, cache_inputs = linear.linear_forward(Ey, params["W_hx"], params["b_h"])
    # the first step adds b_v = W_hi abar
    u[0] += np.repeat(a.mean(axis=1) @ params["W_hi"], words.shape[1] // len(a), axis=0)
    # h_t = relu(u_t + W_hh h_{t-1})
    h, cache_rnn = rnn.rnn_sequence_forward(u, np.zeros_like(u[0]), params["W_hh"])
    dropped, cache_dropout = dropout.dropout_forward(h, mask_h)
    # logits_t = W_oh h_t + b_o, with h_t after dropout
    logits, cache_output = linear.linear_forward(dropped, params["W_oh"], params["b_o"])
    caches = cache_embedding, cache_inputs, cache_rnn, cache_dropout, cache_output
    return logits, DecodeCache(a, params["W_hi"], *caches)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    grads, (N, L, _) = {}, cache.a.shape
    # logits_t = W_oh h_t + b_o, with h_t after dropout
    ddropped, grads["W_oh"], grads["b_o"] = linear.linear_backward(dlogits, cache.output)
    # h_t = relu(u_t + W_hh h_{t-1})
    du, _, grads["W_hh"] = rnn.rnn_sequence_backward(dropout.dropout_backward(ddropped, cache.dropout), cache.rnn)
    # u_t = W_hx E y_{t-1} + b_h
    dEy, grads["W_hx"], grads["b_h"] = linear.linear_backward(du, cache.inputs)
    grads["E"] = embedding.embedding_backward(dEy, cache.embedding)
    # gradient of b_v: each caption of the image adds a term, and the first step alone uses it
    db_v = du[0].reshape(N, -1, du.shape[2]).sum(axis=1)
    # b_v = W_hi abar
    grads["W_hi"] = cache.a.mean(axis=1).T @ db_v
    # abar = sum_i a_i / L: each location gets the share 1 / L
    da = np.repeat((db_v @ cache.W_hi.T)[:, None] / L, L, axis=1)
    return da, grads


def begin(params, a):
    """Return the State before the first word, with one caption per image.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
    """
    b_v = a.mean(axis=1) @ params["W_hi"]
    return State(np.zeros_like(b_v), b_v)


def select(state, rows):
    """Return the State of selected captions.

    Args:
        state: State of B captions.
        rows: (B',) integers, the captions to keep or repeat.
    Returns:
        State of B' captions.
    """
    return State(state.h[rows], state.image[rows])


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
    Ey, _ = embedding.embedding_forward(params["E"], words)
    u, _ = linear.linear_forward(Ey, params["W_hx"], params["b_h"])
    (h,), _ = rnn.rnn_sequence_forward((u + state.image)[None], state.h, params["W_hh"])
    logits, _ = linear.linear_forward(h, params["W_oh"], params["b_o"])
    empty, ones = np.zeros((len(words), 0), h.dtype), np.ones(len(words), h.dtype)
    return logits, empty, ones, State(h, np.zeros_like(state.image))
