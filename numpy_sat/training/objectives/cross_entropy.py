"""Cross-entropy with teacher forcing: the decoder predicts each word of people's captions from the words before it."""

from numpy_sat import captioner
from numpy_sat.system.streams import DROPOUT

AVERAGES_WEIGHTS = False


def prepare(split, vocabulary):
    """Return None: the batch holds everything that this objective needs."""


def loss_and_grads(params, batch, recipe, prepared, random, workspace):
    """Compute the loss of equation 14 and its gradients.

    Args:
        params: arrays by name.
        batch: data.batches.Batch.
        recipe: the run's.
        prepared: not used.
        random: function from a purpose of system/streams.py to a numpy Generator.
        workspace: system.workspace.Workspace. The gradients lie in its memory until its next step.
    Returns:
        The loss, the gradients by name, and no further scores.
    """
    with workspace.step():
        loss, grads = captioner.loss_and_grads(params, batch, recipe, random(DROPOUT))
    return loss, grads, {}


def selection_score(config, cider):
    """Return the mean CIDEr-D of the captions of dev; of a blind model 0, so that its loss decides.

    A blind model writes one caption for all images. Its score says little about how well the model predicts words.
    """
    return 0.0 if config.encoder.blind else cider
