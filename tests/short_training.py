"""Train a tiny model for a few steps on random images, alone or as one of several ranks."""

import itertools

import numpy as np
import tiny

from numpy_sat import captioner
from numpy_sat.data import batches
from numpy_sat.data.scenes import tags as scene_tags
from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.experiment import runs
from numpy_sat.system.workspace import Workspace
from numpy_sat.training import loop, objectives, shares

V = 14
VOCABULARY = Vocabulary(("<start>", "<end>", "<unk>", *"abcdefghijk"))


def split(rng, images=25):
    """Return random images with three captions each, whose lengths differ a lot."""
    pixels = rng.integers(0, 256, (images, 16, 16, 3), np.uint8)
    captions = [tuple(np.append(rng.integers(3, V, rng.integers(1, 9)), 1) for _ in range(3)) for _ in range(images)]
    references = tuple(tuple(VOCABULARY.decode(caption[:-1]) for caption in own) for own in captions)
    return batches.Split(tuple(map(str, range(images))), pixels, tuple(captions), references, ())


def tagged_split(rng, images=25):
    """Return random annotations with one to four tags, whose words are 3 to 12, and the captions of `split`."""
    tags = np.full((images, 5, scene_tags.WORDS_OF_TAG), scene_tags.NO_TAG)
    for own in tags:
        count = rng.integers(1, scene_tags.MOST_OBJECTS + 1)
        own[:count] = rng.integers((3, 9), (9, 13), (count, 2))
    annotations = np.concatenate([rng.standard_normal((images, 5, 6)), tags], axis=2)
    return split(rng, images)._replace(inputs=annotations)


def trained(recipe, dtype, steps, data, folder, objective=None):
    """Train on the ranks that run this function, and return the parameters and the losses.

    Those of the discriminator are among the parameters.
    """
    params = captioner.init_params(np.random.default_rng(1), recipe, np.zeros(V))
    run = runs.Run(folder, {"seed": 3}, recipe, VOCABULARY, params, {}, runs.Progress(), {})
    losses, workspace, objective = [], Workspace(), objective or objectives.objective_of(recipe, 0)
    prepared, own = objective.prepare(run, data), run.objective.get("params", {})
    for arrays in (params, own):
        arrays.update({name: array.astype(dtype) for name, array in arrays.items()})
    share = shares.of_batch(recipe.training.batch_size)
    epochs = (loop._batches(run, data, 0, share) for run.progress.epoch in itertools.count())
    for batch in itertools.islice(shares.aligned(itertools.chain.from_iterable(epochs)), steps):
        batch = batch._replace(inputs=batch.inputs.astype(dtype), mask=batch.mask.astype(dtype))
        loss, _, norm, _ = loop.train_step(run, batch, objective, prepared, 100, workspace)
        losses.append((*loss, norm))
        run.progress.step += 1
    return run.params | {f"objective/{name}": array for name, array in own.items()}, np.array(losses)


def difference(params, expected):
    """Return the norm of the difference of two sets of parameters."""
    return np.sqrt(sum(np.square(params[name] - expected[name].astype(float)).sum() for name in expected))


def uneven():
    """Return the recipe, dtype, number of steps and data of a training. Its 7 images divide unevenly among 3 ranks."""
    recipe = tiny.RECIPE.replace(batch_size=7, stages=((16,), (16,)), batch_norm=True, annotation_dropout=0.2)
    return recipe, np.float64, 20, split(np.random.default_rng(0))
