"""The captioner of the package, and how to replace it by another run.

It is a checkpoint with three differences. It contains all stages of its encoder, so no other package is needed. Its
parameters are stored in a quarter of the bytes (compression.py). Its settings say where it comes from. It contains no
photo. A model card lies beside it (model_card.py).
"""

import dataclasses
from pathlib import Path

import numpy as np

from numpy_sat import __version__, pretrained
from numpy_sat.encoders import lite
from numpy_sat.evaluation import model_card
from numpy_sat.experiment import checkpoint, compression, notice, runs
from numpy_sat.system import cli, files, output
from numpy_sat.system.errors import InputError

UNREADABLE = ValueError, LookupError, TypeError, AttributeError  # of a file that evaluate did not write
LARGEST = 12_000_000  # bytes, to keep the package small
DATA = {
    "flickr8k": "training photos and captions of Flickr8k (Hodosh, Young and Hockenmaier 2013, Journal of "
    "Artificial Intelligence Research 47)",
    "flickr30k": "training photos and captions of Flickr30k (Young, Lai, Hodosh and Hockenmaier 2014, Transactions of "
    "the Association for Computational Linguistics 2)",
    "coco": "training photos and captions of COCO (Chen et al. 2015, arXiv 1504.00325)",
    "folder": "photos and captions of its own",
    "scenes": "generated scenes",
}


def describe(path: Path) -> str:
    """Return the provenance of a shipped captioner as text. Raise InputError for any other checkpoint."""
    settings = checkpoint.load(path).settings
    if "provenance" not in settings:
        raise InputError(f"{path}: not a shipped captioner, so it has no provenance.")
    return "\n".join(f"{name}: {text}" for name, text in settings["provenance"].items())


def ship(run: Path, out: Path) -> None:
    """Write the best model of a run to a file, in the form in which the package ships it.

    Args:
        run: path of a run that `evaluate` has judged.
        out: path of the checkpoint file.
    Raises:
        InputError: the run is no captioner, is too large, is not judged, or needs weights of no public package. Or the
            file cannot be written, or holds anything but a shipped captioner.
    """
    files.refuse_unwritable(out)
    if out.exists():
        _refuse_another(out)
    model_card.refuse_others(out)
    model = runs.load_model(run)
    notice.refuse_others(out, model.recipe.encoder)
    if model.settings["data"] not in DATA:
        raise InputError(f"{run}: a translator; choose a run that captions images.")
    source = _encoder(model.recipe)
    recipe, params = _complete(model)
    arrays = _compressed(run, params)
    averaged, report = model.settings.get(runs.SOUP), _report(run, runs.folder_of(run) / "evaluate-dev.json")
    provenance = {
        "made by": f"numpy_sat {__version__}, {model.progress['training_seconds'] / 60:.0f} minutes of training"
        + (f", its weights are the mean over {len(averaged)} runs" if averaged else ""),
        "trained on": DATA[model.settings["data"]],
        "encoder": source,
        **_scores(report),
    }
    first = runs.origin(model.settings)
    first["first_command"] = runs.without_options(first["first_command"], ("--out", "--root"))
    changes = {"recipe": dataclasses.asdict(recipe), "command": None, "root": None, "provenance": provenance}
    settings = model.settings | first | changes
    settings.pop(runs.SOUP, None)  # names local folders, like the command and the root
    card = _card(out, model._replace(params=params, recipe=recipe, settings=settings), report)
    checkpoint.save(out, checkpoint.Checkpoint(arrays, {}, settings, model.progress))
    output.show(f"{describe(out)}\nwritten: {out}, {out.stat().st_size / 1e6:.1f} MB")
    for path in (*notice.write(out, model.recipe.encoder), model_card.write(out, card)):
        output.show(f"written: {path}")


def renew_card(captioner: Path, path: Path) -> None:
    """Write the model card of a shipped captioner again.

    Args:
        captioner: its file.
        path: the JSON file of a report of `evaluate` on this file.
    Raises:
        InputError: the file holds no shipped captioner, or the report is of another one. Or the card cannot be written.
    """
    describe(captioner)
    model_card.refuse_others(captioner)
    text = _card(captioner, runs.load_model(captioner), _report(captioner, path))
    output.show(f"written: {model_card.write(captioner, text)}")


def _refuse_another(out):
    """Raise InputError unless a file holds a shipped captioner. A run's checkpoint would be lost."""
    try:
        describe(out)
    except InputError as error:
        raise InputError(f"--out {out}: holds no shipped captioner; choose another name.") from error


def _complete(model):
    """Return the recipe and the parameters of a model that contains all stages of its encoder."""
    encoder = model.recipe.encoder
    if not encoder.pretrained or encoder.blind:
        return model.recipe, model.params
    params = pretrained.lite_params(encoder.network, encoder.stages) | model.params
    return model.recipe.replace(pretrained=False, tuned_stages=0, weights_digest=""), params


def _compressed(run, params):
    """Return the arrays to store. Raise InputError if float16 cannot hold a number, or the file would be too large."""
    arrays = compression.compress(params)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise InputError(f"{run}: {name} has NaN, or numbers above 65,504, which float16 cannot hold.")
    size = sum(array.nbytes for array in arrays.values())
    if size > LARGEST:
        raise InputError(
            f"{run}: {size / 1e6:.1f} MB as a captioner, more than {LARGEST / 1e6:.0f} MB; train a smaller model."
        )
    return arrays


def _encoder(config):
    """Return a sentence about the source of the encoder's weights.

    Args:
        config: the recipe.
    Raises:
        InputError: the weights are of no public package.
    """
    network = config.encoder.network
    if not config.encoder.pretrained and network in lite.NETWORKS:
        return f"{lite.NETWORKS[network].title} of another shipped captioner, trained further with the decoder"
    if not config.encoder.pretrained:
        return "in this file, trained with the decoder from random weights"
    if network not in pretrained.PACKAGES:
        raise InputError(f"{network}: its weights are of no public package, so others could not use it.")
    package, title = pretrained.PACKAGES[network], lite.NETWORKS[network].title
    source = f"{title} of the package {package.name} {pretrained.VERSION} (Apache-2.0), SHA-256 {package.sha256}"
    tuned = config.encoder.tuned_stages
    return (
        f"{source}; the last {tuned} of {len(config.encoder.stages)} stages were trained further" if tuned else source
    )


def _report(run, path):
    """Return a report of `evaluate` on a run's best model, from its JSON file.

    Raises:
        InputError: the best model has not been judged, or has changed since.
    """
    try:
        report = files.read_json(path)
        digest = report["checkpoint"]
        _scores(report)
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; first judge the run: {_judging(run)}") from error
    except (OSError, *UNREADABLE) as error:
        raise _unreadable(run, path) from error
    if digest != runs.digest(run):
        raise InputError(
            f"{path}: of another checkpoint than {runs.checkpoint_of(run)}; evaluate again: {_judging(run)}"
        )
    return report | {"path": path, "run": run}


def _scores(report):
    """Return the protocol and the scores of a report as texts."""
    scores = report["rows"][0]["figures"].items()
    return {"protocol": str(report["protocol"]), "scores": ", ".join(f"{name} {score:.1f}" for name, score in scores)}


def _card(out, model, report):
    """Return the model card of a captioner. Raise InputError if `evaluate` did not write the report."""
    try:
        return model_card.card(out.name, model, report)
    except UNREADABLE as error:
        raise _unreadable(report["run"], report["path"]) from error


def _unreadable(run, path):
    return InputError(f"{path}: unreadable, or not a file of evaluate; evaluate again: {_judging(run)}")


def _judging(run):
    """Return the command that judges a run."""
    return f"python -m numpy_sat.evaluate {cli.quoted(run)}"
