"""Scaled dot-product attention (Vaswani et al. 2017, arXiv 1706.03762), with one head or several.

It replaces the MLP score of attention.py and has the same interface. Each head computes

    q_t = h_{t-1} W_q                      query: what the decoder looks for
    k_i = a_i W_k                          keys, computed once per image, because they do not depend on the word
    v_i = a_i W_v                          values
    (4) e_ti = q_t . k_i / sqrt(K)         scores
    (5) alpha_t = softmax(e_t)             attention weights of the locations
    (6) z_t = sum_i alpha_ti v_i           context vector of the head

The division by sqrt(K) keeps the scores from growing with K: a sum of K products of independent numbers is about
sqrt(K) times as large as one of them. Without it, the softmax would start close to 0 and 1. No map has a bias; a bias
of the keys would add the same number to all scores.

The attention size A is divided among the heads: K = A / heads. Each head has its own matrices, scores and weights, so
the decoder can attend to several places for one word. The context vectors of the heads are concatenated. Vaswani et
al. multiply the result by one more matrix. It is left out here, because the next maps, W_x and L_z, can absorb it.

The course's slides swap the two terms: they call "hello" the query and "ciao" the key. This code follows common usage.
The decoder is about to write "ciao", so its hidden state gives the query. It attends to "hello", which gives key and
value.

The first axis of keys, scores, weights and matrices counts the heads. Captions of one image are consecutive: caption b
belongs to image b // (B / N).
"""

import math
from typing import NamedTuple

import numpy as np

from numpy_sat.layers import softmax


class KeysCache(NamedTuple):
    """Arrays that keys_forward keeps for keys_backward."""

    a: np.ndarray  # (N, L, D)
    W_k: np.ndarray  # (heads, D, K)


class ScoreCache(NamedTuple):
    """Arrays that score_forward keeps for score_backward."""

    keys: np.ndarray  # (heads, N, L, K)
    h: np.ndarray  # (B, S)
    W_q: np.ndarray  # (heads, S, K)
    query: np.ndarray  # (heads, N, B / N, K)


class ContextCache(NamedTuple):
    """Arrays that context_forward keeps for context_backward."""

    alpha: np.ndarray  # (heads, B, L)
    a: np.ndarray  # (N, L, D)
    W_v: np.ndarray  # (heads, D, K)
    seen: np.ndarray  # (heads, B, D), sum_i alpha_ti a_i


class AttendCache(NamedTuple):
    """Caches of the three steps of attend_forward."""

    score: ScoreCache
    softmax: softmax.SoftmaxCache
    context: ContextCache


def keys_forward(a, W_k):
    """Compute the keys of all locations, for every head.

    Args:
        a: (N, L, D) annotation vectors.
        W_k: (heads, D, K) projections of the annotations.
    Returns:
        keys: (heads, N, L, K).
        cache: what keys_backward needs.
    """
    # k_i = a_i W_k
    return a @ W_k[:, None], KeysCache(a, W_k)


def keys_backward(dkeys, cache):
    """Compute the gradients of keys_forward.

    Args:
        dkeys: (heads, N, L, K) gradient of the keys.
        cache: from keys_forward.
    Returns:
        da: (N, L, D).
        dW_k: (heads, D, K).
    """
    a, W_k = cache
    (N, L, D), (heads, _, K) = a.shape, W_k.shape
    dkeys = dkeys.reshape(heads, N * L, K)
    # dW_k = a^T dkeys, per head
    dW_k = a.reshape(N * L, D).T @ dkeys  # (D, N L) @ (heads, N L, K) -> (heads, D, K)
    # da = sum over the heads of dkeys W_k^T: one term per head
    da = (dkeys @ W_k.swapaxes(1, 2)).sum(axis=0).reshape(N, L, D)
    return da, dW_k


def score_forward(keys, h, W_q):
    """Score every location for the next word of each caption, for every head (equation 4).

    Args:
        keys: (heads, N, L, K) a_i W_k of every location, computed once per image.
        h: (B, S) hidden states before the word; B / N consecutive captions belong to each image.
        W_q: (heads, S, K) projections of the hidden state.
    Returns:
        e: (heads, B, L) scores.
        cache: what score_backward needs.
    """
    heads, N, L, K = keys.shape
    B = len(h)
    # q_t = h_{t-1} W_q
    query = (h @ W_q).reshape(heads, N, B // N, K)
    # (4) e_ti = q_t . k_i / sqrt(K)
    e = query @ keys.swapaxes(2, 3) / math.sqrt(K)  # (heads, N, B / N, L)
    return e.reshape(heads, B, L), ScoreCache(keys, h, W_q, query)


def score_backward(de, cache):
    """Compute the gradients of score_forward.

    Args:
        de: (heads, B, L) gradient of the scores.
        cache: from score_forward.
    Returns:
        dkeys: (heads, N, L, K).
        dh: (B, S).
        dW_q: (heads, S, K).
    """
    keys, h, W_q, query = cache
    heads, N, L, K = keys.shape
    B = len(h)
    # gradient of the product q_t . k_i: de_ti over sqrt(K)
    dproduct = de.reshape(heads, N, B // N, L) / math.sqrt(K)
    # dkeys_i = sum of dproduct_ti q_t over the captions of the image
    dkeys = dproduct.swapaxes(2, 3) @ query  # (heads, N, L, K)
    # dq_t = sum over the locations i of dproduct_ti k_i
    dquery = (dproduct @ keys).reshape(heads, B, K)
    # dW_q = h^T dq, per head
    dW_q = h.T @ dquery  # (S, B) @ (heads, B, K) -> (heads, S, K)
    # dh = sum over the heads of dq W_q^T: one term per head
    dh = (dquery @ W_q.swapaxes(1, 2)).sum(axis=0)  # (B, S)
    return dkeys, dh, dW_q


def context_forward(alpha, a, W_v):
    """Compute the context vectors of all heads and concatenate them (equation 6).

    The annotations are summed before they are multiplied by W_v. The result is the same, and W_v multiplies one vector
    per caption instead of one per location.

    Args:
        alpha: (heads, B, L) attention weights; B / N consecutive captions belong to each image.
        a: (N, L, D) annotation vectors.
        W_v: (heads, D, K) projections of the annotations.
    Returns:
        z: (B, heads K) context vectors.
        cache: what context_backward needs.
    """
    (heads, B, L), (N, _, D), K = alpha.shape, a.shape, W_v.shape[2]
    # seen_t = sum_i alpha_ti a_i
    seen = (alpha.reshape(heads, N, B // N, L) @ a).reshape(heads, B, D)
    # (6) z_t = sum_i alpha_ti a_i W_v = seen_t W_v, with the K numbers of each head next to each other
    z = (seen @ W_v).swapaxes(0, 1).reshape(B, heads * K)
    return z, ContextCache(alpha, a, W_v, seen)


def context_backward(dz, cache):
    """Compute the gradients of context_forward.

    Args:
        dz: (B, heads K) gradient of the context vectors.
        cache: from context_forward.
    Returns:
        dalpha: (heads, B, L).
        da: (N, L, D).
        dW_v: (heads, D, K).
    """
    alpha, a, W_v, seen = cache
    (heads, B, L), (N, _, D), K = alpha.shape, a.shape, W_v.shape[2]
    dz = dz.reshape(B, heads, K).swapaxes(0, 1)  # (heads, B, K)
    # dW_v = seen^T dz, per head
    dW_v = seen.swapaxes(1, 2) @ dz  # (heads, D, K)
    # dseen_t = dz_t W_v^T
    dseen = (dz @ W_v.swapaxes(1, 2)).reshape(heads, N, B // N, D)
    # dalpha_ti = a_i . dseen_t
    dalpha = (dseen @ a.swapaxes(1, 2)).reshape(heads, B, L)
    # da_i = sum of alpha_ti dseen_t over the captions of the image and over the heads: one term per head
    da = (alpha.reshape(heads, N, B // N, L).swapaxes(2, 3) @ dseen).sum(axis=0)  # (N, L, D)
    return dalpha, da, dW_v


def attend_forward(a, keys, h, W_q, W_v):
    """Compute the context vectors and the attention weights of all heads (equations 4 to 6).

    Args:
        a: (N, L, D) annotation vectors.
        keys: (heads, N, L, K) a_i W_k of every location, computed once per image.
        h: (B, S) hidden states before the word; B / N consecutive captions belong to each image.
        W_q: (heads, S, K) projections of the hidden state.
        W_v: (heads, D, K) projections of the annotations.
    Returns:
        z: (B, heads K) context vectors, those of the heads concatenated.
        alpha: (B, L) mean of the heads' attention weights; each row sums to 1.
        cache: what attend_backward needs.
    """
    # (4) e_ti = q_t . k_i / sqrt(K)
    e, cache_score = score_forward(keys, h, W_q)  # (heads, B, L)
    # (5) alpha_t = softmax(e_t) over the locations
    alpha, cache_softmax = softmax.softmax_forward(e)  # (heads, B, L)
    # (6) z_t = sum_i alpha_ti v_i
    z, cache_context = context_forward(alpha, a, W_v)  # (B, heads K)
    return z, alpha.mean(axis=0), AttendCache(cache_score, cache_softmax, cache_context)


def attend_backward(dz, dalpha, cache):
    """Compute the gradients of attend_forward.

    Args:
        dz: (B, heads K) gradient of the context vectors.
        dalpha: (B, L) gradient of the returned mean weights, for example from the attention penalty.
        cache: from attend_forward.
    Returns:
        da: (N, L, D).
        dkeys: (heads, N, L, K).
        dh: (B, S).
        dW_q: (heads, S, K).
        dW_v: (heads, D, K).
    """
    # (6) back through the context
    dalpha_context, da, dW_v = context_backward(dz, cache.context)
    # the mean over heads passes dalpha divided by the number of heads to each head
    dalpha_mean = dalpha / len(dalpha_context)  # (B, L)
    # (5) back through the softmax. The gradient of each head's alpha is a sum:
    # term 1, dalpha_context: through the context
    # term 2, dalpha_mean: through the mean and the attention penalty
    de = softmax.softmax_backward(dalpha_context + dalpha_mean, cache.softmax)  # (heads, B, L)
    # (4) back through the score
    dkeys, dh, dW_q = score_backward(de, cache.score)
    return da, dkeys, dh, dW_q, dW_v
