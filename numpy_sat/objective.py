"""The loss of Xu et al. equation 14 for captions read whole: what every model's training minimises."""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import losses


class Loss(NamedTuple):
    """A batch's loss and its parts."""

    total: float  # what is minimised: nats a caption, penalty and smoothing included
    word: float  # - log p a word, without penalty and smoothing
    penalty: float  # the doubly stochastic penalty, before lambda


class ObjectiveCache(NamedTuple):
    likelihood: losses.CrossEntropyCache
    penalty: losses.DoublyStochasticCache | None
    weight: float  # lambda


def objective_forward(logits, alpha, batch, config):
    """(14) - log p(y | x) + lambda sum_i (1 - sum_t alpha_ti)^2, log p times the caption's weight where it has one.

    logits: (T, B, V); alpha: (T, B, L); batch: data.batches.Batch; config: captioner.Config. Returns a Loss, the cache.
    """
    weighed = batch.mask * batch.weights
    smoothing = 0.0 if np.ndim(batch.weights) else config.smoothing  # people's captions stand for others as good
    likelihood, cache_likelihood = losses.cross_entropy_forward(logits, batch.targets, weighed, smoothing)
    penalty, cache_penalty = 0.0, None
    if alpha.shape[2]:  # a decoder that looks nowhere has no alpha
        penalty, cache_penalty = losses.doubly_stochastic_forward(
            alpha, batch.mask, config.penalty_normalisation, config.penalty_target
        )
    log_p = losses.word_log_probabilities(cache_likelihood._replace(mask=batch.mask))
    word = -log_p.sum() / batch.mask.sum()
    loss = Loss(likelihood + config.penalty * penalty, word, penalty)
    return loss, ObjectiveCache(cache_likelihood, cache_penalty, config.penalty)


def objective_backward(cache, workspace=None):
    """Returns dlogits: (T, B, V) and dalpha: (T, B, L), of the total; no dalpha where there is no alpha."""
    dlogits = losses.cross_entropy_backward(1.0, cache.likelihood, workspace)
    return dlogits, losses.doubly_stochastic_backward(cache.weight, cache.penalty) if cache.penalty else None
