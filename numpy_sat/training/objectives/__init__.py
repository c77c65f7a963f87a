"""The objectives: how training computes the loss and the gradients of a batch. Each objective is a module with

    prepare(split, vocabulary)
        Compute what the objective needs from the training split, at the start of an epoch.
    loss_and_grads(params, batch, recipe, prepared, random, workspace)
        Compute the loss.Loss of a batch, the gradients by parameter name, and further scores {name: percent} for
        the log. `random` returns the numpy Generator of a purpose of system/streams.py at this step.
    selection_score(config, cider)
        Return the score that selects the best checkpoint. Between equal scores the smaller loss decides.
    AVERAGES_WEIGHTS
        True if these epochs update the EMA of the weights, provided that the recipe has one.

cross_entropy trains on the captions that people wrote, with teacher forcing. self_critical trains on captions that the
model samples, in the last epochs of a run.
"""

from types import ModuleType

from numpy_sat.experiment.recipe import Recipe
from numpy_sat.training.objectives import cross_entropy, self_critical


def objective_of(recipe: Recipe, epoch: int) -> ModuleType:
    """Return the objective module of an epoch. Epochs count from 0."""
    epochs, last = recipe.training.epochs, recipe.training.self_critical_epochs
    is_self_critical = last and epoch >= epochs - last
    return self_critical if is_self_critical else cross_entropy


def is_last(recipe: Recipe, epoch: int) -> bool:
    """Return True if the objective stays the same from this epoch to the end of the run."""
    return objective_of(recipe, epoch) is objective_of(recipe, recipe.training.epochs)
