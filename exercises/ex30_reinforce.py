"""Exercise 30: REINFORCE, advantage and entropy            (difficulty 2 of 3, about 45 minutes; builds on exercise 22)

To learn: what a sampled location is worth. Exercise 22 samples one location for each word. REINFORCE favors samples
that lead to a better caption than usual. The gradient of the objective is the mean

    (12) of d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a) + lambda_e dH[s]    over samples s

The baseline b is the usual log p of captions. It does not change the mean, because the mean of d log p(s | a) is 0. But
it rewards only samples that are better than usual, which lowers the variance. H, the entropy, keeps alpha exploring.

advantage: log p(y | s, a) is the sum of a caption's log p over its words, the reward of all its samples. With to_go,
the reward of a sample is the sum from its own word on, because it does not affect the words before. Subtract b times
the number of these words, divided by the mean number of words of a caption. Count words, not padding: see mask.
Do not multiply by lambda_r and lambda_e: the incoming gradients, dlog_p and dentropy, contain them already.

entropy: H = mean over captions of the sum over t, i of - alpha_ti log alpha_ti. Where alpha is 0, this is 0: take the
log of np.maximum(alpha, np.finfo(alpha.dtype).tiny). The cache is EntropyCache(alpha, mask). NumPy is all you need.

Predict before you run: a caption's two words have log p = [[-1], [-3]], and b = [-6]: the advantage of both samples is
2. What is it with to_go? (For the first it is -4 + 6 = 2; find the other.) What is b after the update? (-5.4 - 0.4 =
-5.8.)
Run             python -m exercises check 30      python -m exercises hint 30
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
    raise NotImplementedError("exercise 30: advantage")


def move_baseline(baseline, log_p):
    """Update the baseline in place, as a moving average: b <- 0.9 b + 0.1 log p(y | s, a), averaged over captions.

    Args:
        baseline: (1,) b, changed in place.
        log_p: (T, B) log p of every word, 0 at padding.
    """
    raise NotImplementedError("exercise 30: move_baseline")


def entropy_forward(alpha, mask):
    """Compute the entropy H[s] of the attention weights: the mean over captions of - sum_t sum_i alpha_ti log alpha_ti.

    Args:
        alpha: (T, B, L) attention weights; 0 log 0 counts as 0.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
    Returns:
        entropy: a scalar, nats per caption.
        cache: what entropy_backward needs.
    """
    raise NotImplementedError("exercise 30: entropy_forward")
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
    raise NotImplementedError("exercise 30: entropy_backward")
