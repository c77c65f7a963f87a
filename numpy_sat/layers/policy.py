"""The policy gradient (Williams 1992): raise the probability of sampled captions that beat the baseline b.

Training maximizes the expected score of captions sampled from the model, sum_y p(y) r(y). The score r of a sampled
caption has no gradient, but p(y) has one, and dp = p d log p. So the gradient is

    sum_y p(y) (r(y) - b) d log p(y)

This is a mean over sampled captions y, and a single sample estimates it. A baseline b that does not depend on y leaves
the mean unchanged, because sum_y p(y) d log p(y) = d sum_y p(y) = 0. The less r - b varies, the smaller is the variance
of the estimate.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import losses


class PolicyCache(NamedTuple):
    """Arrays that policy_forward keeps for policy_backward."""

    likelihood: losses.CrossEntropyCache  # of the sampled words
    weights: np.ndarray  # (B,), r - b


def advantage(of_drawn, of_greedy):
    """Compute the advantages r(y) - b of sampled captions, where b is the score of the image's greedy caption.

    Args:
        of_drawn: (B,) scores of sampled captions; B / N consecutive ones belong to each image.
        of_greedy: (N,) scores of the greedy captions.
    Returns:
        (B,) advantages.
    """
    return of_drawn - np.repeat(of_greedy, len(of_drawn) // len(of_greedy))


def advantage_over_others(of_drawn, samples):
    """Compute the advantages r(y) - b, where b is the mean score of the image's other samples (Luo 2020).

    This baseline is valid because the samples are independent. About half of them score above it. The greedy caption is
    a poor baseline while the model is uncertain: nearly all samples score below it, and nearly all advantages are
    negative.

    Args:
        of_drawn: (B,) scores of sampled captions; `samples` consecutive ones belong to each image.
        samples: sampled captions per image, at least 2.
    Returns:
        (B,) advantages.
    """
    scores = of_drawn.reshape(-1, samples)
    baseline = (scores.sum(axis=1, keepdims=True) - scores) / (samples - 1)
    return (scores - baseline).ravel()


def policy_forward(logits, words, mask, weights):
    """Compute the mean over captions of -(r - b) log p(y), whose negative gradient is the policy gradient.

    Args:
        logits: (T, B, V) logits of all words at every position.
        words: (T, B) integers, the sampled words.
        mask: (T, B) of the dtype of the logits, 1 at words, 0 at padding.
        weights: (B,) advantages r - b, of the same dtype.
    Returns:
        loss: a scalar.
        cache: what policy_backward needs.
    """
    _, likelihood = losses.cross_entropy_forward(logits, words, mask)
    log_p = losses.word_log_probabilities(likelihood).sum(axis=0)
    return -(weights * log_p).mean(), PolicyCache(likelihood, weights)


def policy_backward(dloss, cache):
    """Compute the gradient of policy_forward: (r - b) (p - onehot) / B at every sampled word, 0 at padding.

    It equals the gradient of cross-entropy with the sampled captions as targets, each weighted by r - b.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from policy_forward.
    Returns:
        dlogits: (T, B, V).
    """
    likelihood, weights = cache
    # dlogits = (r - b) (p - onehot) dloss / B: cross-entropy with the mask multiplied by r - b
    weighted_likelihood = likelihood._replace(mask=likelihood.mask * weights)
    return losses.cross_entropy_backward(dloss, weighted_likelihood)
