"""A model soup: one model whose weights are the weighted mean of the weights of several runs.

Self-critical epochs improve captions, but the longer they last, the more they overfit the training set. A model between
the weights before and after them can be better than both (Wortsman et al. 2022, Robust fine-tuning of zero-shot
models). A soup is as large and as fast as each of its models. An ensemble (decoding/ensemble.py) is larger and slower,
because it averages the word probabilities of all models. The mean of weights makes sense only for models that were
trained from the same initial weights.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from numpy_sat import captioner, tasks
from numpy_sat.data import batches, catalog
from numpy_sat.experiment import runs
from numpy_sat.system import cli, lock, output
from numpy_sat.system.errors import InputError


def mean(params: Sequence[dict[str, np.ndarray]], shares: Sequence[float]) -> dict[str, np.ndarray]:
    """Return the weighted mean of parameters, {name: array}. Integers are no weights; those of the first model stay.

    Args:
        params: list of {name: array}, one for each model.
        shares: the weight of each model; they sum to 1.
    """
    first = params[0]
    return {
        name: array
        if array.dtype.kind == "i"
        else sum(share * arrays[name] for share, arrays in zip(shares, params, strict=True)).astype(array.dtype)
        for name, array in first.items()
    }


def mix(paths: Sequence[Path], shares: Sequence[float], out: Path | None = None) -> None:
    """Write the weighted mean of the models of several runs as a new run.

    Args:
        paths: paths of the runs.
        shares: positive numbers, one for each run; they need not sum to 1.
        out: folder of the new run; None means a new one in runs/.
    Raises:
        InputError: the runs do not have the same initial weights.
    """
    models = [runs.load_model(path) for path in paths]
    for path, model in zip(paths[1:], models[1:], strict=True):
        _refuse_others(path, model, paths[0], models[0])
    first, total = models[0], sum(shares)
    if not np.isfinite(total):
        raise InputError(
            f"--shares: the sum of {', '.join(f'{share:g}' for share in shares)} is too large; use 1, 2, ..."
        )
    shares = np.array(shares) / total
    params = mean([model.params for model in models], shares)
    if first.recipe.encoder.batch_norm:
        _measure_running_statistics(params, first)
    ingredients = [(str(path), round(float(share), 4)) for path, share in zip(paths, shares, strict=True)]
    command = ["soup", *map(str, paths), "--shares", *(f"{share:g}" for share in shares)]
    settings = first.settings | runs.origin(first.settings) | {"command": command, runs.SOUP: ingredients}
    name = f"{runs.folder_of(paths[0]).resolve().name}-soup"
    seconds = max(model.progress["training_seconds"] for model in models)
    folder = out or runs.free_folder(name)
    with lock.folder_lock(folder):
        run = runs.create(folder, settings, first.recipe, first.vocabulary, params, seconds)
        runs.save_best(run, params)
    formula = " + ".join(f"{share:.2g} {path}" for path, share in ingredients)
    output.show(f"{formula}: in {run.folder}. Now try:\n  python -m numpy_sat.evaluate {cli.quoted(run.folder)}")


def _refuse_others(path, model, first_path, first):
    """Raise InputError if the two models do not have the same initial weights and the same tuned stages."""
    if _initial_state(model) != _initial_state(first):
        raise InputError(
            f"{path}: does not have the same initial weights as {first_path}, so the mean of their weights is "
            "meaningless; mix a run with the run it was trained --from, or two runs --from the same one."
        )
    stages, first_stages = model.recipe.encoder.tuned_stages, first.recipe.encoder.tuned_stages
    if stages != first_stages:
        raise InputError(
            f"{path}: has tuned_stages={stages}, but {first_path} has tuned_stages={first_stages}; mix runs that tuned "
            "the same stages."
        )


def _initial_state(model):
    """Return what determines the initial weights: recipe, seed and words of the first run of the model's chain."""
    first = runs.origin(model.settings)
    return first["first_recipe"], first["first_seed"], model.vocabulary.words


def _measure_running_statistics(params, model):
    """Measure the running mean and variance of batch normalization with these weights, and set them in place.

    The mean of the running statistics of several runs does not fit the mean of their weights.
    """
    recipe, settings = model.recipe, model.settings
    dataset = catalog.open_dataset(settings["data"], settings["root"], ("train",), *runs.skipped(settings))
    examples, load = dataset.splits["train"], tasks.of_model(model).load
    inputs = load(recipe, examples)
    train = batches.make_split(examples, inputs, model.vocabulary, recipe.decoding.max_words, dataset.tokenize)
    plain = batches.plain_batches(train, recipe.training.batch_size, captions_per_image=1)
    captioner.measure_running_statistics(params, plain, recipe)
