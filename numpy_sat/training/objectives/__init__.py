"""The objectives: how a batch becomes a loss and gradients. Each one is a module that offers

    prepare(split, vocabulary)
        Compute what the objective needs of the training split, at the start of an epoch.
    loss_and_grads(params, batch, recipe, prepared, random, workspace)
        Compute the loss.Loss of a batch, the gradients by parameter name, and further scores {name: percent} for
        the log. `random` gives the numpy Generator of a purpose of system/streams.py at this step.
    selection_score(config, cider)
        Return the score by which the best checkpoint is selected. Between equal scores the smaller loss decides.
    AVERAGES_WEIGHTS
        True if the recipe's average of the weights is kept during these epochs.

cross_entropy teaches the captions that people wrote (teacher forcing). self_critical comes last in a run, and teaches
captions that the model samples itself.
"""

from numpy_sat.training.objectives import cross_entropy, self_critical


def of_epoch(recipe, epoch):
    """Return the objective module of an epoch, counted from 0."""
    epochs, last = recipe.training.epochs, recipe.training.self_critical_epochs
    is_self_critical = last and epoch >= epochs - last
    return self_critical if is_self_critical else cross_entropy


def is_last(recipe, epoch):
    """Return True if the objective stays the same from this epoch to the end of the run."""
    return of_epoch(recipe, epoch) is of_epoch(recipe, recipe.training.epochs)
