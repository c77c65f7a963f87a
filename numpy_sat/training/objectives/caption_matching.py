"""The second stage of "detected-words": two networks learn which captions belong to an image."""

from collections.abc import Callable

import numpy as np

from numpy_sat.data.batches import Batch, Split
from numpy_sat.decoders import MODELS
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.experiment.runs import Run
from numpy_sat.loss import Loss
from numpy_sat.system.workspace import Workspace
from numpy_sat.training.objectives import fixed_encoder

AVERAGES_WEIGHTS = False
RATE_FACTOR = 1.0


def prepare(run: Run, split: Split) -> None:
    """Return None, because the batch holds everything that this objective needs."""


def loss_and_grads(
    params: dict[str, np.ndarray], batch: Batch, recipe: Recipe, prepared: None, random: Callable, workspace: Workspace
) -> tuple[Loss, dict[str, np.ndarray], dict[str, float]]:
    """Compute the loss of right captions among wrong ones, and its gradients. Arguments: see cross_entropy."""
    decoder_loss = MODELS[recipe.decoder.model].matching_loss_and_grads
    return fixed_encoder.loss_and_grads(params, batch, recipe, random, workspace, decoder_loss)


def measure(run: Run, split: Split) -> None:
    """Do nothing, because no parameter of this objective is measured."""


def selection_score(config: Recipe, cider: float) -> float:
    """Return 0: the captions of a model without a language model say nothing about its similarity."""
    return 0.0
