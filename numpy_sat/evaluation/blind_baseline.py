"""The blind baseline of a run: the same decoder, trained on the same captions without images (encoders/blind.py)."""

import itertools
import os
from pathlib import Path

import numpy as np

from numpy_sat import encoders
from numpy_sat.decoding import overflow, repetition, search
from numpy_sat.evaluation import heldout
from numpy_sat.experiment import runs
from numpy_sat.experiment.recipe import SETTINGS, from_json
from numpy_sat.experiment.settings import settings_between
from numpy_sat.system import cli
from numpy_sat.system.errors import InputError

SUFFIX = "-blind"  # the default folder is the run's folder with this suffix
# Settings that a model without an encoder refuses, or that would not leave it blind.
ENCODER_SETTINGS = ("tuned_stages=", "encoder_rate_factor=", "regions=", "tags=")


def load(run: Path, model: runs.Model, named: Path | None = None) -> runs.Model | None:
    """Load the blind baseline of a run.

    Args:
        run: path of the run.
        model: its runs.Model.
        named: path of the blind run; if None, the default folder is searched.
    Returns:
        The runs.Model of the blind run. None if `named` is None and the default folder has no run.
    Raises:
        InputError: the run is not blind, or was trained on other captions.
    """
    path = named or _default_folder(run)
    if not named and not any(os.path.exists(path / name) for name in (runs.BEST, runs.LAST)):
        return None
    blind = runs.load_model(path)
    if not blind.recipe.encoder.blind or blind.recipe.encoder.tags != "none":
        raise InputError(f"{path} is not a blind run; name one that was trained with --blind.")
    if blind.settings["dataset_digest"] != model.settings["dataset_digest"]:
        raise InputError(
            f"{path} was trained on other captions than {run}; train it again, or name another run with --blind."
        )
    return blind


def caption(blind: runs.Model, beam: int) -> str:
    """Return the caption that a blind model writes for every image, as text. beam: beam width."""
    recipe = blind.recipe
    image = np.zeros((1, recipe.encoder.image_size, recipe.encoder.image_size, 3), np.uint8)
    options = beam, recipe.decoding.max_words, recipe.decoding.length_power
    (blind_caption,) = search.caption_images(
        blind.params, recipe, image, *options, stems=repetition.stems_of(recipe, blind.vocabulary)
    )
    overflow.refuse([blind_caption])
    return heldout.text(blind, blind_caption)


def notes(run: Path, model: runs.Model, blind: runs.Model | None) -> list[str]:
    """Return sentences for the report: how to train a blind baseline, or how it differs from the run.

    Args:
        run: path of the run.
        model: its runs.Model.
        blind: runs.Model of the blind baseline, or None.
    """
    if model.recipe.encoder.blind:
        return []
    if blind is None:
        return [f"There is no blind language model to compare with. This trains it:\n  {_training_command(run, model)}"]
    changes = settings_between(model.recipe, blind.recipe)
    names = [name for name in changes if SETTINGS[name].group == "decoder" or name == "label_smoothing"]
    return [f"The blind language model has another decoder: it differs in {', '.join(names)}."] * bool(names)


def _default_folder(run):
    """Return the folder in which the blind baseline of a run is searched."""
    folder = runs.folder_of(run).resolve()
    return folder.with_name(folder.name + SUFFIX)


def _training_command(run, model):
    """Return the command that trains the blind baseline of a run.

    It is the command that began the run, or the first run of its chain, with the decoder settings of this run.
    """
    settings, first = model.settings, runs.origin(model.settings)
    recipe = from_json(first["first_recipe"])
    command, *options = runs.without_options(first["first_command"], ("--out", "--root", "--weights"))
    options = [
        word for word in options if word != "--blind" and not word.removeprefix("--set=").startswith(ENCODER_SETTINGS)
    ]
    # Drop each --set that is left without settings.
    pairs = itertools.pairwise([*options, "--"])
    options = [word for word, following in pairs if word != "--set" or not following.startswith("--")]
    words = ["python", "-m", f"numpy_sat.{command}", "--blind", *options]
    changes = settings_between(model.recipe, recipe).items()
    changes = [f"{name}={text}" for name, text in changes if SETTINGS[name].group in ("decoder", "loss")]
    words += ["--set", *changes] if changes else []
    has_weights = recipe.encoder.weights_file and not encoders.reads_annotations(recipe)
    words += ["--weights", recipe.encoder.weights_file] if has_weights else []
    words += ["--root", settings["root"]] if settings["root"] else []
    return " ".join(map(cli.quoted, [*words, "--out", _default_folder(run)]))
