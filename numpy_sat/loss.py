"""Compute the loss of whole captions that the training of every model minimizes (Xu et al. 2015, equation 14)."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from numpy_sat.layers import hard_attention, losses, policy, rollouts

if TYPE_CHECKING:
    from numpy_sat.data.batches import Batch
    from numpy_sat.experiment.recipe import Recipe


class Loss(NamedTuple):
    """The loss of a batch and its parts."""

    total: float  # nats per caption, with all terms and label smoothing; training minimizes it
    word: float  # - log p per word in nats, without other terms and label smoothing
    penalty: float  # the attention penalty, before multiplication by lambda
    words: float = 0.0  # words over which `word` is a mean; 0 if it is no mean over words


class LossCache(NamedTuple):
    """The caches of the parts of a loss."""

    likelihood: losses.CrossEntropyCache
    policy: policy.PolicyCache | None
    penalty: losses.DoublyStochasticCache | None
    entropy: hard_attention.EntropyCache | None
    penalty_weight: float  # lambda
    entropy_weight: float  # lambda_h


def loss_forward(
    logits: np.ndarray, alpha: np.ndarray | None, batch: "Batch", config: "Recipe"
) -> tuple[Loss, LossCache]:
    """Compute the loss of captions, or the policy loss of samples, whose captions or words have weights.

    Args:
        logits: (T, B, V).
        alpha: (T, B, L) attention weights; None for a decoder without attention, which has no attention penalty.
        batch: data.batches.Batch.
        config: the recipe.
    Returns:
        loss: Loss.
        cache: what loss_backward needs.
    """
    if batch.weights is None:
        likelihood, cache_likelihood = losses.cross_entropy_forward(
            logits, batch.targets, batch.mask, config.loss.label_smoothing
        )
        cache_policy = None
    else:
        policy_forward = policy.policy_forward if batch.weights.ndim == 1 else rollouts.word_policy_forward
        likelihood, cache_policy = policy_forward(logits, batch.targets, batch.mask, batch.weights)
        cache_likelihood = cache_policy.likelihood
    penalty, cache_penalty = 0.0, None
    if alpha is not None:
        penalty, cache_penalty = losses.doubly_stochastic_forward(
            alpha, batch.mask, config.loss.penalty_normalization, config.loss.penalty_target
        )
    # (14) L_d = - log p(y | x) + lambda sum_i (1 - sum_t alpha_ti)^2
    total = likelihood + config.loss.attention_penalty * penalty
    cache_entropy, sharpness = None, config.loss.attention_entropy
    if alpha is not None and sharpness:
        # not in the paper: + lambda_h H[alpha], so that attention is sharper
        entropy, cache_entropy = hard_attention.entropy_forward(alpha, batch.mask)
        total += sharpness * entropy
    word = -losses.word_log_probabilities(cache_likelihood).sum() / batch.mask.sum()
    return Loss(total, word, penalty, float(batch.mask.sum())), LossCache(
        cache_likelihood, cache_policy, cache_penalty, cache_entropy, config.loss.attention_penalty, sharpness
    )


def loss_backward(cache: LossCache) -> tuple[np.ndarray, np.ndarray | None]:
    """Compute the gradients of the total loss.

    Args:
        cache: from loss_forward.
    Returns:
        dlogits: (T, B, V).
        dalpha: (T, B, L), from the attention penalty and the entropy; None for a decoder without attention.
    """
    # L_d = - log p(y | x) + lambda penalty + lambda_h H: the likelihood reaches the logits, the others reach alpha
    if cache.policy is None:
        dlogits = losses.cross_entropy_backward(1.0, cache.likelihood)
    else:
        dlogits = policy.policy_backward(1.0, cache.policy)
    dalpha = losses.doubly_stochastic_backward(cache.penalty_weight, cache.penalty) if cache.penalty else None
    if cache.entropy:
        dalpha = dalpha + hard_attention.entropy_backward(cache.entropy_weight, cache.entropy)
    return dlogits, dalpha
