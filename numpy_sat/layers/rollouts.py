"""Rewards of single words by roll-outs (Yu et al. 2017, Dai et al. 2017).

The reward of a whole caption does not say which of its words were good. The value of the first t words is the expected
reward of the captions that begin with them,

    V_t = E[ r(y) | y_1..t ]

K roll-outs estimate it: K samples complete the words, and V_t is the mean of their rewards. After the last word
V_T = r(y). Any baseline b that does not depend on y_t leaves the mean of the gradient unchanged (layers/policy.py).
"""

import numpy as np

from numpy_sat.layers import losses, policy


def word_rewards(rollout_rewards, caption_rewards, mask):
    """Compute the reward of every word of sampled captions.

    Args:
        rollout_rewards: (K, T, B) rewards of K captions that begin with the first t words. Entries at the
            last word of a caption and at padding are not read.
        caption_rewards: (B,) rewards of the captions themselves.
        mask: (T, B) 1 at words, 0 at padding.
    Returns:
        (T, B) V_t, 0 at padding.
    """
    # V_t = mean of the rewards of the roll-outs
    value = rollout_rewards.mean(axis=0)
    # V_T = r(y)
    last = mask.astype(bool).sum(axis=0) - 1
    value[last, np.arange(len(last))] = caption_rewards
    return np.where(mask > 0, value, 0)


def word_advantages(values, baseline, mask):
    """Compute the advantages V_t - b of every word of sampled captions.

    Args:
        values: (T, B) V_t, the rewards of the words.
        baseline: (N,) b of every image, such as the reward of its greedy caption, or (B,) b of every caption; B / N
            consecutive captions belong to each image.
        mask: (T, B) 1 at words, 0 at padding.
    Returns:
        (T, B) advantages, 0 at padding.
    """
    # advantage_t = V_t - b
    B, N = values.shape[1], len(baseline)
    return (values - np.repeat(baseline, B // N)) * mask


def word_policy_forward(logits, words, mask, weights):
    """Compute the mean over captions of - sum_t (V_t - b) log p(y_t | y_1..t-1).

    Its gradient is policy.policy_backward, which multiplies each word's gradient by its weight.

    Args:
        logits: (T, B, V) logits of all words at every position.
        words: (T, B) integers, the sampled words.
        mask: (T, B) of the dtype of the logits, 1 at words, 0 at padding.
        weights: (T, B) advantages V_t - b, of the same dtype.
    Returns:
        loss: a scalar.
        cache: what policy.policy_backward needs.
    """
    _, likelihood = losses.cross_entropy_forward(logits, words, mask)
    log_p = losses.word_log_probabilities(likelihood)
    loss = -(weights * log_p).sum(axis=0).mean()
    return loss, policy.PolicyCache(likelihood, weights)
