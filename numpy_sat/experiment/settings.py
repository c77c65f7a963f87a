"""A recipe's settings by name, given as text: `train --set penalty=0 without=gate`."""

import ast
import math
from dataclasses import replace

from numpy_sat.data.phrases import phrases
from numpy_sat.decoders import MODELS
from numpy_sat.decoders.hard import LOOKS
from numpy_sat.decoders.parts import PARTS
from numpy_sat.encoders import ENCODERS, lite0, reader
from numpy_sat.experiment.presets import Recipe
from numpy_sat.system.errors import InputError

CHOICES = {  # of what is no number
    "optimizer": ("adam", "rmsprop"),
    "model": tuple(MODELS),
    "without": tuple(PARTS),
    "penalty_normalisation": ("sum", "mean"),
    "penalty_target": ("one", "T/L"),
    "look": LOOKS,
    "baseline": ("greedy", "others"),
    "source": phrases.VOCABULARY.words,
}
OF_SELF_CRITICAL = ("baseline", "average")
MAY_BE_ZERO = ("shift", "warmup", "self_critical", "tuned")  # of the whole numbers
NEVER = (("dropout", 1), ("dropout_a", 1), ("zoom", 0), ("average", 1))  # nothing would be left, or taken in
AT_MOST_ONE = ("dropout", "dropout_a", "smoothing", "zoom", "colour", "expected", "average")


def with_settings(recipe, settings):
    """The recipe with some of its fields, or of its model's, set otherwise.

    settings: {field: text}, as 0.2, true, or of several parts gate,attention. Raises InputError for an unknown field
    or an impossible value.
    """
    for name, text in settings.items():
        owner = recipe if name in vars(recipe) and name != "model" else recipe.model
        if name not in vars(owner):
            known = sorted({*vars(recipe), *vars(recipe.model)})
            raise InputError(f"{name}: there is no such setting; there are {', '.join(known)}.")
        owner = replace(owner, **{name: _parsed(name, text, getattr(owner, name))})
        recipe = owner if isinstance(owner, Recipe) else replace(recipe, model=owner)
    _refuse_changed_phrases(recipe)
    _refuse_nothing_to_compare(recipe)
    _refuse_norm(recipe.model)
    _refuse_stages_of_another(recipe.model)
    _refuse_tuning_of_nothing(recipe.model)
    _refuse_too_small(recipe.model)
    return recipe


def with_look(model, look):
    """A runs.Model that looks so while it writes, one of LOOKS; with None as it is. Raises InputError."""
    if look is None:
        return model
    refuse_idle(model.recipe, ["look"])
    return model._replace(recipe=with_settings(model.recipe, {"look": look}))


def is_idle(recipe, name):
    """Whether a setting does nothing for a presets.Recipe, but does for others."""
    return _idle(recipe, name) is not None


def refuse_idle(recipe, names):
    """Raise InputError where one of the settings that somebody has named does nothing for the recipe."""
    for name in names:
        if why := _idle(recipe, name):
            raise InputError(f"{name}: does nothing {why}")


def _idle(recipe, name):
    """Why a setting does nothing for a recipe, the end of a sentence; None where it does something."""
    if name in OF_SELF_CRITICAL and not recipe.self_critical:
        return "without self-critical epochs; set self_critical, too."
    if name == "encoder_rate" and recipe.model.frozen and not recipe.model.tuned:
        return "where the encoder stays as it is; set tuned, too."
    model = recipe.model.model
    own = {*MODELS[model].SETTINGS, *(reader.SETTINGS if recipe.model.source else ())}
    others = [other for other, decoder in MODELS.items() if name in decoder.SETTINGS]
    return f"for the model {model}; it is for {', '.join(others)}." if others and name not in own else None


def settings_between(recipe, other):
    """The settings, {field: text}, by which with_settings makes one recipe of the other."""
    fields = {**vars(recipe), **vars(recipe.model)}
    before = {**vars(other), **vars(other.model)}
    return {name: _as_text(value) for name, value in fields.items() if value != before[name]}


def _refuse_changed_phrases(recipe):
    """Raise InputError where phrases are to be changed as pictures are."""
    if recipe.model.source and recipe.augmentation.changes:
        raise InputError("flip, shift, zoom and colour are for pictures, not for phrases.")


def _refuse_nothing_to_compare(recipe):
    """Raise InputError where the other captions drawn of a picture are to be compared with, and there are none."""
    if recipe.self_critical and recipe.baseline == "others" and recipe.captions == 1:
        raise InputError("baseline=others: with one caption a picture there are no others; set captions to 2 or more.")


def _refuse_norm(model):
    """Raise InputError where an encoder is to be normalised in training that has no normalisation of ours."""
    if model.norm and (model.frozen or model.source):
        raise InputError("norm: is for the encoder that learns from random weights, not a pretrained one, or phrases.")


def _refuse_stages_of_another(model):
    """Raise InputError where the numbers of EfficientNet-Lite0's stages would be read as channels."""
    if model.encoder != "lite0" and model.stages in lite0.STAGES.values():
        raise InputError(f"stages: {', '.join(lite0.STAGES)} are grids of --encoder lite0, not of {model.encoder}.")


def _refuse_tuning_of_nothing(model):
    """Raise InputError where stages are to be trained further that a model has not, or all of them."""
    if model.tuned and (model.blind or not model.frozen):
        raise InputError(f"tuned={model.tuned}: only the last stages of a pretrained --encoder can be tuned.")
    if model.tuned and model.tuned >= len(model.stages):
        most = len(model.stages) - 1
        raise InputError(f"tuned={model.tuned}: must be a whole number from 0 to {most}, of {most + 1} stages.")


def _refuse_too_small(model):
    """Raise InputError where nothing is left of a picture after the encoder's stages."""
    least = ENCODERS[model.encoder].smallest(model.stages)
    if model.picture_size < least:
        raise InputError(
            f"picture_size={model.picture_size}: too small for {len(model.stages)} stages, the smallest is {least}."
        )


def _parsed(name, text, before):
    """A setting's value, of the type of the one before it."""
    if name in CHOICES:
        parts = tuple(filter(None, text.split(",")))
        if not set(parts) <= set(CHOICES[name]) or (isinstance(before, str) and len(parts) != 1):
            raise InputError(f"{name}={text}: must be of {', '.join(CHOICES[name])}.")
        return parts[0] if isinstance(before, str) else parts
    try:
        value = ast.literal_eval(text.capitalize() if isinstance(before, bool) else text)
    except (ValueError, SyntaxError):
        value = None
    if isinstance(before, tuple):
        return _stages(name, text, value)
    if isinstance(before, bool):
        right, wanted = isinstance(value, bool), "true or false"
    elif isinstance(before, int):
        least = 0 if name in MAY_BE_ZERO else 1
        right, wanted = type(value) is int and value >= least, f"a whole number from {least} on"
    else:
        most = 1 if name in AT_MOST_ONE else math.inf
        right = (
            type(value) in (int, float) and 0 <= value <= most and math.isfinite(value) and (name, value) not in NEVER
        )
        wanted = "a number from 0 on" if most > 1 else "a number from 0 to 1"
    if not right:
        raise InputError(f"{name}={text}: must be {wanted}.")
    return float(value) if isinstance(before, float) else value


def _stages(name, text, value):
    if text in lite0.STAGES:
        return lite0.STAGES[text]
    try:
        stages = tuple(tuple(stage) for stage in value)
        if stages and all(stages) and all(type(filters) is int and filters > 0 for s in stages for filters in s):
            return stages
    except TypeError:
        pass
    raise InputError(
        f"{name}={text}: must be the channels of every stage's convolutions, as ((32,),(64,64)), "
        f"or of lite0 one of {', '.join(lite0.STAGES)}."
    )


def _as_text(value):
    if isinstance(value, tuple) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    return str(value).replace(" ", "").lower() if not isinstance(value, str) else value
