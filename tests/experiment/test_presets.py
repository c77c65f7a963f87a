"""The recipes that come with the package."""

import dataclasses
import json

import pytest

from numpy_sat.experiment import presets
from numpy_sat.experiment.recipe import from_json


@pytest.mark.parametrize("key", presets.PRESETS)
def test_every_preset_makes_a_model_and_comes_back_from_json(key):
    recipe = presets.PRESETS[key]
    assert from_json(json.loads(json.dumps(dataclasses.asdict(recipe)))) == recipe
    assert recipe.encoder.image_size % 2 ** (len(recipe.encoder.stages) - 1) == 0
