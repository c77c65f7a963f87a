"""Soft attention with the paper's MLP score (Xu et al. section 4.2, after Bahdanau et al. 2014), and the gate beta.

The decoder's state asks (the query), the locations answer (keys and values). The B captions belong to the N images
in order, B / N to each, so that captions of one image share its keys and annotations.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import activations, softmax


class ScoreCache(NamedTuple):
    h: np.ndarray
    W_h: np.ndarray
    v: np.ndarray
    u: activations.TanhCache


class ContextCache(NamedTuple):
    alpha: np.ndarray
    a: np.ndarray


class AttendCache(NamedTuple):
    score: ScoreCache
    softmax: softmax.SoftmaxCache
    context: ContextCache


class GateCache(NamedTuple):
    z: np.ndarray
    h: np.ndarray
    w_beta: np.ndarray
    beta: activations.SigmoidCache


def score_forward(keys, h, W_h, v):
    """(4) e_ti = v . tanh(keys_i + h W_h).

    keys: (N, L, A), W_a a_i + b_a of every location, the same for every word and so computed once an image;
    h: (B, S) state before the word; W_h: (S, A); v: (A,).
    Returns e: (B, L) scores and the cache.
    """
    N, L, A = keys.shape
    query = (h @ W_h).reshape(N, -1, 1, A)
    u, cache_u = activations.tanh_forward(keys[:, None] + query)  # (N, B / N, L, A)
    e = (u @ v).reshape(-1, L)
    return e, ScoreCache(h, W_h, v, cache_u)


def score_backward(de, cache):
    """de: (B, L). Returns dkeys: (N, L, A), dh: (B, S), dW_h: (S, A), dv: (A,)."""
    h, W_h, v, cache_u = cache
    u = cache_u.y
    N, each, L, A = u.shape
    de = de.reshape(N, each, L)
    dv = de.reshape(-1) @ u.reshape(-1, A)
    du = activations.tanh_backward(de[..., None] * v, cache_u)
    dkeys = du.sum(axis=1)
    dquery = du.sum(axis=2).reshape(-1, A)
    dW_h = h.T @ dquery
    dh = dquery @ W_h.T
    return dkeys, dh, dW_h, dv


def context_forward(alpha, a):
    """(6), soft: z_t = sum_i alpha_ti a_i.

    alpha: (B, L) weights; a: (N, L, D) annotations. Returns z: (B, D) and the cache.
    """
    N, L, D = a.shape
    z = (alpha.reshape(N, -1, L) @ a).reshape(-1, D)
    return z, ContextCache(alpha, a)


def context_backward(dz, cache):
    """dz: (B, D). Returns dalpha: (B, L), da: (N, L, D)."""
    alpha, a = cache
    N, L, D = a.shape
    dz = dz.reshape(N, -1, D)
    dalpha = (dz @ a.swapaxes(1, 2)).reshape(-1, L)
    da = alpha.reshape(N, -1, L).swapaxes(1, 2) @ dz
    return dalpha, da


def attend_forward(a, keys, h, W_h, v):
    """(4) score, (5) alpha_t = softmax(e_t) over locations, (6) context.

    a: (N, L, D); keys: (N, L, A); h: (B, S); W_h: (S, A); v: (A,).
    Returns z: (B, D), alpha: (B, L) and the cache.
    """
    e, cache_score = score_forward(keys, h, W_h, v)  # (4)
    alpha, cache_softmax = softmax.softmax_forward(e)  # (5)
    z, cache_context = context_forward(alpha, a)  # (6)
    return z, alpha, AttendCache(cache_score, cache_softmax, cache_context)


def attend_backward(dz, dalpha, cache):
    """dz: (B, D); dalpha: (B, L), what reaches alpha from outside, as the doubly stochastic penalty's gradient does.

    Returns da: (N, L, D), dkeys: (N, L, A), dh: (B, S), dW_h: (S, A), dv: (A,).
    """
    dalpha_context, da = context_backward(dz, cache.context)  # (6)
    de = softmax.softmax_backward(dalpha + dalpha_context, cache.softmax)  # (5)
    dkeys, dh, dW_h, dv = score_backward(de, cache.score)  # (4)
    return da, dkeys, dh, dW_h, dv


def gate_forward(z, h, w_beta, b_beta):
    """beta_t z_t with the scalar beta_t = sigm(w_beta . h_{t-1} + b_beta) (section 4.2.1).

    z: (B, D); h: (B, S); w_beta: (S,); b_beta: (1,). Returns beta z: (B, D) and the cache.
    """
    beta, cache_beta = activations.sigmoid_forward(h @ w_beta + b_beta)
    return beta[:, None] * z, GateCache(z, h, w_beta, cache_beta)


def gate_backward(dgated, cache):
    """dgated: (B, D). Returns dz: (B, D), dh: (B, S), dw_beta: (S,), db_beta: (1,)."""
    z, h, w_beta, cache_beta = cache
    dz = cache_beta.y[:, None] * dgated
    dbeta = (dgated * z).sum(axis=1)
    daffine = activations.sigmoid_backward(dbeta, cache_beta)
    dh = daffine[:, None] * w_beta
    dw_beta = daffine @ h
    db_beta = daffine.sum(keepdims=True)
    return dz, dh, dw_beta, db_beta
