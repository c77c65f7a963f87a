"""Adversarial training (after Dai et al. 2017 and Shetty et al. 2017): a discriminator rewards generated captions.

Every step has two parts:

1. The model generates captions. The reward of a caption is r(I, S), the probability that the discriminator takes it for
   a real caption of its image (layers/discriminator.py). The model moves along the gradient of the expected reward.
   GRADIENTS names two estimates of it: reinforce.py (Dai et al.) and straight_through.py (Shetty et al.).
2. The discriminator learns to tell the same captions from real ones, and real captions from mismatched ones.

The discriminator learns at its full rate from the first step on, while the captioner's learning rate warms up. So the
first rewards, which mean nothing, change the captioner little.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.experiment import checkpoint, runs
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.loss import Loss
from numpy_sat.pretrained import inputs
from numpy_sat.system import ranks
from numpy_sat.system.streams import DISCRIMINATOR, stream
from numpy_sat.system.workspace import Workspace
from numpy_sat.training import optimizers
from numpy_sat.training.objectives import discriminator, reinforce, samples, straight_through

AVERAGES_WEIGHTS = True
RATE_FACTOR = 1.0
GRADIENTS = {"reinforce": reinforce, "straight-through": straight_through}  # estimates of the generator's gradient


class Opponent(NamedTuple):
    """The discriminator: its parameters and its optimizer's state, both changed in place by every step."""

    params: dict  # {name: array}
    optimizer: dict  # {name: array}


def prepare(run: runs.Run, split: batches.Split) -> Opponent:
    """Return the discriminator in run.objective, after creating it if there is none.

    Raises:
        InputError: the run's checkpoint has a discriminator that does not fit its recipe.
    """
    example = next(iter(inputs.encode_batches(run.recipe, batches.plain_batches(split, 1, 1))))
    _, *shape = captioner.annotate(run.params, example.inputs, run.recipe).shape
    rng, size = stream(run.settings["seed"], DISCRIMINATOR), run.recipe.adversarial.discriminator_size
    params = discriminator.init_params(rng, shape, len(run.vocabulary), size)
    if run.objective:
        _check(run, params)
    else:
        run.objective["params"] = params
    return Opponent(run.objective["params"], run.objective.setdefault("optimizer", {}))


def loss_and_grads(
    params: dict[str, np.ndarray],
    batch: batches.Batch,
    recipe: Recipe,
    prepared: Opponent,
    random: Callable,
    workspace: Workspace,
) -> tuple[Loss, dict[str, np.ndarray], dict[str, float]]:
    """Generate captions, compute the generator's loss and its gradients, and update the discriminator once.

    Args:
        params: {name: array}.
        batch: data.batches.Batch. The discriminator learns from its captions.
        recipe: Recipe of the run.
        prepared: Opponent.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: system.workspace.Workspace. It owns the memory of the gradients until its next step.
    Returns:
        loss: loss.Loss.
        grads: gradients by name.
        scores: mean probability of being real of generated, real and mismatched captions, in percent.
    """
    estimator = GRADIENTS[recipe.adversarial.gradient]
    generated = estimator.step(params, batch, recipe, prepared.params, random, workspace)
    r = _train_discriminator(prepared, generated, batch, recipe)
    scores = samples.percents(sampled=generated.rewards, real=r["real"], mismatched=r["mismatched"])
    return generated.loss, generated.grads, scores


def measure(run: runs.Run, split: batches.Split) -> None:
    """Do nothing, because no parameter of this objective is measured."""


def selection_score(config: Recipe, cider: float) -> float:
    """Return the mean CIDEr-D on the validation set.

    No score on the validation set measures what this objective raises, because the discriminator changes. So the best
    checkpoint is the most accurate one; the last checkpoint is the one that was trained longest.
    """
    return cider


def _train_discriminator(opponent, generated, batch, recipe):
    """Update the discriminator once, in place. Return the probabilities r of before, by kind of caption."""
    _, grads, r = discriminator.loss_and_grads(
        opponent.params, generated.a, batch, generated.batch, recipe.adversarial.mismatch_weight
    )
    grads = ranks.shared_means(grads)
    optimizers.clip_by_norm(grads, recipe.training.clip_norm)
    optimizers.adam_update(opponent.params, grads, opponent.optimizer, recipe.adversarial.discriminator_rate)
    return r


def _check(run, params):
    """Raise InputError unless a checkpoint's discriminator has these parameters and their moving means."""
    stored = {f"{part}/{name}": array for part, arrays in run.objective.items() for name, array in arrays.items()}
    expected = {f"params/{name}": array for name, array in params.items()}
    if "optimizer" in run.objective:
        expected |= {f"optimizer/{letter}.{name}": array for letter in "mv" for name, array in params.items()}
        expected["optimizer/t"] = np.zeros(1, np.int64)
    checkpoint.check_shapes(run.folder / runs.LAST, stored, expected)
