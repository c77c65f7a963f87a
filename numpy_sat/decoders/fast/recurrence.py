"""Compute the recurrence of attend_tell.py with fused kernels.

Every attention has its own module, with the same functions:

    start(params, a, words, modes) -> Attention                   arrays for all words, some of them still empty
    attend_forward(attention, t, h, z, alpha)                     sets z and alpha of word t
    start_backward(attention) -> Sums                             gradients that are sums over words
    attend_backward(attention, sums, t, dz, alpha, dalpha, dh)    adds to dh and to the sums
    gradients(attention, sums, h, dz, alpha, da_location)         returns da and the gradients that are sums over words

z has `attention.size` numbers. The kernels process whole SIMD vectors, so an attention may pad z with zeros.
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
from numpy_sat.decoders.fast import dot, first_state, hard, mean, mean_value, soft
from numpy_sat.kernels import elementwise, lstm, soft_recurrence
from numpy_sat.kernels import gate as gate_kernel
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.system.workspace import current

FUSED = {  # the fused module of each attention
    soft_attention: soft,
    dot_attention: dot,
    hard_attention: hard,
    mean_attention: mean,
    mean_value_attention: mean_value,
}


class Cache(NamedTuple):
    """Arrays and caches that decode_forward keeps for decode_backward."""

    params: dict
    parts: attend_tell.Parts
    module: ModuleType  # the fused attention
    attention: Any  # the module's Attention
    state: first_state.Cache
    words: np.ndarray  # (T, B)
    mask_h: np.ndarray  # (T, B, S)
    Ey: np.ndarray  # (T, B, M)
    h: np.ndarray  # (T + 1, B, S), h_0 first
    c: np.ndarray  # (T + 1, B, S)
    alpha: np.ndarray  # (T, B, L)
    context: np.ndarray  # (T, B, size) contexts before the gate
    beta: np.ndarray  # (T, B, 1); not used without a gate
    z: np.ndarray  # (T, B, size) contexts after the gate; without a gate the same array as context
    ifog: np.ndarray  # (T, B, 4S) gates
    tanh_c: np.ndarray  # (T, B, S)
    dropped: np.ndarray  # (T, B, S) hidden states after dropout
    inner: np.ndarray  # (T, B, M) E y_{t-1} + L_h h_t + L_z z_t of equation 7


def decode_forward(params, a, words, mask_h, parts, modes=None):
    """Compute the logits of whole captions. Arguments and results are those of attend_tell.decode_forward."""
    empty = current().empty
    h_0, c_0, cache_state = first_state.forward(params, a)
    (T, B), (N, L, _), S = words.shape, a.shape, h_0.shape[1]
    module = FUSED[parts.attention]
    attention = module.start(params, a, words, modes)
    M, Ey = params["E"].shape[1], elementwise.take_rows(params["E"], words)
    # affine_t = W_x (E y_{t-1}, z_t) + W_hh h_{t-1} + b: first the terms of E y_{t-1} and b, of all words
    affine = multiply(Ey, pack(params["W_x"][:M], params["b"]))
    W_hh, W_z = pack(params["W_hh"]), pack(params["W_x"][M:], terms=attention.size)
    h, c = empty((T + 1, B, S)), empty((T + 1, B, S))
    h[0], c[0] = (np.repeat(x, B // N, axis=0) for x in (h_0, c_0))
    alpha, z = empty((T, B, L)), empty((T, B, attention.size))
    ifog, tanh_c = empty(affine.shape), empty((T, B, S))
    context, beta = empty(z.shape) if parts.gate else z, empty((T, B, 1))
    if _is_one_kernel(module, attention, params):
        packed = *attention.packed[:2], W_hh.panels, W_z.panels
        soft_recurrence.forward(
            *(soft_recurrence.Weights(*packed, _gate(params, parts.gate)), parts.gate),
            *(attention.exp_keys, attention.v, attention.a, affine),
            soft_recurrence.Words(attention.query, alpha, context, beta, z, h, c, ifog, tanh_c),
        )
    else:
        _recur_forward(
            params, module, attention, W_hh, W_z, parts.gate, affine, alpha, context, beta, z, h, c, ifog, tanh_c
        )
    # (7) of all words
    dropped = elementwise.product(h[1:], mask_h, empty(mask_h.shape))
    logits, inner = _output_forward(params, words, dropped, z, parts)
    cache = Cache(
        *(params, parts, module, attention, cache_state, words, mask_h, Ey, h, c),
        *(alpha, context, beta, z, ifog, tanh_c, dropped, inner),
    )
    return logits, alpha, cache


def decode_backward(dlogits, dalpha, cache):
    """Compute the gradients of decode_forward. Arguments and results are those of attend_tell.decode_backward."""
    params, h, N = cache.params, cache.h[:-1], len(cache.state.abar)
    # (7) of all words: the output's terms of the gradients of E y, h and z
    dEy, dh, dz, grads = _output_backward(dlogits, cache)
    daffine, dcontext, dgate, sums, dc_0 = _recur_backward(dh, dz, dalpha, cache)

    M, size = params["E"].shape[1], cache.attention.size
    # affine = W_x (E y, z) + W_hh h + b: each weight's gradient is one product over all words and captions
    dW_x = current().empty((M + size, daffine.shape[2]))
    multiply_transposed(cache.Ey, daffine, dW_x[:M])
    multiply_transposed(cache.z, daffine, dW_x[M:])
    grads["W_x"] = dW_x[: len(params["W_x"])]
    grads["W_hh"], grads["b"] = multiply_transposed(h, daffine), elementwise.column_sums(daffine)
    if cache.parts.gate:
        # beta_t = sigm(w_beta . h_{t-1} + b_beta)
        grads["w_beta"], grads["b_beta"] = multiply_transposed(dgate, h)[0], dgate.sum(keepdims=True).reshape(1)
    # gradient of E y_{t-1} = term 1: through the output (in dEy) + term 2: through the LSTM
    dEy = multiply(daffine, pack(params["W_x"][:M].T), dEy)
    grads["E"] = elementwise.sums_of_rows(dEy.reshape(-1, M), cache.words.ravel(), len(params["E"]))
    # gradients of h_0 and c_0 of an image: each of its captions adds a term
    dh_0, dc_0 = (d.reshape(N, -1, d.shape[1]).sum(axis=1) for d in (dh[0], dc_0))
    da_location, grads_state = first_state.backward(dh_0, dc_0, cache.state)
    # gradient of a = term 1: through the contexts and the keys + term 2: through h_0 and c_0
    da, grads_attention = cache.module.gradients(cache.attention, sums, h, dcontext, cache.alpha, da_location)
    grads |= {**grads_attention, **grads_state}
    return da, {name: np.ascontiguousarray(gradient) for name, gradient in grads.items()}


def locations(cache):
    """Return the locations of hard attention.

    Args:
        cache: from decode_forward.
    Returns:
        s: (T, B) integers s_t.
    """
    return cache.attention.s


def _is_one_kernel(module, attention, params):
    """Return True if kernels/soft_recurrence.py computes all words."""
    return module is soft and soft_recurrence.fits(len(params["W_hh"]), len(attention.v), attention.size)


def _gate(params, gate):
    """Return w_beta and b_beta as one array, (S + 1,); zeros without a gate.

    Args:
        params: arrays by name.
        gate: True if there is a gate.
    """
    if gate:
        return np.concatenate([params["w_beta"], params["b_beta"]])
    return np.zeros(len(params["W_hh"]) + 1, np.float32)


def _recur_forward(params, module, attention, W_hh, W_z, gate, affine, alpha, context, beta, z, h, c, ifog, tanh_c):
    """Compute the recurrence, one kernel after the other.

    Args:
        params: arrays by name.
        module, attention: the fused attention, and its Attention.
        W_hh, W_z: packed.
        gate: True if there is a gate.
        affine: (T, B, 4S) terms of E y and b; the terms of h and z are added in place.
        alpha, context, beta, z, h, c, ifog, tanh_c: as in Cache; h[0] and c[0] are given, the rest is overwritten.
    """
    w_beta = _gate(params, gate)
    for t in range(len(affine)):
        # (4) (5) (6)
        module.attend_forward(attention, t, h[t], context[t], alpha[t])
        if gate:
            # beta_t = sigm(w_beta . h_{t-1} + b_beta), z_t = beta_t sum_i alpha_ti a_i
            gate_kernel.forward(h[t], w_beta, context[t], beta[t], z[t])
        # (1) (2) (3)
        multiply(h[t], W_hh, affine[t])
        multiply(z[t], W_z, affine[t])
        lstm.gates(affine[t], c[t], h[t + 1], c[t + 1], ifog[t], tanh_c[t])


def _recur_backward(dh, dz, dalpha, cache):
    """Compute the gradients of the recurrence by backpropagation through time.

    Args:
        dh: (T + 1, B, S) gradients of h_0, ..., h_T from the output. The other terms are added in place.
        dz: (T, B, D) gradient of z_t from the output; the term through the LSTM is added in place.
        dalpha: (T, B, L).
        cache: Cache.
    Returns:
        daffine: (T, B, 4S) gradient of the gates before their nonlinearities.
        dcontext: (T, B, D) gradient of the contexts before the gate.
        dgate: (T, B, 1) gradient of the gate before its sigmoid; arbitrary without a gate.
        sums: Sums of the attention.
        dc_0: (B, S).
    """
    params, attention, gate, empty = cache.params, cache.attention, cache.parts.gate, current().empty
    M = params["E"].shape[1]
    W_hh, W_z = pack(params["W_hh"].T), _pack_transposed(params["W_x"][M:], attention.size)
    sums = cache.module.start_backward(attention)
    dc, w_beta = np.zeros(cache.h[0].shape, np.float32), _gate(params, gate)
    daffine = empty(cache.ifog.shape)
    dcontext, dgate = empty(dz.shape) if gate else dz, empty(cache.beta.shape)
    if _is_one_kernel(cache.module, attention, params):
        packed = *sums.W_h[:2], W_hh.panels, W_z.panels
        soft_recurrence.backward(
            *(soft_recurrence.Weights(*packed, w_beta), gate),
            *(attention.exp_keys, attention.v, attention.a),
            soft_recurrence.Words(
                *(attention.query, cache.alpha, cache.context, cache.beta, cache.z),
                *(cache.h, cache.c, cache.ifog, cache.tanh_c),
            ),
            *(sums.dkeys, sums.dv),
            soft_recurrence.Gradients(
                *(sums.dquery, np.ascontiguousarray(dalpha), dcontext, dgate, dz, dh, daffine, dc[None])
            ),
        )
        return daffine, dcontext, dgate, sums, dc
    for t in reversed(range(len(dz))):
        # (3) (2) (1)
        lstm.gates_backward(dh[t + 1], dc, cache.c[t], cache.ifog[t], cache.tanh_c[t], daffine[t])
        # gradient of z_t = term 1: through the output (in dz) + term 2: through the LSTM
        multiply(daffine[t], W_z, dz[t])
        if gate:
            # z_t = beta_t context_t, beta_t = sigm(gate_t), gate_t = w_beta . h_{t-1} + b_beta
            # gradient of h_{t-1} = term 1: through the output (in dh) + term 2: through the gate
            gate_kernel.backward(dz[t], cache.context[t], cache.beta[t], w_beta, dcontext[t], dgate[t], dh[t])
        # term 3: through the LSTM
        multiply(daffine[t], W_hh, dh[t])
        # term 4: through the attention (6) (5) (4)
        cache.module.attend_backward(attention, sums, t, dcontext[t], cache.alpha[t], dalpha[t], dh[t])
    return daffine, dcontext, dgate, sums, dc


def _output_forward(params, words, dropped, z, parts):
    """Compute the output layer of all words.

    Args:
        params: arrays by name.
        words: (T, B) previous words.
        dropped: (T, B, S) hidden states after dropout.
        z: (T, B, size) contexts.
        parts: attend_tell.Parts.
    Returns:
        logits: (T, B, V).
        inner: (T, B, M) the input of L_o.
    """
    # (7) inner_t = E y_{t-1} + L_h h_t + L_z z_t, or L_h h_t without deep output
    Ey = elementwise.take_rows(params["E"], words) if parts.deep_output else None  # its memory becomes inner
    inner = multiply(dropped, pack(params["L_h"]), Ey)
    if parts.deep_output:
        multiply(z, pack(params["L_z"], terms=z.shape[2]), inner)
    # logits_t = L_o inner_t + b_o
    return multiply(inner, pack(params["L_o"], params["b_o"])), inner


def _output_backward(dlogits, cache):
    """Compute the gradients of the output layer and of its dropout.

    Args:
        dlogits: (T, B, V).
        cache: Cache.
    Returns:
        dEy: (T, B, M); None without deep output.
        dh: (T + 1, B, S) gradients of h_0, ..., h_T; zeros for h_0, which the output does not read.
        dz: (T, B, size).
        grads: gradients by parameter name.
    """
    # logits_t = L_o inner_t + b_o
    params, deep = cache.params, cache.parts.deep_output
    grads = {"L_o": multiply_transposed(cache.inner, dlogits), "b_o": elementwise.column_sums(dlogits)}
    dinner = multiply(dlogits, pack(params["L_o"].T))
    # inner_t = E y_{t-1} + L_h h_t + L_z z_t: its gradient is also that of E y_{t-1}
    grads["L_h"] = multiply_transposed(cache.dropped, dinner)
    if deep:
        grads["L_z"] = multiply_transposed(cache.z, dinner)[: len(params["L_z"])]
    dh = current().empty(cache.h.shape)
    dh[0] = 0
    elementwise.product(multiply(dinner, pack(params["L_h"].T)), cache.mask_h, dh[1:])
    if deep:
        return dinner, dh, multiply(dinner, _pack_transposed(params["L_z"], cache.z.shape[2])), grads
    dz = current().empty(cache.z.shape)
    dz[:] = 0
    return None, dh, dz, grads


def _pack_transposed(W, columns):
    """Return the transpose of W, packed, with columns of zeros up to a multiple of LANES."""
    return pack(W.T)._replace(columns=columns)  # the last panel ends with zeros
