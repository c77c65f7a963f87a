"""The generator's gradient by the straight-through Gumbel-softmax (Shetty et al. 2017): through the discriminator.

The captions have one-hot words in the forward pass and soft words in the backward pass (layers/gumbel.py). The
discriminator reads words as mixtures of its embeddings. So the gradient of its reward reaches the generator's logits,
without sampling noise in the reward, but with a bias.
"""

from collections.abc import Callable

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.decoders import MODELS, soft_words
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.layers import gumbel
from numpy_sat.loss import Loss
from numpy_sat.system.streams import CAPTIONS, along
from numpy_sat.system.workspace import Workspace
from numpy_sat.training.objectives import discriminator
from numpy_sat.training.objectives.generated import Generated


def step(
    params: dict[str, np.ndarray],
    batch: batches.Batch,
    recipe: Recipe,
    discriminator_params: dict[str, np.ndarray],
    random: Callable,
    workspace: Workspace,
) -> Generated:
    """Write captions of soft words, and compute the loss - mean r(I, S) and its gradients.

    There is no dropout but annotation dropout, and no attention penalty, as the loss is the reward alone.

    Args:
        params: {name: array}.
        batch: data.batches.Batch.
        recipe: Recipe of the run.
        discriminator_params: the discriminator's parameters, {name: array}.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: not used.
    Returns:
        The Generated captions with their loss and gradients.
    """
    rng = random(CAPTIONS)
    a = captioner.annotate(params, batch.inputs, recipe)
    a = a * captioner.annotations_mask(rng, a, recipe)
    shape = (recipe.decoding.max_words, batch.words.shape[1], len(params["E"]))
    noise, parts = gumbel.gumbel_noise(along(rng, 1).random(shape)), MODELS[recipe.decoder.model].parts_of(recipe)
    temperature = recipe.adversarial.gumbel_temperature
    y, mask, log_p, cache = soft_words.write_forward(params, a, noise, temperature, parts)
    rewards, dy = discriminator.reward_and_gradient(discriminator_params, a, y, mask)
    # loss = - mean over captions of r(I, S)
    grads = soft_words.write_backward(-dy / len(rewards), cache)
    loss = Loss(-float(rewards.mean()), -float(log_p.sum() / mask.sum()), 0.0, float(mask.sum()))
    targets, ends = y.argmax(axis=-1), mask.astype(int).sum(axis=0)
    words, targets, mask = batches.arrange([targets[:end, b] for b, end in enumerate(ends)])
    generated = batch._replace(words=words, targets=targets, mask=mask)
    return Generated(a, generated, rewards, loss, grads)
