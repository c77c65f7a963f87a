"""Test the memory that a recipe needs, before anything is allocated."""

import numpy as np
import pytest
import tiny

from numpy_sat import captioner
from numpy_sat.decoders import MODELS
from numpy_sat.experiment import memory, presets
from numpy_sat.system import memory as machine_memory
from numpy_sat.system.errors import InputError

PRETRAINED = presets.on_pretrained("flickr8k", "lite0")
RECIPES = [
    *(tiny.RECIPE.replace(model=name) for name in MODELS),
    *presets.PRESETS.values(),
    *(tiny.RECIPE.replace(batch_norm=True, without=("gate",)), tiny.RECIPE.replace(blind=True)),
    *(PRETRAINED, PRETRAINED.replace(tuned_stages=2)),
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_shapes_are_those_of_the_parameters(recipe):
    shapes = memory.shapes(recipe, 13)
    params = captioner.init_params(np.random.default_rng(0), recipe, np.zeros(13))
    assert {name: (array.shape, array.dtype) for name, array in shapes.items()} == {
        name: (array.shape, array.dtype) for name, array in params.items()
    }
    memory.check(recipe, 13)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"hidden_size": 16384}, "embedding_size, hidden_size or attention_size"),
        ({"embedding_size": 10**12}, "embedding_size, hidden_size or attention_size"),
        ({"batch_size": 65536, "image_size": 4096}, "batch_size or image_size"),
        ({"batch_size": 60000, "captions_per_image": 1000}, "batch_size or captions_per_image"),
    ],
)
def test_more_memory_than_the_machine_has(monkeypatch, changes, names):
    monkeypatch.setattr(machine_memory, "total", lambda: 8e9)
    recipe = tiny.RECIPE.replace(**changes)
    with pytest.raises(InputError, match=f"and this machine has 8.0 GB; choose a smaller {names}"):
        memory.check(recipe, 10000)


def test_the_memory_of_this_machine_is_plausible():
    assert 1e8 < machine_memory.total() < 1e14
