"""The preset recipes."""

import dataclasses
import json

import pytest

from numpy_sat.experiment import presets
from numpy_sat.experiment.recipe import from_json


@pytest.mark.parametrize("key", presets.PRESETS)
def test_every_preset_survives_json_and_has_a_fitting_image_size(key):
    recipe = presets.PRESETS[key]
    assert from_json(json.loads(json.dumps(dataclasses.asdict(recipe)))) == recipe
    assert recipe.encoder.image_size % 2 ** (len(recipe.encoder.stages) - 1) == 0
