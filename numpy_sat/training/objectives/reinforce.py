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
from numpy_sat.system.streams import CAPTIONS
from numpy_sat.system.workspace import Workspace
from numpy_sat.training.objectives import discriminator, samples
from numpy_sat.training.objectives.generated import Generated


def step(
    params: dict[str, np.ndarray],
    batch: batches.Batch,
    recipe: Recipe,
    of_discriminator: dict[str, np.ndarray],
    random: Callable,
    workspace: Workspace,
) -> Generated:
    """Sample captions of the batch's images, and compute the policy loss and its gradients.

    Args:
        params: {name: array}.
        batch: data.batches.Batch.
        recipe: Recipe of the run.
        of_discriminator: the discriminator's parameters, {name: array}.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: system.workspace.Workspace. It owns the memory of the gradients until its next step.
    Returns:
        The Generated captions with their loss and gradients.
    """
    rng = random(CAPTIONS)
    drawn = samples.draw(params, batch, recipe, rng)
    reward = partial(discriminator.rewards, of_discriminator, drawn.a)
    weighted = samples.weigh(drawn, reward, recipe)
    if recipe.adversarial.rollouts:
        values = word_values(params, drawn, reward, weighted.rewards, recipe, rng)
        # V_t - b = (V_t - r) + (r - b)
        weights = (values - weighted.rewards + weighted.batch.weights) * drawn.batch.mask
        weighted = weighted._replace(batch=weighted.batch._replace(weights=weights.astype(drawn.batch.mask.dtype)))
    loss, grads = samples.policy_step(params, weighted, random, workspace)
    return Generated(drawn.a, drawn.batch, weighted.rewards, loss, grads)


def word_values(
    params: dict[str, np.ndarray],
    drawn: samples.Samples,
    reward: samples.Reward,
    of_captions: np.ndarray,
    recipe: Recipe,
    rng: np.random.Generator,
) -> np.ndarray:
    """Estimate V_t of every word by roll-outs: samples that begin with the caption's first t words.

    Args:
        params: {name: array}.
        drawn: samples.Samples.
        reward: samples.Reward.
        of_captions: (B,) rewards of the sampled captions.
        recipe: Recipe.
        rng: numpy Generator.
    Returns:
        (T, B) V_t, 0 at padding.
    """
    decoder, (T, B), K = drawn.decoder, drawn.batch.targets.shape, recipe.adversarial.rollouts
    of_rollouts = np.zeros((K, T, B))
    images = np.repeat(drawn.images, K)
    state = decoder.select(decoder.begin(params, drawn.a), drawn.images)
    for t in range(T - 1):
        _, _, _, state = decoder.step(params, state, drawn.batch.words[t])
        writer = sampling.after(decoder, state, drawn.batch.targets[t])
        endings = sampling.draw(writer, params, drawn.images, rng.random((recipe.decoding.max_words - t - 1, B * K)))
        beginnings = [caption[: t + 1] for caption in drawn.captions for _ in range(K)]
        captions = [beginning + ending for beginning, ending in zip(beginnings, endings, strict=True)]
        of_rollouts[:, t] = reward(images, captions).reshape(B, K).T
    return rollouts.word_rewards(of_rollouts, of_captions, drawn.batch.mask)
