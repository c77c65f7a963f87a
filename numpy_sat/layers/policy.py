"""The policy gradient (Williams 1992): captions that were drawn become likelier by as much as they were better than b.

What is to be raised is the expected score of captions drawn from the model, sum_y p(y) r(y). The score has no slope,
for words are drawn; but p(y) has, and dp = p d log p. So the gradient is

    sum_y p(y) (r(y) - b) d log p(y),

a mean over draws y, of which one draw gives an estimate. Any b that does not depend on y changes nothing of the mean,
since sum_y p(y) d log p(y) = d sum_y p(y) = 0; but the less r - b varies, the less do single draws scatter about it.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import losses


class PolicyCache(NamedTuple):
    likelihood: losses.CrossEntropyCache  # of the words that were drawn
    weights: np.ndarray  # (B,)


def advantage(of_drawn, of_greedy):
    """r(y) - b of captions that were drawn, b being the score of the greedy caption of the same picture.

    of_drawn: (B,) scores, B / N captions a picture side by side; of_greedy: (N,). Returns (B,).
    """
    return of_drawn - np.repeat(of_greedy, len(of_drawn) // len(of_greedy))


def advantage_over_others(of_drawn, each):
    """r(y) - b of captions that were drawn, b being the mean score of the others of the same picture (Luo 2020).

    No draw depends on the others, and about as many do better than these as worse. While a model is unsure of itself,
    nearly all do worse than the greedy caption: r - b then is mostly below 0, large, and says little of which is good.
    of_drawn: (B,) scores, `each` captions a picture side by side, at least two. Returns (B,).
    """
    scores = of_drawn.reshape(-1, each)
    others = (scores.sum(axis=1, keepdims=True) - scores) / (each - 1)
    return (scores - others).ravel()


def policy_forward(logits, words, mask, weights):
    """- the mean over captions of (r - b) log p(y): its gradient is the policy gradient's, to be followed downwards.

    logits: (T, B, V); words: (T, B) integers that were drawn; mask: (T, B) of the dtype of the logits, 1 at words, 0 at
    padding; weights: (B,) r - b, of the same dtype. Returns the loss, a scalar, and the cache.
    """
    _, likelihood = losses.cross_entropy_forward(logits, words, mask)
    log_p = losses.word_log_probabilities(likelihood).sum(axis=0)
    return -(weights * log_p).mean(), PolicyCache(likelihood, weights)


def policy_backward(dloss, cache):
    """dloss: scalar. Returns dlogits: (T, B, V) = (r - b) (p - onehot) of every word that was drawn, 0 at padding.

    That is cross-entropy with the drawn captions in the place of people's, each of which counts r - b times.
    """
    likelihood, weights = cache
    weighed = likelihood._replace(mask=likelihood.mask * weights)
    return losses.cross_entropy_backward(dloss, weighed)
