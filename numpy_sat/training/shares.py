"""Data-parallel training: the ranks of a group (system/ranks.py) compute each batch together.

Every rank has the same parameters and the same optimizer state. In a step it computes the loss and the gradients of its
share of the images. The gradient of the whole batch is the mean of these gradients, weighted by the shares, because the
loss is a mean over images. All ranks get this mean and make the same update. So a run on K ranks follows the curve of a
run on one, up to rounding.

Three things in a step belong to the whole batch. Captions are padded to its longest one. Batch normalization uses its
mean and variance (layers/batch_norm.py). Random numbers depend on an image's place in it (system/streams.py).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.experiment.runs import Run
from numpy_sat.loss import Loss
from numpy_sat.system import mpi, ranks
from numpy_sat.system.errors import InputError
from numpy_sat.system.streams import SharedStream, stream
from numpy_sat.system.workspace import Workspace

PROBES = 16  # images whose model inputs are compared between ranks


def of_batch(batch_size: int) -> ranks.Share | None:
    """Return the share of this rank in every batch; None without other ranks.

    Args:
        batch_size: images per batch.
    Raises:
        InputError: there are more ranks than images.
    """
    group = ranks.current()
    if group.size > batch_size:
        raise InputError(f"{group.size} ranks cannot share batches of {batch_size} images; start fewer ranks.")
    return group.share(batch_size)


def aligned(incoming: Iterable[batches.Batch]) -> Iterator[batches.Batch]:
    """Yield the batches, padded to the longest caption that a rank has.

    Args:
        incoming: iterable of data.batches.Batch.
    """
    for batch in incoming:
        (T,) = ranks.current().largest(len(batch.words))
        yield batches.lengthened(batch, T)


def random_stream(seed: int, step: int, share: ranks.Share | None, purpose: int) -> Any:
    """Return the generator of a purpose of system/streams.py at a step, the same in a resumed run.

    Args:
        seed: seed of the run.
        step: number of the step.
        share: the Share of the rank's batch, or None.
        purpose: one of the constants of system/streams.py.
    """
    rng = stream(seed, purpose, step)
    return SharedStream(rng, share) if share else rng


def loss_and_grads(
    objective: ModuleType,
    params: dict[str, np.ndarray],
    batch: batches.Batch,
    recipe: Recipe,
    prepared: Any,
    random: Callable,
    workspace: Workspace,
) -> tuple[Loss, dict[str, np.ndarray], dict[str, float]]:
    """Compute the loss, the gradients and the scores of a whole batch, of which this rank has a share.

    Args:
        objective: a module of training/objectives. The other arguments are those of its loss_and_grads.
    Returns:
        loss, grads, scores: as from the objective's loss_and_grads.
    """
    group, weight = ranks.current(), batch.share.weight if batch.share else 1.0
    with group.step(weight):
        loss, grads, scores = objective.loss_and_grads(params, batch, recipe, prepared, random, workspace)
    moving = {name: params[name] for name in captioner.MOVING if name in params}
    arrays = grads | {(name,): array for name, array in moving.items()}
    means = dict(zip(arrays, group.average(list(arrays.values()), weight), strict=True))
    for name, array in moving.items():
        array[:] = means.pop((name,))
    losses, scores, weights = zip(*group.collect((loss, scores, weight)), strict=True)
    return _mean_loss(losses, weights), means, _mean_scores(scores, weights)


def refuse_differences(run: Run, train: batches.Split, dev: batches.Split) -> None:
    """Raise InputError on all ranks if one has another data set, recipe or step, or other weights than rank 0."""
    facts = {
        "data set": _digest([], train.names, dev.names, [run.settings["dataset_digest"]]),
        "set of images": _digest([split.inputs[:: len(split.inputs) // PROBES + 1] for split in (train, dev)]),
        "set of weights": _digest(array for arrays in _all_arrays(run) for array in arrays.values()),
        "step": run.progress.step,
        **{f"value of {name}": value for name, value in run.recipe.values().items()},
    }
    mpi.refuse_differences(ranks.current(), facts)


def synchronize(run: Run) -> None:
    """Give all ranks the weights and the optimizer state of rank 0, and those of the objective.

    They are equal already on equal machines. Different processors may round an update differently.
    """
    group = ranks.current()
    if group.size > 1:
        for arrays in _all_arrays(run):
            for name, array in group.from_first(arrays).items():
                arrays[name][...] = array


def _all_arrays(run):
    """Return the {name: array} of all that a step changes."""
    return run.params, run.optimizer, *run.objective.values()


def _mean_loss(losses, weights):
    """Return the Loss of a batch from those of its shares. `word` is the mean over words, not over shares."""
    words = [loss.words or weight for loss, weight in zip(losses, weights, strict=True)]
    return Loss(
        _mean([loss.total for loss in losses], weights),
        _mean([loss.word for loss in losses], [count / sum(words) for count in words]),
        _mean([loss.penalty for loss in losses], weights),
    )


def _mean_scores(scores, weights):
    return {name: _mean([part[name] for part in scores], weights) for name in scores[0]}


def _mean(values, weights):
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def _digest(arrays, *texts):
    """Return the start of a SHA-256 of arrays and lists of texts."""
    sha256 = hashlib.sha256(repr(texts).encode())
    for array in arrays:
        sha256.update(np.ascontiguousarray(array))
    return sha256.hexdigest()[:12]
