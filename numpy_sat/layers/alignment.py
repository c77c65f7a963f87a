"""How well a sentence fits an image, and the margin that separates the right pairs (Karpathy and Li 2014).

S_kl = sum over words t of sentence l of max over regions i of image k of v_i . s_t
C = sum_k [ sum_{l != k} max(0, S_kl - S_kk + 1) + sum_{l != k} max(0, S_lk - S_kk + 1) ]
"""

from typing import NamedTuple

import numpy as np


class ScoreCache(NamedTuple):
    """Arrays that score_forward keeps for score_backward."""

    v: np.ndarray  # (K, R, H)
    s: np.ndarray  # (T, B, H)
    best: np.ndarray  # (K, T, B) the best region of each word in each image
    mask: np.ndarray  # (T, B)


class MarginCache(NamedTuple):
    """Arrays that margin_forward keeps for margin_backward."""

    over_sentences: np.ndarray  # (K, K) True where S_kl - S_kk + 1 > 0 and l != k
    over_images: np.ndarray  # (K, K) True where S_lk - S_kk + 1 > 0 and l != k, in row l and column k


def score_forward(v, s, mask):
    """Compute the score S_kl of every image k with every sentence l.

    Args:
        v: (K, R, H) region vectors of K images.
        s: (T, B, H) word vectors of B sentences.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
    Returns:
        S: (K, B).
        cache: what score_backward needs.
    """
    (K, R, H), (T, B, _) = v.shape, s.shape
    # v_i . s_t of all regions and words: (K, R, T, B)
    products = (v.reshape(K * R, H) @ s.reshape(T * B, H).T).reshape(K, R, T, B)
    best = products.argmax(axis=1)
    largest = np.take_along_axis(products, best[:, None], axis=1)[:, 0]
    # S_kl = sum_t max_i v_i . s_t
    S = (largest * mask).sum(axis=1)
    return S, ScoreCache(v, s, best, mask)


def score_backward(dS, cache):
    """Compute the gradients of score_forward. Only the best region of a word receives a gradient from it.

    Args:
        dS: (K, B).
        cache: from score_forward.
    Returns:
        dv: (K, R, H).
        ds: (T, B, H).
    """
    v, s, best, mask = cache
    (K, R, H), (T, B, _) = v.shape, s.shape
    # gradient of v_i . s_t: dS_kl at the best region of each word, 0 elsewhere
    dproducts = np.zeros((K, R, T, B), v.dtype)
    np.put_along_axis(dproducts, best[:, None], (dS[:, None] * mask)[:, None], axis=1)
    dproducts = dproducts.reshape(K * R, T * B)
    dv = dproducts @ s.reshape(T * B, H)
    ds = dproducts.T @ v.reshape(K * R, H)
    return dv.reshape(v.shape), ds.reshape(s.shape)


def margin_forward(S):
    """Compute the margin loss: the mean over pairs k of C_k. Sentence k belongs to image k.

    Args:
        S: (K, K) scores, S_kl of image k with sentence l.
    Returns:
        loss: a scalar.
        cache: what margin_backward needs.
    """
    K, right, others = len(S), np.diag(S), ~np.eye(len(S), dtype=bool)
    # term 1: the other sentences of each image; term 2: the other images of each sentence
    sentences, images = S - right[:, None] + 1, S - right + 1
    over_sentences, over_images = (sentences > 0) & others, (images > 0) & others
    loss = (sentences[over_sentences].sum() + images[over_images].sum()) / K
    return loss, MarginCache(over_sentences, over_images)


def margin_backward(dloss, cache):
    """Compute the gradient of margin_forward.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from margin_forward.
    Returns:
        dS: (K, K) float64.
    """
    over_sentences, over_images = cache
    K = len(over_sentences)
    # each violated margin raises S_kl by 1 and lowers S_kk by 1
    dS = over_sentences.astype(np.float64) + over_images
    dS[np.diag_indices(K)] -= over_sentences.sum(axis=1) + over_images.sum(axis=0)
    return dS * (dloss / K)
