"""Hard attention (Xu et al. 2015, section 4.1): the decoder samples one location per word and reads only that one.

Sampling has no gradient: a small change of alpha usually leaves the sampled location unchanged. REINFORCE (Williams
1992) raises the probability of samples that lead to a high log p(y | s, a). The objective is the variational bound

    (10) L_s = sum_s p(s | a) log p(y | s, a) <= log p(y | a)

Here y is the caption and s a sequence of sampled locations, one for each word. The gradient of L_s (11) is the mean
over sequences s, sampled from p(s | a), of

    (12) d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a) + lambda_e dH[s]

with lambda_r = 1 and lambda_e = 0. The baseline b does not change this mean. It only reduces the variance of the
estimate. A positive lambda_e rewards a high entropy of alpha, so that the model keeps trying other locations.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.system import ranks


class DrawCache(NamedTuple):
    """The flags that draw_forward keeps for draw_backward."""

    expected: np.ndarray  # (B,)


class LocationLogPCache(NamedTuple):
    """Arrays that location_log_p_forward keeps for location_log_p_backward."""

    alpha: np.ndarray  # (T, B, L)
    s: np.ndarray  # (T, B)


class EntropyCache(NamedTuple):
    """Arrays that entropy_forward keeps for entropy_backward."""

    alpha: np.ndarray  # (T, B, L)
    mask: np.ndarray  # (T, B)


def draw_forward(alpha, uniforms, expected):
    """Sample a location s_t ~ Categorical(alpha_t) for each caption and return the weights of the context vector.

    The context vector is z_t = sum_i weights_ti a_i. If `expected` is True for a caption, its context vector is the
    expected context, as in soft attention: the weights are alpha.

    The sampled location is the first i with alpha_0 + ... + alpha_i > uniform * (sum of all alpha). This sum is 1 up to
    rounding.

    Args:
        alpha: (B, L) attention weights.
        uniforms: (B,) uniform random numbers in [0, 1).
        expected: (B,) bool, True for captions that use the expected context.
    Returns:
        weights: (B, L) 1 at s_t and 0 elsewhere, or alpha for the expected context.
        s: (B,) integers, the sampled location of every caption.
        cache: what draw_backward needs.
    """
    L = alpha.shape[1]
    # upto_i = alpha_0 + ... + alpha_i
    upto = alpha.cumsum(axis=1)
    # s = number of locations with upto_i <= uniform * upto_L, which is the index of the first location above it
    s = (upto <= (uniforms * upto[:, -1])[:, None]).sum(axis=1)
    one_hot = np.eye(L, dtype=alpha.dtype)[s]
    weights = np.where(expected[:, None], alpha, one_hot)
    return weights, s, DrawCache(expected)


def draw_backward(dweights, cache):
    """Compute the gradient of draw_forward: dweights for the expected context, 0 for a sample.

    Args:
        dweights: (B, L) gradient of the weights.
        cache: from draw_forward.
    Returns:
        dalpha: (B, L).
    """
    # expected context: weights = alpha, so dalpha = dweights
    # sample: a small change of alpha leaves the weights unchanged, so dalpha = 0
    return np.where(cache.expected[:, None], dweights, 0)


def location_log_p_forward(alpha, s):
    """Compute log p(s_t | a) = log alpha_{t, s_t} of the sampled locations.

    Args:
        alpha: (T, B, L) attention weights.
        s: (T, B) integers, the sampled locations.
    Returns:
        log_p: (T, B).
        cache: what location_log_p_backward needs.
    """
    log_p = np.log(np.take_along_axis(alpha, s[..., None], axis=-1)[..., 0])
    return log_p, LocationLogPCache(alpha, s)


def location_log_p_backward(dlog_p, cache):
    """Compute the gradient of location_log_p_forward: dlog_p / alpha at the sampled location, 0 elsewhere.

    Args:
        dlog_p: (T, B) gradient of log_p.
        cache: from location_log_p_forward.
    Returns:
        dalpha: (T, B, L).
    """
    alpha, s = cache
    at_s = np.take_along_axis(alpha, s[..., None], axis=-1)  # (T, B, 1)
    dalpha = np.zeros_like(alpha)
    # dalpha_s = dlog_p / alpha_s
    np.put_along_axis(dalpha, s[..., None], dlog_p[..., None] / at_s, axis=-1)
    return dalpha


def advantage(log_p, mask, baseline, to_go=False):
    """Compute the advantage log p(y | s, a) - b of every sampled location.

    Without `to_go`, all samples of a caption have the same advantage: the log p of the caption minus the baseline b.

    With `to_go`, the reward of a sample is the log p of its own word and all later words, because a sample cannot
    influence earlier words. The baseline shrinks in proportion: b times the number of these words over the mean length.

    Args:
        log_p: (T, B) log p of every word, 0 at padding.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
        baseline: (1,) b, the moving average of the log p of a caption.
        to_go: True for reward-to-go.
    Returns:
        (T, B) advantages, 0 at padding.
    """
    reward, usual = log_p.sum(axis=0), baseline
    if to_go:
        words = mask[::-1].cumsum(axis=0)[::-1]
        mean_length = ranks.shared_mean(words[0].mean())
        reward, usual = log_p[::-1].cumsum(axis=0)[::-1], baseline * words / mean_length
    return (reward - usual) * mask


def move_baseline(baseline, log_p):
    """Update the baseline in place, as a moving average: b <- 0.9 b + 0.1 log p(y | s, a), averaged over captions.

    Args:
        baseline: (1,) b, changed in place.
        log_p: (T, B) log p of every word, 0 at padding.
    """
    baseline *= 0.9
    baseline += 0.1 * log_p.sum(axis=0).mean()


def entropy_forward(alpha, mask):
    """Compute the entropy H[s] of the attention weights: the mean over captions of - sum_t sum_i alpha_ti log alpha_ti.

    Args:
        alpha: (T, B, L) attention weights; 0 log 0 counts as 0.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
    Returns:
        entropy: a scalar, nats per caption.
        cache: what entropy_backward needs.
    """
    word_entropy = -(alpha * _log(alpha)).sum(axis=-1)  # (T, B)
    return (word_entropy * mask).sum() / mask.shape[1], EntropyCache(alpha, mask)


def entropy_backward(dentropy, cache):
    """Compute the gradient of entropy_forward: - (log alpha_ti + 1) / B at every word, 0 at padding.

    Args:
        dentropy: gradient of the entropy, a scalar.
        cache: from entropy_forward.
    Returns:
        dalpha: (T, B, L).
    """
    alpha, mask = cache
    # dalpha_ti = - (log alpha_ti + 1) dentropy / B
    # term 1, log alpha: through the factor alpha of alpha log alpha
    # term 2, 1 = alpha / alpha: through the logarithm
    return -(_log(alpha) + 1) * (mask * (dentropy / mask.shape[1]))[..., None]


def _log(alpha):
    """Return log alpha, or the log of the smallest normal number where the softmax has rounded alpha to 0."""
    return np.log(np.maximum(alpha, np.finfo(alpha.dtype).tiny))
