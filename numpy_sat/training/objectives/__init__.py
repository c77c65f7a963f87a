"""The objectives: how training computes the loss and the gradients of a batch. Each objective is a module with

    prepare(split, vocabulary)
        Compute what the objective needs from the training split, at the start of an epoch.
    loss_and_grads(params, batch, recipe, prepared, random, workspace)
        Compute the loss.Loss of a batch, the gradients by parameter name, and further scores {name: percent} for
        the log. `random` returns the numpy Generator of a purpose of system/streams.py at this step.
    selection_score(config, cider)
        Return the score that selects the best checkpoint. Between equal scores the smaller loss decides.
    measure(run, split)
        Set parameters of the run that are measured, not learned, in place, at the end of an epoch.
    AVERAGES_WEIGHTS
        True if these epochs update the EMA of the weights, provided that the recipe has one.
    RATE_FACTOR
        Factor of the recipe's learning rate.

cross_entropy trains on the captions that people wrote, with teacher forcing. self_critical trains on captions that the
model samples, in the last epochs of a run. A model that is trained in stages names the objectives of its epochs
(`stages` in decoders/__init__.py): word_detection, caption_matching and language_model train "detected-words".
"""

from types import ModuleType

from numpy_sat.decoders import MODELS
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.training import optimizers
from numpy_sat.training.objectives import (
    caption_matching,
    cross_entropy,
    language_model,
    self_critical,
    word_detection,
)

STAGES = {  # the objectives that a model's `stages` names
    "word_detection": word_detection,
    "caption_matching": caption_matching,
    "language_model": language_model,
}


def objective_of(recipe: Recipe, epoch: int) -> ModuleType:
    """Return the objective module of an epoch. Epochs count from 0; later ones are like the last one."""
    return _objectives(recipe)[min(epoch, recipe.training.epochs - 1)]


def is_last(recipe: Recipe, epoch: int) -> bool:
    """Return True if the objective stays the same from this epoch to the end of the run."""
    return objective_of(recipe, epoch) is objective_of(recipe, recipe.training.epochs)


def learning_rate(recipe: Recipe, epoch: int, step: int, steps: int) -> float:
    """Return the learning rate of a step. Each stage of a model's training has its own schedule.

    Args:
        recipe: Recipe of the run.
        epoch: number of the epoch, from 0.
        step: number of the step, from 0.
        steps: number of steps of the whole run.
    """
    training, objective = recipe.training, objective_of(recipe, epoch)
    first, length = 0, training.epochs
    if _stages(recipe):
        same = [other is objective for other in _objectives(recipe)]
        first, length = same.index(True), sum(same)
    per_epoch = steps // training.epochs
    peak = objective.RATE_FACTOR * training.learning_rate
    return optimizers.cosine_rate(step - first * per_epoch, length * per_epoch, peak, training.warmup_steps)


def _objectives(recipe):
    """Return the objective module of every epoch."""
    epochs, last = recipe.training.epochs, recipe.training.self_critical_epochs
    stages = _stages(recipe)
    first = [STAGES[name] for name in stages] if stages else (epochs - last) * [cross_entropy]
    return [*first, *last * [self_critical]]


def _stages(recipe):
    """Return the names of the objectives of the epochs before the self-critical ones; [] for a model without stages."""
    model = MODELS[recipe.decoder.model]
    epochs = recipe.training.epochs - recipe.training.self_critical_epochs
    return model.stages(epochs) if hasattr(model, "stages") else []
