"""Show, Attend and Tell's decoder with soft attention (Xu et al. sections 3.1.2 and 4.2).

Training reads whole captions (`decode_forward`, `decode_backward`); captioning goes word by word (`begin`, `step`).
Both run the same recurrence, `recur_forward`. Its score is the paper's MLP; where the parameters are those of scaled
dot products (dot.py), it is that.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import activations, attention, dot_attention, dropout, embedding, linear, lstm, output


class State(NamedTuple):
    """What decoding carries from word to word: of the N pictures, then of the B captions."""

    a: np.ndarray  # (N, L, D)
    keys: np.ndarray  # (N, L, A), or (heads, N, L, A / heads)
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
    keys: linear.LinearCache | dot_attention.KeysCache


class RecurCache(NamedTuple):
    attend: attention.AttendCache | dot_attention.AttendCache
    gate: attention.GateCache
    lstm: lstm.LSTMCache


class DecodeCache(NamedTuple):
    start: StartCache
    each: int  # captions a picture
    embedding: embedding.EmbeddingCache
    steps: list
    dropout: dropout.DropoutCache
    output: output.OutputCache


def init_params(rng, D, M, S, A, log_frequencies, dtype=np.float32):
    """Random weights scaled by 1 / sqrt(inputs); the output bias at the log word frequencies, the forget bias at 1.

    rng: numpy Generator; D, M, S, A: sizes of annotation, embedding, state, attention; log_frequencies: (V,).
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


def decode_forward(params, a, words, mask_h, workspace=None):
    """Teacher forcing: every word is predicted from the true words before it.

    a: (N, L, D) annotations; words: (T, B) integers y_0 = <start>, y_1, ..., B / N captions a picture in order;
    mask_h: (T, B, S) dropout mask of h_t on its way to the output; workspace: not needed here, see attend_tell_fused.
    Returns logits: (T, B, V), alpha: (T, B, L) and the cache.
    """
    state, cache_start = _start_forward(params, a)
    each = words.shape[1] // len(a)
    h, c = (np.repeat(x, each, axis=0) for x in (state.h, state.c))
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    hs, zs, alphas, steps = [], [], [], []
    for Ey_t in Ey:
        h, c, z, alpha, cache = recur_forward(params, a, state.keys, Ey_t, h, c)
        for kept, value in ((hs, h), (zs, z), (alphas, alpha), (steps, cache)):
            kept.append(value)
    dropped, cache_dropout = dropout.dropout_forward(np.stack(hs), mask_h)
    logits, cache_output = output.output_forward(
        Ey, dropped, np.stack(zs), params["L_h"], params["L_z"], params["L_o"], params["b_o"]
    )
    cache = DecodeCache(cache_start, each, cache_embedding, steps, cache_dropout, cache_output)
    return logits, np.stack(alphas), cache


def decode_backward(dlogits, dalpha, cache, workspace=None):
    """dlogits: (T, B, V); dalpha: (T, B, L), the penalty's gradient. Returns da: (N, L, D) and grads by name."""
    grads = {}
    dEy, ddropped, dz, grads["L_h"], grads["L_z"], grads["L_o"], grads["b_o"] = output.output_backward(
        dlogits, cache.output
    )
    dhs = dropout.dropout_backward(ddropped, cache.dropout)
    dh = dc = np.zeros_like(dhs[0])
    da = dkeys = 0
    for t in reversed(range(len(dhs))):
        da_t, dkeys_t, dEy_t, dh, dc, grads_t = recur_backward(dhs[t] + dh, dc, dz[t], dalpha[t], cache.steps[t])
        dEy[t] += dEy_t
        da, dkeys = da + da_t, dkeys + dkeys_t
        for name, gradient in grads_t.items():
            grads[name] = grads[name] + gradient if name in grads else gradient
    grads["E"] = embedding.embedding_backward(dEy, cache.embedding)
    dh0, dc0 = (d.reshape(-1, cache.each, d.shape[1]).sum(axis=1) for d in (dh, dc))
    da_start, grads_start = _start_backward(dkeys, dh0, dc0, cache.start)
    return da + da_start, {**grads, **grads_start}


def recur_forward(params, a, keys, Ey, h, c):
    """One word's attention, gate and LSTM.

    params: arrays by name, of which W_h, v, w_beta, b_beta, W_x, W_hh and b are read; a: (N, L, D) annotations;
    keys: (N, L, A), their W_a a + b_a; Ey: (B, M) the words before; h, c: (B, S) state and memory they have left.
    Returns h, c: (B, S), z: (B, D), gated, alpha: (B, L) and the cache.
    """
    if has_dot_score(params):
        z, alpha, cache_attend = dot_attention.attend_forward(a, keys, h, params["W_q"], params["W_v"])
    else:
        z, alpha, cache_attend = attention.attend_forward(a, keys, h, params["W_h"], params["v"])  # (4) (5) (6)
    z, cache_gate = attention.gate_forward(z, h, params["w_beta"], params["b_beta"])
    x = np.concatenate([Ey, z], axis=1)
    h, c, cache_lstm = lstm.lstm_forward(x, h, c, params["W_x"], params["W_hh"], params["b"])  # (1) (2) (3)
    return h, c, z, alpha, RecurCache(cache_attend, cache_gate, cache_lstm)


def recur_backward(dh, dc, dz, dalpha, cache):
    """dh: (B, S) from output and word after; dc: (B, S) from the word after; dz: (B, D) from output; dalpha: (B, L).

    Returns da: (N, L, D), dkeys: (N, L, A), dEy: (B, M), dh, dc: (B, S) of the word before, and grads by name:
    W_h: (S, A), v: (A,), w_beta: (S,), b_beta: (1,), W_x: (M + D, 4S), W_hh: (S, 4S), b: (4S,).
    """
    grads = {}
    dx, dh_lstm, dc, grads["W_x"], grads["W_hh"], grads["b"] = lstm.lstm_backward(dh, dc, cache.lstm)
    M = dx.shape[1] - dz.shape[1]
    dEy, dgated = np.ascontiguousarray(dx[:, :M]), dz + dx[:, M:]
    dcontext, dh_gate, grads["w_beta"], grads["b_beta"] = attention.gate_backward(dgated, cache.gate)
    if isinstance(cache.attend, dot_attention.AttendCache):
        da, dkeys, dh_attend, grads["W_q"], grads["W_v"] = dot_attention.attend_backward(dcontext, dalpha, cache.attend)
    else:
        da, dkeys, dh_attend, grads["W_h"], grads["v"] = attention.attend_backward(dcontext, dalpha, cache.attend)
    return da, dkeys, dEy, dh_lstm + dh_gate + dh_attend, dc, grads


def has_dot_score(params):
    """Whether the score is a scaled dot product: its parameters are W_q, W_k and W_v, not W_a, b_a, W_h and v."""
    return "W_v" in params


def _start_forward(params, a):
    """h_0 and c_0, and keys = W_a a + b_a, once a picture. h, c: (N, S)."""
    h0, c0, cache_state = first_state_forward(params, a)
    if has_dot_score(params):
        keys, cache_keys = dot_attention.keys_forward(a, params["W_k"])
    else:
        keys, cache_keys = linear.linear_forward(a, params["W_a"], params["b_a"])
    return State(a, keys, h0, c0), StartCache(cache_state, cache_keys)


def _start_backward(dkeys, dh0, dc0, cache):
    grads = {}
    if isinstance(cache.keys, dot_attention.KeysCache):
        da, grads["W_k"] = dot_attention.keys_backward(dkeys, cache.keys)
    else:
        da, grads["W_a"], grads["b_a"] = linear.linear_backward(dkeys, cache.keys)
    dabar, grads_state = first_state_backward(dh0, dc0, cache.state)
    da += dabar[:, None]
    return da, {**grads, **grads_state}


def first_state_forward(params, a):
    """h_0 = tanh(W_h0 abar + b_h0), c_0 = tanh(W_c0 abar + b_c0), abar the mean of a over locations.

    a: (N, L, D). Returns h_0, c_0: (N, S) and the cache.
    """
    abar = a.mean(axis=1)
    h0, cache_h0 = _tanh_linear_forward(abar, params["W_h0"], params["b_h0"])
    c0, cache_c0 = _tanh_linear_forward(abar, params["W_c0"], params["b_c0"])
    return h0, c0, FirstStateCache(a.shape[1], cache_h0, cache_c0)


def first_state_backward(dh0, dc0, cache):
    """dh0, dc0: (N, S). Returns the gradient of a at every location, (N, D), and grads by name."""
    grads = {}
    dabar_c, grads["W_c0"], grads["b_c0"] = _tanh_linear_backward(dc0, cache.c0)
    dabar_h, grads["W_h0"], grads["b_h0"] = _tanh_linear_backward(dh0, cache.h0)
    return (dabar_h + dabar_c) / cache.locations, grads


def _tanh_linear_forward(x, W, b):
    affine, cache_linear = linear.linear_forward(x, W, b)
    y, cache_tanh = activations.tanh_forward(affine)
    return y, TanhLinearCache(cache_linear, cache_tanh)


def _tanh_linear_backward(dy, cache):
    return linear.linear_backward(activations.tanh_backward(dy, cache.tanh), cache.linear)


def begin(params, a):
    """The state before the first word, one caption a picture. a: (N, L, D)."""
    state, _ = _start_forward(params, a)
    return state


def select(state, rows):
    """The state of chosen captions. rows: (B',) integers, the captions to keep or repeat, B' / N of each picture."""
    return state._replace(h=state.h[rows], c=state.c[rows])


def step(params, state, words):
    """One word on. words: (B,) the words before. Returns logits: (B, V), alpha: (B, L), beta: (B,), the next state."""
    Ey, _ = embedding.embedding_forward(params["E"], words)
    h, c, z, alpha, cache = recur_forward(params, state.a, state.keys, Ey, state.h, state.c)
    logits, _ = output.output_forward(Ey, h, z, params["L_h"], params["L_z"], params["L_o"], params["b_o"])
    return logits, alpha, cache.gate.beta.y, state._replace(h=h, c=c)
