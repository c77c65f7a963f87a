"""Visual vocabulary pre-training: the model learns the words of objects from tags alone (decoders/vivo.py)."""

from collections.abc import Callable

import numpy as np

from numpy_sat import captioner
from numpy_sat.data.batches import Batch, Split
from numpy_sat.decoders import MODELS
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.experiment.runs import Run
from numpy_sat.loss import Loss
from numpy_sat.system.streams import DROPOUT
from numpy_sat.system.workspace import Workspace

AVERAGES_WEIGHTS = False
KEEPS_LAST = True
RATE_FACTOR = 1.0


def prepare(run: Run, split: Split) -> None:
    """Return None, because the batch holds everything that this objective needs."""


def loss_and_grads(
    params: dict[str, np.ndarray], batch: Batch, recipe: Recipe, prepared: None, random: Callable, workspace: Workspace
) -> tuple[Loss, dict[str, np.ndarray], dict[str, float]]:
    """Compute the loss of hidden tags and its gradients. The captions of the batch are not read.

    Args:
        params: {name: array}.
        batch: data.batches.Batch, whose inputs hold tags.
        recipe: Recipe of the run.
        prepared: not used.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: system.workspace.Workspace. It owns the memory of the gradients until its next step.
    Returns:
        loss: loss.Loss.
        grads: gradients by name.
        scores: {}, no further scores.
    """
    model = MODELS[recipe.decoder.model]

    def decoder_loss(params, a, batch, config, rng):
        return model.tags_loss_and_grads(params, a, config, rng)

    with workspace.step():
        loss, grads = captioner.loss_and_grads(params, batch, recipe, random(DROPOUT), decoder_loss)
    return loss, grads, {}


def measure(run: Run, split: Split) -> None:
    """Do nothing, because no parameter of this objective is measured."""


def selection_score(config: Recipe, cider: float) -> float:
    """Return 0: the model has read no caption yet."""
    return 0.0
