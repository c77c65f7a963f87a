"""The policy gradient (Williams 1992): raise the probability of sampled captions that beat the baseline b.

The aim is a high expected score of captions sampled from the model, sum_y p(y) r(y). The score r of a sampled caption
has no gradient, but p(y) has one, and dp = p d log p. So the gradient is

    sum_y p(y) (r(y) - b) d log p(y),

a mean over sampled captions y, which one sample estimates. A baseline b that does not depend on y leaves the mean as it
is, since sum_y p(y) d log p(y) = d sum_y p(y) = 0. The less r - b varies, the less the estimates scatter.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import losses


class PolicyCache(NamedTuple):
    likelihood: losses.CrossEntropyCache  # of the sampled words
    weights: np.ndarray  # (B,)


def advantage(of_drawn, of_greedy):
    """Compute r(y) - b of sampled captions; b is the score of the greedy caption of the same image.

    Args:
        of_drawn: (B,) scores of sampled captions, B / N consecutive ones for each image.
        of_greedy: (N,) scores of the greedy captions.
    Returns:
        (B,) advantages.
    """
    return of_drawn - np.repeat(of_greedy, len(of_drawn) // len(of_greedy))


def advantage_over_others(of_drawn, each):
    """Compute r(y) - b of sampled captions; b is the mean score of the other samples of the same image (Luo 2020).

    No sample depends on the others, and about half of them score above the mean of the others. While a model is unsure,
    nearly all samples score below the greedy caption: r - b is then mostly negative, large, and says little.

    Args:
        of_drawn: (B,) scores of sampled captions, `each` consecutive ones for each image.
        each: samples per image, at least 2.
    Returns:
        (B,) advantages.
    """
    scores = of_drawn.reshape(-1, each)
    others = (scores.sum(axis=1, keepdims=True) - scores) / (each - 1)
    return (scores - others).ravel()


def policy_forward(logits, words, mask, weights):
    """Compute the mean over captions of -(r - b) log p(y). Minimising it follows the policy gradient.

    Args:
        logits: (T, B, V).
        words: (T, B) integers, the sampled words.
        mask: (T, B) of the dtype of the logits, 1 at words, 0 at padding.
        weights: (B,) r - b, of the same dtype.
    Returns:
        loss: a scalar.
        cache: what policy_backward needs.
    """
    _, likelihood = losses.cross_entropy_forward(logits, words, mask)
    log_p = losses.word_log_probabilities(likelihood).sum(axis=0)
    return -(weights * log_p).mean(), PolicyCache(likelihood, weights)


def policy_backward(dloss, cache):
    """Compute the gradient of policy_forward: (r - b) (p - onehot) / B of every sampled word, 0 at padding.

    This is cross-entropy on the sampled captions instead of people's, each with the weight r - b.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from policy_forward.
    Returns:
        dlogits: (T, B, V).
    """
    likelihood, weights = cache
    weighed = likelihood._replace(mask=likelihood.mask * weights)
    return losses.cross_entropy_backward(dloss, weighed)
