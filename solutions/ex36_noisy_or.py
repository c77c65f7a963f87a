"""Solution 36: Noisy-OR in logarithms.

The word does not fit the image if it fits at none of the locations. That is a product over locations, so its logarithm
is a sum, and log(1 - sigm(z)) is -softplus(z). From log(1 - p) follows log p. The backward pass uses the chain rule
twice: z_j changes log(1 - p), and log(1 - p) changes log p.

Answers to the questions of the page:

1. dz = [0.0556, 0.0222, 0.0833], that is p_j / 9. p is 0.9 already, so a larger p_j adds little to log p: the factor is
   (1 - p) / p = 1/9.
2. bias = -2.1972. 1 - p_j is the square root of 0.81, so p_j = 0.1, and the bias is log(1/9).
3. The words of the captions give 2^-65 or so at each location, 0.5 times (1 - p) / p: they learn nothing. Every other
   word gives 0.5 at each of the 64 locations. So the detectors forget all words, before they learn a single one.
"""

import numpy as np

from numpy_sat.layers.noisy_or import NoisyOrCache, softplus


def noisy_or_forward(z):
    """Compute log p and log(1 - p) of every word of every image.

    Args:
        z: (N, L, V) logits of every word at every location.
    Returns:
        log_p: (N, V) log p.
        log_not_p: (N, V) log(1 - p).
        cache: what noisy_or_backward needs.
    """
    # log(1 - p_j) = log(1 / (1 + exp(z_j))) = -softplus(z_j)
    log_not_p_j = -softplus(z)

    # 1 - p = product over j of (1 - p_j), so log(1 - p) = sum over j of log(1 - p_j): (N, V)
    log_not_p = log_not_p_j.sum(axis=1)

    # In mathematics, the sum is below 0. Where it rounds to 0, the smallest number replaces it, so that log p exists.
    log_not_p = np.minimum(log_not_p, -np.finfo(z.dtype).tiny)

    # p = 1 - exp(log(1 - p)) = -expm1(log(1 - p))
    log_p = np.log(-np.expm1(log_not_p))
    return log_p, log_not_p, NoisyOrCache(z, log_p, log_not_p)


def noisy_or_backward(dlog_p, dlog_not_p, cache):
    """Compute the gradient of noisy_or_forward.

    Args:
        dlog_p: (N, V).
        dlog_not_p: (N, V).
        cache: from noisy_or_forward.
    Returns:
        dz: (N, L, V).
    """
    z, log_p, log_not_p = cache

    # log p_j = log sigm(z_j) = -softplus(-z_j)
    log_p_j = -softplus(-z)

    # term 2, log(1 - p) = - sum over j of softplus(z_j), and softplus has the slope sigm: d log(1 - p) / dz_j = - p_j
    p_j = np.exp(log_p_j)
    through_log_not_p = -p_j * dlog_not_p[:, None, :]

    # term 1, log p = log(1 - exp(q)) with q = log(1 - p): d log p / dq = - exp(q) / (1 - exp(q)) = - (1 - p) / p.
    # So d log p / dz_j = p_j (1 - p) / p. (1 - p) / p overflows where p is tiny, but p_j is as tiny: add logarithms.
    log_odds = log_not_p - log_p
    slope = np.exp(log_p_j + log_odds[:, None, :])
    through_log_p = slope * dlog_p[:, None, :]
    return through_log_p + through_log_not_p


def bias_of_rate(rate, L):
    """Return the logit of a word at L equal locations whose noisy-OR p is the word's base rate.

    With a bias of 0, every p would start at 1 - 2^-L. Present words would learn nothing, and absent ones too much.

    Args:
        rate: (V,) share of images with the word, above 0 and below 1.
        L: number of locations.
    Returns:
        (V,) logits.
    """
    # (1 - p_j)^L = 1 - rate, so log(1 - p_j) = log(1 - rate) / L
    log_not_p_j = np.log1p(-rate) / L

    # p_j = 1 - (1 - p_j)
    p_j = -np.expm1(log_not_p_j)

    # the logit of p_j = log p_j - log(1 - p_j)
    return np.log(p_j) - log_not_p_j
