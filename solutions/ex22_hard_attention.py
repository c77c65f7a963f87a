"""Solution 22: Hard attention.

The sampled location is a step function of alpha: constant between its jumps. Its gradient is zero, as draw_backward
returns. But alpha also sets the probability p(s) of each sequence of locations s. So the bound

    L_s = sum over s of p(s) log p(y | s)

depends on alpha. Apply the product rule, and replace dp(s) by p(s) d log p(s), because d log p = dp / p:

    dL_s = sum over s of p(s) [d log p(y | s) + log p(y | s) d log p(s)]

This is a mean over samples of s, so a single sample gives an unbiased estimate: the bracket. The sum over s of p(s) is
1 for every alpha, so the sum over s of p(s) d log p(s) is 0. So a baseline b can be subtracted from log p(y | s), if it
is the same for all samples. Each function below computes one part of this estimate.
"""

import numpy as np

from numpy_sat.layers.hard_attention import DrawCache, EntropyCache


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
    # ends_i = alpha_1 + ... + alpha_i. Divide a line into pieces of the lengths alpha_i; piece i ends at ends_i. A
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
    # reward_b = sum over t of log p_tb, which is 0 at padding. All sampled locations of a caption share this reward.
    reward = log_p.sum(axis=0)  # (B,)
    usual = baseline

    if to_go:
        # reward_tb = sum over t' >= t of log p_t'b: a cumulative sum over the reversed caption, reversed again.
        from_the_end = log_p[::-1]
        reward = from_the_end.cumsum(axis=0)[::-1]  # (T, B)

        # words_tb = the number of words from t on, computed in the same way. At t = 0 it is the caption's length.
        words = mask[::-1].cumsum(axis=0)[::-1]
        lengths = words[0]

        # usual_tb = b / mean length * words_tb. b belongs to a caption of mean length, so distribute it over its words.
        per_word = baseline / lengths.mean()
        usual = per_word * words

    # advantage = (reward - usual) mask. NumPy broadcasts (B,) over the words t.
    return (reward - usual) * mask


def move_baseline(baseline, log_p):
    """Update the baseline in place, as a moving average: b <- 0.9 b + 0.1 log p(y | s, a), averaged over captions.

    Args:
        baseline: (1,) b, changed in place.
        log_p: (T, B) log p of every word, 0 at padding.
    """
    # log p(y | s, a) of a caption is the sum over its words. Take the mean over captions.
    caption_log_p = log_p.sum(axis=0)
    new = caption_log_p.mean()

    # b <- 0.9 b + 0.1 mean. Write into the array itself, because the model holds the same array.
    baseline[:] = 0.9 * baseline + 0.1 * new


def entropy_forward(alpha, mask):
    """Compute the entropy H[s] of the attention weights: the mean over captions of - sum_t sum_i alpha_ti log alpha_ti.

    Args:
        alpha: (T, B, L) attention weights; 0 log 0 counts as 0.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
    Returns:
        entropy: a scalar, nats per caption.
        cache: what entropy_backward needs.
    """
    # H_tb = sum over i of alpha_tbi (- log alpha_tbi), the expected surprise of a sample. Replace an alpha of 0 by the
    # smallest positive number in the log, so that the log is finite and the product 0.
    smallest = np.finfo(alpha.dtype).tiny
    surprise = -np.log(np.maximum(alpha, smallest))
    word_entropy = (alpha * surprise).sum(axis=-1)  # (T, B)

    # entropy = sum over t and b of mask_tb H_tb / B
    B = mask.shape[1]
    entropy = (word_entropy * mask).sum() / B
    return entropy, EntropyCache(alpha, mask)


def entropy_backward(dentropy, cache):
    """Compute the gradient of entropy_forward: - (log alpha_ti + 1) / B at every word, 0 at padding.

    Args:
        dentropy: gradient of the entropy, a scalar.
        cache: from entropy_forward.
    Returns:
        dalpha: (T, B, L).
    """
    alpha, mask = cache

    # entropy = sum over t and b of mask_tb H_tb / B, so dH_tb = mask_tb dentropy / B
    B = mask.shape[1]
    dword_entropy = mask * (dentropy / B)  # (T, B)

    # dalpha_tbi = dH_tb (- log alpha_tbi - 1), by the product rule for - alpha log alpha
    # term 1: through the factor alpha, - log alpha
    # term 2: through the log, - alpha / alpha = - 1
    smallest = np.finfo(alpha.dtype).tiny
    log_alpha = np.log(np.maximum(alpha, smallest))
    slope = -log_alpha - 1
    return dword_entropy[..., None] * slope
