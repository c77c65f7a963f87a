"""A recipe's settings given as text."""

from dataclasses import replace

import pytest

from numpy_sat import train_command
from numpy_sat.errors import InputError
from numpy_sat.presets import PRESETS, on_pretrained
from numpy_sat.settings import settings_between, with_settings

RECIPE = PRESETS["flickr8k", False]


def test_settings_of_recipe_and_model():
    given = {
        **{"epochs": "3", "flip": "false", "zoom": "1", "shift": "0", "optimizer": "rmsprop"},
        **{"penalty": "0", "without": "gate,deep output", "penalty_target": "T/L", "stages": "((8,),(16,16))"},
    }
    found = with_settings(RECIPE, given)
    assert (found.epochs, found.flip, found.zoom, found.shift, found.optimizer) == (3, False, 1.0, 0, "rmsprop")
    assert found.model == replace(
        RECIPE.model, penalty=0.0, without=("gate", "deep output"), penalty_target="T/L", stages=((8,), (16, 16))
    )
    assert isinstance(found.zoom, float) and isinstance(found.model.penalty, float)
    assert with_settings(found, {"without": ""}).model.without == ()


@pytest.mark.parametrize("name", PRESETS)
def test_what_lies_between_two_recipes_makes_one_of_the_other(name):
    between = settings_between(PRESETS[name], RECIPE)
    assert with_settings(RECIPE, between) == PRESETS[name]
    assert (between == {}) == (name == ("flickr8k", False))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("colur", "0.2", "colur: there is no such setting; there are "),
        ("epochs", "0", "epochs=0: must be a whole number from 1 on"),
        ("epochs", "2.5", "a whole number from 1 on"),
        ("shift", "-1", "a whole number from 0 on"),
        ("zoom", "1.5", "zoom=1.5: must be a number from 0 to 1"),
        ("zoom", "0", "zoom=0: must be a number from 0 to 1"),
        ("dropout", "1.0", "dropout=1.0: must be a number from 0 to 1"),
        ("penalty", "nan", "a number from 0 on"),
        ("penalty", "1e999", "a number from 0 on"),
        ("flip", "2", "flip=2: must be true or false"),
        ("without", "gate,eyes", "without=gate,eyes: must be of attention, gate, deep output"),
        ("optimizer", "adam,rmsprop", "must be of adam, rmsprop"),
        ("penalty_target", "two", "must be of one, T/L"),
        ("stages", "(32,64)", "the channels of every stage's convolutions"),
        ("stages", "((32,),(0,))", "the channels of every stage's convolutions"),
        ("stages", "12", "the channels of every stage's convolutions"),
        ("stages", "import os", "the channels of every stage's convolutions"),
    ],
)
def test_impossible_settings(name, text, words):
    with pytest.raises(InputError) as error:
        with_settings(RECIPE, {name: text})
    assert words in str(error.value)


@pytest.mark.parametrize("recipe", [PRESETS["phrases", True], on_pretrained("flickr8k", "lite0")])
@pytest.mark.parametrize(
    "setting", [("flip", "true"), ("shift", "2"), ("zoom", "0.5"), ("colour", "0.1"), ("norm", "true")]
)
def test_what_is_for_pixels(recipe, setting):
    with pytest.raises(InputError, match="flip, shift, zoom, colour and norm are for pixels"):
        with_settings(recipe, dict([setting]))


def test_settings_as_arguments_and_back():
    given = {"epochs": "3", "without": "deep output", "penalty": "0.0"}
    assert train_command.as_arguments(given) == ["--epochs 3", "--set", "'without=deep output'", "penalty=0.0"]
    args = train_command.parse(["--epochs", "3", "--set", "without=deep output", "--set", "penalty=0.0", "flip=true"])
    assert args.set == [("without", "deep output"), ("penalty", "0.0"), ("flip", "true")] and args.epochs == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [("penalty", "must be NAME=VALUE"), ("epochs=3", "has an option of its own, --epochs"), ("source=", "own, --data")],
)
def test_arguments_that_are_no_settings(text, words, capsys):
    with pytest.raises(SystemExit):
        train_command.parse(["--set", text])
    assert words in capsys.readouterr().err
