"""The loss of Xu et al. equation 14 for captions read whole: what every model's training minimises."""

from typing import NamedTuple

from numpy_sat.layers import losses, policy


class Loss(NamedTuple):
    """A batch's loss and its parts."""

    total: float  # what is minimised: nats a caption, penalty and smoothing included
    word: float  # - log p a word, without penalty and smoothing
    penalty: float  # the doubly stochastic penalty, before lambda


class ObjectiveCache(NamedTuple):
    likelihood: losses.CrossEntropyCache
    policy: policy.PolicyCache | None
    penalty: losses.DoublyStochasticCache | None
    weight: float  # lambda


def objective_forward(logits, alpha, batch, config):
    """(14) - log p(y | x) + lambda sum_i (1 - sum_t alpha_ti)^2; of captions with weights on the left the policy loss.

    logits: (T, B, V); alpha: (T, B, L); batch: data.batches.Batch; config: captioner.Config. Returns a Loss, the cache.
    """
    if batch.weights is None:
        likelihood, cache_likelihood = losses.cross_entropy_forward(logits, batch.targets, batch.mask, config.smoothing)
        cache_policy = None
    else:
        likelihood, cache_policy = policy.policy_forward(logits, batch.targets, batch.mask, batch.weights)
        cache_likelihood = cache_policy.likelihood
    penalty, cache_penalty = 0.0, None
    if alpha.shape[2]:  # a decoder that looks nowhere has no alpha
        penalty, cache_penalty = losses.doubly_stochastic_forward(
            alpha, batch.mask, config.penalty_normalisation, config.penalty_target
        )
    word = -losses.word_log_probabilities(cache_likelihood).sum() / batch.mask.sum()
    loss = Loss(likelihood + config.penalty * penalty, word, penalty)
    return loss, ObjectiveCache(cache_likelihood, cache_policy, cache_penalty, config.penalty)


def objective_backward(cache, workspace=None):
    """Returns dlogits: (T, B, V) and dalpha: (T, B, L), of the total; no dalpha where there is no alpha."""
    if cache.policy is None:
        dlogits = losses.cross_entropy_backward(1.0, cache.likelihood, workspace)
    else:
        dlogits = policy.policy_backward(1.0, cache.policy, workspace)
    return dlogits, losses.doubly_stochastic_backward(cache.weight, cache.penalty) if cache.penalty else None
