"""Test the command ship, and the captioner of the package."""

import contextlib
import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from numpy_sat import caption, captioner, evaluate, pretrained, ship, train
from numpy_sat.data import batches
from numpy_sat.data.scenes import scenes
from numpy_sat.decoding import search
from numpy_sat.encoders import lite
from numpy_sat.evaluation import model_card, shipping
from numpy_sat.evaluation.attention_statistics import measure
from numpy_sat.experiment import arguments, checkpoint, notice, presets, runs, settings
from numpy_sat.experiment.recipe import from_json
from numpy_sat.pretrained import inputs
from numpy_sat.system.errors import InputError


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Return the folder of a tiny run that evaluate has scored."""
    folder = tmp_path_factory.mktemp("ship")
    scenes.write(folder / "scenes" / f"scenes-{scenes.VERSION}-0", train=40, dev=6, test=2)
    tiny = ["stages=((4,),(6,))", "embedding_size=5", "hidden_size=7", "attention_size=6", "image_size=16"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMPY_SAT_CACHE", str(folder / "cache"))
        arguments = ["--small", "--root", folder / "scenes", "--epochs", 1, "--out", folder / "run", "--set", *tiny]
        assert train.main([*map(str, arguments)]) == 0
        assert evaluate.main([str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture
def photo(tmp_path):
    """Return the path of a small random image."""
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)).save(path)
    return path


def test_shipped(judged, photo, tmp_path, monkeypatch, capsys):
    out = tmp_path / "captioner.npz"
    assert ship.main([str(judged), "--out", str(out)]) == 0
    stored, whole = checkpoint.load(out), runs.load_model(judged)
    assert not stored.optimizer
    assert str(judged.parent) not in json.dumps(stored.settings)
    scores = json.loads((judged / "evaluate-dev.json").read_text())["rows"][0]["figures"]
    printed = capsys.readouterr().out
    assert "trained on: generated scenes" in printed and str(out) in printed
    assert f"CIDEr-D {scores['CIDEr-D']:.1f}" in printed
    for name, array in runs.load_model(out).params.items():
        largest = np.abs(whole.params[name]).max(initial=0)
        np.testing.assert_allclose(array, whole.params[name], rtol=1e-3, atol=largest / 250)
    monkeypatch.setattr(runs, "SHIPPED", out)
    assert caption.main([str(photo)]) == caption.main([str(out), str(photo)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second and first.startswith(f"{photo}: ")
    assert ship.main(["--out", str(out)]) == 0
    assert capsys.readouterr().out in printed


def test_refused(judged, tmp_path, monkeypatch, capsys):
    run, out = tmp_path / "run", tmp_path / "captioner.npz"
    shutil.copytree(judged, run)

    def refused(words):
        assert ship.main([str(run), "--out", str(out)]) == 2 and not out.exists()
        assert words in capsys.readouterr().err

    (run / "evaluate-dev.json").rename(tmp_path / "evaluate-dev.json")
    refused(f"first judge the run: python -m numpy_sat.evaluate {run}")
    row = '{"checkpoint": "", "protocol": "", "rows": [%s]}'
    for text in (
        "{}",
        "[]",
        "5",
        "[" * 100_000,
        row % "",
        row % '{"figures": 3}',
        row % '{"figures": {"CIDEr-D": "x"}}',
    ):
        (run / "evaluate-dev.json").write_text(text)
        refused("not a file of evaluate; evaluate again")
    (tmp_path / "evaluate-dev.json").replace(run / "evaluate-dev.json")
    (run / runs.BEST).rename(tmp_path / runs.BEST)  # now the last checkpoint counts, which evaluate has not scored
    refused(f"evaluate-dev.json: of another checkpoint than {run / runs.LAST}; evaluate again: python -m numpy_sat.ev")
    (tmp_path / runs.BEST).replace(run / runs.BEST)
    with monkeypatch.context() as patch:
        patch.setattr(shipping, "LARGEST", 100)
        refused("as a captioner, more than 0 MB; train a smaller model")
    stored = checkpoint.load(run / runs.BEST)
    stored.params["b_o"][0] = 1e6
    checkpoint.save(run / runs.BEST, stored)
    refused("b_o has NaN, or numbers above 65,504")
    assert ship.main(["--out", str(run / runs.BEST)]) == 2
    assert "not a shipped captioner" in capsys.readouterr().err


@pytest.mark.parametrize("report", ["[]", "null", '{"checkpoint": 1, "protocol": 2, "rows": 3}', "[" * 100_000, "pipe"])
def test_a_report_that_evaluate_cannot_have_written(judged, tmp_path, capsys, report):
    run = tmp_path / "run"
    shutil.copytree(judged, run)
    path = run / "evaluate-dev.json"
    path.unlink()
    path.write_text(report) if report != "pipe" else os.mkfifo(path)
    assert ship.main([str(run), "--out", str(tmp_path / "captioner.npz")]) == 2
    assert "unreadable, or not a file of evaluate; evaluate again" in capsys.readouterr().err


@pytest.mark.parametrize("scores", [[1], 7, None, {"BLEU-1": "high"}, {"BLEU-1": None}])
def test_scores_that_evaluate_cannot_have_written(judged, tmp_path, capsys, scores):
    run = tmp_path / "run"
    shutil.copytree(judged, run)
    report = json.loads((run / "evaluate-dev.json").read_text())
    report["rows"][0]["figures"] = scores
    (run / "evaluate-dev.json").write_text(json.dumps(report))
    assert ship.main([str(run), "--out", str(tmp_path / "captioner.npz")]) == 2
    assert "unreadable, or not a file of evaluate; evaluate again" in capsys.readouterr().err


def test_shipping_replaces_only_shipped_captioners(judged, tmp_path, capsys):
    """Check that a run's checkpoint and a user's notice stay."""
    shutil.copytree(judged, tmp_path / "run")
    best = tmp_path / "run" / runs.BEST
    before = best.read_bytes()
    assert ship.main([str(judged), "--out", str(best)]) == 2
    assert "best.npz: holds no shipped captioner" in capsys.readouterr().err
    assert best.read_bytes() == before
    for _ in range(2):
        assert ship.main([str(judged), "--out", str(tmp_path / "c.npz")]) == 0
    with pytest.raises(SystemExit):
        ship.main([str(judged), "--out", str(tmp_path / "c.txt")])
    assert "--out needs the name of a checkpoint" in capsys.readouterr().err
    (tmp_path / notice.NOTICE).write_text("mine")
    encoder = from_json(runs.load_model(runs.SHIPPED).settings["recipe"]).encoder
    with pytest.raises(InputError, match="would be replaced by the captioner's notice"):
        notice.refuse_others(tmp_path / "c.npz", encoder)
    notice.refuse_others(runs.SHIPPED, encoder)


def test_model_card(judged, tmp_path, capsys):
    """Check that the card has the figures and the intervals of the report, and names no image."""
    out = tmp_path / "captioner.npz"
    assert ship.main([str(judged), "--out", str(out)]) == 0
    card = (tmp_path / "captioner.md").read_text()
    assert f"written: {tmp_path / 'captioner.md'}" in capsys.readouterr().out
    assert [line[3:] for line in card.splitlines() if line.startswith("## ")] == [
        *("What it is", "Data and its terms", "Licence of the weights", "Figures", "Known failures"),
        "Who should not rely on it",
    ]
    report = json.loads((judged / "evaluate-dev.json").read_text())
    row = report["rows"][0]
    for name, score in row["figures"].items():
        low, high = row["interval"][name]
        assert f"| {score:.1f} ({low:.1f} to {high:.1f}) |" in card
    assert f"it uses {report['ours']['words']} different words" in card and report["protocol"] in card
    assert f"Errors: {100 - 100 * report['truth']['complete']:.1f} % of captions" in card
    assert "drawn scenes only" in card and not any(name in card for name in report["captions"])
    with monkeypatched(judged, {"ours": {**report["ours"], "words": 12345}}):
        assert ship.main([str(judged), "--out", str(out)]) == 0
    assert "it uses 12,345 different words" in (tmp_path / "captioner.md").read_text()


@contextlib.contextmanager
def monkeypatched(run, changes):
    """Change entries of a run's report for a while."""
    path = run / "evaluate-dev.json"
    before = path.read_text()
    path.write_text(json.dumps(json.loads(before) | changes))
    try:
        yield
    finally:
        path.write_text(before)


@pytest.mark.parametrize(
    "changes", [{"ours": None}, {"ours": {}}, {"vocabulary": None}, {"attention": 3}, {"rows": [{"figures": {}}]}]
)
def test_a_card_that_cannot_be_written(judged, tmp_path, capsys, changes):
    """Check that neither file is written from a report with damaged parts."""
    with monkeypatched(judged, changes):
        assert ship.main([str(judged), "--out", str(tmp_path / "captioner.npz")]) == 2
    assert "not a file of evaluate; evaluate again" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_card_is_renewed_from_a_report(judged, tmp_path, capsys, monkeypatch):
    out, card = tmp_path / "captioner.npz", tmp_path / "captioner.md"
    assert ship.main([str(judged), "--out", str(out)]) == 0
    assert ship.main(["--card", str(judged / "evaluate-dev.json"), "--out", str(out)]) == 2
    assert "of another checkpoint than" in capsys.readouterr().err
    before = card.read_text()
    root = str(judged.parent / "scenes")
    assert evaluate.main([str(out), "--root", root, "--beam", "1", "--out", str(tmp_path / "again.md")]) == 0
    assert ship.main(["--card", str(tmp_path / "again.json"), "--out", str(out)]) == 0
    assert "beam width 1" in card.read_text() and "beam width 3" in before
    card.write_text("mine")
    assert ship.main(["--card", str(tmp_path / "again.json"), "--out", str(out)]) == 2
    assert ship.main([str(judged), "--out", str(out)]) == 2
    assert capsys.readouterr().err.count("would be replaced by the model card") == 2 and card.read_text() == "mine"
    with pytest.raises(SystemExit):
        ship.main([str(judged), "--card", str(tmp_path / "again.json")])
    assert "--card takes no run" in capsys.readouterr().err


def test_card_of_the_package():
    """Check that the card belongs to the captioner of the package."""
    card = model_card.path_of(runs.SHIPPED).read_text()
    provenance = checkpoint.load(runs.SHIPPED).settings["provenance"]
    assert provenance["trained on"] in card and provenance["encoder"] in card and "Flickr8k" in card
    assert f"{sum(array.size for array in runs.load_model(runs.SHIPPED).params.values()):,} parameters" in card
    assert "(Apache-2.0)" in card and "see NOTICE.md" in card and "non-commercial research" in card


def test_a_translator_is_not_shipped(tmp_path, monkeypatch, capsys):
    recipe = presets.PRESETS["phrases", True]
    params = captioner.init_params(np.random.default_rng(0), recipe, np.zeros(4))
    model = runs.Model(params, recipe, None, {"data": "phrases"}, {})
    monkeypatch.setattr(runs, "load_model", lambda path: model)
    assert ship.main(["run", "--out", str(tmp_path / "captioner.npz")]) == 2
    assert "run: a translator" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_run_without_images_is_refused(judged, capsys):
    with pytest.raises(SystemExit):
        caption.main([str(judged)])
    assert "name an IMAGE after" in capsys.readouterr().err


def test_captioner_of_the_package():
    stored = checkpoint.load(runs.SHIPPED)
    assert runs.SHIPPED.stat().st_size <= shipping.LARGEST
    assert sum(array.nbytes for array in stored.params.values() if array.dtype == np.int8) > 4_000_000
    assert not stored.optimizer
    assert stored.settings["root"] is None and stored.settings["recipe"]["encoder"]["weights_file"] == ""
    assert {"trained on", "encoder", "protocol", "scores"} <= stored.settings["provenance"].keys()
    model = runs.load_model(runs.SHIPPED)
    assert model.recipe.encoder.network in lite.NETWORKS and not model.recipe.encoder.pretrained
    assert (runs.SHIPPED.with_name(notice.NOTICE)).read_text() == notice.text("captioner.npz", model.recipe.encoder)
    assert "END OF TERMS AND CONDITIONS" in runs.SHIPPED.with_name(notice.LICENSE).read_text()


def test_first_command_of_the_shipped_captioner():
    """Check that its first command gives its first recipe."""
    settings = checkpoint.load(runs.SHIPPED).settings
    first = runs.origin(settings)
    recipe = arguments.choose_recipe(arguments.parse(first["first_command"][1:]))
    digest = first["first_recipe"]["encoder"]["weights_digest"]
    assert first["first_command"][0] == "train" and settings["command"] is None
    assert recipe.replace(weights_digest=digest) == from_json(first["first_recipe"])


def test_only_captioners_with_an_efficientnet_need_a_notice(tmp_path):
    encoder = runs.load_model(runs.SHIPPED).recipe.encoder
    assert notice.write(tmp_path / "c.npz", dataclasses.replace(encoder, network="convnet")) == []
    assert not list(tmp_path.iterdir())
    paths = notice.write(tmp_path / "c.npz", encoder)
    assert sorted(paths) == sorted(tmp_path.iterdir()) and "`c.npz` contains weights" in paths[0].read_text()
    assert paths[1].read_bytes() == runs.SHIPPED.with_name(notice.LICENSE).read_bytes()


def test_the_captioner_needs_no_other_package(photo, monkeypatch, capsys):
    for network, package in pretrained.PACKAGES.items():
        monkeypatch.setitem(pretrained.PACKAGES, network, package._replace(module="no_such_package"))
    pretrained._net.cache_clear()
    assert caption.main([str(photo)]) == 0
    assert capsys.readouterr().out.startswith(f"{photo}: ")


@pytest.mark.parametrize("tuned", [0, 2])
def test_a_complete_model_encodes_alike(rng, tuned):
    """Check that the encoder with all stages in the captioner gives the annotations of the run that it comes from."""
    recipe = presets.on_pretrained("flickr8k", "lite0").replace(tuned_stages=tuned, image_size=64)
    try:
        pretrained.lite_file("lite0")
    except InputError as error:
        pytest.skip(str(error))
    params = captioner.init_params(rng, recipe, np.zeros(5)) | pretrained.tuned(recipe)
    for name in pretrained.tuned(recipe):
        params[name] = 1.1 * params[name]  # as if trained further
    pixels = rng.integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    complete, all_params = shipping._complete(runs.Model(params, recipe, None, {}, {}))
    a = [
        captioner.annotate(weights, batches.scale_pixels(inputs.encode(config, pixels)), config)
        for config, weights in ((recipe, params), (complete, all_params))
    ]
    assert len(all_params) > len(params) and not complete.encoder.pretrained
    np.testing.assert_allclose(a[1], a[0], rtol=1e-5, atol=1e-5)


def test_a_blind_model_needs_no_encoder():
    recipe = presets.on_pretrained("flickr8k", "lite0").replace(blind=True)
    assert shipping._complete(runs.Model({}, recipe, None, {}, {})) == (recipe, {})
    assert not notice.is_necessary(recipe.encoder)


def test_a_captioner_with_unsound_scales_is_refused(tmp_path):
    stored = checkpoint.load(runs.SHIPPED)
    stored.params["L_o.scale"][0] = -1
    checkpoint.save(tmp_path / "c.npz", stored)
    with pytest.raises(InputError, match="damaged: a scale of its weights is not positive"):
        runs.load_model(tmp_path / "c.npz")


def test_stages_of_a_shipped_captioner_cannot_be_chosen():
    """Check that tuned_stages is refused: training from a captioner trains all stages."""
    recipe = runs.load_model(runs.SHIPPED).recipe
    settings.check(recipe)
    with pytest.raises(InputError, match="tuned_stages=4: training from a shipped captioner trains all"):
        settings.check(recipe.replace(tuned_stages=4))


def test_photos_of_all_kinds(tmp_path, capsys):
    """Check the captions of JPEG, PNG and WebP files: grey, rotated by EXIF, large, and of one pixel."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    image = Image.fromarray(pixels).resize((640, 480), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: rotate by 90 degrees
    image.save(tmp_path / "upright.png")
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    image.save(tmp_path / "photo.webp")
    image.convert("L").save(tmp_path / "grey.jpg")
    image.resize((4000, 3000)).save(tmp_path / "large.jpg")
    image.resize((1, 1)).save(tmp_path / "pixel.png")
    paths = sorted(map(str, tmp_path.iterdir()))
    assert caption.main([*paths, "--show", str(tmp_path / "look.png")]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("  attention map")]
    captions = {line.partition(": ")[0]: line.partition(": ")[2].partition("  (log p ")[0] for line in lines}
    assert sorted(captions) == paths and all(len(text.split()) > 2 and "<" not in text for text in captions.values())
    assert captions[str(tmp_path / "upright.png")] == captions[str(tmp_path / "turned.png")]
    for number in range(1, 7):
        with Image.open(tmp_path / f"look-{number}.png") as figure:
            assert figure.width > 300


def test_attention_is_not_uniform_and_moves(photos):
    """Check the attention of the shipped captioner on photos."""
    model = runs.load_model(runs.SHIPPED)
    config, recipe = model.recipe, model.recipe
    images = inputs.encode(config, np.concatenate([inputs.read(config, path) for path in photos[:20]]))
    captions = search.caption_images(
        model.params, config, images, 3, recipe.decoding.max_words, recipe.decoding.length_power
    )
    attention = measure([caption.alpha for caption in captions])
    assert attention.entropy < attention.most - 0.1 and attention.movement > 0.05 and not attention.collapsed
