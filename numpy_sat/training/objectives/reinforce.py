"""The generator's gradient by REINFORCE (Dai et al. 2017): sampled captions, weighted by the discriminator's reward.

It is unbiased, and varies from sample to sample. A baseline and roll-outs reduce the variance.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from numpy_sat.data import batches
from numpy_sat.decoding import sampling
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.layers import rollouts
from numpy_sat.system.streams import CAPTIONS, along
from numpy_sat.system.workspace import Workspace
from numpy_sat.training.objectives import discriminator, samples
from numpy_sat.training.objectives.generated import Generated


def step(
    params: dict[str, np.ndarray],
    batch: batches.Batch,
    recipe: Recipe,
    discriminator_params: dict[str, np.ndarray],
    random: Callable,
    workspace: Workspace,
) -> Generated:
    """Sample captions of the batch's images, and compute the policy loss and its gradients.

    Args:
        params: {name: array}.
        batch: data.batches.Batch.
        recipe: Recipe of the run.
        discriminator_params: the discriminator's parameters, {name: array}.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: system.workspace.Workspace. It owns the memory of the gradients until its next step.
    Returns:
        The Generated captions with their loss and gradients.
    """
    rng = random(CAPTIONS)
    sample = samples.draw(params, batch, recipe, rng)
    reward = partial(discriminator.rewards, discriminator_params, sample.a)
    weighted = samples.weigh(sample, reward, recipe)
    if recipe.adversarial.rollouts:
        values = word_values(params, sample, reward, weighted.rewards, recipe, rng)
        # b = r - (r - b)
        baseline = weighted.rewards - weighted.batch.weights
        weights = rollouts.word_advantages(values, baseline, sample.batch.mask)
        weighted = weighted._replace(batch=weighted.batch._replace(weights=weights.astype(sample.batch.mask.dtype)))
    loss, grads = samples.policy_step(params, weighted, random, workspace)
    return Generated(sample.a, sample.batch, weighted.rewards, loss, grads)


def word_values(
    params: dict[str, np.ndarray],
    sample: samples.Samples,
    reward: samples.Reward,
    caption_rewards: np.ndarray,
    recipe: Recipe,
    rng: np.random.Generator,
) -> np.ndarray:
    """Estimate V_t of every word by roll-outs: samples that begin with the caption's first t words.

    Args:
        params: {name: array}.
        sample: samples.Samples.
        reward: samples.Reward.
        caption_rewards: (B,) rewards of the sampled captions.
        recipe: Recipe.
        rng: numpy Generator.
    Returns:
        (T, B) V_t, 0 at padding.
    """
    decoder, (T, B), K = sample.decoder, sample.batch.targets.shape, recipe.adversarial.rollouts
    rollout_rewards = np.zeros((K, T, B))
    images = np.repeat(sample.images, K)
    state = decoder.select(decoder.begin(params, sample.a), sample.images)
    for t in range(T - 1):
        _, _, _, state = decoder.step(params, state, sample.batch.words[t])
        writer = sampling.after(decoder, state, sample.batch.targets[t])
        u = along(rng, 1).random((recipe.decoding.max_words - t - 1, B * K))
        endings = sampling.draw(writer, params, sample.images, u)
        beginnings = [caption[: t + 1] for caption in sample.captions for _ in range(K)]
        captions = [beginning + ending for beginning, ending in zip(beginnings, endings, strict=True)]
        rollout_rewards[:, t] = reward(images, captions).reshape(B, K).T
    return rollouts.word_rewards(rollout_rewards, caption_rewards, sample.batch.mask)
