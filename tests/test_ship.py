"""ship and what it has made: the captioner that comes with the package."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from numpy_sat import caption, checkpoint, evaluate, pretrained, runs, ship, train
from numpy_sat.data import scenes


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A tiny run that evaluate has judged."""
    folder = tmp_path_factory.mktemp("ship")
    scenes.write(folder / "scenes", train=40, dev=6, test=2)
    tiny = ["stages=((4,),(6,))", "embedding=5", "state=7", "attention=6", "picture_size=16"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMPY_SAT_CACHE", str(folder / "cache"))
        arguments = ["--small", "--root", folder / "scenes", "--epochs", 1, "--out", folder / "run", "--set", *tiny]
        assert train.main([*map(str, arguments)]) == 0
        assert evaluate.main([str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)).save(path)
    return path


def test_shipped(judged, photo, tmp_path, monkeypatch, capsys):
    out = tmp_path / "captioner.npz"
    assert ship.main([str(judged), "--out", str(out)]) == 0
    stored, whole = checkpoint.load(out), runs.load_model(judged)
    assert {array.dtype for array in stored.params.values()} == {np.dtype(np.float16)} and not stored.optimizer
    assert str(judged.parent) not in json.dumps(stored.settings)
    scores = json.loads((judged / "evaluate-dev.json").read_text())["rows"][0]["figures"]
    said = capsys.readouterr().out
    assert "trained on: drawn scenes" in said and f"CIDEr-D {scores['CIDEr-D']:.1f}" in said and str(out) in said
    for name, array in runs.load_model(out).params.items():
        np.testing.assert_allclose(array, whole.params[name], rtol=1e-3, atol=1e-7)
    monkeypatch.setattr(runs, "SHIPPED", out)
    assert caption.main([str(photo)]) == caption.main([str(out), str(photo)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second and first.startswith(f"{photo}: ")
    assert ship.main(["--out", str(out)]) == 0
    assert capsys.readouterr().out in said


def test_refused(judged, tmp_path, monkeypatch, capsys):
    run, out = tmp_path / "run", tmp_path / "captioner.npz"
    shutil.copytree(judged, run)

    def refused(words):
        assert ship.main([str(run), "--out", str(out)]) == 2 and not out.exists()
        assert words in capsys.readouterr().err

    (run / "evaluate-dev.json").rename(tmp_path / "evaluate-dev.json")
    refused(f"first judge it: python -m numpy_sat.evaluate {run}")
    (run / "evaluate-dev.json").write_text("{}")
    refused("is not what evaluate writes; evaluate again")
    (tmp_path / "evaluate-dev.json").replace(run / "evaluate-dev.json")
    with monkeypatch.context() as patch:
        patch.setattr(ship, "LARGEST", 100)
        refused("as float16, of at most 0; train a smaller one")
    stored = checkpoint.load(run / runs.BEST)
    stored.params["L_o"][0, 0] = 1e6
    checkpoint.save(run / runs.BEST, stored)
    refused("L_o reaches beyond float16's 65,504")
    assert ship.main(["--out", str(run / runs.BEST)]) == 2
    assert "was not shipped" in capsys.readouterr().err


def test_a_run_alone_is_asked_for_a_picture(judged, capsys):
    with pytest.raises(SystemExit):
        caption.main([str(judged)])
    assert "Name a PICTURE, too" in capsys.readouterr().err


def test_what_comes_with_the_package():
    stored = checkpoint.load(runs.SHIPPED)
    assert runs.SHIPPED.stat().st_size <= ship.LARGEST
    assert {array.dtype for array in stored.params.values()} == {np.dtype(np.float16)} and not stored.optimizer
    assert stored.settings["root"] is None and stored.settings["recipe"]["model"]["weights"] == ""
    assert {"trained on", "encoder", "protocol", "scores"} <= stored.settings["provenance"].keys()
    assert runs.load_model(runs.SHIPPED).recipe.model.encoder == "lite0"


def test_without_the_encoder_one_sentence(photo, monkeypatch, capsys):
    monkeypatch.setattr(pretrained, "PACKAGE", "no_such_package")
    pretrained._net.cache_clear()
    assert caption.main([str(photo)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: EfficientNet-Lite0's weights are not installed") and len(error.splitlines()) == 1
