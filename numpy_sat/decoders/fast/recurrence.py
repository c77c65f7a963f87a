"""The recurrence of attend_tell.py, fused. Each attention has a module of its own, with the same functions.

    start(params, a, words, modes) -> Attention                   arrays for all words, some of them still empty
    attend_forward(attention, t, h, z, alpha)                     writes z and alpha of word t
    start_backward(attention) -> Sums                             gradients that are summed over the words
    attend_backward(attention, sums, t, dz, alpha, dalpha, dh)    adds to dh and to the sums
    gradients(attention, sums, h, dz, alpha) -> da, grads         computes the gradients that need all words

z has `attention.size` numbers: the kernels take whole vectors, so an attention may pad them with zeros.
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from numpy_sat.decoders import attend_tell
from numpy_sat.decoders.attentions import dot as dot_attention
from numpy_sat.decoders.attentions import hard as hard_attention
from numpy_sat.decoders.attentions import mean as mean_attention
from numpy_sat.decoders.attentions import mean_value as mean_value_attention
from numpy_sat.decoders.attentions import soft as soft_attention
from numpy_sat.decoders.fast import dot, hard, mean, mean_value, soft
from numpy_sat.kernels import elementwise, lstm
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.system.workspace import current

FUSED = {  # each attention's fused module
    soft_attention: soft,
    dot_attention: dot,
    hard_attention: hard,
    mean_attention: mean,
    mean_value_attention: mean_value,
}


class Cache(NamedTuple):
    """Arrays have a row per word and caption: (T, B, ...)."""

    params: dict
    parts: attend_tell.Parts
    module: ModuleType  # the fused attention
    attention: Any  # its Attention
    state: attend_tell.FirstStateCache
    words: np.ndarray
    mask_h: np.ndarray
    Ey: np.ndarray
    h: np.ndarray  # (T + 1, B, S), h_0 first
    c: np.ndarray  # (T + 1, B, S)
    alpha: np.ndarray
    context: np.ndarray  # before the gate
    beta: np.ndarray | None  # (T, B, 1); None without a gate
    z: np.ndarray  # after the gate; without one the same array as context
    ifog: np.ndarray
    tanh_c: np.ndarray
    dropped: np.ndarray  # h after dropout
    inner: np.ndarray  # E y_{t-1} + L_h h_t + L_z z_t of equation 7


def decode_forward(params, a, words, mask_h, parts, modes=None):
    """Compute what attend_tell.decode_forward computes."""
    empty = current().empty
    h_0, c_0, cache_state = attend_tell.first_state_forward(params, a)
    (T, B), (N, L, _), S = words.shape, a.shape, h_0.shape[1]
    module = FUSED[parts.attention]
    attention = module.start(params, a, words, modes)
    W_y, W_z = _weights(params, attention)
    Ey = params["E"][words]
    affine = multiply(Ey, pack(W_y, params["b"]))
    W_hh, W_z = pack(params["W_hh"]), pack(W_z)
    h, c = empty((T + 1, B, S)), empty((T + 1, B, S))
    h[0], c[0] = (np.repeat(x, B // N, axis=0) for x in (h_0, c_0))
    alpha, z = empty((T, B, L)), empty((T, B, attention.size))
    ifog, tanh_c = empty(affine.shape), empty((T, B, S))
    context, beta = (empty(z.shape), empty((T, B, 1))) if parts.gate else (z, None)
    for t in range(T):
        module.attend_forward(attention, t, h[t], context[t], alpha[t])  # (4) (5) (6)
        if parts.gate:
            # beta_t = sigm(w_beta . h_{t-1} + b_beta), z_t = beta_t sum_i alpha_ti a_i
            beta[t, :, 0] = 0.5 + 0.5 * np.tanh(0.5 * (h[t] @ params["w_beta"] + params["b_beta"]))
            np.multiply(beta[t], context[t], out=z[t])
        multiply(h[t], W_hh, affine[t])
        multiply(z[t], W_z, affine[t])
        lstm.gates(affine[t], c[t], h[t + 1], c[t + 1], ifog[t], tanh_c[t])  # (1) (2) (3)
    dropped = np.multiply(h[1:], mask_h, out=empty(mask_h.shape))
    logits, inner = _output_forward(params, Ey, dropped, z, parts)
    cache = Cache(
        *(params, parts, module, attention, cache_state, words, mask_h, Ey, h, c),
        *(alpha, context, beta, z, ifog, tanh_c, dropped, inner),
    )
    return logits, alpha, cache


def decode_backward(dlogits, dalpha, cache):
    """Compute what attend_tell.decode_backward computes."""
    params, h, N = cache.params, cache.h[:-1], cache.state.h0.linear.x.shape[0]
    dEy, dh_out, dz, grads = _output_backward(dlogits, cache)
    daffine, dcontext, dgate, sums, dh_0, dc_0 = _recur_backward(dh_out, dz, dalpha, cache)

    M, D = params["E"].shape[1], len(params["W_x"]) - params["E"].shape[1]
    grads["W_x"] = np.concatenate([multiply_transposed(cache.Ey, daffine), multiply_transposed(cache.z, daffine)[:D]])
    grads["W_hh"], grads["b"] = multiply_transposed(h, daffine), elementwise.column_sums(daffine)
    if cache.parts.gate:
        grads["w_beta"], grads["b_beta"] = np.tensordot(dgate[..., 0], h, axes=2), dgate.sum(keepdims=True).reshape(1)
    # E y_{t-1}: term 1: through the output; term 2: through the LSTM
    dEy = multiply(daffine, pack(params["W_x"][:M].T), dEy)
    grads["E"] = np.zeros_like(params["E"])
    elementwise.add_rows(dEy.reshape(-1, M), cache.words.ravel(), grads["E"])
    da, grads_attention = cache.module.gradients(cache.attention, sums, h, dcontext, cache.alpha)
    dh_0, dc_0 = (d.reshape(N, -1, d.shape[1]).sum(axis=1) for d in (dh_0, dc_0))
    dmean, grads_state = attend_tell.first_state_backward(dh_0, dc_0, cache.state)
    grads |= {**grads_attention, **grads_state}
    return da + dmean[:, None], {name: np.ascontiguousarray(gradient) for name, gradient in grads.items()}


def locations(cache):
    """Return the locations s_t of hard attention: (T, B). cache: from decode_forward."""
    return cache.attention.s


def _recur_backward(dh_out, dz, dalpha, cache):
    """Go back through time.

    Args:
        dh_out: (T, B, S), from the output.
        dz: (T, B, D), from the output; the term from the LSTM is added in place.
        dalpha: (T, B, L).
    Returns:
        daffine, dcontext, dgate: gradients of all words; dgate is None without a gate.
        sums: the attention's Sums.
        dh_0, dc_0: (B, S).
    """
    params, attention, gate, empty = cache.params, cache.attention, cache.parts.gate, current().empty
    W_hh, W_z = pack(params["W_hh"].T), pack(_weights(params, attention)[1].T)
    sums = cache.module.start_backward(attention)
    dh, dc = empty(cache.h[0].shape), empty(cache.h[0].shape)
    dh[:], dc[:] = 0, 0
    daffine = empty(cache.ifog.shape)
    dcontext, dgate = (empty(dz.shape), empty(cache.beta.shape)) if gate else (dz, None)
    for t in reversed(range(len(dh_out))):
        # h_t: term 1: through the output; term 2: through the word after
        dh += dh_out[t]
        lstm.gates_backward(dh, dc, cache.c[t], cache.ifog[t], cache.tanh_c[t], daffine[t])  # (3) (2) (1)
        # z_t: term 1: through the output; term 2: through the LSTM
        multiply(daffine[t], W_z, dz[t])
        # h_{t-1}: term 1: through the gate
        if gate:
            beta = cache.beta[t]
            dgate[t] = (dz[t] * cache.context[t]).sum(axis=1, keepdims=True) * beta * (1 - beta)
            np.multiply(beta, dz[t], out=dcontext[t])
            np.multiply(dgate[t], params["w_beta"], out=dh)
        else:
            dh[:] = 0
        # term 2: through the LSTM
        multiply(daffine[t], W_hh, dh)
        # term 3: through the attention, (6) (5) (4)
        cache.module.attend_backward(attention, sums, t, dcontext[t], cache.alpha[t], dalpha[t], dh)
    return daffine, dcontext, dgate, sums, dh, dc


def _output_forward(params, Ey, dropped, z, parts):
    """Compute the logits: (T, B, V), and `inner`, which L_o multiplies: (T, B, M)."""
    # (7) E y_{t-1} + L_h h_t + L_z z_t, or L_h h_t without deep output
    inner = multiply(dropped, pack(params["L_h"]), Ey.copy() if parts.deep_output else None)
    if parts.deep_output:
        multiply(z, pack(_padded(params["L_z"], z.shape[2])), inner)
    return multiply(inner, pack(params["L_o"], params["b_o"])), inner


def _output_backward(dlogits, cache):
    """Compute the gradients of dropout and output. Returns dEy (None without deep output), dh, dz and grads."""
    params, deep = cache.params, cache.parts.deep_output
    grads = {"L_o": multiply_transposed(cache.inner, dlogits), "b_o": elementwise.column_sums(dlogits)}
    dinner = multiply(dlogits, pack(params["L_o"].T))
    grads["L_h"] = multiply_transposed(cache.dropped, dinner)
    if deep:
        grads["L_z"] = multiply_transposed(cache.z, dinner)[: len(params["L_z"])]
    dh = multiply(dinner, pack(params["L_h"].T))
    dh *= cache.mask_h
    if deep:
        return dinner, dh, multiply(dinner, pack(_padded(params["L_z"], cache.z.shape[2]).T)), grads
    dz = current().empty(cache.z.shape)
    dz[:] = 0
    return None, dh, dz, grads


def _weights(params, attention):
    """Return W_x in two parts, for E y and for z; the second has attention.size rows."""
    M = params["E"].shape[1]
    return params["W_x"][:M], _padded(params["W_x"][M:], attention.size)


def _padded(W, rows):
    """Return W, padded with rows of zeros to so many `rows`."""
    missing = rows - len(W)
    return np.pad(W, ((0, missing), (0, 0))) if missing else W
