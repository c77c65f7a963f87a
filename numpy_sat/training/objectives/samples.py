"""Training on sampled captions: how they are drawn and weighted, and the policy gradient (layers/policy.py).

The model that is trained must be exactly the model that samples. Otherwise words that it never writes become ever less
likely. So there is no dropout but annotation dropout, with one mask for sampling and training. The encoder is not
trained, because its batch normalization differs between training and inference.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END
from numpy_sat.decoders import MODELS, Writer
from numpy_sat.decoding import sampling, search
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.layers import policy
from numpy_sat.loss import Loss
from numpy_sat.system.streams import DROPOUT, along
from numpy_sat.system.workspace import Workspace

Reward = Callable[[np.ndarray, Sequence[Sequence[int]]], np.ndarray]
# (indices of the captions' images in the batch, captions as word numbers) -> rewards


class Samples(NamedTuple):
    """Captions of a batch's images that the model has written."""

    a: np.ndarray  # (N, L, D) annotations after dropout
    batch: batches.Batch  # with the images of the data, and their captions replaced by sampled ones
    images: np.ndarray  # (B,) index of each caption's image in the batch
    captions: list  # B sampled captions, word numbers
    greedy: list  # N greedy captions, word numbers
    decoder: Writer  # which has written them
    config: Recipe  # the recipe of the run, with the settings that training on samples needs


class Weighted(NamedTuple):
    """Sampled captions with their weights."""

    a: np.ndarray  # (N, L, D) annotations after dropout
    batch: batches.Batch  # the sampled captions, with their weights r - b
    config: Recipe
    rewards: np.ndarray  # (B,) of the sampled captions
    greedy_rewards: np.ndarray  # (N,) rewards of the greedy captions


def draw(params: dict[str, np.ndarray], batch: batches.Batch, recipe: Recipe, rng: np.random.Generator) -> Samples:
    """Sample as many captions of each image as the batch has, and write its greedy caption.

    Args:
        params: {name: array}.
        batch: data.batches.Batch.
        recipe: Recipe.
        rng: numpy Generator.
    Returns:
        The Samples.
    """
    a = captioner.annotate(params, batch.inputs, recipe)
    a = a * captioner.annotations_mask(rng, a, recipe)
    B, max_words = batch.words.shape[1], recipe.decoding.max_words
    # The policy gradient needs samples of the model as it is trained.
    decoder = decoders.writer(recipe.replace(attention_mode="expected", rare_words=0.0))
    captions = sampling.draw(decoder, params, a, along(rng, 1).random((max_words, B)))
    greedy = [[*caption.words, END] for caption in search.beam_search(decoder, params, a, 1, max_words)]
    words, targets, mask = batches.arrange(captions)
    # Training draws no further dropout masks. Hard attention trains with the expected context, as in sampling.
    config = recipe.replace(dropout=0.0, annotation_dropout=0.0, expected_context=1.0)
    sampled = batch._replace(words=words, targets=targets, mask=mask)
    return Samples(a, sampled, np.repeat(np.arange(len(a)), B // len(a)), captions, greedy, decoder, config)


def weigh(samples: Samples, reward: Reward, recipe: Recipe) -> Weighted:
    """Weight sampled captions by r - b, their reward less the baseline of the recipe.

    Args:
        samples: Samples.
        reward: Reward.
        recipe: Recipe.
    Returns:
        The Weighted captions.
    """
    rewards = reward(samples.images, samples.captions)
    greedy_rewards = reward(np.arange(len(samples.a)), samples.greedy)
    if recipe.training.reward_baseline == "others":
        weights = policy.advantage_over_others(rewards, recipe.training.captions_per_image)
    else:
        weights = policy.advantage(rewards, greedy_rewards)
    batch = samples.batch._replace(weights=weights.astype(samples.batch.mask.dtype))
    return Weighted(samples.a, batch, samples.config, rewards, greedy_rewards)


def percents(**rewards: np.ndarray) -> dict[str, float]:
    """Return the mean of each array of rewards in percent."""
    return {name: 100 * float(array.mean()) for name, array in rewards.items()}


def policy_step(
    params: dict[str, np.ndarray], weighted: Weighted, random: Callable, workspace: Workspace
) -> tuple[Loss, dict[str, np.ndarray]]:
    """Compute the policy loss of weighted captions and its gradients.

    Args:
        params: {name: array}.
        weighted: Weighted.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: system.workspace.Workspace. It owns the memory of the gradients until its next step.
    Returns:
        loss: loss.Loss.
        grads: gradients by name.
    """
    decoder = MODELS[weighted.config.decoder.model]
    with workspace.step():
        loss, _, grads = decoder.loss_and_grads(params, weighted.a, weighted.batch, weighted.config, random(DROPOUT))
    return loss, grads
