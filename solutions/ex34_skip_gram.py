"""Solution 34: Skip-gram with negative sampling.

Each of the 1 + K words has a loss of its own, softplus(x) = log(1 + exp(x)), with x = -score for the true word and
x = score for a negative sample. The slope of softplus is the sigmoid. So the true word has the slope -sigm(-score) =
sigm(score) - 1, and a negative sample sigm(score): the probability minus the label, as in a softmax.

Answers to the questions of the page:

1. dv = [[0.7253, -1]] and du = [[[-0.25, -0.25], [0.5, 0.5]]]. A step against dv moves v towards u_0 and away from u_1,
   the negative sample.
2. loss = 1000. np.exp(1000) is inf, so the logarithm of the quotient is that of 0, -inf, and the loss inf.
3. ratio = 27/8, because 81^0.75 = 27 and 16^0.75 = 8. In proportion to the counts it would be 81/16, about 5. The
   exponent gives rare words more samples.
"""

import numpy as np

from numpy_sat.layers.skip_gram import SkipGramCache


def skip_gram_forward(v, u):
    """Compute the mean over B pairs of - log sigm(u_0 . v) - sum_{k >= 1} log sigm(- u_k . v).

    Args:
        v: (B, M) vectors of the center words.
        u: (B, 1 + K, M) context vectors: first that of the word near the center, then those of K negative samples.
    Returns:
        loss: a scalar, nats per pair.
        cache: what skip_gram_backward needs.
    """
    B = len(v)

    # score_bk = u_bk . v_b: a matrix (1 + K, M) times a vector (M, 1) for each pair
    scores = (u @ v[:, :, None])[:, :, 0]

    # signed_bk = -score for the true word, score for negative samples
    signed = scores.copy()
    signed[:, 0] = -signed[:, 0]

    # -log sigm(-x) = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), in which no exp overflows
    losses = np.maximum(signed, 0) + np.log1p(np.exp(-np.abs(signed)))

    # the sum over the 1 + K words, the mean over the pairs
    loss = losses.sum() / B
    return loss, SkipGramCache(v, u, scores)


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
    B = len(v)

    # p = sigm(score), with tanh, which does not overflow
    p = (1 + np.tanh(scores / 2)) / 2

    # d loss / d score = (p - label) / B; the label is 1 for the true word and 0 for negative samples
    labels = np.zeros_like(p)
    labels[:, 0] = 1
    dscores = (p - labels) * (dloss / B)

    # score_bk = u_bk . v_b, so dv_b = sum over k of dscore_bk u_bk, and du_bk = dscore_bk v_b
    dv = (dscores[:, :, None] * u).sum(axis=1)
    du = dscores[:, :, None] * v[:, None, :]
    return dv, du
