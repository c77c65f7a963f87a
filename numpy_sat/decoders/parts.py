"""Leave out parts of a decoder (the setting `without`), for ablations."""

from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from numpy_sat.decoders.attend_tell import Parts
from numpy_sat.system.errors import InputError

if TYPE_CHECKING:
    from numpy_sat.experiment.recipe import Recipe

PARTS = {  # each part that can be left out, with its parameters
    "attention": ("W_a", "b_a", "W_h", "v", "W_q", "W_k"),  # W_q and W_k belong to the model "dot"; its W_v stays
    "gate": ("w_beta", "b_beta"),
    "deep output": ("L_z",),
}


def remaining(config: "Recipe", attention: ModuleType, without_attention: ModuleType) -> Parts:
    """Return the Parts of a recipe, without those in config.decoder.without.

    Args:
        config: the recipe.
        attention: module of attentions/ for a decoder with attention.
        without_attention: module of attentions/ for a decoder without attention.
    """
    names = config.decoder.without
    module = without_attention if "attention" in names else attention
    return Parts(module, gate="gate" not in names, deep_output="deep output" not in names)


def removed(params: dict[str, np.ndarray], names: Iterable[str]) -> dict[str, np.ndarray]:
    """Return the parameters without those of the named parts.

    Args:
        params: arrays by name.
        names: keys of PARTS.
    Returns:
        Arrays by name.
    Raises:
        ValueError: a name is not in PARTS.
    """
    unknown = set(names) - set(PARTS)
    if unknown:
        raise ValueError(f"without: {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    parameters = {name for part in names for name in PARTS[part]}
    return {name: array for name, array in params.items() if name not in parameters}


def refuse(model: str, names: Iterable[str]) -> None:
    """Raise InputError if parts of a model that has no parts are to be left out.

    Args:
        model: name of the model.
        names: names of the parts to leave out.
    """
    if names:
        raise InputError(f"without={','.join(names)}: the model {model} has no parts that can be left out.")
