"""The captioner that comes with the package, and how another run takes its place.

It is a checkpoint like any other, but its parameters are kept as float16, which halves the file, and its settings say
where it comes from. Nothing of a single photo is in it.
"""

import json

import numpy as np

from numpy_sat import __version__, pretrained
from numpy_sat.experiment import checkpoint, notice, runs
from numpy_sat.system import cli
from numpy_sat.system.errors import InputError

LARGEST = 12_000_000  # bytes, so that the package stays a small one
DATA = {
    "flickr8k": "Flickr8k's train photos and their captions (Hodosh, Young and Hockenmaier 2013, Journal of "
    "Artificial Intelligence Research 47)",
    "scenes": "drawn scenes",
}


def describe(path):
    """Return where a shipped captioner comes from, as text. Raises InputError for another checkpoint."""
    settings = checkpoint.load(path).settings
    if "provenance" not in settings:
        raise InputError(f"{path}: a checkpoint that was not shipped, and so does not say where it comes from.")
    return "\n".join(f"{name}: {text}" for name, text in settings["provenance"].items())


def ship(run, out):
    """Write a run's best model, as it is shipped, to a file.

    Args:
        run: path of a run that `evaluate` has judged.
        out: the checkpoint file.
    Raises:
        InputError: the run is no captioner, too large, not judged, or needs weights that nobody else has.
    """
    model = runs.load_model(run)
    if model.settings["data"] not in DATA:
        raise InputError(f"{run}: a translator, and what is shipped captions images.")
    halves = {name: _half(run, name, array) for name, array in model.params.items()}
    size = sum(array.nbytes for array in halves.values())
    if size > LARGEST:
        raise InputError(f"{run}: {size / 1e6:.1f} MB as float16, of at most {LARGEST / 1e6:.0f}; train a smaller one.")
    mixed = model.settings.get(runs.SOUP)
    provenance = {
        "made by": f"numpy_sat {__version__}, {model.progress['training_seconds'] / 60:.0f} minutes of training"
        + (f", its weights the mean of those of {len(mixed)} runs" if mixed else ""),
        "trained on": DATA[model.settings["data"]],
        "encoder": _encoder(model.recipe),
        **_judged(run),
    }
    first = runs.beginning(model.settings)
    first["first_command"] = runs.without_options(first["first_command"], ("--out", "--root"))
    settings = model.settings | first | {"command": None, "root": None, "provenance": provenance}
    settings.pop(runs.SOUP, None)  # as the command and the root, it names folders, which nobody else has
    checkpoint.save(out, checkpoint.Checkpoint(halves, {}, settings, model.progress))
    print(f"{describe(out)}\nwritten: {out}, {out.stat().st_size / 1e6:.1f} MB")
    for path in notice.write(out, model.recipe.encoder):
        print(f"written: {path}")


def _half(run, name, array):
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    if not np.isfinite(half).all():
        raise InputError(f"{run}: {name} reaches beyond float16's 65,504, and cannot be shipped.")
    return half


def _encoder(config):
    """Return where the encoder's weights come from, a sentence. config: the recipe."""
    if not config.encoder.pretrained:
        return "in this file, trained with the decoder from random weights"
    if config.encoder.network != "lite0":
        raise InputError(f"{config.encoder.network}: its weights are no package, so nobody could use what is shipped.")
    source = f"the extra `pretrained` (Apache-2.0), SHA-256 {pretrained.SHA256}"
    if tuned := config.encoder.tuned_stages:
        rest = len(config.encoder.stages) - tuned
        return (
            f"EfficientNet-Lite0, its first {rest} stages not in this file: {source}; its last {tuned} in this "
            "file, changed by training with the decoder from the weights there"
        )
    return f"EfficientNet-Lite0, not in this file: {source}"


def _judged(run):
    """Return the protocol and the scores of a run's best, as `evaluate` has written them.

    Raises InputError if the best has not been judged, or has changed since.
    """
    path = runs.folder_of(run) / "evaluate-dev.json"
    judging = f"python -m numpy_sat.evaluate {cli.quoted(run)}"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        digest, protocol, scores = report["checkpoint"], report["protocol"], report["rows"][0]["figures"]
    except FileNotFoundError as error:
        raise InputError(f"{path}: not there; first judge it: {judging}") from error
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise InputError(f"{path}: unreadable, or is not what evaluate writes; evaluate again: {judging}") from error
    if digest != runs.digest(run):
        raise InputError(f"{path}: of another checkpoint than {runs.checkpoint_of(run)}; evaluate again: {judging}")
    return {"protocol": protocol, "scores": ", ".join(f"{name} {score:.1f}" for name, score in scores.items())}
