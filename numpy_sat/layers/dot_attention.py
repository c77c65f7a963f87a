"""Scaled dot-product attention (Vaswani et al. 2017, arXiv 1706.03762), with one head or several.

A second score function beside the MLP of attention.py, and called like it. Of every head:

    q_t = h_{t-1} W_q   the query: what the decoder's state asks
    k_i = a_i W_k       the keys: by what a location is found, the same for every word and so computed once an image
    v_i = a_i W_v       the values: what a location gives
    (4) e_ti = q_t . k_i / sqrt(K)      (5) alpha_t = softmax(e_t)      (6) z_t = sum_i alpha_ti v_i

A product of K terms is about sqrt(K) times as large as its terms: divided by that, scores do not grow with K, and the
softmax does not start out at one location. Nothing has a bias: one of the keys would add the same to all scores. The A
numbers are shared out to the heads, K = A / heads to each. Each head has matrices, scores and an alpha of its own, so
that several places can be looked at for one word; z is what they found, side by side. The matrix that follows in
Vaswani et al. is left out: z meets W_x and L_z next, which would swallow it.

The slides call "hello" the query and "ciao" the key, the reverse of common usage, which is followed here: "ciao" is
about to be written, and its decoder's state asks, so the query is its; "hello" is looked at, so it has key and value.

The first axis is the heads'. The B captions belong to the N images in order, B / N to each.
"""

import math
from typing import NamedTuple

import numpy as np

from numpy_sat.layers import softmax


class KeysCache(NamedTuple):
    a: np.ndarray
    W_k: np.ndarray


class ScoreCache(NamedTuple):
    keys: np.ndarray
    h: np.ndarray
    W_q: np.ndarray
    query: np.ndarray  # (heads, N, B / N, K)


class ContextCache(NamedTuple):
    alpha: np.ndarray
    a: np.ndarray
    W_v: np.ndarray
    seen: np.ndarray  # (heads, B, D), sum_i alpha_ti a_i


class AttendCache(NamedTuple):
    score: ScoreCache
    softmax: softmax.SoftmaxCache
    context: ContextCache


def keys_forward(a, W_k):
    """k_i = a_i W_k of every head.

    a: (N, L, D) annotations; W_k: (heads, D, K). Returns keys: (heads, N, L, K) and the cache.
    """
    return a @ W_k[:, None], KeysCache(a, W_k)


def keys_backward(dkeys, cache):
    """dkeys: (heads, N, L, K). Returns da: (N, L, D), dW_k: (heads, D, K)."""
    a, W_k = cache
    (N, L, D), (heads, _, K) = a.shape, W_k.shape
    dkeys = dkeys.reshape(heads, N * L, K)
    dW_k = a.reshape(N * L, D).T @ dkeys
    da = (dkeys @ W_k.swapaxes(1, 2)).sum(axis=0).reshape(N, L, D)
    return da, dW_k


def score_forward(keys, h, W_q):
    """(4) e_ti = q_t . k_i / sqrt(K) of every head, q_t = h_{t-1} W_q.

    keys: (heads, N, L, K), a_i W_k of every location; h: (B, S) state before the word; W_q: (heads, S, K).
    Returns e: (heads, B, L) scores and the cache.
    """
    heads, N, L, K = keys.shape
    B = len(h)
    query = (h @ W_q).reshape(heads, N, B // N, K)
    e = query @ keys.swapaxes(2, 3) / math.sqrt(K)  # (heads, N, B / N, L)
    return e.reshape(heads, B, L), ScoreCache(keys, h, W_q, query)


def score_backward(de, cache):
    """de: (heads, B, L). Returns dkeys: (heads, N, L, K), dh: (B, S), dW_q: (heads, S, K)."""
    keys, h, W_q, query = cache
    heads, N, L, K = keys.shape
    B = len(h)
    dproduct = de.reshape(heads, N, B // N, L) / math.sqrt(K)
    dkeys = dproduct.swapaxes(2, 3) @ query
    dquery = (dproduct @ keys).reshape(heads, B, K)
    dW_q = h.T @ dquery
    dh = (dquery @ W_q.swapaxes(1, 2)).sum(axis=0)
    return dkeys, dh, dW_q


def context_forward(alpha, a, W_v):
    """(6) z_t = sum_i alpha_ti v_i of every head, side by side; v_i = a_i W_v.

    What is summed first is a_i: W_v then multiplies one vector a caption, not one a location, and the sum is the same.
    alpha: (heads, B, L) weights; a: (N, L, D) annotations; W_v: (heads, D, K).
    Returns z: (B, heads K) and the cache.
    """
    (heads, B, L), (N, _, D), K = alpha.shape, a.shape, W_v.shape[2]
    seen = (alpha.reshape(heads, N, B // N, L) @ a).reshape(heads, B, D)
    z = (seen @ W_v).swapaxes(0, 1).reshape(B, heads * K)
    return z, ContextCache(alpha, a, W_v, seen)


def context_backward(dz, cache):
    """dz: (B, heads K). Returns dalpha: (heads, B, L), da: (N, L, D), dW_v: (heads, D, K)."""
    alpha, a, W_v, seen = cache
    (heads, B, L), (N, _, D), K = alpha.shape, a.shape, W_v.shape[2]
    dz = dz.reshape(B, heads, K).swapaxes(0, 1)  # (heads, B, K)
    dW_v = seen.swapaxes(1, 2) @ dz
    dseen = (dz @ W_v.swapaxes(1, 2)).reshape(heads, N, B // N, D)
    dalpha = (dseen @ a.swapaxes(1, 2)).reshape(heads, B, L)
    da = (alpha.reshape(heads, N, B // N, L).swapaxes(2, 3) @ dseen).sum(axis=0)
    return dalpha, da, dW_v


def attend_forward(a, keys, h, W_q, W_v):
    """(4) score, (5) alpha_t = softmax(e_t) over locations, (6) context, of every head.

    a: (N, L, D); keys: (heads, N, L, K); h: (B, S); W_q: (heads, S, K); W_v: (heads, D, K).
    Returns z: (B, heads K), alpha: (B, L), the mean over heads, and the cache.
    """
    e, cache_score = score_forward(keys, h, W_q)  # (4)
    alpha, cache_softmax = softmax.softmax_forward(e)  # (5)
    z, cache_context = context_forward(alpha, a, W_v)  # (6)
    return z, alpha.mean(axis=0), AttendCache(cache_score, cache_softmax, cache_context)


def attend_backward(dz, dalpha, cache):
    """dz: (B, heads K); dalpha: (B, L), what reaches the mean alpha from outside, as the penalty's gradient does.

    Returns da: (N, L, D), dkeys: (heads, N, L, K), dh: (B, S), dW_q: (heads, S, K), dW_v: (heads, D, K).
    """
    dalpha_context, da, dW_v = context_backward(dz, cache.context)  # (6)
    dalpha_mean = dalpha / len(dalpha_context)
    de = softmax.softmax_backward(dalpha_context + dalpha_mean, cache.softmax)  # (5)
    dkeys, dh, dW_q = score_backward(de, cache.score)  # (4)
    return da, dkeys, dh, dW_q, dW_v
