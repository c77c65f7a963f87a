"""Solution 30: REINFORCE, advantage and entropy.

Exercise 22 derives the gradient of the bound: a mean over samples s of

    d log p(y | s) + log p(y | s) d log p(s)

The sum over s of p(s) is 1 for every alpha, so the sum over s of p(s) d log p(s) is 0. So a baseline b can be
subtracted from log p(y | s), if it is the same for all samples. The difference is the advantage.

Answers to the questions of the page:

The second advantage is -3 + 6 / 2 = 0, because one of two words is left, and with it half of the baseline.
After the second update, b = -5.62. For dentropy = 1, dalpha = [-0.3069, -0.3069], which is ln 2 - 1.
H of [1, 0] is 0, the smallest value.
"""

import numpy as np

from numpy_sat.layers.hard_attention import EntropyCache


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
