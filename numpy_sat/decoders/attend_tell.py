"""Define the decoder of Show, Attend and Tell (Xu et al. 2015, sections 3.1.2 and 4.2) for any attention.

`Parts` selects the attention, a module of attentions/. In training, `decode_forward` and `decode_backward` process
whole captions. While the model writes a caption, `begin` and `step` process one word at a time. `decode_forward` and
`step` both call `recur_forward` for each word. decoders/fast/recurrence.py computes the same with fused kernels.
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from numpy_sat.decoders import shallow_output
from numpy_sat.layers import activations, attention, dropout, embedding, linear, lstm, output


class Parts(NamedTuple):
    """The parts of the decoder. A part that is switched off has no parameters."""

    attention: ModuleType  # a module of attentions/
    gate: bool = True  # True: beta_t scales the context
    deep_output: bool = True  # True: the output reads the previous word, h_t and the context; False: only h_t


class State(NamedTuple):
    """The state of the decoder between two words, for N images and B captions."""

    parts: Parts
    mode: Any  # mode of hard attention (see attentions/hard.py); None for every other attention
    a: np.ndarray  # (N, L, D)
    keys: np.ndarray  # result of the attention's keys_forward; (N, L, A) for soft attention
    h: np.ndarray  # (B, S)
    c: np.ndarray  # (B, S)
    weights: np.ndarray | None = None  # (heads, B, L) weights of the last context; None after begin and select


class TanhLinearCache(NamedTuple):
    """The caches of tanh(W x + b)."""

    linear: linear.LinearCache
    tanh: activations.TanhCache


class FirstStateCache(NamedTuple):
    """The caches that first_state_forward keeps for first_state_backward."""

    locations: int  # L
    h0: TanhLinearCache
    c0: TanhLinearCache


class StartCache(NamedTuple):
    """The caches of what is computed once per image: the first states and the keys."""

    state: FirstStateCache
    keys: Any  # cache of the attention's keys_forward


class RecurCache(NamedTuple):
    """The caches of one word that recur_forward keeps for recur_backward."""

    parts: Parts
    attend: Any  # cache of the attention's attend_forward
    gate: attention.GateCache | None  # None without a gate
    lstm: lstm.LSTMCache


class DecodeCache(NamedTuple):
    """The caches that decode_forward keeps for decode_backward."""

    parts: Parts
    start: StartCache
    each: int  # captions per image
    embedding: embedding.EmbeddingCache
    steps: list  # T records of RecurCache, one per word
    dropout: dropout.DropoutCache
    output: output.OutputCache | shallow_output.OutputCache


def init_params(rng, D, M, S, A, log_frequencies, dtype=np.float32):
    """Initialize the parameters of the decoder with soft attention, the gate and the deep output.

    Weights are normal with standard deviation 1 / sqrt(number of inputs), and word embeddings with 0.5. The output bias
    starts at the log word frequencies, the forget bias at 1, and all other biases at 0.

    Args:
        rng: numpy Generator.
        D, M, S, A: annotation size, embedding size, hidden size, attention size.
        log_frequencies: (V,) log frequencies of the words.
        dtype: dtype of the parameters.
    Returns:
        The parameters: arrays by name.
    """
    V = len(log_frequencies)

    def weights(rows, *columns):
        return (rng.standard_normal((rows, *columns)) / np.sqrt(rows)).astype(dtype)

    def zeros(size):
        return np.zeros(size, dtype)

    b = zeros(4 * S)
    b[S : 2 * S] = 1
    return {
        "E": (0.5 * rng.standard_normal((V, M))).astype(dtype),
        **{"W_h0": weights(D, S), "b_h0": zeros(S), "W_c0": weights(D, S), "b_c0": zeros(S)},
        **{"W_a": weights(D, A), "b_a": zeros(A), "W_h": weights(S, A), "v": weights(A)},
        **{"w_beta": weights(S), "b_beta": zeros(1)},
        **{"W_x": weights(M + D, 4 * S), "W_hh": weights(S, 4 * S), "b": b},
        **{"L_h": weights(S, M), "L_z": weights(D, M), "L_o": weights(M, V)},
        "b_o": np.asarray(log_frequencies).astype(dtype),
    }


def decode_forward(params, a, words, mask_h, parts, modes=None):
    """Predict every word of whole captions from the reference words before it (teacher forcing).

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        words: (T, B) integers y_0 = <start>, y_1, ...; B / N consecutive captions belong to each image.
        mask_h: (T, B, S) dropout mask of h_t before the output layer; the LSTM reads h_t without dropout.
        parts: Parts.
        modes: T modes of hard attention, one per word (see attentions/hard.py); None for any other attention.
    Returns:
        logits: (T, B, V) of the next words y_1, y_2, ...
        alpha: (T, B, L) attention weights.
        cache: what decode_backward needs.
    """
    # Compute h_0, c_0 and the keys once per image. Repeat h_0 and c_0 for each of its captions.
    h0, c0, keys, cache_start = _start_forward(params, a, parts)
    each = words.shape[1] // len(a)
    h, c = (np.repeat(x, each, axis=0) for x in (h0, c0))
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    hs, zs, alphas, steps = [], [], [], []
    for t, Ey_t in enumerate(Ey):
        mode = modes[t] if modes else None
        # (4) (5) (6) attention, the gate, (1) (2) (3) LSTM
        h, c, z, alpha, cache = recur_forward(params, a, keys, Ey_t, h, c, parts, mode)
        for values, value in ((hs, h), (zs, z), (alphas, alpha), (steps, cache)):
            values.append(value)
    dropped, cache_dropout = dropout.dropout_forward(np.stack(hs), mask_h)
    # (7) of all words
    logits, cache_output = _output_forward(params, Ey, dropped, np.stack(zs), parts)
    cache = DecodeCache(parts, cache_start, each, cache_embedding, steps, cache_dropout, cache_output)
    return logits, np.stack(alphas), cache


def decode_backward(dlogits, dalpha, cache):
    """Compute the gradients of decode_forward by backpropagation through time.

    Args:
        dlogits: (T, B, V) gradient of the logits.
        dalpha: (T, B, L) gradient of the returned attention weights, for example from the attention penalty.
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    grads = {}
    # (7) of all words: the output's terms of the gradients of E y, h and z
    if cache.parts.deep_output:
        dEy, ddropped, dz, grads["L_h"], grads["L_z"], grads["L_o"], grads["b_o"] = output.output_backward(
            dlogits, cache.output
        )
    else:
        dEy, ddropped, dz, grads["L_h"], grads["L_o"], grads["b_o"] = shallow_output.output_backward(
            dlogits, cache.output
        )
    dhs = dropout.dropout_backward(ddropped, cache.dropout)
    dh = dc = np.zeros_like(dhs[0])
    da = dkeys = 0
    for t in reversed(range(len(dhs))):
        # gradient of h_t = term 1: through the output (dhs[t]) + term 2: through the next word (dh)
        # gradient of c_t = through the next word (dc)
        da_t, dkeys_t, dEy_t, dh, dc, grads_t = recur_backward(dhs[t] + dh, dc, dz[t], dalpha[t], cache.steps[t])
        # gradient of E y_{t-1} = term 1: through the output (in dEy[t]) + term 2: through the LSTM of word t
        dEy[t] += dEy_t
        # gradients of a, of the keys and of the weights: each word adds a term
        da, dkeys = da + da_t, dkeys + dkeys_t
        for name, gradient in grads_t.items():
            grads[name] = grads[name] + gradient if name in grads else gradient
    grads["E"] = embedding.embedding_backward(dEy, cache.embedding)
    # gradients of h_0 and c_0 of an image: each of its captions adds a term
    dh0, dc0 = (d.reshape(-1, cache.each, d.shape[1]).sum(axis=1) for d in (dh, dc))
    # gradient of a = term 1: through the contexts (da) + term 2: through the keys, h_0 and c_0 (da_start)
    da_start, grads_start = _start_backward(dkeys, dh0, dc0, cache.parts, cache.start)
    return da + da_start, {**grads, **grads_start}


def locations(cache):
    """Return the locations that hard attention has chosen.

    Args:
        cache: from decode_forward.
    Returns:
        s: (T, B) integers s_t.
    """
    return np.stack([step.attend.s for step in cache.steps])


def recur_forward(params, a, keys, Ey, h, c, parts, mode=None):
    """Compute the attention, the gate and the LSTM of one word.

    Args:
        params: arrays by name: W_x, W_hh, b and the parameters of the attention and of the gate.
        a: (N, L, D) annotations.
        keys: from the attention's keys_forward, computed once per image.
        Ey: (B, M) embeddings of the previous words.
        h, c: (B, S) hidden and cell states after the previous word.
        parts: Parts.
        mode: the mode of hard attention (see attentions/hard.py); None for any other attention.
    Returns:
        h, c: (B, S) hidden and cell states after this word.
        z: (B, D) contexts after the gate.
        alpha: (B, L) attention weights.
        cache: what recur_backward needs.
    """
    # (4) (5) (6): scores, alpha_t = softmax(scores), context_t = sum_i alpha_ti a_i for soft attention
    z, alpha, cache_attend = parts.attention.attend_forward(params, a, keys, h, mode)
    cache_gate = None
    if parts.gate:
        # beta_t = sigm(w_beta . h_{t-1} + b_beta), z_t = beta_t context_t
        z, cache_gate = attention.gate_forward(z, h, params["w_beta"], params["b_beta"])
    # (1) (2) (3): h_t, c_t = LSTM(x, h_{t-1}, c_{t-1}), x = (E y_{t-1}, z_t)
    x = np.concatenate([Ey, z], axis=1)
    h, c, cache_lstm = lstm.lstm_forward(x, h, c, params["W_x"], params["W_hh"], params["b"])
    return h, c, z, alpha, RecurCache(parts, cache_attend, cache_gate, cache_lstm)


def recur_backward(dh, dc, dz, dalpha, cache):
    """Compute the gradients of recur_forward. The shapes are those of soft attention.

    Args:
        dh: (B, S) gradient of h_t, through the output and the next word.
        dc: (B, S) gradient of c_t, through the next word.
        dz: (B, D) gradient of the gated context, through the output.
        dalpha: (B, L) gradient of the attention weights, through the attention penalty.
        cache: from recur_forward.
    Returns:
        da: (N, L, D).
        dkeys: (N, L, A).
        dEy: (B, M).
        dh, dc: (B, S) gradients of h_{t-1} and c_{t-1}.
        grads: W_h (S, A), v (A,), w_beta (S,), b_beta (1,), W_x (M + D, 4S), W_hh (S, 4S), b (4S,) by name.
    """
    grads = {}
    # (3) (2) (1): h_t, c_t = LSTM(x, h_{t-1}, c_{t-1})
    dx, dh_lstm, dc, grads["W_x"], grads["W_hh"], grads["b"] = lstm.lstm_backward(dh, dc, cache.lstm)
    M = dx.shape[1] - dz.shape[1]
    # x = (E y_{t-1}, z_t): the first M columns of dx belong to E y_{t-1}, the others to z_t
    # gradient of z_t = term 1: through the output (dz) + term 2: through the LSTM
    dEy, dgated = np.ascontiguousarray(dx[:, :M]), dz + dx[:, M:]
    dcontext, dh_gate = dgated, 0
    if cache.parts.gate:
        # z_t = beta_t context_t, where beta_t depends on h_{t-1}
        dcontext, dh_gate, grads["w_beta"], grads["b_beta"] = attention.gate_backward(dgated, cache.gate)
    # (6) (5) (4): context_t and alpha_t depend on a, the keys and h_{t-1}
    da, dkeys, dh_attend, grads_attend = cache.parts.attention.attend_backward(dcontext, dalpha, cache.attend)
    # gradient of h_{t-1} = term 1: through the LSTM + term 2: through the gate + term 3: through the attention
    return da, dkeys, dEy, dh_lstm + dh_gate + dh_attend, dc, {**grads, **grads_attend}


def _output_forward(params, Ey, h, z, parts):
    """Compute the logits, (B, V) of one word or (T, B, V) of all words, by equation 7 or the shallow output."""
    L_h, L_o, b_o = params["L_h"], params["L_o"], params["b_o"]
    if parts.deep_output:
        return output.output_forward(Ey, h, z, L_h, params["L_z"], L_o, b_o)
    return shallow_output.output_forward(Ey, h, z, L_h, L_o, b_o)


def _start_forward(params, a, parts):
    """Compute the first states and the keys, once per image.

    Returns:
        h0, c0: (N, S) first hidden and cell states.
        keys: from the attention's keys_forward.
        cache: what _start_backward needs.
    """
    h0, c0, cache_state = first_state_forward(params, a)
    keys, cache_keys = parts.attention.keys_forward(params, a)
    return h0, c0, keys, StartCache(cache_state, cache_keys)


def _start_backward(dkeys, dh0, dc0, parts, cache):
    """Compute the gradients of _start_forward.

    Args:
        dkeys: gradient of the keys.
        dh0, dc0: (N, S).
        parts: Parts.
        cache: from _start_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    # gradient of a: term 1: through the keys
    da, grads_keys = parts.attention.keys_backward(dkeys, cache.keys)
    da_location, grads_state = first_state_backward(dh0, dc0, cache.state)
    # term 2: through h_0 and c_0, the same at every location
    da += da_location[:, None]
    return da, {**grads_keys, **grads_state}


def first_state_forward(params, a):
    """Compute the first hidden and cell states from the mean annotation abar.

    Args:
        params: arrays by name: W_h0, b_h0, W_c0 and b_c0.
        a: (N, L, D) annotations.
    Returns:
        h_0, c_0: (N, S) first hidden and cell states.
        cache: what first_state_backward needs.
    """
    abar = a.mean(axis=1)  # (N, D)
    # h_0 = tanh(W_h0 abar + b_h0)
    h0, cache_h0 = _tanh_linear_forward(abar, params["W_h0"], params["b_h0"])
    # c_0 = tanh(W_c0 abar + b_c0)
    c0, cache_c0 = _tanh_linear_forward(abar, params["W_c0"], params["b_c0"])
    return h0, c0, FirstStateCache(a.shape[1], cache_h0, cache_c0)


def first_state_backward(dh0, dc0, cache):
    """Compute the gradients of first_state_forward.

    Args:
        dh0, dc0: (N, S) gradients of h_0 and c_0.
        cache: from first_state_forward.
    Returns:
        da: (N, D) gradient of the annotation vector of a location, the same for all L locations.
        grads: W_h0, b_h0, W_c0 and b_c0 by name.
    """
    grads = {}
    dabar_c, grads["W_c0"], grads["b_c0"] = _tanh_linear_backward(dc0, cache.c0)
    dabar_h, grads["W_h0"], grads["b_h0"] = _tanh_linear_backward(dh0, cache.h0)
    # gradient of abar = term 1: through h_0 (dabar_h) + term 2: through c_0 (dabar_c)
    # abar = sum_i a_i / L, so da_i = dabar / L
    return (dabar_h + dabar_c) / cache.locations, grads


def _tanh_linear_forward(x, W, b):
    affine, cache_linear = linear.linear_forward(x, W, b)
    y, cache_tanh = activations.tanh_forward(affine)
    return y, TanhLinearCache(cache_linear, cache_tanh)


def _tanh_linear_backward(dy, cache):
    return linear.linear_backward(activations.tanh_backward(dy, cache.tanh), cache.linear)


def begin(params, a, parts, mode=None):
    """Return the State before the first word, with one caption per image.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        parts: Parts.
        mode: the mode of hard attention (see attentions/hard.py); None for any other attention.
    """
    h0, c0, keys, _ = _start_forward(params, a, parts)
    return State(parts, mode, a, keys, h0, c0)


def select(state, rows):
    """Return the State of selected captions.

    Args:
        state: State of B captions.
        rows: (B',) indices of captions, which may repeat; B' / N for each image, in the order of the images.
    Returns:
        State of B' captions.
    """
    return state._replace(h=state.h[rows], c=state.c[rows], weights=None)


def attend_to(state, images, locations):
    """Return the State of some images' captions, which attend to some of the locations only.

    The softmax of the remaining scores is alpha with zeros for the other locations, divided by its sum.

    Args:
        state: State with one caption per image.
        images: (B,) indices of images.
        locations: (B, K) indices of the locations that remain.
    Returns:
        State of B captions with K locations.
    """
    rows = images[:, None]
    return state._replace(
        a=state.a[rows, locations],
        keys=state.keys[..., rows, locations, :],  # with several heads, they come first
        **{"h": state.h[images], "c": state.c[images], "weights": None},
    )


def step(params, state, words):
    """Process the previous words and predict the next ones.

    Args:
        params: arrays by name.
        state: State.
        words: (B,) integers, the previous words.
    Returns:
        logits: (B, V) of the next words.
        alpha: (B, L) attention weights.
        beta: (B,) values of the gate; ones without a gate.
        state: State after these words.
    """
    Ey, _ = embedding.embedding_forward(params["E"], words)
    h, c, z, alpha, cache = recur_forward(params, state.a, state.keys, Ey, state.h, state.c, state.parts, state.mode)
    logits, _ = _output_forward(params, Ey, h, z, state.parts)
    beta = cache.gate.beta.y if state.parts.gate else np.ones(len(words), h.dtype)
    weights = state.parts.attention.weights(alpha, cache.attend)
    return logits, alpha, beta, state._replace(h=h, c=c, weights=weights)
