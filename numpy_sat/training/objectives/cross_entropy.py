"""Cross-entropy with teacher forcing: the decoder predicts each word of a reference from the words before it.

No caption says the words of the setting held_out. Each step would make them less likely everywhere, and a model that
knows them from tags (hidden_tags.py) would forget them. So their embeddings and biases stay as they are.
"""

from collections.abc import Callable

import numpy as np

from numpy_sat import captioner
from numpy_sat.data.batches import Batch, Split
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.experiment.runs import Run
from numpy_sat.loss import Loss
from numpy_sat.system.streams import DROPOUT
from numpy_sat.system.workspace import Workspace

AVERAGES_WEIGHTS = False
RATE_FACTOR = 1.0


def prepare(run: Run, split: Split) -> list[int]:
    """Return the numbers of the words that are held out."""
    return run.vocabulary.encode(phrase for phrase in run.recipe.training.held_out if " " not in phrase)


def loss_and_grads(
    params: dict[str, np.ndarray],
    batch: Batch,
    recipe: Recipe,
    prepared: list[int],
    random: Callable,
    workspace: Workspace,
) -> tuple[Loss, dict[str, np.ndarray], dict[str, float]]:
    """Compute the loss of equation 14 and its gradients.

    Args:
        params: {name: array}.
        batch: data.batches.Batch.
        recipe: Recipe of the run.
        prepared: numbers of the words that are held out.
        random: function that returns the numpy Generator of a purpose of system/streams.py.
        workspace: system.workspace.Workspace. It owns the memory of the gradients until its next step.
    Returns:
        loss: loss.Loss.
        grads: gradients by name.
        scores: {}, no further scores.
    """
    with workspace.step():
        loss, grads = captioner.loss_and_grads(params, batch, recipe, random(DROPOUT))
    if prepared:
        grads["E"][prepared], grads["b_o"][prepared] = 0, 0
    return loss, grads, {}


def measure(run: Run, split: Split) -> None:
    """Do nothing, because no parameter of this objective is measured."""


def selection_score(config: Recipe, cider: float) -> float:
    """Return the mean CIDEr-D on the validation set, or 0 for a blind model, so that its loss decides.

    A blind model writes the same caption for all images. Its CIDEr-D says little about how well it predicts words.

    Args:
        config: Recipe of the run.
        cider: mean CIDEr-D on the validation set, percent.
    """
    return 0.0 if config.encoder.blind else cider
