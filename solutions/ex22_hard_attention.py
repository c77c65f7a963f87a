"""Solution 22: Hard attention, sampling a location.

The sampled location is a step function of alpha: constant between its jumps. Its gradient is zero, as draw_backward
returns. But alpha also sets the probability p(s) of each sequence of locations s. So the bound

    L_s = sum over s of p(s) log p(y | s)

depends on alpha. Apply the product rule, and replace dp(s) by p(s) d log p(s), because d log p = dp / p:

    dL_s = sum over s of p(s) [d log p(y | s) + log p(y | s) d log p(s)]

This is a mean over samples of s, so a single sample gives an unbiased estimate: the bracket.
location_log_p_backward computes d log p(s).

Answers to the questions of the page:

0.2 samples location 1: the sum of the weights up to location 0 is 0.2, which is not above 0.2.
Where `expected`, alpha itself is the weights:   dalpha = [[5, 1, 2]]   as dweights
If location 0 is sampled, dalpha = [[[10, 0, 0]]]
"""

import numpy as np

from numpy_sat.layers.hard_attention import DrawCache


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
    # ends_i = alpha_0 + ... + alpha_i. Divide a line into pieces of the lengths alpha_i; piece i ends at ends_i. A
    # uniform number falls into piece i with probability alpha_i.
    ends = np.cumsum(alpha, axis=1)

    # place = uniform * ends_L. Rounding may end the line just below 1, and a number behind its end would fall into no
    # piece. So scale the uniform number to the length of the line.
    length = ends[:, -1]
    place = uniforms * length

    # s = the number of pieces with ends_i <= place. These are the pieces before the one that contains the place.
    pieces_before = ends <= place[:, None]
    s = pieces_before.sum(axis=1)

    # one_hot_bi = 1 if i = s_b, else 0
    one_hot = np.zeros_like(alpha)
    one_hot[np.arange(len(alpha)), s] = 1

    # weights = alpha for the expected context, else one_hot. The mean of one_hot over all samples is alpha.
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
    # Expected context: weights = alpha, so dalpha = dweights
    expected_part = dweights

    # Sampled location: weights = one_hot. A small change of alpha leaves the sample unchanged, so dalpha = 0.
    sampled_part = np.zeros_like(dweights)
    return np.where(cache.expected[:, None], expected_part, sampled_part)


def location_log_p_backward(dlog_p, cache):
    """Compute the gradient of location_log_p_forward: dlog_p / alpha at the sampled location, 0 elsewhere.

    Args:
        dlog_p: (T, B) gradient of log_p.
        cache: from location_log_p_forward.
    Returns:
        dalpha: (T, B, L).
    """
    alpha, s = cache

    # log_p_tb = log alpha_tbi at i = s_tb. It contains this one alpha only.
    place = s[..., None]  # (T, B, 1), the shape for take_along_axis and put_along_axis
    at_s = np.take_along_axis(alpha, place, axis=-1)

    # dalpha_tbi = dlog_p_tb / alpha_tbi at i = s_tb, 0 elsewhere. A rare location has a larger gradient.
    slope = 1 / at_s
    dat_s = dlog_p[..., None] * slope
    dalpha = np.zeros_like(alpha)
    np.put_along_axis(dalpha, place, dat_s, axis=-1)
    return dalpha
