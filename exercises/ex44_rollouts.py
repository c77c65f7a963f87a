"""Exercise 44: Rewards of words by roll-outs               (difficulty 2 of 3, about 45 minutes; builds on exercise 26)

Goal            Say which words of a sampled caption were good. In exercise 26, all words of a caption share its reward
                r. Here, each word gets a reward of its own (Yu et al. 2017, Dai et al. 2017): the mean reward of
                captions that the model completes after it. This works for any reward, such as that of exercise 43.

Equations       V_t = mean over K roll-outs of their rewards         roll-out: a sample that begins with words 1 to t
                V_t = r(y) at the last word of the caption           there is nothing to complete
                advantage_t = V_t - b                                b: the reward of the image's greedy caption
                loss = - mean over the B captions of (sum over words t of advantage_t log p_t)            a number
                V, advantage and log p are (T, B), and 0 at padding.

Worked example  One caption of three words, with K = 2 roll-outs after each of the first two. The 9s are never read:
                rollout_rewards = [[[0.2], [0.6], [9]], [[0.4], [1], [9]]]   caption_rewards = [0.5]
                values = [[0.3], [0.8], [0.5]]
                The loss of another caption, whose words have p = 1/2 and p = 1/4:
                logits = [[[0, 0]], [[ln 3, 0]]]   words = [[0], [1]]   weights = [[2], [1]]   loss = 2.7726
                1. Find the advantages of the first caption for baseline = [0.4]. What are they without roll-outs?
                2. Which word of the first caption was a mistake? Why may V of the word before serve as b, too?
                3. How many captions must be completed and scored for one caption of 10 words if K = 4?

Your task       1. word_rewards: compute V. Trap: captions end at different words. Entries of rollout_rewards at the
                   last word and at padding are not read. They may be NaN, and NaN times 0 is NaN.
                2. word_advantages: subtract b. Trap: baseline has one number per image, (N,). With 3 captions per
                   image, image 0 has captions 0 to 2. baseline may also have one number per caption, (B,).
                3. word_policy_forward: compute the loss; `weights` are the advantages.

Given           losses.cross_entropy_forward(logits, words, mask) returns a loss and its cache, here `likelihood`.
                losses.word_log_probabilities(likelihood) are the log p of the words, (T, B), 0 at padding. The cache
                policy.PolicyCache(likelihood, weights) is packed for you. The backward pass is that of exercise 26.

Run             python -m exercises check 44   python -m exercises hint 44   python -m exercises check 44 --pencil
Read            exercises/chapters/own_captions.md: the longer story, with figures
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
    raise NotImplementedError("exercise 44: word_rewards")


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
    raise NotImplementedError("exercise 44: word_advantages")


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
    raise NotImplementedError("exercise 44: word_policy_forward")
    return loss, policy.PolicyCache(likelihood, weights)
