"""The loss of skip-gram with negative sampling (Mikolov et al. 2013, word2vec).

The vector v of a word should have a large product with the vectors u of the words near it. Its product with the vectors
of random words, the negative samples, should be small.
"""

from typing import NamedTuple

import numpy as np


class SkipGramCache(NamedTuple):
    """Arrays that skip_gram_forward keeps for skip_gram_backward."""

    v: np.ndarray  # (B, M)
    u: np.ndarray  # (B, 1 + K, M)
    scores: np.ndarray  # (B, 1 + K)


def skip_gram_forward(v, u):
    """Compute the mean over B pairs of - log sigm(u_0 . v) - sum_{k >= 1} log sigm(- u_k . v).

    Args:
        v: (B, M) vectors of the center words.
        u: (B, 1 + K, M) context vectors: first that of the word near the center, then those of K negative samples.
    Returns:
        loss: a scalar, nats per pair.
        cache: what skip_gram_backward needs.
    """
    # score_k = u_k . v
    scores = np.einsum("bkm,bm->bk", u, v)
    # - log sigm(x) = log(1 + exp(-x)), which logaddexp computes without overflow
    loss = np.logaddexp(0, -scores[:, 0]) + np.logaddexp(0, scores[:, 1:]).sum(axis=1)
    return loss.mean(), SkipGramCache(v, u, scores)


def skip_gram_backward(dloss, cache):
    """Compute the gradients of skip_gram_forward.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from skip_gram_forward.
    Returns:
        dv: (B, M).
        du: (B, 1 + K, M).
    """
    v, u, scores = cache
    # d loss / d score is sigm(score) - 1 for the true pair and sigm(score) for negative samples
    dscores = 0.5 * (1 + np.tanh(0.5 * scores))
    dscores[:, 0] -= 1
    dscores *= dloss / len(v)
    # score_k = u_k . v, and v takes part in all 1 + K scores
    dv = np.einsum("bk,bkm->bm", dscores, u)
    du = dscores[..., None] * v[:, None]
    return dv, du
