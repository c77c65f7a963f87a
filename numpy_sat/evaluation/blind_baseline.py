"""A run's blind counterpart: the same decoder, trained on the same captions and shown nothing (encoders/blind.py)."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from numpy_sat.decoding import search
from numpy_sat.evaluation import heldout
from numpy_sat.experiment import arguments, presets, runs
from numpy_sat.experiment.settings import is_idle, settings_between
from numpy_sat.system import cli
from numpy_sat.system.errors import InputError

SUFFIX = "-blind"  # of the folder beside a run's that is looked into where none is named
# What makes it the same decoder.
DECODER = ("model", "heads", "without", "embedding", "state", "attention", "dropout", "smoothing")


def load(run, model, given=None):
    """The Model of the counterpart of a run, or None where none is named and none is beside the run's folder.

    run: path of the run; model: the run's Model; given: path of the counterpart. Raises InputError for one that is not
    blind, or was trained on other captions.
    """
    path = given or _beside(run)
    if not given and not any((path / name).exists() for name in (runs.BEST, runs.LAST)):
        return None
    blind = runs.load_model(path)
    if not blind.recipe.model.blind:
        raise InputError(f"{path} is not blind; name a run that was trained with --blind.")
    if blind.settings["pictures"] != model.settings["pictures"]:
        raise InputError(f"{path} was trained on other captions than {run}; train it anew, or name another by --blind.")
    return blind


def caption(blind, beam):
    """What a blind model writes of every picture: a text."""
    recipe = blind.recipe
    nothing = np.zeros((1, recipe.model.picture_size, recipe.model.picture_size, 3), np.uint8)
    (found,) = search.caption_images(blind.params, recipe.model, nothing, beam, recipe.max_words, recipe.length_power)
    return heldout.text(blind, found)


def notes(run, model, blind):
    """Sentences to stand beside the figures: how to train a counterpart, or what is unlike in this one."""
    if model.recipe.model.blind:
        return []
    if blind is None:
        return [f"There is no blind language model to compare with. This trains it:\n  {_training(run, model)}"]
    unlike = [name for name in DECODER if getattr(model.recipe.model, name) != getattr(blind.recipe.model, name)]
    return [f"The blind language model is not the same decoder: it differs in {', '.join(unlike)}."] * bool(unlike)


def _beside(run):
    folder = runs.folder_of(run).resolve()
    return folder.with_name(folder.name + SUFFIX)


def _presets(data, config):
    """[(train's arguments, the recipe they stand for), ...] that a model may have been trained with."""
    if not config.frozen:
        sizes = ([], False), (["--small"], True)
        return [(given, presets.from_random_weights(data, small, config.model)) for given, small in sizes]
    path = Path(config.weights) if config.weights else None
    recipe = presets.on_pretrained(data, config.encoder, path, config.preprocessing)
    options = [f"--encoder {config.encoder}"]
    if path:
        options += [f"--weights {cli.quoted(path)}", f"--preprocessing {config.preprocessing}"]
    return [(options, replace(recipe, model=replace(recipe.model, digest=config.digest)))]


def _training(run, model):
    """The command that trains a run's counterpart."""
    settings, recipe = model.settings, model.recipe
    first, seed = runs.beginning(settings)
    if first != settings["recipe"]:  # begun with --from: the counterpart learns from the start, as that run did
        recipe = presets.from_json(first)
    config = replace(model.recipe.model, tuned=0, look="expected")
    recipe = replace(recipe, encoder_rate=1.0, model=config)  # it has no encoder
    chosen, preset = min(
        _presets(settings["data"], recipe.model), key=lambda one: len(settings_between(recipe, one[1]))
    )
    words = ["python -m numpy_sat.train --blind", f"--data {settings['data']}", *chosen]
    words += ["--skip-missing"] * settings["skip_missing"]
    words += [f"--root {cli.quoted(settings['root'])}"] * bool(settings["root"])
    words += [f"--seed {seed}"] * bool(seed)
    between = settings_between(recipe, preset)
    words += arguments.as_arguments({name: text for name, text in between.items() if not is_idle(recipe, name)})
    return " ".join([*words, f"--out {cli.quoted(_beside(run))}"])
