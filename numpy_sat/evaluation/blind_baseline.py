"""A run's blind baseline: the same decoder, trained on the same captions without images (encoders/blind.py)."""

import itertools

import numpy as np

from numpy_sat.decoding import search
from numpy_sat.evaluation import heldout
from numpy_sat.experiment import runs
from numpy_sat.experiment.recipe import SETTINGS, from_json
from numpy_sat.experiment.settings import settings_between
from numpy_sat.system import cli
from numpy_sat.system.errors import InputError

SUFFIX = "-blind"  # of the default folder, which lies beside the run's
OF_ENCODER = ("tuned_stages=", "encoder_rate_factor=")  # settings that a model without an encoder refuses


def load(run, model, named=None):
    """Load the blind baseline of a run.

    Args:
        run: path of the run.
        model: its runs.Model.
        named: path of the blind run; if None, the folder beside the run's is searched.
    Returns:
        The runs.Model of the blind run; None if none is named and there is none beside the run's folder.
    Raises:
        InputError: the named run is not blind, or was trained on other captions.
    """
    path = named or _beside(run)
    if not named and not any((path / name).exists() for name in (runs.BEST, runs.LAST)):
        return None
    blind = runs.load_model(path)
    if not blind.recipe.encoder.blind:
        raise InputError(f"{path} is not blind; name a run that was trained with --blind.")
    if blind.settings["dataset_digest"] != model.settings["dataset_digest"]:
        raise InputError(f"{path} was trained on other captions than {run}; train it anew, or name another by --blind.")
    return blind


def caption(blind, beam):
    """Return the one caption that a blind model writes for every image, as text."""
    recipe = blind.recipe
    nothing = np.zeros((1, recipe.encoder.image_size, recipe.encoder.image_size, 3), np.uint8)
    (blind_caption,) = search.caption_images(
        blind.params, recipe, nothing, beam, recipe.decoding.max_words, recipe.decoding.length_power
    )
    return heldout.text(blind, blind_caption)


def notes(run, model, blind):
    """Return sentences for the report: how to train a blind baseline, or how this one differs from the run."""
    if model.recipe.encoder.blind:
        return []
    if blind is None:
        return [f"There is no blind language model to compare with. This trains it:\n  {_training(run, model)}"]
    between = settings_between(model.recipe, blind.recipe)
    unlike = [name for name in between if SETTINGS[name].group == "decoder" or name == "label_smoothing"]
    return [f"The blind language model is not the same decoder: it differs in {', '.join(unlike)}."] * bool(unlike)


def _beside(run):
    folder = runs.folder_of(run).resolve()
    return folder.with_name(folder.name + SUFFIX)


def _training(run, model):
    """Return the command that trains a run's blind baseline.

    It is the command that began the run, or the first run of its chain, with the decoder's settings of this run.
    """
    settings, first = model.settings, runs.beginning(model.settings)
    recipe = from_json(first["first_recipe"])
    command, *kept = runs.without_options(first["first_command"], ("--out", "--root", "--weights"))
    kept = [word for word in kept if word != "--blind" and not word.removeprefix("--set=").startswith(OF_ENCODER)]
    # A --set that has lost all its settings goes, too.
    kept = [word for word, after in itertools.pairwise([*kept, "--"]) if word != "--set" or not after.startswith("--")]
    words = ["python", "-m", f"numpy_sat.{command}", "--blind", *kept]
    changed = settings_between(model.recipe, recipe).items()
    changed = [f"{name}={text}" for name, text in changed if SETTINGS[name].group in ("decoder", "loss")]
    words += ["--set", *changed] if changed else []
    words += ["--weights", recipe.encoder.weights_file] if recipe.encoder.weights_file else []
    words += ["--root", settings["root"]] if settings["root"] else []
    return " ".join(map(cli.quoted, [*words, "--out", _beside(run)]))
