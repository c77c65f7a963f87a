"""Show, Attend and Tell's decoder (Xu et al. 2015, sections 3.1.2 and 4.2): one recurrence for every attention.

The attention is a module of attentions/, handed over in `Parts`. Training reads whole captions (`decode_forward`,
`decode_backward`). Captioning goes word by word (`begin`, `step`). Both run the same recurrence, `recur_forward`.
decoders/fast/recurrence.py does the same on the kernels.
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from numpy_sat.decoders import shallow_output
from numpy_sat.layers import activations, attention, dropout, embedding, linear, lstm, output


class Parts(NamedTuple):
    """What the decoder is made of. A part that is left out has no parameters."""

    attention: ModuleType  # one of attentions/
    gate: bool = True  # whether beta_t scales the context
    deep_output: bool = True  # whether the output reads the word before and the context, or h_t alone


class State(NamedTuple):
    """What decoding carries from word to word, for N images and B captions."""

    parts: Parts
    mode: Any  # mode of hard attention, see attentions/hard.py; None for every other attention
    a: np.ndarray  # (N, L, D)
    keys: np.ndarray  # from the attention's keys_forward
    h: np.ndarray  # (B, S)
    c: np.ndarray  # (B, S)


class TanhLinearCache(NamedTuple):
    linear: linear.LinearCache
    tanh: activations.TanhCache


class FirstStateCache(NamedTuple):
    locations: int
    h0: TanhLinearCache
    c0: TanhLinearCache


class StartCache(NamedTuple):
    state: FirstStateCache
    keys: Any  # from the attention's keys_forward


class RecurCache(NamedTuple):
    parts: Parts
    attend: Any  # from the attention's attend_forward
    gate: attention.GateCache | None  # None without a gate
    lstm: lstm.LSTMCache


class DecodeCache(NamedTuple):
    parts: Parts
    start: StartCache
    each: int  # captions per image
    embedding: embedding.EmbeddingCache
    steps: list
    dropout: dropout.DropoutCache
    output: output.OutputCache | shallow_output.OutputCache


def init_params(rng, D, M, S, A, log_frequencies, dtype=np.float32):
    """Draw the parameters of the decoder with soft attention and all parts.

    Weights are normal and scaled by 1 / sqrt(inputs). The output bias starts at the log word frequencies, the forget
    bias at 1.

    Args:
        rng: numpy Generator.
        D, M, S, A: annotation size, embedding size, hidden size, attention size.
        log_frequencies: (V,).
    Returns:
        Arrays by name.
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
    """Predict every word of whole captions from the true words before it (teacher forcing).

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        words: (T, B) integers y_0 = <start>, y_1, ...; B / N consecutive captions belong to each image.
        mask_h: (T, B, S) dropout mask of h_t on its way to the output.
        parts: Parts.
        modes: the mode of hard attention for each of the T words, see attentions/hard.py; else None.
    Returns:
        logits: (T, B, V).
        alpha: (T, B, L).
        cache: what decode_backward needs.
    """
    h0, c0, keys, cache_start = _start_forward(params, a, parts)
    each = words.shape[1] // len(a)
    h, c = (np.repeat(x, each, axis=0) for x in (h0, c0))
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    hs, zs, alphas, steps = [], [], [], []
    for t, Ey_t in enumerate(Ey):
        mode = modes[t] if modes else None
        h, c, z, alpha, cache = recur_forward(params, a, keys, Ey_t, h, c, parts, mode)
        for values, value in ((hs, h), (zs, z), (alphas, alpha), (steps, cache)):
            values.append(value)
    dropped, cache_dropout = dropout.dropout_forward(np.stack(hs), mask_h)
    logits, cache_output = _output_forward(params, Ey, dropped, np.stack(zs), parts)
    cache = DecodeCache(parts, cache_start, each, cache_embedding, steps, cache_dropout, cache_output)
    return logits, np.stack(alphas), cache


def decode_backward(dlogits, dalpha, cache):
    """Compute the gradients of decode_forward, back through time.

    Args:
        dlogits: (T, B, V).
        dalpha: (T, B, L), what reaches alpha from outside, such as the penalty's gradient.
    Returns:
        da: (N, L, D).
        grads: gradients by the parameters' names.
    """
    grads = {}
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
        # h_t: term 1: through the output; term 2: through the word after
        da_t, dkeys_t, dEy_t, dh, dc, grads_t = recur_backward(dhs[t] + dh, dc, dz[t], dalpha[t], cache.steps[t])
        # E y_{t-1}: term 1: through the output; term 2: through the recurrence
        dEy[t] += dEy_t
        # a, keys and weights: one term per word
        da, dkeys = da + da_t, dkeys + dkeys_t
        for name, gradient in grads_t.items():
            grads[name] = grads[name] + gradient if name in grads else gradient
    grads["E"] = embedding.embedding_backward(dEy, cache.embedding)
    # h_0 and c_0: one term per caption of the image
    dh0, dc0 = (d.reshape(-1, cache.each, d.shape[1]).sum(axis=1) for d in (dh, dc))
    # a: term 1: through the contexts; term 2: through the keys and the first state
    da_start, grads_start = _start_backward(dkeys, dh0, dc0, cache.parts, cache.start)
    return da + da_start, {**grads, **grads_start}


def locations(cache):
    """Return the locations s_t of hard attention: (T, B). cache: from decode_forward."""
    return np.stack([step.attend.s for step in cache.steps])


def recur_forward(params, a, keys, Ey, h, c, parts, mode=None):
    """Compute one word's attention, gate and LSTM.

    Args:
        params: arrays by name, of which W_x, W_hh, b and those of attention and gate are read.
        a: (N, L, D) annotations.
        keys: from the attention's keys_forward, computed once per image.
        Ey: (B, M) the words before.
        h, c: (B, S) hidden and cell states after the word before.
        parts: Parts.
        mode: the mode of hard attention, see attentions/hard.py; else None.
    Returns:
        h, c: (B, S).
        z: (B, D) contexts, after the gate.
        alpha: (B, L).
        cache: what recur_backward needs.
    """
    # (4) (5) (6)
    z, alpha, cache_attend = parts.attention.attend_forward(params, a, keys, h, mode)
    cache_gate = None
    if parts.gate:
        # beta_t = sigm(w_beta . h_{t-1} + b_beta), z_t = beta_t sum_i alpha_ti a_i
        z, cache_gate = attention.gate_forward(z, h, params["w_beta"], params["b_beta"])
    # (1) (2) (3)
    x = np.concatenate([Ey, z], axis=1)
    h, c, cache_lstm = lstm.lstm_forward(x, h, c, params["W_x"], params["W_hh"], params["b"])
    return h, c, z, alpha, RecurCache(parts, cache_attend, cache_gate, cache_lstm)


def recur_backward(dh, dc, dz, dalpha, cache):
    """Compute the gradients of recur_forward. Shapes are those of soft attention.

    Args:
        dh: (B, S), from the output and the word after.
        dc: (B, S), from the word after.
        dz: (B, D), from the output.
        dalpha: (B, L), from the penalty.
    Returns:
        da: (N, L, D).
        dkeys: (N, L, A).
        dEy: (B, M).
        dh, dc: (B, S), for the word before.
        grads: W_h: (S, A), v: (A,), w_beta: (S,), b_beta: (1,), W_x: (M + D, 4S), W_hh: (S, 4S), b: (4S,).
    """
    grads = {}
    # (3) (2) (1)
    dx, dh_lstm, dc, grads["W_x"], grads["W_hh"], grads["b"] = lstm.lstm_backward(dh, dc, cache.lstm)
    M = dx.shape[1] - dz.shape[1]
    # z_t: term 1: through the output; term 2: through the LSTM
    dEy, dgated = np.ascontiguousarray(dx[:, :M]), dz + dx[:, M:]
    dcontext, dh_gate = dgated, 0
    if cache.parts.gate:
        dcontext, dh_gate, grads["w_beta"], grads["b_beta"] = attention.gate_backward(dgated, cache.gate)
    # (6) (5) (4)
    da, dkeys, dh_attend, grads_attend = cache.parts.attention.attend_backward(dcontext, dalpha, cache.attend)
    # h_{t-1}: term 1: through the LSTM; term 2: through the gate; term 3: through the attention
    return da, dkeys, dEy, dh_lstm + dh_gate + dh_attend, dc, {**grads, **grads_attend}


def _output_forward(params, Ey, h, z, parts):
    """Compute the logits of one word or of all words: equation 7, or the shallow output."""
    L_h, L_o, b_o = params["L_h"], params["L_o"], params["b_o"]
    if parts.deep_output:
        return output.output_forward(Ey, h, z, L_h, params["L_z"], L_o, b_o)
    return shallow_output.output_forward(Ey, h, z, L_h, L_o, b_o)


def _start_forward(params, a, parts):
    """Compute h_0, c_0: (N, S), the attention's keys and the cache, once per image."""
    h0, c0, cache_state = first_state_forward(params, a)
    keys, cache_keys = parts.attention.keys_forward(params, a)
    return h0, c0, keys, StartCache(cache_state, cache_keys)


def _start_backward(dkeys, dh0, dc0, parts, cache):
    """Compute the gradients of _start_forward. Returns da: (N, L, D) and grads by name."""
    da, grads_keys = parts.attention.keys_backward(dkeys, cache.keys)
    dabar, grads_state = first_state_backward(dh0, dc0, cache.state)
    da += dabar[:, None]
    return da, {**grads_keys, **grads_state}


def first_state_forward(params, a):
    """Compute the first hidden and cell state from the mean annotation abar.

    Args:
        params: arrays by name, of which W_h0, b_h0, W_c0 and b_c0 are read.
        a: (N, L, D) annotations.
    Returns:
        h_0, c_0: (N, S).
        cache: what first_state_backward needs.
    """
    abar = a.mean(axis=1)
    # h_0 = tanh(W_h0 abar + b_h0)
    h0, cache_h0 = _tanh_linear_forward(abar, params["W_h0"], params["b_h0"])
    # c_0 = tanh(W_c0 abar + b_c0)
    c0, cache_c0 = _tanh_linear_forward(abar, params["W_c0"], params["b_c0"])
    return h0, c0, FirstStateCache(a.shape[1], cache_h0, cache_c0)


def first_state_backward(dh0, dc0, cache):
    """Compute the gradients of first_state_forward.

    Args:
        dh0, dc0: (N, S).
    Returns:
        da: (N, D), the same at every location.
        grads: W_h0, b_h0, W_c0, b_c0.
    """
    grads = {}
    dabar_c, grads["W_c0"], grads["b_c0"] = _tanh_linear_backward(dc0, cache.c0)
    dabar_h, grads["W_h0"], grads["b_h0"] = _tanh_linear_backward(dh0, cache.h0)
    # term 1: through h_0; term 2: through c_0
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
        mode: the mode of hard attention, see attentions/hard.py; else None.
    """
    h0, c0, keys, _ = _start_forward(params, a, parts)
    return State(parts, mode, a, keys, h0, c0)


def select(state, rows):
    """Return the State of chosen captions. rows: (B',) integers, the captions to keep or repeat, B' / N per image."""
    return state._replace(h=state.h[rows], c=state.c[rows])


def step(params, state, words):
    """Advance by one word: predict the word after each caption's last one.

    Args:
        params: arrays by name.
        state: State.
        words: (B,) the words before.
    Returns:
        logits: (B, V).
        alpha: (B, L).
        beta: (B,) the gate; 1 without one.
        state: the State after the word.
    """
    Ey, _ = embedding.embedding_forward(params["E"], words)
    h, c, z, alpha, cache = recur_forward(params, state.a, state.keys, Ey, state.h, state.c, state.parts, state.mode)
    logits, _ = _output_forward(params, Ey, h, z, state.parts)
    beta = cache.gate.beta.y if state.parts.gate else np.ones(len(words), h.dtype)
    return logits, alpha, beta, state._replace(h=h, c=c)
