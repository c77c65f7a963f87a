"""Check that a run of this version could have written the JSON of a checkpoint.

Without this check, damaged or forged metadata would fail much later, in the middle of training or decoding.
"""

import math

from numpy_sat.data import catalog
from numpy_sat.data.vocabulary import SPECIALS, Vocabulary
from numpy_sat.encoders import reads_sentences
from numpy_sat.experiment import settings
from numpy_sat.experiment.recipe import Recipe, from_json
from numpy_sat.system.errors import InputError, shortened

MOST = 2**53  # largest number; a float holds every whole number up to it exactly


def _is_count(value):
    return type(value) is int and 0 <= value <= MOST


def _is_seed(value):
    return type(value) is int and value >= 0


def _is_number(value):
    return type(value) in (int, float) and abs(value) <= MOST


def _is_logged(value):
    """Return True for a number of a training log, which may be NaN or infinite after an overflow."""
    return _is_number(value) or (type(value) is float and not math.isfinite(value))


def _is_text(value):
    return type(value) is str


def _is_flag(value):
    return type(value) is bool


def _is_command(value):
    """Return True for a list of arguments, or for None, which a shipped captioner has."""
    return value is None or (type(value) is list and all(map(_is_text, value)))


def _is_soup(value):
    """Return True for a list of pairs: a run and its share."""
    return type(value) is list and all(
        type(pair) is list and len(pair) == 2 and _is_text(pair[0]) and _is_number(pair[1]) for pair in value
    )


# The entries of a run's settings, {entry: (condition, its description)}. `command` is the list of arguments that
# started the run: ["train", "--small", ...].
SETTINGS = {
    "command": (_is_command, "a list of texts"),
    "data": (lambda value: value in catalog.NAMES, f"one of {', '.join(catalog.NAMES)}"),
    "root": (lambda value: value is None or _is_text(value), "a text or null"),
    "seed": (_is_seed, "a whole number of at least 0"),
    "skip_missing": (_is_flag, "true or false"),
    "dataset_digest": (_is_text, "a text"),
    "recipe": (lambda value: type(value) is dict, "an object"),
    "vocabulary": (lambda value: type(value) is list and len(value) > len(SPECIALS), "a list of words"),
}
OPTIONAL = {  # entries of runs with --skip-damaged or --from, of soups, and of shipped captioners
    "skip_damaged": SETTINGS["skip_missing"],
    "first_recipe": SETTINGS["recipe"],
    "first_seed": SETTINGS["seed"],
    "first_command": SETTINGS["command"],
    "soup": (_is_soup, "a list of runs and shares"),
    "provenance": (
        lambda value: type(value) is dict and all(map(_is_text, value.values())),
        "an object of texts",
    ),
}
PROGRESS = {  # the fields of runs.Progress
    **dict.fromkeys(("step", "epoch", "batch", "epochs_since_best"), (_is_count, "a whole number of at least 0")),
    **dict.fromkeys(("best_score", "training_seconds"), (_is_number, "a number")),
    "best_loss": (lambda value: _is_number(value) or value == math.inf, "a number or Infinity"),
}


def is_log_entry(entry: object) -> bool:
    """Return True if a JSON value has what the readers of a training log need."""
    if type(entry) is not dict or entry.get("kind") not in ("train", "dev"):
        return False
    numbers = [entry.get("loss"), *([entry["seconds"]] if "seconds" in entry else [])]
    if entry["kind"] == "dev":
        scores = entry.get("bleu")
        if type(scores) is not list or len(scores) != 4 or not _is_count(entry.get("epoch")):
            return False
        numbers += [entry.get("cider"), *scores]
    return _is_count(entry.get("step")) and all(map(_is_logged, numbers))


def read(stored: dict, progress: dict) -> tuple[Recipe, Vocabulary]:
    """Check the settings and the progress of a checkpoint, and return its recipe and vocabulary.

    Args:
        stored: the checkpoint's settings, JSON.
        progress: its progress, JSON.
    Returns:
        recipe: Recipe.
        vocabulary: Vocabulary.
    Raises:
        InputError: no run of this version could have written them.
    """
    _check_entries("settings", stored, SETTINGS, OPTIONAL)
    _check_entries("progress", progress, PROGRESS, {})
    recipe, vocabulary = _recipe(stored["recipe"]), Vocabulary(tuple(stored["vocabulary"]))
    if "first_recipe" in stored:
        _recipe(stored["first_recipe"])
    if reads_sentences(recipe) != (catalog.DATASETS[stored["data"]].TASK == "translation"):
        raise InputError(f"the encoder {recipe.encoder.network} does not read {stored['data']}")
    return recipe, vocabulary


def _recipe(stored):
    """Return the Recipe that JSON holds. Raises InputError if a value is impossible."""
    try:
        recipe = from_json(stored)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"recipe: {shortened(str(error), 100)}") from error
    settings.check(recipe)
    return recipe


def _check_entries(name, entries, required, optional):
    """Raise InputError unless entries have all required names, and values that fulfil their conditions."""
    if type(entries) is not dict:
        raise InputError(f"{name}: must be an object")
    if missing := [entry for entry in required if entry not in entries]:
        raise InputError(f"{missing[0]} is missing")
    for entry, (is_possible, description) in (required | optional).items():
        if entry in entries and not is_possible(entries[entry]):
            raise InputError(f"{entry}={shortened(repr(entries[entry]))}: must be {description}")
