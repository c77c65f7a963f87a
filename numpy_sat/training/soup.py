"""A soup: one model whose weights are the mean of the weights of several runs with the same beginning.

Self-critical epochs improve captions, but the longer they last the more they overfit the training set. A model part of
the way back to the weights that they began with can be better than at either end (Wortsman et al. 2022, Robust
fine-tuning of zero-shot models). The mean is a model like any other, as large and as fast as each. An ensemble
(decoding/ensemble.py) is neither; it takes the mean of the probabilities of each word. The mean of weights is only good
for models that were trained from the same weights.
"""

import numpy as np

from numpy_sat import captioner, tasks
from numpy_sat.data import batches, catalog
from numpy_sat.experiment import runs
from numpy_sat.system import cli
from numpy_sat.system.errors import InputError


def mean(params, shares):
    """Return the weighted mean of parameters, {name: array}.

    Args:
        params: {name: array} of each model.
        shares: the weight of each model; they sum to 1.
    """
    first = params[0]
    return {
        name: sum(share * of_one[name] for share, of_one in zip(shares, params, strict=True)).astype(first[name].dtype)
        for name in first
    }


def mix(paths, shares, out=None):
    """Write the mean of several runs' models as a new run.

    Args:
        paths: of the runs.
        shares: positive numbers, one for each run.
        out: the new run's folder; by default a new one in runs/.
    Raises:
        InputError: the runs did not begin with the same weights.
    """
    models = [runs.load_model(path) for path in paths]
    for path, model in zip(paths[1:], models[1:], strict=True):
        _refuse_others(path, model, paths[0], models[0])
    first, shares = models[0], np.array(shares) / sum(shares)
    params = mean([model.params for model in models], shares)
    if first.recipe.encoder.batch_norm:
        _measure_running_statistics(params, first)
    described = [(str(path), round(float(share), 4)) for path, share in zip(paths, shares, strict=True)]
    command = ["soup", *map(str, paths), "--shares", *(f"{share:g}" for share in shares)]
    settings = first.settings | runs.beginning(first.settings) | {"command": command, runs.SOUP: described}
    name = f"{runs.folder_of(paths[0]).resolve().name}-soup"
    seconds = max(model.progress["training_seconds"] for model in models)
    folder = out or runs.free_folder(name)
    run = runs.create(folder, settings, first.recipe, first.vocabulary, params, seconds)
    runs.save_best(run, params)
    formula = " + ".join(f"{share:.2g} {path}" for path, share in described)
    print(f"{formula}: in {run.folder}. Now try:\n  python -m numpy_sat.evaluate {cli.quoted(run.folder)}")


def _refuse_others(path, model, first_path, first):
    """Raise InputError if the two models did not begin with the same weights: then their mean is meaningless."""
    if _beginning(model) != _beginning(first):
        raise InputError(
            f"{path}: has not the same beginning as {first_path}, the one --from the other or both --from a third, so "
            "that the mean of their weights means nothing."
        )
    theirs, ours = model.recipe.encoder.tuned_stages, first.recipe.encoder.tuned_stages
    if theirs != ours:
        raise InputError(
            f"{path}: has tuned_stages={theirs}, {first_path} tuned_stages={ours}; a mean needs the same weights of "
            "each."
        )


def _beginning(model):
    """Return what the run's first weights come from: recipe, seed and words of the first run of its chain."""
    first = runs.beginning(model.settings)
    return first["first_recipe"], first["first_seed"], model.vocabulary.words


def _measure_running_statistics(params, model):
    """Measure the running mean and variance of batch normalisation with these weights, and set them in place.

    The mean of several runs' running statistics is not that of the mean weights.
    """
    recipe, settings = model.recipe, model.settings
    dataset = catalog.open_dataset(settings["data"], settings["root"], ("train",), settings["skip_missing"])
    examples, load = dataset.splits["train"], tasks.of_model(model).load
    inputs = load(recipe, examples)
    train = batches.make_split(examples, inputs, model.vocabulary, recipe.decoding.max_words, dataset.tokenize)
    some = batches.plain_batches(train, recipe.training.batch_size, captions_per_image=1)
    captioner.measure_running_statistics(params, some, recipe)
