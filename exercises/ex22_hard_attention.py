"""Exercise 22: Hard attention, sampling a location         (difficulty 2 of 3, about 45 minutes; builds on exercise 28)

To learn: how to train a model that makes a random choice. Soft attention reads a mean of all locations. Hard attention
samples one, s_t ~ Categorical(alpha_t), and reads it alone: z_t = a at s_t. Sampling has no gradient: a small change of
alpha leaves the sampled location unchanged. REINFORCE measures how well the caption went, and favors good samples.

    (10) maximize L_s = sum over s of p(s | a) log p(y | s, a), which is at most log p(y | a). Its gradient is the mean
    (12) of d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a) + lambda_e dH[s]    over samples s

Here you write the sample s and the gradient of log p(s | a). Exercise 30 has b, the advantage and the entropy.

draw: divide a line into pieces of the lengths alpha_i, whose ends are alpha.cumsum. A uniform number falls into one
piece, the sampled location. Rounding may end the line below 1, so multiply the uniform number by the end of the last
piece (0.9 in one case here). Return the weights of z_t = sum over i of weights_i a_i, and s. Captions with expected
True do not use s: their weights are alpha. The cache is DrawCache(expected).

location_log_p: log p(s_t | a) = log alpha at s_t. The forward is given; its cache: LocationLogPCache(alpha, s).

Predict before you run: alpha = [[.2, .5, .3]]. The uniform number 0.6 samples the middle one: weights [[0, 1, 0]].
Which does 0.2 sample? If the first sample has dlog_p = [[2]], dalpha is [[[0, 4, 0]]]. Through the softmax, the
gradient of the scores is [-0.4, 1, -0.6], which is 2 (weights - alpha). What is it if the first location is sampled?
Run             python -m exercises check 22      python -m exercises hint 22
"""

import numpy as np

from numpy_sat.layers.hard_attention import DrawCache, LocationLogPCache


def draw_forward(alpha, uniforms, expected):
    """Sample a location s_t ~ Categorical(alpha_t) for each caption and return the weights of the context vector.

    The context vector is z_t = sum_i weights_ti a_i. If `expected` is True for a caption, its context vector is the
    expected context, as in soft attention: the weights are alpha.

    The sampled location is the first i with alpha_1 + ... + alpha_i > uniform * (alpha_1 + ... + alpha_L). The sum of
    all alpha is 1 up to rounding.

    Args:
        alpha: (B, L) attention weights.
        uniforms: (B,) uniform random numbers in [0, 1).
        expected: (B,) bool, True for captions that use the expected context.
    Returns:
        weights: (B, L) 1 at s_t and 0 elsewhere, or alpha for the expected context.
        s: (B,) integers, the sampled location of every caption.
        cache: what draw_backward needs.
    """
    raise NotImplementedError("exercise 22: draw_forward")
    return weights, s, DrawCache(expected)


def draw_backward(dweights, cache):
    """Compute the gradient of draw_forward: dweights for the expected context, 0 for a sample.

    Args:
        dweights: (B, L) gradient of the weights.
        cache: from draw_forward.
    Returns:
        dalpha: (B, L).
    """
    expected = cache.expected
    raise NotImplementedError("exercise 22: draw_backward")


def location_log_p_backward(dlog_p, cache):
    """Compute the gradient of location_log_p_forward: dlog_p / alpha at the sampled location, 0 elsewhere.

    Args:
        dlog_p: (T, B) gradient of log_p.
        cache: from location_log_p_forward.
    Returns:
        dalpha: (T, B, L).
    """
    alpha, s = cache
    raise NotImplementedError("exercise 22: location_log_p_backward")
