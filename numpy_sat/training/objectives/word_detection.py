"""The first stage of "detected-words": the encoder and the word detectors learn which words the captions have.

The labels of an image are the words of all its captions. No box of an object is ever a target.
"""

from collections.abc import Callable

import numpy as np

from numpy_sat import captioner
from numpy_sat.data.batches import Batch, Split
from numpy_sat.decoders import MODELS
from numpy_sat.decoders.detected_words import detector
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.experiment.runs import Run
from numpy_sat.loss import Loss
from numpy_sat.system.streams import DROPOUT
from numpy_sat.system.workspace import Workspace

AVERAGES_WEIGHTS = False
RATE_FACTOR = 1.0


def prepare(run: Run, split: Split) -> np.ndarray:
    """Return the labels of all images, (N, V) bool."""
    return detector.word_labels(split.captions, len(run.vocabulary))


def loss_and_grads(
    params: dict[str, np.ndarray],
    batch: Batch,
    recipe: Recipe,
    prepared: np.ndarray,
    random: Callable,
    workspace: Workspace,
) -> tuple[Loss, dict[str, np.ndarray], dict[str, float]]:
    """Compute the cross-entropy of the word detectors and its gradients.

    Args:
        params: {name: array}.
        batch: data.batches.Batch.
        recipe: Recipe of the run.
        prepared: (N, V) labels of all images of the split.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: system.workspace.Workspace. It owns the memory of the gradients until its next step.
    Returns:
        loss: loss.Loss.
        grads: gradients by name.
        scores: {}, no further scores.
    """
    model = MODELS[recipe.decoder.model]

    def decoder_loss(params, a, batch, config, rng):
        return model.detection_loss_and_grads(params, a, prepared[batch.rows], config, rng)

    with workspace.step():
        loss, grads = captioner.loss_and_grads(params, batch, recipe, random(DROPOUT), decoder_loss)
    return loss, grads, {}


def measure(run: Run, split: Split) -> None:
    """Do nothing, because no parameter of this objective is measured."""


def selection_score(config: Recipe, cider: float) -> float:
    """Return 0: the captions of a model without a language model say nothing about its detectors."""
    return 0.0
