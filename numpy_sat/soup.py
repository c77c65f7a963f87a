"""python -m numpy_sat.soup: one model whose weights are the mean of those of several runs with the same beginning.

Self-critical epochs make captions better and, the longer they last, learn train by heart; some way back to the weights
that they began with a model can be better than at either end (Wortsman et al. 2022, Robust fine-tuning of zero-shot
models). The mean is a model like any other, as large and as fast as each; an ensemble, which is neither, takes the mean
of the probabilities that they give a word (ensemble.py). Only of models that were trained from the same weights on is
the mean of weights any good.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from numpy_sat import captioner
from numpy_sat.data import batches, catalog
from numpy_sat.experiment import runs
from numpy_sat.pretrained import inputs
from numpy_sat.system import cli
from numpy_sat.system.errors import InputError


def main(argv=None):
    """The command; returns its exit code."""
    args = _parse(argv)
    return cli.run(lambda: _mix(args))


def mean(params, shares):
    """The weights' mean. params: of each model {name: array}; shares: of each, together 1. Returns {name: array}."""
    first = params[0]
    return {
        name: sum(share * of_one[name] for share, of_one in zip(shares, params, strict=True)).astype(first[name].dtype)
        for name in first
    }


def _mix(args):
    models = [runs.load_model(path) for path in args.runs]
    for path, model in zip(args.runs[1:], models[1:], strict=True):
        _refuse_others(path, model, args.runs[0], models[0])
    first, shares = models[0], np.array(args.shares) / sum(args.shares)
    params = mean([model.params for model in models], shares)
    if first.recipe.model.norm:
        _measure_running_statistics(params, first)
    described = [(str(path), round(float(share), 4)) for path, share in zip(args.runs, shares, strict=True)]
    settings = first.settings | {runs.SOUP: described}
    name = f"{runs.folder_of(args.runs[0]).resolve().name}-soup"
    seconds = max(model.progress["seconds"] for model in models)
    folder = args.out or runs.free_folder(name)
    run = runs.create(folder, settings, first.recipe, first.vocabulary, params, seconds)
    runs.save_best(run, params)
    said = " + ".join(f"{share:.2g} {path}" for path, share in described)
    print(f"{said}: in {run.folder}. Now try:\n  python -m numpy_sat.evaluate {cli.quoted(run.folder)}")


def _refuse_others(path, model, first_path, first):
    """Raise InputError where the mean of the two models' weights would be none that means anything."""
    if _beginning(model) != _beginning(first):
        raise InputError(
            f"{path}: has not the same beginning as {first_path}, the one --from the other or both --from a third, so "
            "that the mean of their weights means nothing."
        )
    theirs, ours = model.recipe.model.tuned, first.recipe.model.tuned
    if theirs != ours:
        raise InputError(
            f"{path}: has tuned={theirs}, {first_path} tuned={ours}; a mean needs the same weights of each."
        )


def _beginning(model):
    """What the run's first weights come from: recipe, seed and words of the one that all began with."""
    return runs.beginning(model.settings), model.vocabulary.words


def _measure_running_statistics(params, model):
    """What batch normalisation goes by in use, of these weights, in place; the mean of moments is none."""
    recipe, settings = model.recipe, model.settings
    dataset = catalog.open_dataset(settings["data"], settings["root"], ("train",), settings["skip_missing"])
    train = inputs.load_split(recipe.model, dataset.splits["train"], model.vocabulary, recipe.max_words)
    some = batches.plain_batches(train, recipe.pictures, each=1)
    captioner.measure_running_statistics(params, some, recipe.model)


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m numpy_sat.soup", description="Make one model of the mean of several runs' weights."
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="each begun --from another, or all from one")
    parser.add_argument(
        "--shares", type=cli.positive, nargs="+", metavar="SHARE", help="of each RUN (default: all alike)"
    )
    parser.add_argument("--out", type=Path, help="the new run's folder; default: a new one in runs/")
    args = parser.parse_args(argv)
    if len(args.runs) < 2:
        parser.error("name two RUNs or more")
    args.shares = args.shares or [1.0] * len(args.runs)
    if len(args.shares) != len(args.runs):
        parser.error(f"--shares needs one number for each RUN, {len(args.runs)}, not {len(args.shares)}")
    return args


if __name__ == "__main__":
    sys.exit(main())
