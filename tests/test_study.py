"""Studies: variants trained with the same arguments, interruption and continuation, and the table."""

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
    """Add a study of two variants."""
    monkeypatch.setitem(studies.VARIANTS, "two", {"whole": [], "no-gate": ["--set", "without=gate"]})


def run(root, out, *more, name="two"):
    return study.main([name, "--out", str(out), "--data", "flickr8k", "--small", "--root", str(root), *map(str, more)])


def test_a_complete_study(root, two, tmp_path, capsys):
    """Check that all variants share data, seed and budget, the table, and that a second call trains nothing."""
    assert run(root, tmp_path / "study", "--epochs", 1, "--set", "attention_penalty=0.2", "--seed", 3) == 0
    printed = capsys.readouterr().out
    common = f"--data flickr8k --small --root {root} --epochs 1 --set attention_penalty=0.2 --seed 3"
    assert f"python -m numpy_sat.train {common} --out {tmp_path}/study/whole\n" in printed
    assert f"python -m numpy_sat.train {common} --set without=gate --out {tmp_path}/study/no-gate\n" in printed
    whole, no_gate = (runs.load_model(tmp_path / "study" / name) for name in ("whole", "no-gate"))
    assert settings.settings_between(no_gate.recipe, whole.recipe) == {"without": "gate"}
    assert whole.recipe.loss.attention_penalty == 0.2 and whole.recipe.training.epochs == 1
    assert whole.settings["seed"] == no_gate.settings["seed"] == 3
    rows = json.loads((tmp_path / "study" / "table.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["whole", "no-gate"]
    assert "Against whole, by the 95 %" in printed and (tmp_path / "study" / "table.md").exists()

    before = (tmp_path / "study" / "whole" / "last.npz").read_bytes()
    assert run(root, tmp_path / "study", "--seed", 3, "--epochs", 1, "--set", "attention_penalty=0.2") == 0
    printed = capsys.readouterr().out
    assert printed.count("already trained") == 2 and "numpy_sat.train" not in printed
    assert (tmp_path / "study" / "whole" / "last.npz").read_bytes() == before


def test_an_interrupted_study_continues(root, two, tmp_path, monkeypatch, capsys):
    """Interrupt the second variant. Check the printed command, and that it resumes that variant only.

    The data set has moved in between, and --root names its new folder.
    """
    step = loop.train_step

    def interrupted_step(state, *rest):
        if state.folder.name == "no-gate" and state.progress.step == 2:
            signal.raise_signal(signal.SIGINT)
        return step(state, *rest)

    new_root = tmp_path / "there"
    shutil.copytree(root, new_root)
    monkeypatch.setattr(loop, "train_step", interrupted_step)
    assert run(root, tmp_path / "study", "--epochs", 1) == 130
    printed = capsys.readouterr().out
    arguments = f"two --out {tmp_path / 'study'} --data flickr8k --small --root {root} --epochs 1"
    assert printed.endswith(f"continue the study with: python -m numpy_sat.study {arguments}\n")
    assert not (tmp_path / "study" / "table.md").exists()
    monkeypatch.setattr(loop, "train_step", step)
    assert run(new_root, tmp_path / "study", "--epochs", 1) == 0
    printed = capsys.readouterr().out
    assert printed.count("already trained") == 1
    assert f"train --resume --root {new_root} --out {tmp_path}/study/no-gate\n" in printed
    assert checkpoint.load(tmp_path / "study" / "no-gate" / "last.npz").progress["step"] == 6


def test_training_and_comparison_skip_missing_photos(root, two, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    name = next(iter(flickr8k.read_captions(root, "dev")))
    (copy / "Flicker8k_Dataset" / name).unlink()
    assert run(copy, tmp_path / "study", "--epochs", 1, "--skip-missing") == 0
    assert "dev, 7 images" in (tmp_path / "study" / "table.md").read_text()


def test_another_study_in_the_folder_is_refused(root, two, tmp_path, capsys):
    out = tmp_path / "study"
    assert run(tmp_path / "nowhere", out, "--epochs", 2) == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert run(root, out, "--epochs", 1) == 0  # the folder held no trained variant
    assert run(root, out, "--epochs", 2) == 2
    assert "holds a study with other arguments" in capsys.readouterr().err


def test_the_default_folder(root, two, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    calls = []
    monkeypatch.setattr(loop, "train", lambda args: calls.append(args) or 1)
    assert study.main(["two", "--data", "flickr8k", "--small"]) == 1
    argv = ["--data", "flickr8k", "--small", "--out", "runs/two-flickr8k-small/whole"]
    assert calls == [arguments.parse(argv)]


@pytest.mark.parametrize("name", [*studies.VARIANTS, studies.RECIPE])
@pytest.mark.parametrize("data", ["scenes", "flickr8k"])
def test_every_variant_has_its_own_recipe(name, data):
    whole = presets.PRESETS[data, False]
    recipes = []
    for options in studies.variants_of(name, whole).values():
        args = arguments.parse(["--data", data, *options])
        texts = {field: str(value) for field in ("model", "blind") if (value := getattr(args, field))}
        recipes.append(settings.with_settings(whole, texts | dict(args.set)))
    assert recipes[0] == whole and len(set(recipes)) == len(recipes) > 1


def test_the_variants_of_a_recipes_ablation():
    variants = studies.variants_of("recipe", presets.PRESETS["flickr8k", False])
    assert set(variants) == {
        *("whole", "no-batch-norm", "no-dropout", "no-attention-penalty", "no-horizontal-flip", "no-random-crop")
    }
    assert variants["no-random-crop"] == ["--set", "random_crop=1.0"]
    assert set(studies.variants_of("recipe", tiny.RECIPE)) == {
        *("whole", "no-dropout", "no-attention-penalty", "no-horizontal-flip", "no-random-shift")
    }


@pytest.mark.parametrize(
    ("model", "applicable"), [("hard", ("lambda-0", "target-T-over-L", "blind")), ("tell", ("blind",))]
)
def test_variants_that_do_not_apply_to_a_model_are_refused_before_training(
    tmp_path, monkeypatch, capsys, model, applicable
):
    monkeypatch.setattr(loop, "train", lambda args: pytest.fail("train has been called"))
    assert study.main(["slides", "--model", model, "--out", str(tmp_path / "study")]) == 2
    error = capsys.readouterr().err
    assert f"no-gate (without: does nothing for the model {model}; it is for soft, dot)" in error
    names = {name for name in studies.VARIANTS["slides"] if f"{name} (" in error}
    assert names == set(studies.VARIANTS["slides"]) - {"whole", *applicable}
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("without=gate", "no-deep-output (would restore the parts that without=gate leaves out)"),
        ("attention_penalty=0", "lambda-0 (the same as whole)"),
    ],
)
def test_variants_that_contradict_or_equal_others_are_refused(tmp_path, monkeypatch, capsys, setting, words):
    monkeypatch.setattr(loop, "train", lambda args: pytest.fail("train has been called"))
    assert study.main(["slides", "--small", "--set", setting, "--out", str(tmp_path / "study")]) == 2
    assert words in capsys.readouterr().err and not (tmp_path / "study").exists()


def test_an_ablation_leaves_out_settings_that_do_nothing():
    tell = settings.with_settings(presets.PRESETS["flickr8k", False], {"model": "tell"})
    assert "no-attention-penalty" not in studies.variants_of("recipe", tell)
    assert "no-attention-penalty" in studies.variants_of("recipe", presets.PRESETS["flickr8k", False])


@pytest.mark.parametrize("name", ["models", "table"])
def test_a_study_of_models_takes_no_model(tmp_path, capsys, name):
    assert study.main([name, "--small", "--model", "tell", "--out", str(tmp_path / "study")]) == 2
    assert f"the study {name} chooses the models: leave out --model tell" in capsys.readouterr().err
    assert not (tmp_path / "study").exists()


def test_unknown_arguments(capsys):
    with pytest.raises(SystemExit):
        study.main(["models", "--epoch-s", "3"])
    assert "unrecognized arguments: --epoch-s" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        study.main(["nothing"])
    assert "argument NAME: invalid choice: 'nothing'" in capsys.readouterr().err
    assert study.main(["slides", "--set", "no=1"]) == 2
    assert "no: there is no such setting" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["--from", "run"], ["--blind"], ["--data", "phrases"]])
def test_a_study_refuses_some_arguments_of_train(tmp_path, capsys, argv):
    assert study.main(["slides", "--out", str(tmp_path / "study"), *argv]) == 2
    assert "a study trains captioners of images from scratch" in capsys.readouterr().err
    assert not (tmp_path / "study").exists()
