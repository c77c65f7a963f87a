"""Soft attention with an MLP score, and the gate beta (Xu et al. 2015, sections 3.1.2, 4.2 and 4.2.1).

Before each word, the decoder scores every location of the image and turns the scores into weights. The context vector
is the weighted mean of the annotation vectors:

    keys_i = W_a a_i + b_a                   computed once per image, because it does not depend on the word
    (4) e_ti = v . tanh(keys_i + h W_h)      score of location i for word t (Bahdanau et al. 2014)
    (5) alpha_t = softmax(e_t)               attention weights of the locations, which sum to 1
    (6) z_t = sum_i alpha_ti a_i             context vector

In the terms of Vaswani et al. 2017, h W_h is the query. Each location has a key, keys_i, and a value, its annotation
vector a_i.

A batch has N images and B captions. Captions of one image are consecutive: caption b belongs to image b // (B / N).
They share its keys and annotations, so arrays of shape (B, ...) are reshaped to (N, B / N, ...).
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import activations, softmax


class ScoreCache(NamedTuple):
    """Arrays that score_forward keeps for score_backward."""

    h: np.ndarray  # (B, S)
    W_h: np.ndarray  # (S, A)
    v: np.ndarray  # (A,)
    u: activations.TanhCache  # (N, B / N, L, A), u = tanh(keys + query)


class ContextCache(NamedTuple):
    """Arrays that context_forward keeps for context_backward."""

    alpha: np.ndarray  # (B, L)
    a: np.ndarray  # (N, L, D)


class AttendCache(NamedTuple):
    """Caches of the three steps of attend_forward."""

    score: ScoreCache
    softmax: softmax.SoftmaxCache
    context: ContextCache


class GateCache(NamedTuple):
    """Arrays that gate_forward keeps for gate_backward."""

    z: np.ndarray  # (B, D)
    h: np.ndarray  # (B, S)
    w_beta: np.ndarray  # (S,)
    beta: activations.SigmoidCache  # (B,)


def score_forward(keys, h, W_h, v):
    """Score every location for the next word of each caption (equation 4).

    Args:
        keys: (N, L, A) W_a a_i + b_a of every location, computed once per image.
        h: (B, S) hidden states before the word; B / N consecutive captions belong to each image.
        W_h: (S, A) projection of the hidden state.
        v: (A,) scoring vector.
    Returns:
        e: (B, L) scores.
        cache: what score_backward needs.
    """
    N, L, A = keys.shape
    # query_b = h_b W_h
    query = (h @ W_h).reshape(N, -1, 1, A)  # (N, B / N, 1, A)
    # u_bi = tanh(keys_i + query_b)
    u, cache_u = activations.tanh_forward(keys[:, None] + query)  # (N, B / N, L, A)
    # (4) e_bi = v . u_bi
    e = (u @ v).reshape(-1, L)  # (B, L)
    return e, ScoreCache(h, W_h, v, cache_u)


def score_backward(de, cache):
    """Compute the gradients of score_forward.

    Args:
        de: (B, L) gradient of the scores.
        cache: from score_forward.
    Returns:
        dkeys: (N, L, A).
        dh: (B, S).
        dW_h: (S, A).
        dv: (A,).
    """
    h, W_h, v, cache_u = cache
    u = cache_u.y  # (N, B / N, L, A)
    N, per_image, L, A = u.shape  # per_image = B / N captions
    de = de.reshape(N, per_image, L)
    # dv = sum over captions b and locations i of de_bi u_bi
    dv = de.reshape(-1) @ u.reshape(-1, A)  # (A,)
    # du_bi = de_bi v
    du = de[..., None] * v  # (N, B / N, L, A)
    # dsum_bi = du_bi (1 - u_bi^2), the gradient of keys_i + query_b: (1 - u^2) is the derivative of tanh
    dsum = activations.tanh_backward(du, cache_u)
    # dkeys_i = sum of dsum_bi over the captions b of the image
    dkeys = dsum.sum(axis=1)  # (N, L, A)
    # dquery_b = sum of dsum_bi over the locations i
    dquery = dsum.sum(axis=2).reshape(-1, A)  # (B, A)
    # dW_h = h^T dquery
    dW_h = h.T @ dquery  # (S, A)
    # dh = dquery W_h^T
    dh = dquery @ W_h.T  # (B, S)
    return dkeys, dh, dW_h, dv


def context_forward(alpha, a):
    """Compute the context vectors of soft attention (equation 6).

    Args:
        alpha: (B, L) attention weights; B / N consecutive captions belong to each image.
        a: (N, L, D) annotation vectors.
    Returns:
        z: (B, D) context vectors.
        cache: what context_backward needs.
    """
    N, L, D = a.shape
    # (6) z_b = sum over i of alpha_bi a_i
    z = (alpha.reshape(N, -1, L) @ a).reshape(-1, D)  # (N, B / N, L) @ (N, L, D) -> (B, D)
    return z, ContextCache(alpha, a)


def context_backward(dz, cache):
    """Compute the gradients of context_forward.

    Args:
        dz: (B, D) gradient of the context vectors.
        cache: from context_forward.
    Returns:
        dalpha: (B, L).
        da: (N, L, D).
    """
    alpha, a = cache
    N, L, D = a.shape
    dz = dz.reshape(N, -1, D)  # (N, B / N, D)
    # dalpha_bi = a_i . dz_b
    dalpha = (dz @ a.swapaxes(1, 2)).reshape(-1, L)  # (N, B / N, D) @ (N, D, L) -> (B, L)
    # da_i = sum of alpha_bi dz_b over the captions b of the image
    da = alpha.reshape(N, -1, L).swapaxes(1, 2) @ dz  # (N, L, B / N) @ (N, B / N, D) -> (N, L, D)
    return dalpha, da


def attend_forward(a, keys, h, W_h, v):
    """Compute the context vectors and the attention weights (equations 4 to 6).

    Args:
        a: (N, L, D) annotation vectors.
        keys: (N, L, A) W_a a_i + b_a of every location, computed once per image.
        h: (B, S) hidden states before the word; B / N consecutive captions belong to each image.
        W_h: (S, A) projection of the hidden state.
        v: (A,) scoring vector.
    Returns:
        z: (B, D) context vectors.
        alpha: (B, L) attention weights; each row sums to 1.
        cache: what attend_backward needs.
    """
    # (4) e_bi = v . tanh(keys_i + h_b W_h)
    e, cache_score = score_forward(keys, h, W_h, v)  # (B, L)
    # (5) alpha_b = softmax(e_b) over the locations
    alpha, cache_softmax = softmax.softmax_forward(e)  # (B, L)
    # (6) z_b = sum over i of alpha_bi a_i
    z, cache_context = context_forward(alpha, a)  # (B, D)
    return z, alpha, AttendCache(cache_score, cache_softmax, cache_context)


def attend_backward(dz, dalpha, cache):
    """Compute the gradients of attend_forward.

    Args:
        dz: (B, D) gradient of the context vectors.
        dalpha: (B, L) gradient of the returned attention weights, for example from the attention penalty.
        cache: from attend_forward.
    Returns:
        da: (N, L, D).
        dkeys: (N, L, A).
        dh: (B, S).
        dW_h: (S, A).
        dv: (A,).
    """
    # (6) back through the context
    dalpha_context, da = context_backward(dz, cache.context)  # (B, L), (N, L, D)
    # (5) back through the softmax. The gradient of alpha is a sum:
    # term 1, dalpha: through the attention penalty
    # term 2, dalpha_context: through the context
    de = softmax.softmax_backward(dalpha + dalpha_context, cache.softmax)  # (B, L)
    # (4) back through the score
    dkeys, dh, dW_h, dv = score_backward(de, cache.score)
    return da, dkeys, dh, dW_h, dv


def gate_forward(z, h, w_beta, b_beta):
    """Scale each context vector by a learned gate between 0 and 1 (section 4.2.1).

    Args:
        z: (B, D) context vectors.
        h: (B, S) hidden states before the word.
        w_beta: (S,) weights of the gate.
        b_beta: (1,) bias of the gate.
    Returns:
        gated: (B, D) context vectors times beta, beta_t z_t.
        cache: what gate_backward needs.
    """
    # beta_t = sigm(w_beta . h_{t-1} + b_beta), one number per caption
    beta, cache_beta = activations.sigmoid_forward(h @ w_beta + b_beta)  # (B,)
    # gated_t = beta_t z_t
    return beta[:, None] * z, GateCache(z, h, w_beta, cache_beta)


def gate_backward(dgated, cache):
    """Compute the gradients of gate_forward.

    Args:
        dgated: (B, D) gradient of the gated context vectors.
        cache: from gate_forward.
    Returns:
        dz: (B, D).
        dh: (B, S).
        dw_beta: (S,).
        db_beta: (1,).
    """
    z, h, w_beta, cache_beta = cache
    # dz_b = beta_b dgated_b
    dz = cache_beta.y[:, None] * dgated  # (B, D)
    # dbeta_b = dgated_b . z_b
    dbeta = (dgated * z).sum(axis=1)  # (B,)
    # beta_b = sigm(affine_b) with affine_b = w_beta . h_b + b_beta
    # daffine_b = dbeta_b beta_b (1 - beta_b)
    daffine = activations.sigmoid_backward(dbeta, cache_beta)  # (B,)
    # dh_b = daffine_b w_beta
    dh = daffine[:, None] * w_beta  # (B, S)
    # dw_beta = sum over captions b of daffine_b h_b
    dw_beta = daffine @ h  # (S,)
    # db_beta = sum over captions b of daffine_b
    db_beta = daffine.sum(keepdims=True)  # (1,)
    return dz, dh, dw_beta, db_beta
