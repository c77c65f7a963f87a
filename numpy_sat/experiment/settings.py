"""A recipe's settings by name, given as text: `train --set attention_penalty=0 without=gate`."""

import difflib
from collections.abc import Iterable, Mapping

from numpy_sat.decoders import MODELS
from numpy_sat.encoders import ENCODERS
from numpy_sat.experiment.recipe import SETTINGS, Recipe
from numpy_sat.system.errors import InputError


def with_settings(recipe: Recipe, texts: Mapping[str, str]) -> Recipe:
    """Return the recipe with other values for some settings.

    Args:
        texts: {setting: value as text}, such as {"dropout": "0.2", "without": "gate,attention"}.
    Raises:
        InputError: a setting is unknown, or a value is impossible, alone or beside the others.
    """
    changed = recipe.replace(**{name: declared(name).parse(text) for name, text in texts.items()})
    for name, setting in SETTINGS.items():
        if setting.refuse and (why := setting.refuse(changed)):
            raise InputError(f"{name}={_short(setting.text(changed.values()[name]))}: {why}.")
    return changed


def declared(name: str):
    """Return the Setting of this name. Raises InputError, with names that are spelt like it, if there is none."""
    if name not in SETTINGS:
        near = [known for known in SETTINGS if name in known] or difflib.get_close_matches(name, SETTINGS, 3)
        hint = f"did you mean {' or '.join(near)}? " if name and near else ""
        raise InputError(f"{name}: there is no such setting; {hint}train --set help lists them all.")
    return SETTINGS[name]


def settings_between(recipe: Recipe, other: Recipe) -> dict[str, str]:
    """Return the settings, {name: text}, that turn the other recipe into this one."""
    before = other.values()
    return {name: SETTINGS[name].text(value) for name, value in recipe.values().items() if value != before[name]}


def is_idle(recipe: Recipe, name: str) -> bool:
    """Return True if a setting does nothing for a recipe."""
    return _why_idle(recipe, name) is not None


def refuse_idle(recipe: Recipe, names: Iterable[str]) -> None:
    """Raise InputError if one of these settings, which the user has named, does nothing for the recipe."""
    for name in names:
        if why := _why_idle(recipe, name):
            raise InputError(f"{name}: does nothing {why}.")


def models_of(name: str) -> list[str]:
    """Return the models that a setting is for, those whose module lists it; none if it is not a matter of the model."""
    return [model for model, module in MODELS.items() if name in module.SETTINGS]


def with_attention_mode(model, mode: str | None):
    """Return a runs.Model that attends in another mode while it writes; with None the same. Raises InputError."""
    if mode is None:
        return model
    refuse_idle(model.recipe, ["attention_mode"])
    return model._replace(recipe=with_settings(model.recipe, {"attention_mode": mode}))


def help_table(recipe: Recipe) -> str:
    """Return a table of all settings: name, value in this recipe, range, and meaning."""
    rows = [("setting", "value", "possible", "meaning")]
    for name, value in recipe.values().items():
        setting, models = SETTINGS[name], models_of(name)
        meaning = setting.meaning + (f" (model {', '.join(models)})" if models and len(models) < len(MODELS) else "")
        possible = f"by {setting.option}" if setting.option else setting.describe_range()
        rows.append((name, _short(setting.text(value), 24) or "-", _short(possible, 44), meaning))
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    return "\n".join("  ".join([*(row[k].ljust(widths[k]) for k in range(3)), row[3]]) for row in rows)


def _why_idle(recipe, name):
    """Return why a setting does nothing for a recipe, the end of a sentence, or None if it does something."""
    setting, model, models = SETTINGS[name], recipe.decoder.model, models_of(name)
    read_by_encoder = name in ENCODERS[recipe.encoder.network].SETTINGS
    if models and model not in models and not read_by_encoder:
        return f"for the model {model}; it is for {', '.join(models)}"
    return setting.idle(recipe) if setting.idle else None


def _short(text, most=60):
    return text if len(text) <= most else text[: most - 3] + "..."
