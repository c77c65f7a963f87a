"""The folder of a training run (configuration, log and checkpoints), and loading a trained model from it."""

import hashlib
import itertools
import json
import os
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat.data.vocabulary import Vocabulary
from numpy_sat.experiment import checkpoint, compression, memory, metadata
from numpy_sat.experiment.recipe import Recipe, from_json
from numpy_sat.system import cli, npz, ranks
from numpy_sat.system.errors import InputError, refuse_special, writing
from numpy_sat.system.files import replacing

LAST, BEST, LOG, CONFIG = "last.npz", "best.npz", "log.jsonl", "config.json"
PACKAGE = Path(__file__).resolve().parents[1]
SHIPPED = PACKAGE / "assets" / "captioner.npz"  # the captioner in the package, see ship.py
# Further entries of a run that was started with --from: those of the first run of the chain.
FIRST = {"first_recipe": "recipe", "first_seed": "seed", "first_command": "command"}
MOVING_MEANS = {"adam": {"m", "v"}, "rmsprop": {"v"}}  # first parts of the names of the optimizer's arrays, as "m.W_x"
EMA = "ema"  # a further moving mean, in runs that train on sampled captions
STEPS = npz.Header((1,), np.dtype(np.int64))  # of Adam's array "t", the number of updates
SKIP_DAMAGED = "skip_damaged"  # a further entry of a run that was started with --skip-damaged: True
SOUP = "soup"  # a further entry of a run that soup.py wrote: [[run, share], ...]


class Model(NamedTuple):
    """A trained model: everything that captioning and evaluation need."""

    params: dict  # {name: array}
    recipe: Recipe
    vocabulary: Vocabulary
    settings: dict  # settings of the run, see metadata.SETTINGS
    progress: dict  # the fields of Progress at the checkpoint


@dataclass
class Progress:
    """The position of training. Together with the seed it determines all random numbers, see streams.py."""

    step: int = 0
    epoch: int = 0
    batch: int = 0  # number of the epoch's batches that training has used
    best_score: float = -1.0  # CIDEr-D on the validation set, percent
    best_loss: float = float("inf")  # nats per word; decides between equal scores
    epochs_since_best: int = 0
    training_seconds: float = 0.0  # over all sessions, including the run of --from


@dataclass
class Run:
    """A training run in memory: its folder, settings, parameters, optimizer state and progress."""

    folder: Path
    settings: dict
    recipe: Recipe
    vocabulary: Vocabulary
    params: dict
    optimizer: dict
    progress: Progress
    objective: dict  # {part: {name: array}}, what an objective trains of its own, such as a discriminator


def create(
    folder: Path,
    settings: dict,
    recipe: Recipe,
    vocabulary: Vocabulary,
    params: dict[str, np.ndarray],
    seconds: float = 0.0,
) -> Run:
    """Create the folder of a new run.

    Args:
        folder: path of the folder.
        settings: the entries of metadata.SETTINGS, except the recipe and the vocabulary.
        recipe: Recipe.
        vocabulary: Vocabulary.
        params: {name: array}, the initial parameters.
        seconds: time that the initial parameters have been trained for, in seconds.
    Returns:
        The Run.
    Raises:
        InputError: the folder already holds a run, or cannot be written.
    """
    settings = {**settings, "recipe": asdict(recipe), "vocabulary": list(vocabulary.words)}
    if ranks.current().is_first:
        _create_files(folder, settings)
    return Run(folder, settings, recipe, vocabulary, params, {}, Progress(training_seconds=seconds), {})


def _create_files(folder, settings):
    """Write the files of a new run. Raises InputError: the folder already holds a run, or cannot be written."""
    config = {name: value for name, value in settings.items() if name != "vocabulary"}
    with writing(folder):
        if (folder / LAST).exists():
            raise InputError(f"{folder} already holds a run; continue it with --resume, or choose another --out.")
        if (folder / BEST).exists():
            raise InputError(f"{folder} already holds a run; {_way_out(folder)}, or choose another --out.")
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / CONFIG) as temporary:
            temporary.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (folder / LOG).write_text("", encoding="utf-8")


def _way_out(folder):
    """Return how to train on from a folder that has a best checkpoint and no last one."""
    return f"start a new run from it: python -m numpy_sat.train --from {cli.quoted(folder)}"


def free_folder(name: str) -> Path:
    """Return runs/name, or the first of runs/name-2, runs/name-3, ... that does not exist yet."""
    names = itertools.chain([name], (f"{name}-{k}" for k in itertools.count(2)))
    return next(folder for folder in (Path("runs") / n for n in names) if not folder.exists())


def resume(folder: Path) -> Run:
    """Load the run in a folder from its last checkpoint, and remove later steps from its log.

    Returns:
        The Run.
    Raises:
        InputError: there is no checkpoint, it is damaged, or it lacks the state of training.
    """
    path = folder / LAST
    if not path.exists() and (folder / BEST).exists():
        raise InputError(f"{folder}: has a {BEST}, but no {LAST} to resume from; {_way_out(folder)}.")
    model, stored = _read(path)
    progress = Progress(**{name: stored.progress[name] for name in metadata.PROGRESS})
    if not stored.optimizer and progress.step:
        raise InputError(f"{path}: holds no optimizer state; resume from the run's {LAST}.")
    if stored.optimizer.get("t", progress.step) != progress.step:
        raise InputError(
            f"{path}: its optimizer has not made {progress.step} steps; use another checkpoint of the run."
        )
    if ranks.current().is_first:
        lines = [json.dumps(entry) + "\n" for entry in read_log(folder) if _is_before(entry, progress)]
        with replacing(folder / LOG) as temporary:
            temporary.write_text("".join(lines), encoding="utf-8")
    return Run(
        *(folder, model.settings, model.recipe, model.vocabulary, model.params, stored.optimizer, progress),
        stored.objective,
    )


def _is_before(entry, progress):
    """Return True if a log's entry describes what was done before the checkpoint, and so will not be done again."""
    is_validated = entry["kind"] != "dev" or entry["epoch"] <= progress.epoch  # the step alone does not tell
    return entry["step"] <= progress.step and is_validated


def save_last(run: Run) -> None:
    """Write the run's last checkpoint, from which training can be resumed."""
    _save(run, LAST, run.params, run.optimizer, run.objective)


def save_best(run: Run, params: dict[str, np.ndarray]) -> None:
    """Write the run's best checkpoint. params: {name: array}, which may be the EMA of the weights."""
    _save(run, BEST, params, {}, {})


def _save(run, name, params, optimizer, objective):
    """Write a checkpoint. Several ranks have the same parameters, so only the first one writes them."""
    if not ranks.current().is_first:
        return
    contents = checkpoint.Checkpoint(params, optimizer, run.settings, asdict(run.progress), objective)
    checkpoint.save(run.folder / name, contents)


def log(run: Run, kind: str, **entry) -> None:
    """Append a line to the log: a JSON object with `kind`, the run's step, and the other keywords."""
    if not ranks.current().is_first:
        return
    with writing(run.folder / LOG), open(run.folder / LOG, "a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": kind, "step": run.progress.step, **entry}) + "\n")


def read_log(folder: Path) -> list[dict]:
    """Return the entries of the log, oldest first; [] if there is no log. An incomplete last line is skipped.

    Raises:
        InputError: the log cannot be read, or a line is not an entry.
    """
    path, entries = folder / LOG, []
    remedy = "correct the line, or move the log away"
    refuse_special(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {remedy}.") from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError(f"{path}, line {line}: not UTF-8; {remedy}.") from error
    *lines, _ = text.split("\n")  # every entry ends with its line
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: not JSON; {remedy}.") from error
        if not metadata.is_log_entry(entry):
            raise InputError(f"{path}, line {number}: not an entry of a training log; {remedy}.")
        entries.append(entry)
    return entries


def skipped(settings: dict) -> tuple[bool, bool]:
    """Return whether a run leaves out missing and damaged photos. settings: settings of the run."""
    return settings["skip_missing"], settings.get(SKIP_DAMAGED, False)


def origin(settings: dict) -> dict:
    """Return the recipe (as JSON), seed and command of the first run of a chain.

    Each run of a chain was started --from the previous one.

    Args:
        settings: settings of the last run of the chain, which may also be its first.
    Returns:
        dict with the keys of FIRST.
    """
    return {first_name: settings.get(first_name, settings[name]) for first_name, name in FIRST.items()}


def without_options(command: Sequence[str], options: Collection[str]) -> list[str]:
    """Return a command line without some options and their values.

    Args:
        command: list of arguments; an option's value may follow as `--out DIR` or `--out=DIR`.
        options: names of the options to remove, such as "--out".
    """
    words, skip = [], False
    for word in command:
        if not skip and not any(word.startswith(f"{option}=") for option in options) and word not in options:
            words.append(word)
        skip = word in options
    return words


def is_run(folder: Path) -> bool:
    """Return True if a folder is that of a run: it holds a checkpoint or a configuration."""
    # os.path.exists returns False for a folder that may not be read, where Path.exists raises PermissionError.
    return any(os.path.exists(folder / name) for name in (BEST, LAST, CONFIG))


def folder_of(path: Path) -> Path:
    """Return a run's folder. path: the folder, or a checkpoint in it."""
    return path if path.is_dir() else path.parent


def output_folder(path: Path) -> Path:
    """Return the folder for reports and figures of a run: its own, or for a captioner of the package the current one.

    Args:
        path: the run's folder, or a checkpoint in it.
    """
    folder = folder_of(path)
    return Path() if folder.resolve().is_relative_to(PACKAGE) else folder


def load_model(path: Path) -> Model:
    """Load a trained model.

    Parameters that are stored in fewer bytes become float32 (compression.py).

    Args:
        path: a checkpoint file or a run's folder. A folder means its best checkpoint, or its last if there is no best.
    Returns:
        The Model.
    Raises:
        InputError: there is no checkpoint, or it is not one of a captioner.
    """
    return _read(checkpoint_of(path))[0]


def checkpoint_of(path: Path) -> Path:
    """Return the path of the checkpoint that load_model reads."""
    path = Path(path)
    if not path.is_dir():
        return path
    return path / BEST if (path / BEST).exists() else path / LAST


def digest(path: Path) -> str:
    """Return the SHA-256 of the checkpoint that load_model reads. Evaluation reports contain it."""
    return hashlib.sha256(checkpoint_of(path).read_bytes()).hexdigest()


def _read(path):
    """Return the Model and the Checkpoint of a file. What the file declares is checked before its arrays are read."""
    with checkpoint.opened(path) as reader:
        try:
            recipe, vocabulary = metadata.read(reader.settings, reader.progress)
        except InputError as error:
            reason = str(error).rstrip(".")
            raise InputError(
                f"{path}: its settings are not those of a captioner ({reason}); train the model again."
            ) from error
        shapes = memory.shapes(recipe, len(vocabulary))
        checkpoint.check_shapes(path, compression.expand_headers(reader.params), shapes)
        _check_first_recipe(path, reader.settings, shapes)
        _check_optimizer(path, reader, recipe)
        stored = reader.read()
    if not compression.is_sound(stored.params):
        raise InputError(f"{path}: damaged: a scale of its weights is not positive, or too large; use another copy.")
    params = compression.expand(stored.params)
    return Model(params, _with_weights(recipe, path.parent), vocabulary, stored.settings, stored.progress), stored


def _check_first_recipe(path, settings, shapes):
    """Raise InputError unless the first run of the chain had parameters of these shapes. --from may only add some.

    Args:
        path: the checkpoint, for the message.
        settings: settings of the run.
        shapes: {name: array} with the shapes of the run's parameters.
    """
    if "first_recipe" in settings:
        first_shapes = memory.shapes(from_json(settings["first_recipe"]), len(settings["vocabulary"]))
        checkpoint.check_shapes(path, {name: shapes[name] for name in first_shapes.keys() & shapes}, first_shapes)


def _with_weights(recipe, folder):
    """Return the recipe with an existing file of the encoder's weights, if there is one.

    If the original file is missing, a file with its name next to the run's folder replaces it.
    """
    path = Path(recipe.encoder.weights_file)
    sibling = folder.resolve().parent / path.name
    if not recipe.encoder.weights_file or os.path.exists(path) or not os.path.isfile(sibling):
        return recipe
    return recipe.replace(weights_file=str(sibling))


def _check_optimizer(path, reader, recipe):
    """Raise InputError unless the optimizer's moving means are those of its kind and fit the parameters.

    Each parameter with a gradient has all moving means, in its shape. The others have none.

    Args:
        path: the checkpoint, for the message.
        reader: checkpoint.Reader.
        recipe: Recipe.
    """
    if not reader.optimizer:
        return
    keys = [name.partition(".") for name in reader.optimizer if name != "t"]
    letters = MOVING_MEANS[recipe.training.optimizer] | {EMA for letter, *_ in keys if letter == EMA}
    expected = {
        f"{letter}.{name}": reader.params[name] for letter in letters for *_, name in keys if name in reader.params
    }
    counter = {"t": STEPS} if recipe.training.optimizer == "adam" else {}
    checkpoint.check_shapes(path, reader.optimizer, expected | counter)
