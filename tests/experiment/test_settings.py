"""The settings of a recipe: parsing, ranges, conditions, help and the command line."""

import dataclasses
import json

import numpy as np
import pytest
import tiny

from numpy_sat.decoders import MODELS
from numpy_sat.encoders import ENCODERS, lite
from numpy_sat.experiment.arguments import choose_recipe, parse
from numpy_sat.experiment.presets import PRESETS, on_pretrained
from numpy_sat.experiment.recipe import SETTINGS, Recipe, from_json
from numpy_sat.experiment.settings import settings_between, with_settings
from numpy_sat.system.errors import InputError

RECIPE = PRESETS["flickr8k", False]
LITE2 = on_pretrained("flickr8k", "lite2")


def test_settings_of_all_groups():
    texts = {
        **{"epochs": "30", "horizontal_flip": "false", "random_crop": "1", "random_shift": "0", "optimizer": "rmsprop"},
        **{"attention_penalty": "0", "without": "gate,deep output", "penalty_target": "T/L"},
        **{"stages": "((8,),(16,16))", "length_power": "0.7"},
    }
    recipe = with_settings(RECIPE, texts)
    values = {"epochs": 30, "horizontal_flip": False, "random_crop": 1.0, "random_shift": 0, "optimizer": "rmsprop"}
    values |= {"attention_penalty": 0.0, "without": ("gate", "deep output"), "penalty_target": "T/L"}
    values |= {"stages": ((8,), (16, 16)), "length_power": 0.7}
    assert recipe == RECIPE.replace(**values)
    assert isinstance(recipe.augmentation.random_crop, float) and isinstance(recipe.loss.attention_penalty, float)
    assert with_settings(recipe, {"without": ""}).decoder.without == ()


def test_every_setting_is_declared_once_and_completely():
    groups = [field.default for field in dataclasses.fields(Recipe)]
    names = [field.name for group in groups for field in dataclasses.fields(group)]
    assert len(set(names)) == len(names) and list(SETTINGS) == names and list(Recipe().values()) == names
    for name, setting in SETTINGS.items():
        assert setting.meaning and not setting.meaning.endswith(".") and setting.describe_range()
        assert getattr(getattr(Recipe(), setting.group), name) == setting.default
        if name not in ("source_words", "weights_digest", "weights_file"):
            assert setting.parse(setting.text(setting.default)) == setting.default, name
        assert setting.off is None or setting.parse(setting.text(setting.off)) == setting.off, name


def test_the_recipe_is_read_back_from_json():
    for recipe in (*PRESETS.values(), on_pretrained("flickr8k", "lite0"), LITE2, RECIPE.replace(without=("gate",))):
        stored = json.loads(json.dumps(dataclasses.asdict(recipe)))
        assert from_json(stored) == recipe and hash(from_json(stored)) == hash(recipe)
    for damage in ({"encoder": None}, {"loss": {"penalty": 1}}, {"decoding": 3}, {"more": {}}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            from_json({**stored, **damage})
    with pytest.raises(KeyError):
        from_json({})
    with pytest.raises(TypeError, match="there is no setting penalty"):
        Recipe().replace(penalty=0)


def test_help_lists_every_setting_with_its_value_and_range(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as exit:
        parse(["--data", "flickr8k", "--model", "dot", "--set", "help"])
    lines = capsys.readouterr().out.splitlines()
    assert exit.value.code == 0 and [line.split()[0] for line in lines if line[0] != " "] == [*SETTINGS]
    assert all(len(line) <= 80 for line in lines)
    k = lines.index("random_crop = 0.7   [a number above 0 to 1]")
    assert " ".join(f"{lines[k + 1]} {lines[k + 2]}".split()).startswith(SETTINGS["random_crop"].meaning)
    (k,) = (k for k, line in enumerate(lines) if line.startswith("reinforce_weight = 0.05 "))
    assert lines[k + 1].endswith("(model hard)")


def test_help_shows_the_settings_of_the_run_that_from_names(trained, capsys):
    with pytest.raises(SystemExit) as exit:
        parse(["--from", str(trained), "--set", "help"])
    values = dict(line.split()[:3:2] for line in capsys.readouterr().out.splitlines() if line[0] != " ")
    assert exit.value.code == 0 and values["hidden_size"] == str(tiny.RECIPE.decoder.hidden_size)


@pytest.mark.parametrize("name", PRESETS)
def test_settings_between_two_recipes_turn_one_into_the_other(name):
    between = settings_between(PRESETS[name], RECIPE)
    assert with_settings(RECIPE, between) == PRESETS[name]
    assert (between == {}) == (name == ("flickr8k", False))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("colur", "0.2", "colur: there is no such setting; "),
        ("penalty", "0", "did you mean attention_penalty or penalty_normalization or penalty_target?"),
        ("epochs", "0", "epochs=0: must be a whole number of at least 1"),
        ("epochs", "2.5", "a whole number of at least 1"),
        ("random_shift", "-1", "a whole number of at least 0"),
        ("random_crop", "1.5", "random_crop=1.5: must be a number above 0 to 1"),
        ("random_crop", "0", "random_crop=0: must be a number above 0 to 1"),
        ("dropout", "1.0", "dropout=1.0: must be a number from 0 to below 1"),
        ("attention_penalty", "nan", "a number of at least 0"),
        ("attention_penalty", "1e999", "a number of at least 0"),
        ("horizontal_flip", "2", "horizontal_flip=2: must be true or false"),
        ("without", "gate,eyes", "without=gate,eyes: must be any of: attention, gate, deep output"),
        ("optimizer", "adam,rmsprop", "must be one of: adam, rmsprop"),
        ("penalty_target", "two", "must be one of: one, T/L"),
        ("stages", "(32,64)", "the channels of every stage's convolutions"),
        ("stages", "((32,),(0,))", "the channels of every stage's convolutions"),
        ("stages", "12", "the channels of every stage's convolutions"),
        ("stages", "import os", "the channels of every stage's convolutions"),
        ("stages", "((1000000,),)", "the channels of every stage's convolutions"),
        ("stages", f"({'(8,),' * 101})", "the channels of every stage's convolutions"),
        ("embedding_size", "1000000000000", "embedding_size=1000000000000: must be at most 16,384"),
        ("max_words", "1000000", "max_words=1000000: must be at most 1,000"),
        ("epochs", "1" + "0" * 400, "000...: must be at most 1,000,000,000"),
        ("random_shift", "112", "random_shift=112: must be below image_size=112"),
        ("length_power", "1e300", "length_power=1e300: must be a number from 0 to 10"),
    ],
)
def test_impossible_settings(name, text, words):
    with pytest.raises(InputError) as error:
        with_settings(RECIPE, {name: text})
    assert words in str(error.value)


@pytest.mark.parametrize(
    "setting", [("horizontal_flip", "true"), ("random_shift", "2"), ("random_crop", "0.5"), ("color_jitter", "0.1")]
)
def test_phrases_cannot_be_augmented(setting):
    with pytest.raises(InputError, match=f"{setting[0]}=.*: images can be augmented, phrases cannot"):
        with_settings(PRESETS["phrases", True], dict([setting]))
    assert with_settings(on_pretrained("flickr8k", "lite0"), dict([setting])).augmentation.changes


@pytest.mark.parametrize("recipe", [PRESETS["phrases", True], on_pretrained("flickr8k", "lite0")])
def test_encoders_without_batch_norm(recipe):
    with pytest.raises(InputError, match="batch_norm=true: only an encoder of images that starts from random weights"):
        with_settings(recipe, {"batch_norm": "true"})


@pytest.mark.parametrize(
    ("recipe", "tuned", "words"),
    [
        (RECIPE, "1", "tuned_stages=1: only the last stages of a pretrained --encoder can be tuned"),
        (PRESETS["phrases", True], "1", "tuned_stages=1: only the last stages of a pretrained --encoder can be tuned"),
        (on_pretrained("flickr8k", "lite0"), "9", "tuned_stages=9: must be a whole number from 0 to 8, of 9 stages"),
        (on_pretrained("flickr8k", "vgg16"), "5", "tuned_stages=5: must be a whole number from 0 to 4, of 5 stages"),
        (on_pretrained("flickr8k", "vgg16"), "-1", "tuned_stages=-1: must be a whole number of at least 0"),
        (on_pretrained("flickr8k", "vgg16"), "true", "tuned_stages=true: must be a whole number of at least 0"),
    ],
)
def test_stages_that_cannot_be_tuned(recipe, tuned, words):
    with pytest.raises(InputError) as error:
        with_settings(recipe, {"tuned_stages": tuned})
    assert words in str(error.value)


@pytest.mark.parametrize("recipe", [RECIPE, on_pretrained("flickr8k", "vgg16"), LITE2])
def test_grids_of_another_encoder(recipe):
    with pytest.raises(InputError, match=r"14x14x112, .* are grids of --encoder lite0, not of (convnet|vgg16|lite2)"):
        with_settings(recipe, {"stages": "14x14x112"})
    with pytest.raises(InputError, match=r"15x15x112, .* are grids of --encoder lite1, not of (convnet|vgg16|lite2)"):
        with_settings(recipe, {"stages": "8x8x1280"})


@pytest.mark.parametrize("recipe", [on_pretrained("flickr8k", "lite0"), LITE2])
def test_channels_for_lite(recipe):
    encoder = recipe.encoder.network
    grids = next(iter(lite.NETWORKS[encoder].grids))
    with pytest.raises(
        InputError, match=rf"stages=\(\(32,\),\(64,\)\): --encoder {encoder} has the stages of a grid: {grids}"
    ):
        with_settings(recipe, {"stages": "((32,),(64,))"})


@pytest.mark.parametrize(("network", "size"), [("lite0", 224), ("lite1", 240), ("lite2", 260), ("vgg16", 224)])
def test_every_pretrained_encoder_has_images_of_its_own_size(network, size):
    assert on_pretrained("flickr8k", network).encoder.image_size == size


@pytest.mark.parametrize("name", ["epochs", "batch_size", "learning_rate", "stages", "model", "batch_norm"])
@pytest.mark.parametrize("sign", ["9", "(", "x"])
def test_a_value_of_100000_signs_gives_a_short_message(name, sign):
    with pytest.raises(InputError) as error:
        with_settings(RECIPE, {name: 100_000 * sign})
    assert str(error.value).startswith(f"{name}={sign}") and len(str(error.value)) < 300


def test_the_baseline_of_other_samples_needs_two_captions_per_image():
    texts = {"reward_baseline": "others", "captions_per_image": "1"}
    with pytest.raises(InputError, match="with one caption per image there are no others; set captions_per_image to 2"):
        with_settings(RECIPE, {**texts, "objective": "self-critical"})
    assert with_settings(RECIPE, {**texts, "objective": "cross-entropy"}).training.reward_baseline == "others"


def test_tuned_stages_depend_on_other_settings():
    recipe = on_pretrained("flickr8k", "lite0")
    assert with_settings(recipe, {"tuned_stages": "8"}).encoder.tuned_stages == 8
    with pytest.raises(InputError, match="from 0 to 5, of 6 stages"):
        with_settings(recipe, {"tuned_stages": "6", "stages": "14x14x112"})
    with pytest.raises(InputError, match="only the last stages of a pretrained"):
        with_settings(recipe, {"tuned_stages": "3", "blind": "true"})


@pytest.mark.parametrize(
    ("recipe", "texts", "minimum"),
    [
        (RECIPE, {"image_size": "15"}, 16),
        (RECIPE, {"stages": "((8,),)", "image_size": "1"}, 1),
        (RECIPE, {"image_size": "2", "stages": "((8,),(8,),(8,))"}, 4),
        (on_pretrained("flickr8k", "vgg16"), {"image_size": "3"}, 16),
        pytest.param(on_pretrained("flickr8k", "lite0"), {"image_size": "1"}, 1, marks=pytest.mark.slow),
    ],
)
def test_images_too_small_for_the_stages(recipe, texts, minimum):
    """Check that the smallest images, and odd sizes, have an annotation vector and a gradient."""
    if int(texts["image_size"]) < minimum:
        with pytest.raises(InputError, match=f"image_size={texts['image_size']}: .*, the smallest is {minimum}."):
            with_settings(recipe, texts)
    settings = with_settings(recipe, texts | {"image_size": str(minimum)}).encoder
    encoder, stages = ENCODERS[settings.network], tuple(tuple(2 for _ in stage) for stage in settings.stages)
    if settings.network == "lite0":
        stages = lite.STAGES["14x14x112"]
    params = encoder.init_params(np.random.default_rng(0), stages)
    for size in (minimum, minimum + 1):
        images = np.random.default_rng(0).uniform(-1, 1, (2, size, size, 3)).astype(np.float32)
        a, cache = encoder.encode_forward(params, images, stages)
        assert a.shape[1] == 1 or size > minimum
        grads = encoder.encode_backward(np.ones_like(a), cache)
        assert grads and all(np.isfinite(gradient).all() for gradient in grads.values())
    if minimum > 1:
        with pytest.raises(ValueError):
            encoder.encode(params, images[:, : minimum - 1, : minimum - 1], stages)


def test_images_without_pixels():
    with pytest.raises(InputError, match="image_size=0: must be a whole number of at least 1"):
        with_settings(RECIPE, {"image_size": "0"})


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--data", "phrases", "--set", "image_size=32"], "image_size: does nothing for phrases."),
        (["--data", "phrases", "--set", "stages=((8,),)"], "stages: does nothing for phrases."),
        (["--set", "attention_mode=argmax"], "attention_mode: does nothing for the model soft; it is for hard."),
        (["--set", "heads=4"], "heads: does nothing for the model soft; it is for dot, transformer, vlp, oscar."),
        (
            ["--set", "attention_penalty=0", "reinforce_weight=1"],
            "reinforce_weight: does nothing for the model soft; it is for hard.",
        ),
        (
            ["--model", "hard", "--set", "heads=1"],
            "heads: does nothing for the model hard; it is for dot, transformer, vlp, oscar.",
        ),
        (
            ["--model", "hard", "--set", "without=gate"],
            "without: does nothing for the model hard; it is for soft, dot.",
        ),
        (
            ["--model", "transformer", "--set", "embedding_size=9"],
            "embedding_size: does nothing for the model transformer; it is for soft, ",
        ),
        (
            ["--model", "transformer", "--set", "embedding_start=glove"],
            "embedding_start: does nothing for the model transformer.",
        ),
        (["--set", "layers=2"], "layers: does nothing for the model soft; it is for transformer, vlp, oscar."),
        (["--model", "dot", "--set", "authors_code=true"], "authors_code: does nothing for the model dot"),
        (
            ["--model", "tell", "--set", "attention_size=9"],
            "attention_size: does nothing for the model tell; it is for soft, dot",
        ),
        (["--model", "tell", "--set", "penalty_target=T/L"], "penalty_target: does nothing for the model tell"),
        (["--model", "log-bilinear", "--set", "hidden_size=9"], "hidden_size: does nothing for the model log-bilinear"),
        (["--set", "ema=0.9"], "ema: does nothing for objective=cross-entropy; set another objective too."),
        (["--set", "reward_baseline=others"], "reward_baseline: does nothing for objective=cross-entropy"),
        (["--set", "cross_entropy_epochs=1"], "cross_entropy_epochs: does nothing for objective=cross-entropy"),
        (
            ["--set", "objective=self-critical", "rollouts=2"],
            "rollouts: does nothing for objective=self-critical; it is for adversarial.",
        ),
        (
            ["--set", "objective=adversarial", "gradient=straight-through", "reward_baseline=others"],
            "reward_baseline: does nothing for gradient=straight-through, which samples no captions.",
        ),
        (
            ["--set", "objective=adversarial", "gumbel_temperature=1"],
            "gumbel_temperature: does nothing without soft words; set gradient=straight-through too.",
        ),
        (
            ["--set", "objective=self-critical", "reward_weight=2"],
            "reward_weight: does nothing for objective=self-critical; it is for meta.",
        ),
        (
            ["--set", "objective=meta", "meta_gradient=weighted-sum", "inner_rate=0.1"],
            "inner_rate: does nothing for meta_gradient=weighted-sum, which takes no inner step.",
        ),
        (
            ["--data", "flickr8k", "--encoder", "lite0", "--set", "encoder_rate_factor=0.3"],
            "encoder_rate_factor: does nothing where the encoder is not trained; set tuned_stages too.",
        ),
    ],
)
def test_settings_that_do_nothing(argv, words):
    with pytest.raises(InputError) as error:
        choose_recipe(parse(argv))
    assert words in str(error.value)


@pytest.mark.parametrize(
    "argv",
    [
        [
            "--model",
            "dot",
            "--set",
            "heads=4",
            "without=gate",
            "attention_size=64",
            "attention_penalty=0",
            "hidden_size=9",
        ],
        [
            "--model",
            "hard",
            "--set",
            "reinforce_weight=1",
            "entropy_weight=1",
            "expected_context=1",
            "reward_to_go=true",
            "authors_code=true",
        ],
        ["--model", "tell", "--set", "hidden_size=9", "embedding_size=9", "dropout=0.1", "label_smoothing=0.1"],
        ["--model", "log-bilinear", "--data", "phrases", "--set", "hidden_size=8"],  # for the encoder
        ["--model", "soft", "--set", "objective=self-critical", "ema=0.9", "reward_baseline=others"],
        ["--model", "hard", "--set", "attention_mode=argmax", "length_power=0.7", "max_words=9"],
        ["--model", "soft", "--set", "encoder_rate_factor=0.3"],  # the encoder is trained from random weights
        [
            "--model",
            "soft",
            "--data",
            "flickr8k",
            "--encoder",
            "lite0",
            "--set",
            "tuned_stages=1",
            "encoder_rate_factor=0.3",
        ],
        *(["--model", name, "--data", data] for name in MODELS for data in ("scenes", "flickr8k", "phrases")),
    ],
)
def test_settings_that_do_something(argv):
    assert choose_recipe(parse(argv)).decoder.model == argv[1]


def test_decoders_list_existing_settings():
    assert all(set(decoder.SETTINGS) <= set(SETTINGS) for decoder in MODELS.values())


def test_settings_from_the_command_line():
    args = parse(["--epochs", "3", "--set", "without=deep output", "--set", "attention_penalty=0.0", "dropout=0"])
    assert args.set == [("without", "deep output"), ("attention_penalty", "0.0"), ("dropout", "0")] and args.epochs == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs", "0"], "argument --epochs: must be a whole number of at least 1, not 0"),
        (["--learning-rate", "inf"], "argument --learning-rate: must be a number above 0, not inf"),
        (["--clip-norm", "0"], "argument --clip-norm: must be a number above 0, not 0"),
        (["--optimizer", "sgd"], "argument --optimizer: invalid choice: 'sgd'"),
    ],
)
def test_options_with_impossible_values(arguments, words, capsys):
    with pytest.raises(SystemExit):
        parse(arguments)
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *[("attention_penalty", "must be NAME=VALUE"), ("epochs=3", "is set by its own option, --epochs")],
        *[("source_words=", "own option, --data"), ("network=vgg16", "network is set by its own option, --encoder")],
        *[("weights_digest=0", "own option, --encoder"), ("clip_norm=1", "own option, --clip-norm")],
    ],
)
def test_impossible_arguments_of_set(text, words, capsys):
    with pytest.raises(SystemExit):
        parse(["--set", text])
    assert words in capsys.readouterr().err


def test_heads_share_the_attention_size_or_the_hidden_size():
    with pytest.raises(InputError, match="heads=5: must divide attention_size=256"):
        with_settings(RECIPE, {"model": "dot", "heads": "5"})
    assert with_settings(RECIPE, {"model": "dot", "heads": "8"}).decoder.heads == 8
    with pytest.raises(InputError, match="heads=5: must divide hidden_size=384"):
        with_settings(RECIPE, {"model": "transformer", "heads": "5"})
    assert with_settings(RECIPE, {"model": "transformer", "heads": "3"}).decoder.heads == 3
    assert with_settings(RECIPE, {"model": "soft", "heads": "5"}).decoder.heads == 5  # refuse_idle refuses it


@pytest.mark.parametrize(("last", "epochs", "first"), [(0, 8, 0), (3, 8, 5), (8, 8, 0), (9, 8, 0)])
def test_a_recipe_of_an_older_version(last, epochs, first):
    """Check that self_critical_epochs, the number of last epochs, becomes the objective and the epochs before it."""
    stored = json.loads(json.dumps(dataclasses.asdict(Recipe())))
    del stored["adversarial"], stored["meta"]
    for name in ("objective", "cross_entropy_epochs"):
        del stored["training"][name]
    stored["training"] |= {"self_critical_epochs": last, "epochs": epochs}
    expected = {"objective": "self-critical", "cross_entropy_epochs": first} if last else {}
    assert from_json(stored) == Recipe().replace(epochs=epochs, **expected)
    with pytest.raises(InputError, match="self_critical_epochs: is no longer a setting; set objective=self-critical"):
        with_settings(RECIPE, {"self_critical_epochs": "3"})


def test_a_recipe_of_a_version_without_meta_learning():
    stored = json.loads(json.dumps(dataclasses.asdict(Recipe().replace(objective="adversarial"))))
    del stored["meta"]
    assert from_json(stored) == Recipe().replace(objective="adversarial")


def test_a_model_without_soft_words():
    texts = {"objective": "adversarial", "cross_entropy_epochs": "3", "gradient": "straight-through", "model": "tell"}
    with pytest.raises(InputError, match="gradient=straight-through: the model tell cannot write soft words"):
        with_settings(RECIPE, texts)
    assert with_settings(RECIPE, texts | {"model": "dot"}).adversarial.gradient == "straight-through"


def test_an_objective_that_would_never_begin():
    recipe = RECIPE.replace(epochs=4, batch_size=1)
    texts = {"objective": "adversarial", "mismatch_weight": "0"}
    assert with_settings(recipe, {**texts, "cross_entropy_epochs": "3"}).training.cross_entropy_epochs == 3
    with pytest.raises(InputError, match="objective=adversarial: would begin after 4 epochs, and the run has 4"):
        with_settings(recipe, {**texts, "cross_entropy_epochs": "4"})
    with pytest.raises(InputError, match=r"mismatch_weight=1\.0: a batch of one image has no captions of others"):
        with_settings(recipe, {"objective": "adversarial", "cross_entropy_epochs": "3"})
