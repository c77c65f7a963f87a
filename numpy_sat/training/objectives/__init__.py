"""The objectives: how training computes the loss and the gradients of a batch. Each objective is a module with

    prepare(run, split)
        Compute what the objective needs at the start of an epoch. An objective with parameters of its own creates them
        in run.objective, {part: {name: array}}. Checkpoints hold them.
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

An objective may have one more member:

    KEEPS_LAST
        True if every epoch counts as the best, because no measure of the validation set fits the objective.

Several ranks share every batch (../shares.py). So the loss must be a mean over the images of the batch. A loss that
compares images first gathers what it compares, with gather_forward of system/ranks.py. An objective that updates
parameters itself first takes the means of their gradients over all ranks, with shared_means.

cross_entropy trains on the captions that people wrote, with teacher forcing. self_critical and adversarial train on
captions that the model samples (samples.py). CIDEr-D rewards them, or a discriminator that is trained at the same time.
meta trains on both kinds of captions. hidden_tags trains on tags, without captions.
A model that is trained in stages names the objectives of its first epochs (`stages` in decoders/__init__.py):
word_detection, caption_matching and language_model train "detected-words".
"""

from types import ModuleType

from numpy_sat.decoders import MODELS
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.training import optimizers
from numpy_sat.training.objectives import (
    adversarial,
    caption_matching,
    cross_entropy,
    hidden_tags,
    language_model,
    meta,
    self_critical,
    word_detection,
)

OBJECTIVES = {
    "cross-entropy": cross_entropy,
    "self-critical": self_critical,
    "adversarial": adversarial,
    "meta": meta,
    "hidden-tags": hidden_tags,
}
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
    stages, first = _stages(recipe), _first_epochs(recipe)
    first_objectives = [STAGES[name] for name in stages] if stages else first * [cross_entropy]
    return [*first_objectives, *(recipe.training.epochs - first) * [OBJECTIVES[recipe.training.objective]]]


def _stages(recipe):
    """Return the names of the objectives of the first epochs; [] for a model without stages."""
    model = MODELS[recipe.decoder.model]
    return model.stages(_first_epochs(recipe)) if hasattr(model, "stages") else []


def _first_epochs(recipe):
    """Return the number of epochs before the recipe's objective, or of all epochs if that is cross-entropy."""
    training = recipe.training
    return training.epochs if OBJECTIVES[training.objective] is cross_entropy else training.cross_entropy_epochs
