"""The training command: complete runs, interrupted and resumed runs, and error messages."""

import contextlib
import dataclasses
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
from html_pages import data_of
from PIL import Image
from tiny import run

from numpy_sat import captioner, evaluate, show, train
from numpy_sat.data import batches, catalog
from numpy_sat.data.scenes import scenes
from numpy_sat.evaluation import blind_baseline, heldout
from numpy_sat.experiment import arguments, checkpoint, presets, runs
from numpy_sat.metrics import cider
from numpy_sat.pretrained import inputs
from numpy_sat.system.errors import InputError
from numpy_sat.training import loop, objectives, validation
from numpy_sat.training.objectives import self_critical

pytestmark = pytest.mark.usefixtures("tiny_preset")


def arrays(path):
    """Return all arrays of a checkpoint, {name: array}."""
    stored = checkpoint.load(path)
    parts = {"optimizer": stored.optimizer} | {f"objective {part}": own for part, own in stored.objective.items()}
    return {**stored.params, **{f"{part} {name}": array for part, own in parts.items() for name, array in own.items()}}


@pytest.mark.drawn
def test_a_complete_run(root, tmp_path, capsys):
    out = tmp_path / "run"
    assert run(root, out) == 0
    assert {file.name for file in out.iterdir()} == {
        *("config.json", "log.jsonl", "curves.png", "attention.png", "attention.html", "last.npz", "best.npz")
    }
    config = json.loads((out / "config.json").read_text())
    assert config["seed"] == 0 and config["recipe"]["decoder"]["hidden_size"] == 7
    command = ["train", "--small", "--data", "flickr8k", "--root", str(root), "--out", str(out)]
    assert config["command"] == checkpoint.load(out / "best.npz").settings["command"] == command
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if entry["kind"] == "dev"] == [6, 12]
    assert [entry["step"] for entry in entries if entry["kind"] == "train"] == [10]
    for name in ("curves.png", "attention.png"):
        with Image.open(out / name) as image:
            assert image.format == "PNG" and image.width > 300
    page = data_of((out / "attention.html").read_text(encoding="utf-8"))
    assert len(page) == 8 and all(entry["note"].startswith("A person: ") for entry in page)
    printed = capsys.readouterr().out
    assert "attention.png, attention.html, log.jsonl" in printed
    assert "a person: " in printed and "dev loss" in printed and "python -m numpy_sat.caption" in printed


@pytest.mark.parametrize(
    "more",
    [
        ("--set", "batch_norm=true", "random_crop=0.7", "weight_decay=0.05"),
        ("--set", "objective=self-critical", "cross_entropy_epochs=1"),
        *(
            pytest.param(more, marks=pytest.mark.slow)
            for more in [
                ("--optimizer", "adam"),
                ("--optimizer", "rmsprop"),
                ("--blind", "--set", "objective=self-critical", "cross_entropy_epochs=1"),
                ("--set", "objective=adversarial", "cross_entropy_epochs=1", "rollouts=2", "ema=0.9"),
                ("--set", "objective=adversarial", "cross_entropy_epochs=1", "gradient=straight-through"),
                ("--set", "objective=meta", "cross_entropy_epochs=1"),
                ("--model", "detected-words", "--set", "ngrams=100"),
            ]
        ),
    ],
)
def test_an_interrupted_and_resumed_run_equals_an_uninterrupted_one(root, tmp_path, monkeypatch, more):
    """Interrupt a run in the middle of an epoch and again in the next, and compare all bits."""
    uninterrupted, interrupted = tmp_path / "uninterrupted", tmp_path / "interrupted"
    assert run(root, uninterrupted, *more) == 0

    step = loop.train_step
    for stop, command in ((3, lambda: run(root, interrupted, *more)), (8, lambda: resume(interrupted))):

        def interrupted_step(state, batch, *rest, stop=stop):
            if state.progress.step == stop:
                signal.raise_signal(signal.SIGINT)
            return step(state, batch, *rest)

        monkeypatch.setattr(loop, "train_step", interrupted_step)
        assert command() == 130
        assert checkpoint.load(interrupted / "last.npz").progress["step"] == stop + 1
    monkeypatch.setattr(loop, "train_step", step)
    assert resume(interrupted) == 0

    for name in ("last.npz", "best.npz"):
        expected, resumed = arrays(uninterrupted / name), arrays(interrupted / name)
        assert expected.keys() == resumed.keys()
        for key in expected:
            assert expected[key].tobytes() == resumed[key].tobytes(), key
    losses = [
        [(e["step"], e["loss"]) for e in map(json.loads, (out / "log.jsonl").read_text().splitlines())]
        for out in (uninterrupted, interrupted)
    ]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits(root, tmp_path, monkeypatch):
    """Train 300 steps with everything that is random or summed: order, augmentation, dropout, batch normalization."""
    monkeypatch.setattr(validation, "_draw_figures", lambda *_: None)
    settings = (
        "batch_norm=true",
        "random_crop=0.7",
        "color_jitter=0.3",
        "weight_decay=0.05",
        "label_smoothing=0.1",
        "batch_size=2",
    )
    for name in ("first", "second"):
        assert run(root, tmp_path / name, "--epochs", 25, "--set", *settings) == 0
    first, second = (arrays(tmp_path / name / "last.npz") for name in ("first", "second"))
    assert {key: array.tobytes() for key, array in first.items()} == {
        key: array.tobytes() for key, array in second.items()
    }
    logs = [
        [{key: value for key, value in entry.items() if key != "seconds"} for entry in runs.read_log(tmp_path / name)]
        for name in ("first", "second")
    ]
    assert logs[0] == logs[1] and max(entry["step"] for entry in logs[0]) == 300


def test_settings_of_a_run(root, tmp_path):
    """Check changed settings in config.json, in the checkpoint's parameters, and in the model read back."""
    out = tmp_path / "run"
    assert run(root, out, "--epochs", 1, "--set", "without=gate", "attention_penalty=0.5") == 0
    recipe = json.loads((out / "config.json").read_text())["recipe"]
    assert recipe["decoder"]["without"] == ["gate"] and recipe["loss"]["attention_penalty"] == 0.5
    assert recipe["training"]["epochs"] == 1
    model = runs.load_model(out)
    assert model.recipe.decoder.without == ("gate",) and "w_beta" not in model.params


def test_self_critical_training(root, tmp_path, monkeypatch, capsys):
    """Check that it needs a trained model, that the best checkpoint is the EMA, and that it can be resumed.

    The encoder is not trained, so its parameters have no moving means in the resumed checkpoint.
    """
    assert run(root, tmp_path / "new", "--set", "objective=self-critical") == 2
    assert "objective=self-critical: an untrained model cannot learn" in capsys.readouterr().err
    before, uninterrupted, interrupted = (tmp_path / name for name in ("before", "uninterrupted", "interrupted"))
    monkeypatch.setattr(loop, "LOG_STEPS", 1)
    assert run(root, before, "--epochs", 1) == 0
    argv = ["--from", str(before), "--set", "objective=self-critical", "ema=0.5", "--epochs", "1", "--out"]
    assert train.main([*argv, str(uninterrupted)]) == 0
    best, last = (checkpoint.load(uninterrupted / name) for name in ("best.npz", "last.npz"))
    trained_names = {name.removeprefix("ema.") for name in last.optimizer if name.startswith("ema.")}
    for name, array in best.params.items():
        expected = last.optimizer[f"ema.{name}"] if name in trained_names else last.params[name]
        np.testing.assert_array_equal(array, expected, err_msg=name)
    assert "E" in trained_names and np.abs(best.params["E"] - last.params["E"]).max() > 0
    folders = (before, uninterrupted)
    logs = [[entry for entry in runs.read_log(folder) if entry["kind"] == "train"] for folder in folders]
    assert all(logs) and not any("greedy" in entry for entry in logs[0])
    assert all(0 <= entry[name] <= 1000 for entry in logs[1] for name in ("sampled", "greedy"))
    step = loop.train_step

    def interrupted_step(state, *rest):
        if state.progress.step == 2:
            signal.raise_signal(signal.SIGINT)
        return step(state, *rest)

    monkeypatch.setattr(loop, "train_step", interrupted_step)
    assert train.main([*argv, str(interrupted)]) == 130
    monkeypatch.setattr(loop, "train_step", step)
    assert resume(interrupted) == 0
    expected, resumed = arrays(uninterrupted / "last.npz"), arrays(interrupted / "last.npz")
    assert {name: x.tobytes() for name, x in expected.items()} == {name: x.tobytes() for name, x in resumed.items()}


def test_a_run_from_another_run(root, tmp_path, capsys):
    """Check that it takes over data, vocabulary and best parameters, which a tiny learning rate leaves unchanged."""
    before, after = tmp_path / "before", tmp_path / "after"
    assert run(root, before, "--epochs", 1) == 0
    argv = ["--from", str(before), "--set", "objective=self-critical", "--epochs", "1", "--learning-rate", "1e-30"]
    assert train.main([*argv, "--out", str(after)]) == 0
    config = json.loads((after / "config.json").read_text())
    assert (
        config["recipe"]["training"]["objective"] == "self-critical"
        and config["data"] == "flickr8k"
        and config["root"] == str(root)
    )
    params, new_params = (checkpoint.load(folder / "best.npz").params for folder in (before, after))
    for name, array in params.items():
        np.testing.assert_allclose(new_params[name], array, rtol=0, atol=1e-7, err_msg=name)
    assert train.main([*argv, "--set", "hidden_size=8", "--out", str(tmp_path / "other")]) == 2
    message = f"hidden_size=8: does not fit the model of {before}, which has 7; leave it out."
    assert message in capsys.readouterr().err
    assert train.main([*argv, "--set", "min_word_count=2", "--out", str(tmp_path / "other")]) == 2
    assert "min_word_count: --from takes the vocabulary from the run" in capsys.readouterr().err
    for name in ("flickr8k", "scenes"):  # scenes is the default of --data, which is refused too
        with pytest.raises(SystemExit):
            train.main([*argv, "--data", name])
        assert "--from takes data and model from the run" in capsys.readouterr().err


def resume(out):
    return train.main(["--resume", "--out", str(out)])


def test_resuming_removes_later_steps_from_the_log(root, tmp_path):
    out = tmp_path / "run"
    assert run(root, out, "--epochs", 1) == 0
    with open(out / "log.jsonl", "a") as file:
        file.write('{"kind": "train", "step": 999, "loss": 1}\n{"kind": "tra')
    assert max(entry["step"] for entry in runs.read_log(runs.resume(out).folder)) == 6


def test_the_seed_determines_the_parameters(root, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert run(root, tmp_path / name, "--epochs", 1, "--seed", seed) == 0
    a, b, c = (arrays(tmp_path / name / "last.npz")["E"] for name in "abc")
    assert a.tobytes() == b.tobytes() != c.tobytes()


KILLS = 8
LONG = (  # a training that does not end
    "import sys\nimport tiny\n"
    "from numpy_sat import train\nfrom numpy_sat.evaluation.figures import canvas\n"
    "from numpy_sat.experiment import presets\ncanvas.save = tiny.save_blank\n"
    "presets.PRESETS['flickr8k', True] = tiny.RECIPE.replace(epochs=10000, patience=10000)\n"
    "sys.exit(train.main(sys.argv[1:]))"
)


@contextlib.contextmanager
def long_training(root, out, has_begun, **options):
    """Train in a process of its own. The block begins when has_begun() is true."""
    process = subprocess.Popen(
        [sys.executable, "-c", LONG, "--small", "--data", "flickr8k", "--root", str(root), "--out", str(out)],
        **{"env": {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}, "stderr": subprocess.PIPE, "text": True},
        **options,
    )
    try:
        deadline = time.monotonic() + 180
        while not has_begun() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert has_begun()
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl-C to one process; the test above covers the rest")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param("SIGINT", 130, marks=pytest.mark.slow),
        ("SIGTERM", 143),
        pytest.param("SIGHUP", 129, marks=pytest.mark.slow),
    ],
)
def test_a_signal_saves_and_prints_how_to_continue(root, tmp_path, name, code):
    """Send a real signal to a real process. A closed terminal sends more than one."""
    out = tmp_path / "run"
    with long_training(root, out, (out / "last.npz").exists, stdout=subprocess.PIPE) as process:
        process.send_signal(getattr(signal, name))
        if name != "SIGINT":
            process.send_signal(getattr(signal, name))
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert f"continue with: python -m numpy_sat.train --resume --out {out}" in printed
    assert "Traceback" not in errors
    assert checkpoint.load(out / "last.npz").progress["step"] > 0
    assert sorted(file.name for file in out.iterdir()) == [
        *("attention.png", "best.npz", "config.json", "curves.png", "last.npz", "log.jsonl")
    ]


SAVING = (  # a training that writes a checkpoint after every step, and continues if there is one
    "import sys, tiny\nfrom pathlib import Path\nfrom numpy_sat import train\n"
    "from numpy_sat.experiment import presets\nfrom numpy_sat.training import loop\nloop.SAVE_SECONDS = -1\n"
    "presets.PRESETS['flickr8k', True] = tiny.RECIPE.replace(epochs=4)\n"
    "root, out = sys.argv[1:]\nnew = ['--small', '--data', 'flickr8k', '--root', root]\n"
    "sys.exit(train.main([*(['--resume'] if (Path(out) / 'last.npz').exists() else new), '--out', out]))"
)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_two_processes_killed_at_random_moments(root, tmp_path, rng):
    """Start two trainings of the same run, kill both, and repeat this. The resumed run equals an uninterrupted one."""

    def start(out):
        command = [sys.executable, "-c", SAVING, str(root), str(out)]
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent),
            "NUMPY_SAT_CACHE": str(tmp_path / "cache"),
        }
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    for _ in range(KILLS):
        processes = [start(tmp_path / "killed") for _ in range(2)]
        time.sleep(rng.uniform(0.5, 6))
        for process in processes:
            process.kill()
            assert "Traceback" not in process.communicate()[1]
    for name in ("killed", "uninterrupted"):
        process = start(tmp_path / name)
        _, errors = process.communicate(timeout=180)
        assert process.returncode == 0, errors
    expected, resumed = (arrays(tmp_path / name / "last.npz") for name in ("uninterrupted", "killed"))
    assert {key: x.tobytes() for key, x in expected.items()} == {key: x.tobytes() for key, x in resumed.items()}
    names = {path.name for path in (tmp_path / "killed").iterdir()}
    assert names == {path.name for path in (tmp_path / "uninterrupted").iterdir()}
    assert [path.suffix for path in (tmp_path / "cache").glob("pictures*")] == [".npy"] * 2


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl-C to one process")
def test_training_continues_without_a_reader_of_its_output(root, tmp_path):
    """Close the pipe after a line, as `train | head -1` does. The lines that follow go to a file."""
    out, (reader, writer) = tmp_path / "run", os.pipe()
    with open(reader) as lines, long_training(root, out, out.exists, stdout=writer) as process:
        os.close(writer)
        assert "24 images to train on" in lines.readline()
        lines.close()
        deadline = time.monotonic() + 180
        while not (out / "best.npz").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert f"standard output is closed (Broken pipe): continued in {out / 'output.log'}" in errors
    assert "Traceback" not in errors and "Exception ignored" not in errors
    assert f"continue with: python -m numpy_sat.train --resume --out {out}" in (out / "output.log").read_text()


@pytest.mark.slow
def test_resuming_a_finished_run_changes_nothing(root, tmp_path, monkeypatch):
    """Resume a run with all epochs done, and one that stopped early."""
    assert run(root, tmp_path / "done") == 0
    monkeypatch.setattr(cider, "cider_d", lambda captions, references: np.zeros(8))
    monkeypatch.setattr(heldout, "loss", lambda params, recipe, split: 1.0)
    assert run(root, tmp_path / "early", "--epochs", 50) == 0
    for name in ("done", "early"):
        before = (tmp_path / name / "last.npz").read_bytes()
        assert resume(tmp_path / name) == 0
        assert (tmp_path / name / "last.npz").read_bytes() == before


def test_the_loss_selects_the_best_checkpoint_while_cider_is_zero(root, tmp_path, monkeypatch):
    monkeypatch.setattr(cider, "cider_d", lambda captions, references: np.zeros(8))
    losses = iter([3.0, 2.0, 2.5])
    monkeypatch.setattr(heldout, "loss", lambda params, recipe, split: next(losses))
    assert run(root, tmp_path / "run", "--epochs", 3) == 0
    assert checkpoint.load(tmp_path / "run" / "best.npz").progress["epoch"] == 2


@pytest.mark.slow
def test_a_blind_model_is_selected_by_loss_and_in_self_critical_epochs_by_cider(root, tmp_path, monkeypatch, capsys):
    """Check that the CIDEr-D of earlier epochs does not count, nor the loss of self-critical epochs."""
    later = "cross_entropy_epochs=3"
    losses, ciders = [2.0, 1.0, 3.0, 4.0, 5.0, 6.0], [9.0, 8.0, 9.5, 3.0, 5.0, 4.0]
    results = iter(losses), iter(ciders)
    monkeypatch.setattr(heldout, "loss", lambda params, recipe, split: next(results[0]))
    monkeypatch.setattr(cider, "cider_d", lambda captions, references: np.full(8, next(results[1])))
    objective_per_epoch = []

    def is_self_critical(run):
        return objectives.objective_of(run.recipe, run.progress.epoch) is self_critical

    monkeypatch.setattr(loop, "_run_epoch", lambda run, *_: objective_per_epoch.append(is_self_critical(run)))
    assert run(root, tmp_path / "run", "--blind", "--epochs", 6, "--set", "objective=self-critical", later) == 0
    printed = capsys.readouterr().out
    best = [line.partition("/")[0] for line in printed.splitlines() if line.endswith("(best so far)")]
    assert best == ["epoch 1", "epoch 2", "epoch 4", "epoch 5"]
    assert objective_per_epoch == [False] * 3 + [True] * 3
    assert checkpoint.load(tmp_path / "run" / "best.npz").progress["epoch"] == 5
    assert "best dev CIDEr-D 5.0." in printed
    results = iter(losses), iter(ciders)
    assert run(root, tmp_path / "other", "--blind", "--epochs", 3) == 0
    assert checkpoint.load(tmp_path / "other" / "best.npz").progress["epoch"] == 2
    assert "best dev loss 1.000." in capsys.readouterr().out


def test_resuming_with_other_images(root, tmp_path, capsys):
    assert run(root, tmp_path / "run", "--epochs", 1) == 0
    scenes.write(tmp_path / "other", seed=1, train=24, dev=8, test=4)
    assert train.main(["--resume", "--out", str(tmp_path / "run"), "--root", str(tmp_path / "other")]) == 2
    assert "not the images" in capsys.readouterr().err


def test_root_names_a_data_set_that_has_moved(root, tmp_path, capsys):
    here, there = tmp_path / "here", tmp_path / "there"
    shutil.copytree(root, here)
    assert run(here, tmp_path / "run", "--epochs", 1) == 0
    here.rename(there)
    assert resume(tmp_path / "run") == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert train.main(["--resume", "--out", str(tmp_path / "run"), "--root", str(there)]) == 0


def test_a_crashed_run_resumes_from_its_last_checkpoint(root, tmp_path, monkeypatch):
    """Simulate a power cut by an exception in the middle of an epoch, after a timed save."""
    assert run(root, tmp_path / "whole") == 0
    step = loop.train_step

    def failing_step(state, batch, *rest):
        if state.progress.step == 3:
            raise ZeroDivisionError
        return step(state, batch, *rest)

    monkeypatch.setattr(loop, "SAVE_SECONDS", 0)
    monkeypatch.setattr(loop, "train_step", failing_step)
    with pytest.raises(ZeroDivisionError):
        run(root, tmp_path / "crashed")
    assert checkpoint.load(tmp_path / "crashed" / "last.npz").progress["step"] == 3
    monkeypatch.setattr(loop, "train_step", step)
    assert resume(tmp_path / "crashed") == 0
    expected, resumed = arrays(tmp_path / "whole" / "last.npz"), arrays(tmp_path / "crashed" / "last.npz")
    assert all(expected[key].tobytes() == resumed[key].tobytes() for key in expected)


@pytest.mark.parametrize("more", [["--epochs", "3"], ["--seed", "5"], ["--data", "flickr8k"], ["--small"]])
def test_resuming_takes_no_settings(tmp_path, capsys, more):
    with pytest.raises(SystemExit):
        train.main(["--resume", "--out", str(tmp_path), *more])
    assert "--resume takes --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--epochs", "0", "a whole number of at least 1, not 0"),
        ("--seed", "-1", "a whole number of at least 0, not -1"),
        ("--learning-rate", "nan", "a number above 0, not nan"),
        ("--learning-rate", "fast", "a number above 0, not fast"),
        ("--clip", "0", "a number above 0, not 0"),
    ],
)
def test_bad_arguments(capsys, option, value, sentence):
    with pytest.raises(SystemExit):
        train.main([option, value])
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(("function", "call"), [("save_best", 1), ("save_last", 2), ("save_last", 4)])
def test_a_run_that_was_killed_during_a_validation_can_be_resumed(root, tmp_path, monkeypatch, function, call):
    """Stop between the log's entry, the best and the last checkpoint. Each epoch saves the last one twice."""
    assert run(root, tmp_path / "whole") == 0
    save, calls = getattr(runs, function), []

    def killed(*args):
        calls.append(args)
        if len(calls) == call:
            raise ZeroDivisionError
        save(*args)

    with monkeypatch.context() as patch:
        patch.setattr(runs, function, killed)
        with pytest.raises(ZeroDivisionError):
            run(root, tmp_path / "killed")
    assert resume(tmp_path / "killed") == 0
    logs = [
        [{**entry, "seconds": 0} for entry in runs.read_log(folder)]
        for folder in (tmp_path / "whole", tmp_path / "killed")
    ]
    assert logs[0] == logs[1]
    for name in (runs.BEST, runs.LAST):
        expected, resumed = arrays(tmp_path / "whole" / name), arrays(tmp_path / "killed" / name)
        assert {key: x.tobytes() for key, x in expected.items()} == {key: x.tobytes() for key, x in resumed.items()}


def test_temporary_files_of_a_killed_run_are_removed(root, tmp_path):
    out = tmp_path / "run"
    assert run(root, out, "--epochs", 1) == 0
    for name in ("config.json", "curves.png", "best.npz", "evaluate-dev.md"):
        (out / f"{name}.0123456789ab.part").touch()
    assert resume(out) == 0
    assert not [*out.glob("*.part")]


def test_an_optimizer_state_that_does_not_fit(root, tmp_path, capsys):
    assert run(root, tmp_path / "run", "--epochs", 1) == 0
    path = tmp_path / "run" / "last.npz"
    stored = checkpoint.load(path)
    for optimizer, sentence in (
        ({}, "holds no optimizer state"),
        ({**stored.optimizer, "m.E": np.zeros(3, np.float32)}, "m.E is (3,) float32"),
        ({name: x for name, x in stored.optimizer.items() if name != "t"}, "t is missing"),
        ({name: x for name, x in stored.optimizer.items() if not name.startswith("m.")}, "is missing"),
        ({**stored.optimizer, "t": np.array([5])}, "its optimizer has not made 6 steps"),
    ):
        checkpoint.save(path, stored._replace(optimizer=optimizer))
        assert resume(tmp_path / "run") == 2
        assert sentence in capsys.readouterr().err


def test_captions_without_a_known_word(tmp_path, capsys):
    """Check that such a caption is left out with a note, and that an image without any other caption is refused."""
    copy = tmp_path / "copy"
    scenes.write(copy, train=24, dev=8, test=4)
    token = copy / "Flickr8k_text" / "Flickr8k.token.txt"
    lines = token.read_text().splitlines()
    lines[0] = lines[0].split("\t")[0] + "\t..."
    token.write_text("\n".join(lines) + "\n")
    assert run(copy, tmp_path / "run", "--epochs", 1) == 0
    assert "Left out: 1 caption of Flickr8k.token.txt without any letter or digit (line 1)." in capsys.readouterr().out
    name = lines[0].split("#")[0]
    lines = [line.split("\t")[0] + "\t??" if line.startswith(name) else line for line in lines]
    token.write_text("\n".join(lines) + "\n")
    assert run(copy, tmp_path / "other") == 2
    assert f"has no caption for 1 image that split train lists: {name}; add captions" in capsys.readouterr().err


def test_scenes_from_training_to_evaluation(tmp_path, monkeypatch, capsys):
    """Train on the default data set in --root, resume, and evaluate truth and attention."""

    def write_few(folder, seed=0):
        if not (folder / "scenes-few").exists():
            scenes.write(folder / "scenes-few", seed, train=24, dev=8, test=4)
        return folder / "scenes-few"

    monkeypatch.setattr(scenes, "ensure", write_few)
    monkeypatch.setitem(presets.PRESETS, ("scenes", True), tiny.RECIPE)
    root, out = tmp_path / "root", tmp_path / "run"
    root.mkdir()
    assert train.main(["--small", "--root", str(root), "--out", str(out), "--epochs", "1"]) == 0
    assert resume(out) == 0
    assert evaluate.main([str(out), "--split", "test"]) == 0
    printed = capsys.readouterr().out
    assert "scenes, test, 4 images" in printed and "True: " in printed and "object's box" in printed
    assert "the paper" not in printed
    truth = json.loads((out / "evaluate-test.json").read_text())["truth"]
    assert set(truth) == {"complete", "objects", "relation", "in_box", "before", "chance"}


def test_running_statistics_are_measured_without_augmentation(root, tmp_path):
    out = tmp_path / "run"
    assert run(root, out, "--epochs", 1, "--set", "batch_norm=true", "random_crop=0.3", "random_shift=5") == 0
    model = runs.load_model(out)
    examples = catalog.open_dataset("flickr8k", root, ("train",)).splits["train"]
    split = batches.make_split(examples, inputs.load(model.recipe, examples), model.vocabulary, 20)
    params = {name: array.copy() for name, array in model.params.items()}
    plain = batches.plain_batches(split, model.recipe.training.batch_size, captions_per_image=1)
    captioner.measure_running_statistics(params, plain, model.recipe)
    for name, array in params.items():
        np.testing.assert_allclose(array, model.params[name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("rest", "rate"),
    [(["--model", "tell"], 5e-4), ([], 4e-3), (["--model", "tell", "--learning-rate", "0.004"], 4e-3)],
)
def test_show_and_tell_has_its_own_learning_rate_on_scenes(rest, rate, tmp_path):
    """Check the rate of the model and of its blind baseline. At 0.004 its loss would stay at the blind baseline's."""
    recipe = arguments.choose_recipe(arguments.parse(["--small", *rest]))
    assert recipe.training.learning_rate == rate
    settings = {"data": "scenes", "root": None, "seed": 0, "recipe": dataclasses.asdict(recipe)}
    settings["command"] = ["train", "--small", *rest]
    (sentence,) = blind_baseline.notes(tmp_path / "run", SimpleNamespace(settings=settings, recipe=recipe), None)
    words = shlex.split(sentence.partition("\n")[2])
    blind_recipe = arguments.choose_recipe(arguments.parse(words[3:]))
    assert blind_recipe == recipe.replace(blind=True)
    assert ("--learning-rate" in words) == ("--learning-rate" in rest)


def test_the_default_folder_is_new(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("flickr8k-small", "flickr8k-small-2"):
        assert train.main(["--small", "--data", "flickr8k", "--root", str(root), "--epochs", "1"]) == 0
        assert (tmp_path / "runs" / name / "best.npz").exists()


@pytest.mark.slow
def test_early_stopping(root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cider, "cider_d", lambda captions, references: np.zeros(8))
    monkeypatch.setattr(heldout, "loss", lambda params, recipe, split: 1.0)
    assert run(root, tmp_path / "run", "--epochs", 50) == 0
    assert "stopped early: dev CIDEr-D has not risen for 5 epochs" in capsys.readouterr().out
    assert checkpoint.load(tmp_path / "run" / "last.npz").progress["epoch"] == 6


@pytest.mark.slow
def test_patience_waits_for_the_self_critical_epochs(root, tmp_path, monkeypatch, capsys):
    """Check that early stopping, due after three epochs, waits and counts the self-critical epochs separately."""
    monkeypatch.setattr(cider, "cider_d", lambda captions, references: np.zeros(8))
    monkeypatch.setattr(heldout, "loss", lambda params, recipe, split: 1.0)
    later = "objective=self-critical", "cross_entropy_epochs=5"
    assert run(root, tmp_path / "run", "--epochs", 8, "--set", "patience=2", *later) == 0
    assert "stopped early: dev CIDEr-D has not risen for 2 epochs" in capsys.readouterr().out
    assert checkpoint.load(tmp_path / "run" / "last.npz").progress["epoch"] == 7


def test_a_diverged_run_stops_and_keeps_the_last_good_checkpoint(root, tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"
    step = loop.train_step

    def diverging_step(state, batch, *rest):
        if state.progress.step == 8:
            state.params["W_h"][0, 0] = np.nan
        return step(state, batch, *rest)

    monkeypatch.setattr(loop, "train_step", diverging_step)
    assert run(root, out) == 2
    message = capsys.readouterr().err
    assert "no longer a number after step 8" in message and "last.npz" in message and "--learning-rate" in message
    stored = checkpoint.load(out / "last.npz")
    assert stored.progress["step"] == 6 and all(np.isfinite(array).all() for array in stored.params.values())


def test_a_state_of_the_optimizer_that_overflows_is_not_saved(root, tmp_path, monkeypatch, capsys):
    """Check that no checkpoint is written that could not be read again."""
    step = loop.train_step

    def overflowing_step(state, *rest):
        result = step(state, *rest)
        if state.progress.step == 5:  # the last step before a checkpoint
            state.optimizer["v.W_h"][0, 0] = np.inf
        return result

    monkeypatch.setattr(loop, "train_step", overflowing_step)
    assert run(root, tmp_path / "run") == 2
    assert "smaller --clip-norm than 5" in capsys.readouterr().err
    assert not (tmp_path / "run" / "last.npz").exists()


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_far_too_large_learning_rate_is_reported(root, tmp_path, capsys):
    out = tmp_path / "run"
    assert run(root, out, "--learning-rate", 1e30, "--epochs", 3) == 2
    captured = capsys.readouterr()
    assert "no longer a number" in captured.err and "smaller --learning-rate than 1e+30" in captured.err


def test_an_output_folder_that_cannot_be_written(root, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert run(root, tmp_path / "file" / "run") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_run_is_not_overwritten(root, tmp_path, capsys):
    assert run(root, tmp_path / "run", "--epochs", 1) == 0
    before = (tmp_path / "run" / "last.npz").read_bytes()
    assert run(root, tmp_path / "run", "--epochs", 1) == 2
    assert "already holds a run; continue it with --resume" in capsys.readouterr().err
    assert (tmp_path / "run" / "last.npz").read_bytes() == before


def test_a_second_training_of_the_same_run_is_refused(root, tmp_path, monkeypatch, capsys):
    """Start a second training and resume the run, while the first training still writes it."""
    codes, step = [], loop.train_step

    def train_step(state, *rest):
        if state.progress.step == 2:  # no checkpoint exists yet
            monkeypatch.setattr(loop, "train_step", step)
            codes.extend([run(root, tmp_path / "run"), resume(tmp_path / "run")])
        return step(state, *rest)

    monkeypatch.setattr(loop, "train_step", train_step)
    assert run(root, tmp_path / "run") == 0 and codes == [2, 2]
    assert capsys.readouterr().err.count(f"{tmp_path / 'run'}: process {os.getpid()} on ") == 2
    assert resume(tmp_path / "run") == 0  # the lock ends with the training


def test_refused_arguments_leave_no_folder(root, tmp_path):
    assert run(root, tmp_path / "new" / "run", "--set", "objective=self-critical") == 2
    assert resume(tmp_path / "other") == 2
    assert not (tmp_path / "new").exists() and not (tmp_path / "other").exists()


def test_a_best_checkpoint_without_a_last_one(root, tmp_path, capsys):
    """Check that the messages offer a command that works: a new run from the best checkpoint."""
    out = tmp_path / "run"
    assert run(root, out, "--epochs", 1) == 0
    (out / "last.npz").unlink()
    best = (out / "best.npz").read_bytes()
    capsys.readouterr()
    commands = []
    for start, end in (
        (lambda: run(root, out, "--epochs", 1), ", or choose another --out."),
        (lambda: resume(out), "."),
    ):
        assert start() == 2
        commands.append(capsys.readouterr().err.partition("start a new run from it: ")[2].strip().removesuffix(end))
    command = commands[0]
    assert commands == [command, command]
    assert (out / "best.npz").read_bytes() == best
    argv = shlex.split(command)
    assert argv == ["python", "-m", "numpy_sat.train", "--from", str(out)]
    assert train.main([*argv[3:], "--epochs", "1", "--out", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / "last.npz").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe{\x00", "line 1: not UTF-8"),
        (b'{"kind": "train", "step": 1, "loss": 2}\n\xe9', "line 2: not UTF-8"),
        (b"7\n", "line 1: not an entry of a training log"),
        (b"[]\n{}\n", "line 1: not an entry"),
        (b"{}\n", "line 1: not an entry"),
        (b'{"kind": "train", "step": 1, "loss": 2}\n{"kind": "train", "loss": 2}\n', "line 2: not an entry"),
        (b'{"kind": "train", "step": "1", "loss": 2}\n', "line 1: not an entry"),
        (b'{"kind": "dev", "step": 1, "loss": 2, "bleu": [1], "cider": 3}\n', "line 1: not an entry"),
        (b'{"kind": "tra\n{"kind": "train", "step": 1, "loss": 2}\n', "line 1: not JSON"),
        (b'{"kind": "train", "step": 1, "loss": 1' + 400 * b"0" + b"}\n", "line 1: not an entry"),
        (b'{"kind": "train", "step": 1, "loss": 1e308}\n', "line 1: not an entry"),
        (b"[" * 100_000 + b"\n", "line 1: not JSON"),
    ],
)
def test_a_log_that_cannot_be_read(trained, capsys, content, words):
    log = trained / "log.jsonl"
    log.write_bytes(content)
    for command in (lambda: resume(trained), lambda: show.main([str(trained)])):
        assert command() == 2
        message = capsys.readouterr().err
        assert f"error: {log}, {words}" in message and "; correct the line, or move the log away." in message
        assert log.read_bytes() == content
    log.rename(trained / "log.old")
    assert resume(trained) == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_log_that_is_a_pipe(trained, capsys):
    (trained / "log.jsonl").unlink()
    os.mkfifo(trained / "log.jsonl")
    for command in (lambda: resume(trained), lambda: show.main([str(trained)])):
        assert command() == 2
        assert "log.jsonl: a pipe or a device, not a file; name a file." in capsys.readouterr().err


def test_nothing_to_resume(tmp_path, capsys):
    assert resume(tmp_path) == 2
    assert "no such checkpoint" in capsys.readouterr().err


def test_flickr8k_is_missing(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("NUMPY_SAT_CACHE", str(tmp_path))
    assert train.main(["--small", "--data", "flickr8k"]) == 2
    assert (
        "flickr8k: there is no such folder; python -m numpy_sat.flickr8k --download downloads"
        in capsys.readouterr().err
    )


def test_fewer_images_than_a_batch(tmp_path, capsys):
    scenes.write(tmp_path / "few", train=3, dev=2, test=1)
    assert run(tmp_path / "few", tmp_path / "run") == 2
    assert (
        "the training set has fewer images than a batch, 3 instead of 4; set a smaller batch_size"
        in capsys.readouterr().err
    )
    phrases = SimpleNamespace(name="phrases", root=None, splits={"train": [], "dev": []})
    with pytest.raises(InputError, match=r"^phrases: the training set has fewer images than a batch, 0 instead"):
        loop.start._load(tiny.RECIPE, None, phrases, 0)


def test_missing_photos(root, tmp_path, capsys):
    copy = tmp_path / "copy"
    scenes.write(copy, train=24, dev=8, test=4)
    photos = sorted((copy / "Flicker8k_Dataset").iterdir())
    photos[0].unlink()
    assert run(copy, tmp_path / "run") == 2
    assert photos[0].name in capsys.readouterr().err
    assert run(copy, tmp_path / "run", "--skip-missing", "--epochs", 1) == 0
    assert "23 images to train on" in capsys.readouterr().out


def test_damaged_photos(root, tmp_path, capsys):
    """Check that damaged photos are named before training, and that --skip-damaged trains, resumes and evaluates."""
    copy, out = tmp_path / "copy", tmp_path / "run"
    shutil.copytree(root, copy)
    lists = [
        (copy / "Flickr8k_text" / f"Flickr_8k.{split}Images.txt").read_text().split() for split in ("train", "dev")
    ]
    damaged = [*lists[0][5:7], lists[1][3]]
    for name in damaged:
        photo = copy / "Flicker8k_Dataset" / name
        photo.write_bytes(photo.read_bytes()[:200])
    assert run(copy, out) == 2
    assert ", ".join(damaged) in capsys.readouterr().err and not out.exists()
    assert run(copy, out, "--skip-damaged", "--epochs", 1) == 0
    printed = capsys.readouterr().out
    assert "22 images to train on, 7 of dev" in printed and "Split train has damaged photos, 2 of 24" in printed
    assert train.main(["--resume", "--out", str(out)]) == 0
    assert evaluate.main([str(out)]) == 2
    assert evaluate.main([str(out), "--skip-damaged"]) == 0
