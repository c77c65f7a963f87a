"""A recipe's settings given as text."""

from dataclasses import replace

import numpy as np
import pytest

from numpy_sat.decoders import MODELS
from numpy_sat.encoders import ENCODERS, lite0
from numpy_sat.experiment import arguments
from numpy_sat.experiment.presets import PRESETS, on_pretrained
from numpy_sat.experiment.settings import settings_between, with_settings
from numpy_sat.system.errors import InputError

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


@pytest.mark.parametrize("setting", [("flip", "true"), ("shift", "2"), ("zoom", "0.5"), ("colour", "0.1")])
def test_phrases_are_not_changed_like_pictures(setting):
    with pytest.raises(InputError, match="flip, shift, zoom and colour are for pictures, not for phrases"):
        with_settings(PRESETS["phrases", True], dict([setting]))
    assert with_settings(on_pretrained("flickr8k", "lite0"), dict([setting])).augmentation.changes


@pytest.mark.parametrize("recipe", [PRESETS["phrases", True], on_pretrained("flickr8k", "lite0")])
def test_what_has_no_normalisation_of_ours(recipe):
    with pytest.raises(InputError, match="norm: is for the encoder that learns from random weights"):
        with_settings(recipe, {"norm": "true"})


@pytest.mark.parametrize(
    ("recipe", "tuned", "words"),
    [
        (RECIPE, "1", "tuned=1: only the last stages of a pretrained --encoder can be tuned"),
        (PRESETS["phrases", True], "1", "tuned=1: only the last stages of a pretrained --encoder can be tuned"),
        (on_pretrained("flickr8k", "lite0"), "9", "tuned=9: must be a whole number from 0 to 8, of 9 stages"),
        (on_pretrained("flickr8k", "vgg16"), "5", "tuned=5: must be a whole number from 0 to 4, of 5 stages"),
        (on_pretrained("flickr8k", "vgg16"), "-1", "tuned=-1: must be a whole number from 0 on"),
        (on_pretrained("flickr8k", "vgg16"), "true", "tuned=true: must be a whole number from 0 on"),
    ],
)
def test_stages_that_cannot_be_tuned(recipe, tuned, words):
    with pytest.raises(InputError) as error:
        with_settings(recipe, {"tuned": tuned})
    assert words in str(error.value)


@pytest.mark.parametrize("recipe", [RECIPE, on_pretrained("flickr8k", "vgg16")])
def test_grids_of_another_encoder(recipe):
    with pytest.raises(InputError, match=r"14x14x112, .* are grids of --encoder lite0, not of (convnet|vgg16)"):
        with_settings(recipe, {"stages": "14x14x112"})


def test_captions_that_have_no_others_to_be_compared_with():
    alone = {"baseline": "others", "captions": "1"}
    with pytest.raises(InputError, match="with one caption a picture there are no others; set captions to 2"):
        with_settings(RECIPE, {**alone, "self_critical": "2"})
    assert with_settings(RECIPE, {**alone, "self_critical": "0"}).baseline == "others"


def test_tuned_stages():
    """Which of them there are the whole of a line's settings decide."""
    recipe = on_pretrained("flickr8k", "lite0")
    assert with_settings(recipe, {"tuned": "8"}).model.tuned == 8
    with pytest.raises(InputError, match="from 0 to 5, of 6 stages"):
        with_settings(recipe, {"tuned": "6", "stages": "14x14x112"})
    with pytest.raises(InputError, match="only the last stages of a pretrained"):
        with_settings(recipe, {"tuned": "3", "blind": "true"})


@pytest.mark.parametrize(
    ("recipe", "given", "least"),
    [
        (RECIPE, {"picture_size": "15"}, 16),
        (RECIPE, {"stages": "((8,),)", "picture_size": "1"}, 1),
        (RECIPE, {"picture_size": "2", "stages": "((8,),(8,),(8,))"}, 4),
        (on_pretrained("flickr8k", "vgg16"), {"picture_size": "3"}, 16),
        (on_pretrained("flickr8k", "lite0"), {"picture_size": "1"}, 1),
    ],
)
def test_pictures_too_small_for_the_stages(recipe, given, least):
    """Of the smallest there is an annotation vector, and a gradient; of odd ones, too."""
    if int(given["picture_size"]) < least:
        with pytest.raises(InputError, match=f"picture_size={given['picture_size']}: .*, the smallest is {least}."):
            with_settings(recipe, given)
    model = with_settings(recipe, given | {"picture_size": str(least)}).model
    encoder, stages = ENCODERS[model.encoder], tuple(tuple(2 for _ in stage) for stage in model.stages)
    if model.encoder == "lite0":
        stages = lite0.STAGES["14x14x112"]
    params = encoder.init_params(np.random.default_rng(0), stages)
    for size in (least, least + 1):
        pictures = np.random.default_rng(0).uniform(-1, 1, (2, size, size, 3)).astype(np.float32)
        a, cache = encoder.encode_forward(params, pictures, stages)
        assert a.shape[1] == 1 or size > least
        grads = encoder.encode_backward(np.ones_like(a), cache)
        assert grads and all(np.isfinite(gradient).all() for gradient in grads.values())
    if least > 1:
        with pytest.raises(ValueError):
            encoder.encode(params, pictures[:, : least - 1, : least - 1], stages)


def test_no_pixels_at_all():
    with pytest.raises(InputError, match="picture_size=0: must be a whole number from 1 on"):
        with_settings(RECIPE, {"picture_size": "0"})


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--set", "heads=4"], "heads: does nothing for the model soft; it is for dot."),
        (["--set", "penalty=0", "lambda_r=1"], "lambda_r: does nothing for the model soft; it is for hard."),
        (["--model", "hard", "--set", "heads=1"], "heads: does nothing for the model hard; it is for dot."),
        (
            ["--model", "hard", "--set", "without=gate"],
            "without: does nothing for the model hard; it is for soft, dot.",
        ),
        (["--model", "dot", "--set", "as_authors=true"], "as_authors: does nothing for the model dot"),
        (
            ["--model", "tell", "--set", "attention=9"],
            "attention: does nothing for the model tell; it is for soft, dot",
        ),
        (["--model", "tell", "--set", "penalty_target=T/L"], "penalty_target: does nothing for the model tell"),
        (["--model", "log-bilinear", "--set", "state=9"], "state: does nothing for the model log-bilinear"),
        (["--set", "average=0.9"], "average: does nothing without self-critical epochs; set self_critical, too."),
        (["--set", "baseline=others"], "baseline: does nothing without self-critical epochs"),
        (
            ["--data", "flickr8k", "--encoder", "lite0", "--set", "encoder_rate=0.3"],
            "encoder_rate: does nothing where the encoder stays as it is; set tuned, too.",
        ),
    ],
)
def test_settings_that_do_nothing(argv, words):
    with pytest.raises(InputError) as error:
        arguments.choose_recipe(arguments.parse(argv))
    assert words in str(error.value)


@pytest.mark.parametrize(
    "argv",
    [
        ["--model", "dot", "--set", "heads=4", "without=gate", "attention=64", "penalty=0", "state=9"],
        ["--model", "hard", "--set", "lambda_r=1", "lambda_e=1", "expected=1", "reward_to_go=true", "as_authors=true"],
        ["--model", "tell", "--set", "state=9", "embedding=9", "dropout=0.1", "smoothing=0.1"],
        ["--model", "log-bilinear", "--data", "phrases", "--set", "state=8"],  # of what reads
        ["--model", "soft", "--set", "self_critical=1", "average=0.9", "baseline=others"],
        ["--model", "soft", "--set", "encoder_rate=0.3"],  # than that of the decoder, from random weights
        ["--model", "soft", "--data", "flickr8k", "--encoder", "lite0", "--set", "tuned=1", "encoder_rate=0.3"],
        *(["--model", name, "--data", data] for name in MODELS for data in ("scenes", "flickr8k", "phrases")),
    ],
)
def test_settings_that_do_something(argv):
    found = arguments.choose_recipe(arguments.parse(argv))
    assert found.model.model == argv[1]


def test_every_setting_of_a_decoder_is_one():
    assert all(set(decoder.SETTINGS) <= set(vars(RECIPE.model)) for decoder in MODELS.values())


def test_settings_as_arguments_and_back():
    given = {"epochs": "3", "without": "deep output", "penalty": "0.0"}
    assert arguments.as_arguments(given) == ["--epochs 3", "--set", "'without=deep output'", "penalty=0.0"]
    args = arguments.parse(["--epochs", "3", "--set", "without=deep output", "--set", "penalty=0.0", "flip=true"])
    assert args.set == [("without", "deep output"), ("penalty", "0.0"), ("flip", "true")] and args.epochs == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *[("penalty", "must be NAME=VALUE"), ("epochs=3", "has an option of its own, --epochs")],
        *[("source=", "own, --data"), ("look=argmax", "look has an option of caption and evaluate, --look")],
    ],
)
def test_arguments_that_are_no_settings(text, words, capsys):
    with pytest.raises(SystemExit):
        arguments.parse(["--set", text])
    assert words in capsys.readouterr().err
