"""The settings of a recipe by name, as text: `train --set attention_penalty=0 without=gate`."""

import difflib
import shutil
import textwrap
from collections.abc import Iterable, Mapping

from numpy_sat.decoders import MODELS
from numpy_sat.encoders import ENCODERS
from numpy_sat.experiment.declaration import Setting
from numpy_sat.experiment.recipe import SETTINGS, Recipe
from numpy_sat.system.errors import InputError, shortened

MAX_WIDTH, MAX_VALUE = 100, 40  # characters of a line and of a value in the list of settings
INDENT = "    "
RENAMED = {  # {setting of older versions: what replaces it}
    "self_critical_epochs": "set objective=self-critical, and cross_entropy_epochs for the epochs before it",
}


def with_settings(recipe: Recipe, texts: Mapping[str, str]) -> Recipe:
    """Return the recipe with other values for some settings.

    Args:
        recipe: Recipe.
        texts: {setting: value as text}, such as {"dropout": "0.2", "without": "gate,attention"}.
    Raises:
        InputError: a setting is unknown, a value is impossible, or values contradict each other.
    """
    changed = recipe.replace(**{name: find_setting(name).parse(text) for name, text in texts.items()})
    _refuse_conflicts(changed)
    return changed


def check(recipe: Recipe) -> None:
    """Raise InputError unless the value of every setting is possible. The recipe may come from a file."""
    for name, value in recipe.values().items():
        text = SETTINGS[name].text(value)
        if SETTINGS[name].parse(text) != value:
            raise InputError(f"{name}={shortened(repr(value))}: must be {SETTINGS[name].describe_range()}.")
    _refuse_conflicts(recipe)


def find_setting(name: str) -> Setting:
    """Return the Setting of a name. Raises InputError, which suggests similar names, for an unknown one."""
    if name not in SETTINGS:
        similar = [known for known in SETTINGS if name in known] or difflib.get_close_matches(name, SETTINGS, 3)
        hint = f"did you mean {' or '.join(similar)}? " if name and similar else ""
        if name in RENAMED:
            raise InputError(f"{name}: is no longer a setting; {RENAMED[name]}.")
        raise InputError(f"{shortened(name)}: there is no such setting; {hint}train --set help lists all of them.")
    return SETTINGS[name]


def settings_between(recipe: Recipe, other: Recipe) -> dict[str, str]:
    """Return the settings that turn the other recipe into this one, {name: value as text}."""
    other_values = other.values()
    return {name: SETTINGS[name].text(value) for name, value in recipe.values().items() if value != other_values[name]}


def is_idle(recipe: Recipe, name: str) -> bool:
    """Return True if a setting does nothing for a recipe."""
    return _why_idle(recipe, name) is not None


def refuse_idle(recipe: Recipe, names: Iterable[str]) -> None:
    """Raise InputError if one of the settings does nothing for the recipe.

    Args:
        recipe: Recipe.
        names: the settings that the user has set.
    """
    for name in names:
        if why := _why_idle(recipe, name):
            raise InputError(f"{name}: does nothing {why}.")


def models_of(name: str) -> list[str]:
    """Return the decoders whose module lists a setting; [] for a setting that does not depend on the decoder."""
    return [model for model, module in MODELS.items() if name in module.SETTINGS]


def help_text(recipe: Recipe) -> str:
    """Return a list of all settings: name, value in this recipe and possible values, then the meaning."""
    width = min(shutil.get_terminal_size().columns, MAX_WIDTH)
    lines = []
    for name, value in recipe.values().items():
        setting, models = SETTINGS[name], models_of(name)
        possible = f"set by {setting.option}" if setting.option else setting.describe_range()
        meaning = setting.meaning + (f" (model {', '.join(models)})" if models and len(models) < len(MODELS) else "")
        head = f"{name} = {shortened(setting.text(value), MAX_VALUE) or '-'}"
        for text, indent in ((f"{head}   [{possible}]", ""), (meaning, INDENT)):
            lines += textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=INDENT)
    return "\n".join(lines)


def _why_idle(recipe, name):
    """Return why a setting does nothing for a recipe, as the end of a sentence; None if it has an effect."""
    setting, model, models = SETTINGS[name], recipe.decoder.model, models_of(name)
    is_for_encoder = name in ENCODERS[recipe.encoder.network].SETTINGS
    if models and model not in models and not is_for_encoder:
        return f"for the model {model}; it is for {', '.join(models)}"
    return setting.idle(recipe) if setting.idle else None


def _refuse_conflicts(recipe):
    """Raise InputError if values contradict each other."""
    values = recipe.values()
    for name, setting in SETTINGS.items():
        if setting.refuse and (why := setting.refuse(recipe)):
            raise InputError(f"{name}={shortened(setting.text(values[name]))}: {why}.")
