"""Solution 44: Rewards of words by roll-outs.

The expected reward of a caption changes with every word that is written. V_t is its value after t words. A roll-out is
an unbiased estimate of it: let the model itself write on, and take the reward. The mean of K estimates varies less.

REINFORCE allows a reward of its own for every word. A word does not change what was written before it, so all that
counts is what it leads to, and that is V_t.

Answers to the questions of the page:

1. advantages = [[-0.1], [0.4], [0.1]]. Without roll-outs, V of all words is 0.5, so each has 0.5 - 0.4 = 0.1.
2. The third word: it lowered the value from 0.8 to 0.5. V of the word before does not depend on the word itself, so it
   is a valid baseline. The advantages are then 0.5 for word 2 and -0.3 for word 3.
3. 36 captions: 4 after each word but the last, after which nothing is left to complete.
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
    B = mask.shape[1]

    # V_t = mean over roll-outs of their rewards: (K, T, B) -> (T, B)
    value = rollout_rewards.mean(axis=0)

    # V = r(y) at the last word. Words are counted from 0, so it is at the number of words - 1.
    lengths = mask.astype(bool).sum(axis=0)
    value[lengths - 1, np.arange(B)] = caption_rewards

    # 0 at padding. A product with the mask would not do: NaN times 0 is NaN.
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
    # The captions of an image are consecutive, so repeat each b. With N = B, each is repeated once.
    per_image = values.shape[1] // len(baseline)
    b_of_caption = np.repeat(baseline, per_image)

    # advantage_t = V_t - b at words. NumPy broadcasts (B,) over the words t.
    return (values - b_of_caption) * mask


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
    # log p of the sampled words, (T, B), 0 at padding
    _, likelihood = losses.cross_entropy_forward(logits, words, mask)
    log_p = losses.word_log_probabilities(likelihood)

    # Each word's log p has the weight of that word. Sum over the words of a caption: (B,)
    caption_sum = (weights * log_p).sum(axis=0)

    # loss = - mean over captions. Minimizing the loss raises the log p of words with a positive advantage.
    loss = -caption_sum.mean()
    return loss, policy.PolicyCache(likelihood, weights)
