"""Compute the loss and the gradients of a decoder on an encoder that does not change, for a later stage of training."""

from collections.abc import Callable

import numpy as np

from numpy_sat import captioner
from numpy_sat.data.batches import Batch
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.loss import Loss
from numpy_sat.system.streams import DROPOUT
from numpy_sat.system.workspace import Workspace


def loss_and_grads(
    params: dict[str, np.ndarray],
    batch: Batch,
    recipe: Recipe,
    random: Callable,
    workspace: Workspace,
    decoder_loss: Callable,
) -> tuple[Loss, dict[str, np.ndarray], dict[str, float]]:
    """Encode the batch in inference mode, and compute the decoder's loss and gradients.

    Args:
        params: {name: array}.
        batch: data.batches.Batch.
        recipe: Recipe of the run.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: system.workspace.Workspace. It owns the memory of the gradients until its next step.
        decoder_loss: function of the arguments and results of a decoder's loss_and_grads.
    Returns:
        loss: loss.Loss.
        grads: gradients of the decoder by name.
        scores: {}, no further scores.
    """
    rng = random(DROPOUT)
    with workspace.step():
        a = captioner.annotate(params, batch.inputs, recipe)
        loss, _, grads = decoder_loss(params, a * captioner.annotations_mask(rng, a, recipe), batch, recipe, rng)
    return loss, grads, {}
