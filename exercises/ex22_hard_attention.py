"""Exercise 22: Hard attention.

To learn: how to train a model that makes a random choice. Soft attention reads a mean of all locations. Hard attention
samples one, s_t ~ Categorical(alpha_t), and reads it alone: z_t = a at s_t. Sampling has no gradient: a small change of
alpha leaves the sampled location unchanged. REINFORCE measures how well the caption went, and favors good samples.

    (10) maximize L_s = sum over s of p(s | a) log p(y | s, a), which is at most log p(y | a). Its gradient is the mean
    (12) of d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a) + lambda_e dH[s]    over samples s

The baseline b is the usual log p of captions. It does not change the mean, because the mean of d log p(s | a) is 0. But
it rewards only samples that are better than usual, which lowers the variance. H, the entropy, keeps alpha exploring.

draw: divide a line into pieces of the lengths alpha_i, whose ends are alpha.cumsum. A uniform number falls into one
piece, the sampled location. Rounding may end the line below 1, so multiply the uniform number by the end of the last
piece (0.9 in one case here). Return the weights of z_t = sum over i of weights_i a_i, and s. Captions with expected
True do not use s: their weights are alpha. The cache is DrawCache(expected).

location_log_p: log p(s_t | a) = log alpha at s_t. The forward is given; its cache: LocationLogPCache(alpha, s).

advantage: log p(y | s, a) is the sum of a caption's log p over its words, the reward of all its samples. With to_go,
the reward of a sample is the sum from its own word on, because it does not affect the words before. Subtract b times
the number of these words, divided by the mean number of words of a caption. Count words, not padding: see mask.
Do not multiply by lambda_r and lambda_e: the incoming gradients, dlog_p and dentropy, contain them already.

entropy: H = mean over captions of the sum over t, i of - alpha_ti log alpha_ti. Where alpha is 0, this is 0: take the
log of np.maximum(alpha, np.finfo(alpha.dtype).tiny). The cache is EntropyCache(alpha, mask). NumPy is all you need.

Predict before you run: alpha = [[.2, .5, .3]]. The uniform number 0.6 samples the middle one: weights [[0, 1, 0]].
Which does 0.2 sample? If the first sample has dlog_p = [[2]], dalpha is [[[0, 4, 0]]]. Through the softmax, the
gradient of the scores is [-0.4, 1, -0.6], which is 2 (weights - alpha). What is it if the first location is sampled?
A caption's two words have log p = [[-1], [-3]], and b = [-6]: the advantage of both samples is 2. What is it with
to_go? (For the first it is -4 + 6 = 2; find the other.) What is b after the update? (-5.4 - 0.4 = -5.8.)
"""

import numpy as np

from numpy_sat.layers.hard_attention import DrawCache, EntropyCache, LocationLogPCache


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


def draw_backward(dweights, cache):
    """Compute the gradient of draw_forward: dweights for the expected context, 0 for a sample.

    Args:
        dweights: (B, L) gradient of the weights.
        cache: from draw_forward.
    Returns:
        dalpha: (B, L).
    """
    raise NotImplementedError("exercise 22: draw_backward")


def location_log_p_backward(dlog_p, cache):
    """Compute the gradient of location_log_p_forward: dlog_p / alpha at the sampled location, 0 elsewhere.

    Args:
        dlog_p: (T, B) gradient of log_p.
        cache: from location_log_p_forward.
    Returns:
        dalpha: (T, B, L).
    """
    raise NotImplementedError("exercise 22: location_log_p_backward")


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
    raise NotImplementedError("exercise 22: advantage")


def move_baseline(baseline, log_p):
    """Update the baseline in place, as a moving average: b <- 0.9 b + 0.1 log p(y | s, a), averaged over captions.

    Args:
        baseline: (1,) b, changed in place.
        log_p: (T, B) log p of every word, 0 at padding.
    """
    raise NotImplementedError("exercise 22: move_baseline")


def entropy_forward(alpha, mask):
    """Compute the entropy H[s] of the attention weights: the mean over captions of - sum_t sum_i alpha_ti log alpha_ti.

    Args:
        alpha: (T, B, L) attention weights; 0 log 0 counts as 0.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
    Returns:
        entropy: a scalar, nats per caption.
        cache: what entropy_backward needs.
    """
    raise NotImplementedError("exercise 22: entropy_forward")


def entropy_backward(dentropy, cache):
    """Compute the gradient of entropy_forward: - (log alpha_ti + 1) / B at every word, 0 at padding.

    Args:
        dentropy: gradient of the entropy, a scalar.
        cache: from entropy_forward.
    Returns:
        dalpha: (T, B, L).
    """
    raise NotImplementedError("exercise 22: entropy_backward")
