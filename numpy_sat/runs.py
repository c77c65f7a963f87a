"""The folder of a training run: configuration, log, checkpoints; and a trained model read back from it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, checkpoint, presets
from numpy_sat.captioner import Config
from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.errors import InputError

LAST, BEST = "last.npz", "best.npz"


class Model(NamedTuple):
    """All that captioning needs."""

    params: dict
    config: Config
    vocabulary: Vocabulary
    settings: dict  # of the run: data, root, seed, recipe, vocabulary


@dataclass
class Progress:
    """Where training stands. With the seed this is the random state too: every draw follows from seed and place."""

    step: int = 0
    epoch: int = 0
    batch: int = 0  # of the epoch, consumed
    best_bleu: float = -1.0
    stale: int = 0  # epochs since the best
    seconds: float = 0.0  # trained, over all sessions


@dataclass
class Run:
    """A training run in memory."""

    folder: Path
    settings: dict
    recipe: presets.Recipe
    vocabulary: Vocabulary
    params: dict
    optimizer: dict
    progress: Progress


def create(folder, settings, recipe, vocabulary, log_frequencies):
    """Start a run in a new folder. settings: {"data", "root", "seed", ...}. Raises InputError if it holds a run."""
    if (folder / LAST).exists():
        raise InputError(f"{folder} holds a run already; go on with --resume, or choose another --out.")
    settings = {**settings, "recipe": presets.to_json(recipe), "vocabulary": list(vocabulary.words)}
    rng = np.random.default_rng([settings["seed"], 0])
    params = captioner.init_params(rng, recipe.model, log_frequencies)
    run = Run(folder, settings, recipe, vocabulary, params, {}, Progress())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shown = {name: value for name, value in settings.items() if name != "vocabulary"}
        (folder / "config.json").write_text(json.dumps(shown, indent=2) + "\n", encoding="utf-8")
        (folder / "log.jsonl").write_text("", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another --out.") from error
    return run


def resume(folder):
    """The run whose last checkpoint is in a folder; what its log says of later steps is cut off."""
    model, stored = _read(folder / LAST)
    progress = Progress(**stored.progress)
    recipe = presets.from_json(model.settings["recipe"])
    run = Run(folder, model.settings, recipe, model.vocabulary, model.params, stored.optimizer, progress)
    kept = [json.dumps(entry) + "\n" for entry in read_log(folder) if entry["step"] <= progress.step]
    aside = folder / "log.jsonl.part"
    aside.write_text("".join(kept), encoding="utf-8")
    aside.replace(folder / "log.jsonl")
    return run


def save(run, name):
    """Write a checkpoint into the run's folder; BEST without the optimiser's state."""
    optimizer = run.optimizer if name == LAST else {}
    checkpoint.save(run.folder / name, checkpoint.Checkpoint(run.params, optimizer, run.settings, asdict(run.progress)))


def log(run, kind, **entry):
    """Append one JSON line: kind, step and what is given."""
    with open(run.folder / "log.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": kind, "step": run.progress.step, **entry}) + "\n")


def read_log(folder):
    """The log's entries; a last line that was cut off in writing is left out."""
    entries = []
    for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries


def load_model(path):
    """The Model of a checkpoint file, or of a run's folder: its best, or its last before there is a best."""
    path = Path(path)
    if path.is_dir():
        path = path / BEST if (path / BEST).exists() else path / LAST
    return _read(path)[0]


def _read(path):
    stored = checkpoint.load(path)
    try:
        config = presets.from_json(stored.settings["recipe"]).model
        vocabulary = Vocabulary(tuple(stored.settings["vocabulary"]))
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: its settings are not those of a captioner ({error}); train anew.") from error
    expected = captioner.init_params(np.random.default_rng(0), config, np.zeros(len(vocabulary)))
    checkpoint.check_shapes(path, stored.params, expected)
    return Model(stored.params, config, vocabulary, stored.settings), stored
