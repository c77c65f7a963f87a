"""Exercise 30: REINFORCE, advantage and entropy            (difficulty 2 of 3, about 45 minutes; builds on exercise 22)

Goal            Measure how much better than usual a sampled location was. REINFORCE favors samples that lead to a
                better caption than usual. The baseline b is the usual log p of a caption. It does not change the mean
                gradient, because the mean of d log p(s | a) is 0. But it lowers the variance. The entropy H keeps alpha
                exploring.

Equations       (12) dL_s = mean over samples s of  d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a)
                                                    + lambda_e dH[s]
                advantage_tb = (sum over all words of log p) - b                               (T, B), 0 at padding
                with to_go    (sum over the words from t on of log p) - b words_tb / mean length of the B captions
                baseline      b <- 0.9 b + 0.1 (mean over captions of the sum over words of log p)      (1,)
                entropy       H = sum over t, b, i of - mask_tb alpha_tbi log alpha_tbi / B             a number
                words_tb is the number of the caption's words from t on. A sample does not affect the words before it,
                so to_go leaves them out.

Worked example  One caption of two words:
                log_p = [[-1], [-3]]   baseline = [-6]   advantage = [[2], [2]]
                With to_go, the advantage of the first sample is -4 + 6 = 2. Find the second.
                After the update, b = 0.9 * -6 + 0.1 * -4 = -5.8. What is it after a second update with the same log_p?
                One word with two locations, alpha = [1/2, 1/2]: H = ln 2, about 0.693. Find dalpha for dentropy = 1.
                What is H of [1, 0]?

Your task       1. advantage: count words, not padding. Trap: lambda_r is not part of it; the caller multiplies by it.
                2. move_baseline: change the array in place with *= and +=, because the model holds the same array.
                3. entropy_forward. Trap: 0 log 0 counts as 0. So take the log of np.maximum(alpha,
                   np.finfo(alpha.dtype).tiny).
                4. entropy_backward: alpha log alpha contains alpha twice. dentropy contains lambda_e already.

Given           NumPy is all you need. x[::-1].cumsum(axis=0)[::-1] sums from each word to the end. The cache
                EntropyCache(alpha, mask) is packed and unpacked for you.

Run             python -m exercises check 30   python -m exercises hint 30   python -m exercises check 30 --pencil
Read            exercises/chapters/hard_attention.md: the longer story, with figures
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
