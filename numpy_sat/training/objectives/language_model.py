"""The last stages of "detected-words": the language model learns to write captions from the detected words.

After each epoch, the weights that rank lists of captions are fitted (reranking.py).
"""

from collections.abc import Callable

import numpy as np

from numpy_sat.data.batches import Batch, Split
from numpy_sat.decoders import MODELS
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.experiment.runs import Run
from numpy_sat.loss import Loss
from numpy_sat.system.workspace import Workspace
from numpy_sat.training.objectives import fixed_encoder, reranking

AVERAGES_WEIGHTS = False
L2 = 1e-6  # the penalty is L2 / 2 times the sum of the squared weights, in nats per caption
RATE_FACTOR = 10.0  # weights of features start at 0 and end at a few units


def prepare(run: Run, split: Split) -> None:
    """Return None, because the batch holds everything that this objective needs."""


def loss_and_grads(
    params: dict[str, np.ndarray], batch: Batch, recipe: Recipe, prepared: None, random: Callable, workspace: Workspace
) -> tuple[Loss, dict[str, np.ndarray], dict[str, float]]:
    """Compute the cross-entropy of the language model with the L2 penalty, and its gradients.

    Arguments and results are those of cross_entropy.loss_and_grads.
    """
    decoder_loss = MODELS[recipe.decoder.model].loss_and_grads
    loss, grads, scores = fixed_encoder.loss_and_grads(params, batch, recipe, random, workspace, decoder_loss)
    # L2 / 2 lambda^2 of every weight lambda has the gradient L2 lambda
    penalty = 0.5 * L2 * sum(float(np.vdot(params[name], params[name])) for name in grads)
    grads = {name: gradient + L2 * params[name] for name, gradient in grads.items()}
    return loss._replace(total=loss.total + penalty), grads, scores


def measure(run: Run, split: Split) -> None:
    """Fit the weights that rank lists of captions, and set them."""
    run.params["ranking"][:] = reranking.fit(run, split)


def selection_score(config: Recipe, cider: float) -> float:
    """Return 0, so that the loss decides. The validation is greedy, but the model chooses captions from lists."""
    return 0.0
