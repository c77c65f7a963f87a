"""Studies: variants trained alike, one after the other, broken off and gone on with, and their table."""

import json
import shutil
import signal

import pytest
import tiny

from numpy_sat import study
from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.experiment import arguments, checkpoint, presets, runs, settings
from numpy_sat.training import loop
from numpy_sat.training import study as studies

pytestmark = pytest.mark.usefixtures("tiny_preset")


@pytest.fixture
def two(monkeypatch):
    """A study of two variants."""
    monkeypatch.setitem(studies.VARIANTS, "two", {"whole": [], "no-gate": ["--set", "without=gate"]})


def run(root, out, *more, name="two"):
    return study.main([name, "--out", str(out), "--data", "flickr8k", "--small", "--root", str(root), *map(str, more)])


def test_a_study_to_its_end(root, two, tmp_path, capsys):
    """All variants on the same data, seed and budget; then the table. Given again, the command trains nothing."""
    assert run(root, tmp_path / "study", "--epochs", 1, "--set", "attention_penalty=0.2", "--seed", 3) == 0
    printed = capsys.readouterr().out
    common = f"--data flickr8k --small --root {root} --epochs 1 --set attention_penalty=0.2 --seed 3"
    assert f"python -m numpy_sat.train {common} --out {tmp_path}/study/whole\n" in printed
    assert f"python -m numpy_sat.train {common} --set without=gate --out {tmp_path}/study/no-gate\n" in printed
    whole, other = (runs.load_model(tmp_path / "study" / name) for name in ("whole", "no-gate"))
    assert settings.settings_between(other.recipe, whole.recipe) == {"without": "gate"}
    assert whole.recipe.loss.attention_penalty == 0.2 and whole.recipe.training.epochs == 1
    assert whole.settings["seed"] == other.settings["seed"] == 3
    rows = json.loads((tmp_path / "study" / "table.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["whole", "no-gate"]
    assert "Against whole, by the 95 %" in printed and (tmp_path / "study" / "table.md").exists()

    before = (tmp_path / "study" / "whole" / "last.npz").read_bytes()
    assert run(root, tmp_path / "study", "--seed", 3, "--epochs", 1, "--set", "attention_penalty=0.2") == 0
    printed = capsys.readouterr().out
    assert printed.count("already trained") == 2 and "numpy_sat.train" not in printed
    assert (tmp_path / "study" / "whole" / "last.npz").read_bytes() == before


def test_broken_off_it_goes_on(root, two, tmp_path, monkeypatch, capsys):
    """Stopped in the second variant: its command is said, finishes that one only, and moved data are named anew."""
    step = loop.train_step

    def stopping(state, *rest):
        if state.folder.name == "no-gate" and state.progress.step == 2:
            signal.raise_signal(signal.SIGINT)
        return step(state, *rest)

    there = tmp_path / "there"
    shutil.copytree(root, there)
    monkeypatch.setattr(loop, "train_step", stopping)
    assert run(root, tmp_path / "study", "--epochs", 1) == 130
    printed = capsys.readouterr().out
    arguments = f"two --out {tmp_path / 'study'} --data flickr8k --small --root {root} --epochs 1"
    assert printed.endswith(f"continue the study with: python -m numpy_sat.study {arguments}\n")
    assert not (tmp_path / "study" / "table.md").exists()
    monkeypatch.setattr(loop, "train_step", step)
    assert run(there, tmp_path / "study", "--epochs", 1) == 0
    printed = capsys.readouterr().out
    assert printed.count("already trained") == 1
    assert f"train --resume --root {there} --out {tmp_path}/study/no-gate\n" in printed
    assert checkpoint.load(tmp_path / "study" / "no-gate" / "last.npz").progress["step"] == 6


def test_missing_photos_are_skipped_to_the_end(root, two, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    of_dev = next(iter(flickr8k.read_captions(root, "dev")))
    (copy / "Flicker8k_Dataset" / of_dev).unlink()
    assert run(copy, tmp_path / "study", "--epochs", 1, "--skip-missing") == 0
    assert "dev, 7 images" in (tmp_path / "study" / "table.md").read_text()


def test_another_study_in_the_folder_is_refused(root, two, tmp_path, capsys):
    out = tmp_path / "study"
    assert run(tmp_path / "nowhere", out, "--epochs", 2) == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert run(root, out, "--epochs", 1) == 0  # nothing had been trained before
    assert run(root, out, "--epochs", 2) == 2
    assert "holds a study with other arguments" in capsys.readouterr().err


def test_the_default_folder(root, two, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained = []
    monkeypatch.setattr(loop, "train", lambda args: trained.append(args) or 1)
    assert study.main(["two", "--data", "flickr8k", "--small"]) == 1
    argv = ["--data", "flickr8k", "--small", "--out", "runs/two-flickr8k-small/whole"]
    assert trained == [arguments.parse(argv)]


@pytest.mark.parametrize("name", [*studies.VARIANTS, studies.RECIPE])
@pytest.mark.parametrize("data", ["scenes", "flickr8k"])
def test_every_variant_is_a_recipe_of_its_own(name, data):
    """Train takes its arguments, and no two variants are the same."""
    whole = presets.PRESETS[data, False]
    recipes = []
    for its_own in studies.variants_of(name, whole).values():
        args = arguments.parse(["--data", data, *its_own])
        given = {field: str(value) for field in ("model", "blind") if (value := getattr(args, field))}
        recipes.append(settings.with_settings(whole, given | dict(args.set)))
    assert recipes[0] == whole and len(set(recipes)) == len(recipes) > 1


def test_the_pieces_of_a_recipe():
    """Those it has, one left out at a time."""
    variants = studies.variants_of("recipe", presets.PRESETS["flickr8k", False])
    assert set(variants) == {
        *("whole", "no-batch-norm", "no-dropout", "no-attention-penalty", "no-horizontal-flip", "no-random-crop")
    }
    assert variants["no-random-crop"] == ["--set", "random_crop=1.0"]
    assert set(studies.variants_of("recipe", tiny.RECIPE)) == {
        *("whole", "no-dropout", "no-attention-penalty", "no-horizontal-flip", "no-random-shift")
    }


@pytest.mark.parametrize(
    ("model", "fitting"), [("hard", ("lambda-0", "target-T-over-L", "blind")), ("tell", ("blind",))]
)
def test_variants_that_a_model_does_not_have_are_said_first(tmp_path, monkeypatch, capsys, model, fitting):
    monkeypatch.setattr(loop, "train", lambda args: pytest.fail("something is trained"))
    assert study.main(["slides", "--model", model, "--out", str(tmp_path / "study")]) == 2
    error = capsys.readouterr().err
    assert f"no-gate (without: does nothing for the model {model}; it is for soft, dot)" in error
    named = {name for name in studies.VARIANTS["slides"] if f"{name} (" in error}
    assert named == set(studies.VARIANTS["slides"]) - {"whole", *fitting}
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("without=gate", "no-deep-output (would restore the parts that without=gate leaves out)"),
        ("attention_penalty=0", "lambda-0 (the same as whole)"),
    ],
)
def test_variants_that_would_not_differ_as_they_say(tmp_path, monkeypatch, capsys, setting, words):
    monkeypatch.setattr(loop, "train", lambda args: pytest.fail("something is trained"))
    assert study.main(["slides", "--small", "--set", setting, "--out", str(tmp_path / "study")]) == 2
    assert words in capsys.readouterr().err and not (tmp_path / "study").exists()


def test_pieces_that_do_nothing_for_a_model():
    tell = settings.with_settings(presets.PRESETS["flickr8k", False], {"model": "tell"})
    assert "no-attention-penalty" not in studies.variants_of("recipe", tell)
    assert "no-attention-penalty" in studies.variants_of("recipe", presets.PRESETS["flickr8k", False])


def test_arguments_that_train_does_not_know(capsys):
    with pytest.raises(SystemExit):
        study.main(["models", "--epoch-s", "3"])
    assert "unrecognized arguments: --epoch-s" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        study.main(["nothing"])
    assert "argument NAME: invalid choice: 'nothing'" in capsys.readouterr().err
    assert study.main(["slides", "--set", "no=1"]) == 2
    assert "no: there is no such setting" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["--from", "run"], ["--blind"], ["--data", "phrases"]])
def test_what_no_study_is_made_of(tmp_path, capsys, argv):
    assert study.main(["slides", "--out", str(tmp_path / "study"), *argv]) == 2
    assert "a study trains captioners of images from scratch" in capsys.readouterr().err
    assert not (tmp_path / "study").exists()
