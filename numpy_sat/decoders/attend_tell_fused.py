"""The decoder of attend_tell.py once more, arranged for speed: the same equations, the same results to rounding.

What changes is when things are computed, not what. Products that need not wait for the state take all words of all
captions at once: E y W_x before the loop, and every weight's gradient after it, one product over T x B rows instead
of T products of B. Weights that come with every word are laid out once (kernels/matmul.py), and what lies between two
products is one kernel (kernels/attention.py, kernels/lstm.py). For float32. How it looks is a module of its own for
each score, mlp_fused.py and dot_fused.py.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.decoders import attend_tell, dot_fused, hard_fused, mlp_fused
from numpy_sat.kernels import elementwise, lstm
from numpy_sat.kernels.matmul import multiply, multiply_transposed, pack
from numpy_sat.system.workspace import Workspace


class Weights(NamedTuple):
    """W_x in two, for E y and for z; those for z with as many rows as look.size."""

    W_y: np.ndarray
    W_z: np.ndarray
    L_z: np.ndarray


class Cache(NamedTuple):
    params: dict
    weights: Weights
    state: attend_tell.FirstStateCache
    look: mlp_fused.Look | dot_fused.Look | hard_fused.Look
    words: np.ndarray
    mask_h: np.ndarray
    Ey: np.ndarray  # (T, B, M), and so on, a row a word and caption:
    h: np.ndarray  # (T + 1, B, S), h_0 first
    c: np.ndarray  # (T + 1, B, S)
    query: np.ndarray
    alpha: np.ndarray
    context: np.ndarray  # before the gate
    beta: np.ndarray  # (T, B, 1)
    z: np.ndarray  # after the gate
    ifog: np.ndarray
    tanh_c: np.ndarray
    dropped: np.ndarray  # h after dropout
    inner: np.ndarray  # E y_{t-1} + L_h h_t + L_z z_t


def decode_forward(params, a, words, mask_h, workspace=None):
    """As attend_tell.decode_forward."""
    workspace = workspace or Workspace()
    empty = workspace.empty
    h_0, c_0, cache_state = attend_tell.first_state_forward(params, a)
    (T, B), (N, L, _), S = words.shape, a.shape, h_0.shape[1]
    eye = _eye(params)
    look = eye.look(params, a, words, workspace)
    D, A = look.size, look.W_query.shape[1]
    weights = _fill_weights(params, D)
    Ey = params["E"][words]
    affine = multiply(Ey, pack(weights.W_y, params["b"]))
    W_hh, W_z = pack(params["W_hh"]), pack(weights.W_z)
    W_query = pack(look.W_query, look.b_query)
    h, c = empty((T + 1, B, S)), empty((T + 1, B, S))
    h[0], c[0] = (np.repeat(x, B // N, axis=0) for x in (h_0, c_0))
    query, alpha, beta = empty((T, B, A)), empty((T, B, L)), empty((T, B, 1))
    context, z, ifog, tanh_c = empty((T, B, D)), empty((T, B, D)), empty(affine.shape), empty((T, B, S))
    for t in range(T):
        query[t] = multiply(h[t], W_query)
        eye.attend(look, t, query[t], context[t], alpha[t], workspace)  # (4) (5) (6)
        beta[t, :, 0] = 0.5 + 0.5 * np.tanh(0.5 * (h[t] @ params["w_beta"] + params["b_beta"]))
        np.multiply(beta[t], context[t], out=z[t])
        multiply(h[t], W_hh, affine[t])
        multiply(z[t], W_z, affine[t])
        lstm.gates(affine[t], c[t], h[t + 1], c[t + 1], ifog[t], tanh_c[t])  # (1) (2) (3)
    dropped = np.multiply(h[1:], mask_h, out=empty(mask_h.shape))
    inner = multiply(dropped, pack(params["L_h"]), Ey.copy())  # (7)
    multiply(z, pack(weights.L_z), inner)
    logits = multiply(inner, pack(params["L_o"], params["b_o"]))
    cache = Cache(
        *(params, weights, cache_state, look, words, mask_h, Ey),
        *(h, c, query, alpha, context, beta, z, ifog, tanh_c, dropped, inner),
    )
    return logits, alpha, cache


def decode_backward(dlogits, dalpha, cache, workspace=None):
    """As attend_tell.decode_backward."""
    workspace = workspace or Workspace()
    params, weights, D = cache.params, cache.weights, len(cache.params["L_z"])

    def of_weights(x, d):
        return multiply_transposed(x, d)

    def of_bias(d):
        return elementwise.column_sums(d)

    grads = {"L_o": of_weights(cache.inner, dlogits), "b_o": of_bias(dlogits)}  # (7)
    dinner = _times_transposed(dlogits, params["L_o"], workspace)
    grads["L_h"], grads["L_z"] = of_weights(cache.dropped, dinner), of_weights(cache.z, dinner)[:D]
    dh_out = _times_transposed(dinner, params["L_h"], workspace)
    dh_out *= cache.mask_h
    dz = _times_transposed(dinner, weights.L_z, workspace)

    daffine, dquery, dcontext, dgate, sums, dh_0, dc_0 = _recur_backward(dh_out, dz, dalpha, cache, workspace)

    h = cache.h[:-1]
    grads["W_x"] = np.concatenate([of_weights(cache.Ey, daffine), of_weights(cache.z, daffine)[:D]])
    grads["W_hh"], grads["b"] = of_weights(h, daffine), of_bias(daffine)
    grads["w_beta"], grads["b_beta"] = np.tensordot(dgate[..., 0], h, axes=2), dgate.sum(keepdims=True).reshape(1)
    dEy = multiply(daffine, pack(weights.W_y.T), dinner)
    grads["E"] = np.zeros_like(params["E"])
    elementwise.add_rows(dEy.reshape(-1, dEy.shape[2]), cache.words.ravel(), grads["E"])
    da, grads_look = _eye(params).gradients(cache.look, sums, h, cache.query, dcontext, cache.alpha, dquery, workspace)
    N = len(da)
    dh_0, dc_0 = (d.reshape(N, -1, d.shape[1]).sum(axis=1) for d in (dh_0, dc_0))
    dmean, grads_state = attend_tell.first_state_backward(dh_0, dc_0, cache.state)
    grads |= {**grads_look, **grads_state}
    return da + dmean[:, None], {name: np.ascontiguousarray(gradient) for name, gradient in grads.items()}


def _recur_backward(dh_out, dz, dalpha, cache, workspace):
    """Back through time. dh_out, dz: what comes from the output; to dz is added what comes from the LSTM."""
    params, look, empty = cache.params, cache.look, workspace.empty
    W_hh, W_z, W_query = (pack(W.T) for W in (params["W_hh"], cache.weights.W_z, look.W_query))
    eye = _eye(params)
    sums = eye.sums(look, workspace)
    dh, dc = empty(cache.h[0].shape), empty(cache.h[0].shape)
    dh[:], dc[:] = 0, 0
    daffine, dquery, dcontext, dgate = (empty(x.shape) for x in (cache.ifog, cache.query, cache.z, cache.beta))
    for t in reversed(range(len(dh_out))):
        dh += dh_out[t]
        lstm.gates_backward(dh, dc, cache.c[t], cache.ifog[t], cache.tanh_c[t], daffine[t])  # (3) (2) (1)
        multiply(daffine[t], W_z, dz[t])
        beta = cache.beta[t]
        dgate[t] = (dz[t] * cache.context[t]).sum(axis=1, keepdims=True) * beta * (1 - beta)
        np.multiply(beta, dz[t], out=dcontext[t])
        eye.attend_backward(  # (6) (5) (4)
            look, sums, t, cache.query[t], dcontext[t], cache.alpha[t], dalpha[t], dquery[t], workspace
        )
        np.multiply(dgate[t], params["w_beta"], out=dh)
        multiply(daffine[t], W_hh, dh)
        multiply(dquery[t], W_query, dh)
    return daffine, dquery, dcontext, dgate, sums, dh, dc


def _times_transposed(x, W, workspace):
    return multiply(x, pack(W.T))


def _eye(params):
    """The module of functions that look by the score which the parameters are of, and at one location of many."""
    if "uniforms" in params:
        return hard_fused
    return dot_fused if attend_tell.has_dot_score(params) else mlp_fused


def _fill_weights(params, size):
    M, missing = params["E"].shape[1], size - len(params["L_z"])
    W_y, W_z = params["W_x"][:M], params["W_x"][M:]
    W_z, L_z = (np.pad(W, ((0, missing), (0, 0))) if missing else W for W in (W_z, params["L_z"]))
    return Weights(W_y, W_z, L_z)
