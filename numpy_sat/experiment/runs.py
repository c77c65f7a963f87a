"""The folder of a training run: configuration, log, checkpoints; and a trained model read back from it."""

import hashlib
import itertools
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat import captioner
from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.experiment import checkpoint
from numpy_sat.experiment.recipe import Recipe, from_json
from numpy_sat.system.errors import InputError, writing

LAST, BEST, LOG, CONFIG = "last.npz", "best.npz", "log.jsonl", "config.json"
SHIPPED = Path(__file__).parents[1] / "assets" / "captioner.npz"  # the captioner in the package, see ship.py
# The entries of a run's settings. `command` is the list of arguments that began it: ["train", "--small", ...].
STORED = ("command", "data", "root", "seed", "skip_missing", "dataset_digest", "recipe", "vocabulary")
# Further entries of a run that was begun --from another: those of the first run of the chain.
FIRST = {"first_recipe": "recipe", "first_seed": "seed", "first_command": "command"}
SOUP = "soup"  # a further entry of a run that soup.py made: its runs, and the share of each


class Model(NamedTuple):
    """All that captioning and evaluation need."""

    params: dict
    recipe: Recipe
    vocabulary: Vocabulary
    settings: dict  # of the run, see STORED
    progress: dict  # where training stood, see Progress


@dataclass
class Progress:
    """Where training stands. Together with the seed this is also the random state, see streams.py."""

    step: int = 0
    epoch: int = 0
    batch: int = 0  # batches of the epoch that have been used
    best_score: float = -1.0  # CIDEr-D on the validation set
    best_loss: float = float("inf")  # decides between equal scores, nats a word
    epochs_since_best: int = 0
    training_seconds: float = 0.0  # over all sessions, and of the run that it was begun --from


@dataclass
class Run:
    """A training run in memory."""

    folder: Path
    settings: dict
    recipe: Recipe
    vocabulary: Vocabulary
    params: dict
    optimizer: dict
    progress: Progress


def create(folder, settings, recipe, vocabulary, params, seconds=0.0):
    """Start a run in a new folder.

    Args:
        settings: the entries of STORED, except the recipe and the vocabulary.
        seconds: how long the parameters have been trained already.
    Raises:
        InputError: the folder holds a run.
    """
    settings = {**settings, "recipe": asdict(recipe), "vocabulary": list(vocabulary.words)}
    config = {name: value for name, value in settings.items() if name != "vocabulary"}
    with writing(folder):
        if any((folder / name).exists() for name in (LAST, BEST)):
            raise InputError(f"{folder} holds a run already; go on with --resume, or choose another --out.")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (folder / LOG).write_text("", encoding="utf-8")
    return Run(folder, settings, recipe, vocabulary, params, {}, Progress(training_seconds=seconds))


def free_folder(name):
    """Return runs/name, or the first of runs/name-2, runs/name-3, ... that does not exist yet."""
    names = itertools.chain([name], (f"{name}-{k}" for k in itertools.count(2)))
    return next(folder for folder in (Path("runs") / n for n in names) if not folder.exists())


def resume(folder):
    """Return the run whose last checkpoint is in a folder. Entries of later steps are removed from its log."""
    path = folder / LAST
    model, stored = _read(path)
    try:
        progress = Progress(**stored.progress)
    except TypeError as error:
        raise InputError(f"{path}: does not say where training stood ({error}); train anew.") from error
    _check_optimizer(path, stored, progress)
    with writing(folder):
        lines = [json.dumps(entry) + "\n" for entry in read_log(folder) if entry["step"] <= progress.step]
        aside = folder / f"{LOG}.part"
        aside.write_text("".join(lines), encoding="utf-8")
        aside.replace(folder / LOG)
    return Run(folder, model.settings, model.recipe, model.vocabulary, model.params, stored.optimizer, progress)


def save_last(run):
    """Write the run's last checkpoint, from which training can go on."""
    _save(run, LAST, run.params, run.optimizer)


def save_best(run, params):
    """Write the run's best, these parameters."""
    _save(run, BEST, params, {})


def _save(run, name, params, optimizer):
    checkpoint.save(run.folder / name, checkpoint.Checkpoint(params, optimizer, run.settings, asdict(run.progress)))


def log(run, kind, **entry):
    """Append one JSON line: kind, step and what is given."""
    with writing(run.folder / LOG), open(run.folder / LOG, "a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": kind, "step": run.progress.step, **entry}) + "\n")


def read_log(folder):
    """Return the entries of the log; [] without a log. A last line that was cut off in writing is left out."""
    entries = []
    if (folder / LOG).exists():
        for line in (folder / LOG).read_text(encoding="utf-8").splitlines():
            try:
                entries.append(json.loads(line))
            except ValueError:
                break
    return entries


def beginning(settings):
    """Return the first recipe (as JSON), seed and command of the chain of runs that each began --from another.

    Args:
        settings: of the last run of the chain, which may also be its first.
    Returns:
        The entries that FIRST names.
    """
    return {first: settings.get(first, settings[own]) for first, own in FIRST.items()}


def without_options(command, options):
    """Return a command line without some options and their values, both as `--out DIR` and as `--out=DIR`."""
    words, skip = [], False
    for word in command:
        if not skip and not any(word.startswith(f"{option}=") for option in options) and word not in options:
            words.append(word)
        skip = word in options
    return words


def folder_of(path):
    """Return a run's folder. path: the folder itself, or a checkpoint in it."""
    return path if path.is_dir() else path.parent


def load_model(path):
    """Load the Model of a checkpoint file, or of a run's folder: its best, or its last before there is a best.

    Parameters that are stored as float16 become float32. Raises InputError.
    """
    return _read(checkpoint_of(path))[0]


def checkpoint_of(path):
    """Return the path of the checkpoint that load_model reads."""
    path = Path(path)
    if not path.is_dir():
        return path
    return path / BEST if (path / BEST).exists() else path / LAST


def digest(path):
    """Return the SHA-256 of the checkpoint that load_model reads. Reports of an evaluation name it."""
    return hashlib.sha256(checkpoint_of(path).read_bytes()).hexdigest()


def _read(path):
    stored = checkpoint.load(path)
    settings = stored.settings
    try:
        recipe = _with_weights(from_json(settings["recipe"]), path.parent)
        vocabulary = Vocabulary(tuple(settings["vocabulary"]))
        missing = [name for name in STORED if name not in settings]
        if missing:
            raise KeyError(*missing)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: its settings are not those of a captioner ({error}); train anew.") from error
    params = {
        name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in stored.params.items()
    }
    expected = captioner.init_params(np.random.default_rng(0), recipe, np.zeros(len(vocabulary)))
    checkpoint.check_shapes(path, params, expected)
    return Model(params, recipe, vocabulary, settings, stored.progress), stored


def _with_weights(recipe, folder):
    """Return the recipe. If its encoder's weights file is gone, take the file of that name next to the run's folder."""
    path = Path(recipe.encoder.weights_file)
    beside = folder.resolve().parent / path.name
    if not recipe.encoder.weights_file or path.exists() or not beside.is_file():
        return recipe
    return recipe.replace(weights_file=str(beside))


def _check_optimizer(path, stored, progress):
    """Raise InputError unless the optimizer's moving means fit the parameters.

    A parameter has all of them, in its shape, or none, if it has had no gradient yet.
    """
    moving_means = {name: array for name, array in stored.optimizer.items() if name != "t"}
    split = [name.partition(".") for name in moving_means]
    moments, trained = ({part[k] for part in split} for k in (0, 2))
    expected = {f"{m}.{name}": stored.params[name] for m in moments for name in trained if name in stored.params}
    if not moments and progress.step:
        raise InputError(f"{path}: holds no optimiser state; go on from the run's {LAST}.")
    checkpoint.check_shapes(path, moving_means, expected)
