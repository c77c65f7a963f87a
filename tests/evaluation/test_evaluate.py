"""What evaluate and show make of a trained model: the report, its rows, its files and its figures."""

import dataclasses
import json
import math
import shlex
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image

from numpy_sat import caption, evaluate, show, train
from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.data.scenes import scenes
from numpy_sat.decoding import ensemble, search
from numpy_sat.evaluation import (
    blind_baseline,
    caption_evaluation,
    comparison,
    figures,
    floors,
    heldout,
    judging,
    report,
    run_comparison,
    table,
)
from numpy_sat.evaluation.attention_statistics import AttentionStatistics
from numpy_sat.evaluation.comparison import SCORES, Row
from numpy_sat.evaluation.scene_truth import Truth
from numpy_sat.evaluation.variety import Variety
from numpy_sat.experiment import checkpoint, presets, runs, settings
from numpy_sat.metrics import bleu
from numpy_sat.metrics.tokens import tokenise
from numpy_sat.pretrained import inputs


@pytest.fixture(scope="module", autouse=True)
def tiny_preset(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, ("flickr8k", True), tiny.RECIPE)
        patch.setenv("NUMPY_SAT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def run(root, out, *more):
    return train.main(["--small", "--data", "flickr8k", "--root", str(root), "--out", str(out), *map(str, more)])


@pytest.fixture(scope="module")
def trained_once(tiny_preset, root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    assert run(root, folder / "run", "--epochs", 1) == 0
    assert run(root, folder / "blind", "--epochs", 1, "--blind") == 0
    assert run(root, folder / "tell", "--epochs", 1, "--model", "tell") == 0
    return folder


@pytest.fixture
def trained(trained_once, tmp_path):
    """Folders of a run and, beside it, of a blind one and of one that does not look, to be written to."""
    for name in ("run", "blind", "tell"):
        shutil.copytree(trained_once / name, tmp_path / name)
    return tmp_path / "run"


def evaluated(*arguments):
    return evaluate.main([*map(str, arguments)])


def kept(folder, split="dev"):
    return json.loads((folder / f"evaluate-{split}.json").read_text(encoding="utf-8"))


# The command


def test_evaluating(root, trained, capsys):
    """What is in the JSON follows from the captions in it; the terminal and the Markdown show the same figures."""
    assert evaluated(trained, "--beam", 2) == 0
    printed = capsys.readouterr().out
    found, references = kept(trained), flickr8k.read_captions(root, "dev")
    assert set(found["captions"]) == set(references) and len(references) == 8
    rows = {row["name"]: row for row in found["rows"]}
    score = judging.score(found["captions"], references)
    assert rows["this model"]["figures"] == pytest.approx(score)
    assert set(rows["this model"]["interval"]) == set(score)
    without = judging.score(found["captions"], references, brevity=False)
    assert rows["this model, no brevity penalty"]["figures"] == pytest.approx({n: without[n] for n in SCORES[:4]})
    assert {"its pictures shuffled", "one person, by all the others", "the paper, hard attention *"} < set(rows)
    assert found["version"] == "0.1.0" and "8 pictures; beam 2; 5 references" in found["protocol"]
    assert 0 < found["attention"]["entropy"] <= found["attention"]["most"] == pytest.approx(math.log(64))
    markdown = (trained / "evaluate-dev.md").read_text(encoding="utf-8")
    for text in (printed, markdown):
        assert f"{score['BLEU-1']:.1f}" in text and "METEOR matches" in text and "COLLAPSED" not in text
        assert found["protocol"].split(";")[0] in " ".join(text.split())
    assert not list(trained.glob("*.part"))


def test_constants_are_chosen_on_train(root, trained):
    assert evaluated(trained, "--split", "test") == 0
    found, known = kept(trained, "test"), flickr8k.read_captions(root, "train")
    best = {by: floors.best_constant(known, by) for by in ("BLEU-4", "CIDEr-D")}
    assert best["BLEU-4"] != best["CIDEr-D"]
    references = flickr8k.read_captions(root, "test")
    rows = {row["name"]: row["figures"] for row in found["rows"]}
    for by, text in best.items():
        expected = judging.score(dict.fromkeys(references, text), references)
        assert rows[f"best of train by {by}"] == pytest.approx(expected)
        assert any(f'"{text}" (best of train by {by})' in note for note in found["notes"])


def test_variety_is_of_all_captions_against_all_of_train(root, trained, monkeypatch):
    seen, variety = [], caption_evaluation.variety
    monkeypatch.setattr(caption_evaluation, "variety", lambda *args: seen.append(args) or variety(*args))
    assert evaluated(trained) == 0
    found, references = kept(trained), flickr8k.read_captions(root, "dev")
    (ours, known), (people, _) = seen
    assert [" ".join(words) for words in ours] == list(found["captions"].values())
    assert [" ".join(words) for words in people] == [texts[0].lower()[:-2] for texts in references.values()]
    assert len(known) == 24 * 5 and found["vocabulary"] == len(runs.load_model(trained).vocabulary) - 3


def test_references_without_a_word_are_left_out(root, trained, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    token = copy / "Flickr8k_text" / "Flickr8k.token.txt"
    name = next(iter(flickr8k.read_captions(root, "dev")))
    lines = token.read_text().splitlines()
    token.write_text("".join(f"{name}#0\t...\n" if line.startswith(f"{name}#0") else f"{line}\n" for line in lines))
    assert evaluated(trained, "--root", copy) == 0
    assert "; 4 to 5 references a picture" in kept(trained)["protocol"]


def test_one_constant_that_is_best_by_both_is_one_row(trained, monkeypatch):
    monkeypatch.setattr(caption_evaluation.floors, "best_constant", lambda references, by: "a red circle")
    assert evaluated(trained) == 0
    assert [row["name"] for row in kept(trained)["rows"] if "train" in row["name"]] == ["best constant of train"]


def test_the_blind_one_named_or_beside_the_run(root, trained, capsys):
    blind = trained.parent / "blind"
    assert evaluated(trained) == 0
    printed = capsys.readouterr().out
    command = f"python -m numpy_sat.train --blind --small --data flickr8k --epochs 1 --root {root}"
    assert f"\n  {command} --out {trained}-blind\n" in printed and "blind language model:" not in printed
    model = runs.load_model(trained)
    model.settings["command"] += ["--skip-missing", "--seed", "3"]
    (sentence,) = blind_baseline.notes(trained, model, None)
    assert "--epochs 1 --skip-missing --seed 3 --root" in sentence
    assert evaluated(trained, "--blind", blind) == 0
    named = kept(trained)
    blind.rename(f"{trained}-blind")
    assert evaluated(trained / "best.npz") == 0
    beside = kept(trained)
    assert beside["rows"] == named["rows"]
    assert "blind language model" in [row["name"] for row in beside["rows"]]
    assert "There is no blind" not in str(beside["notes"]) and "(blind language model)" in str(beside["notes"])


def test_a_blind_model_says_the_same_of_every_picture(trained):
    blind = trained.parent / "blind"
    assert evaluated(blind) == 0
    found = kept(blind)
    assert len(set(found["captions"].values())) == 1 and "There is no blind" not in str(found["notes"])
    assert evaluated(trained, "--blind", blind) == 0
    rows = [{row["name"]: row["figures"] for row in one["rows"]} for one in (found, kept(trained))]
    assert rows[0]["this model"] == rows[0]["its pictures shuffled"] == rows[1]["blind language model"]


def test_what_is_no_blind_baseline_is_refused(root, trained, tmp_path, capsys):
    assert evaluated(trained, "--blind", trained) == 2
    assert "is not blind; name a run that was trained with --blind" in capsys.readouterr().err
    scenes.write(tmp_path / "other", seed=1, train=24, dev=8, test=4)
    assert run(tmp_path / "other", f"{trained}-blind", "--epochs", 1, "--blind") == 0
    assert evaluated(trained) == 2
    assert "other captions than" in capsys.readouterr().err
    assert evaluated(trained, "--blind", tmp_path / "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err


def test_another_decoder_is_said(root, trained, monkeypatch):
    """What --small stands for has changed since."""
    other = tiny.RECIPE.replace(hidden_size=8)
    monkeypatch.setitem(presets.PRESETS, ("flickr8k", True), other)
    assert evaluated(trained) == 0
    assert "--small" in str(kept(trained)["notes"]) and "--set" not in str(kept(trained)["notes"])
    assert run(root, f"{trained}-blind", "--epochs", 1, "--blind") == 0
    assert evaluated(trained) == 0
    assert "it differs in hidden_size." in str(kept(trained)["notes"])


def test_a_blind_run_is_kept_apart(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train.main(["--small", "--blind", "--data", "flickr8k", "--root", str(root), "--epochs", "1"]) == 0
    model = runs.load_model(tmp_path / "runs" / "flickr8k-small-blind")
    assert model.recipe.encoder.blind and not any("conv" in name for name in model.params)


def test_collapsed_attention_is_said_loudly(trained, capsys):
    """With v = 0 every location scores the same."""
    stored = checkpoint.load(trained / "best.npz")
    params = {**stored.params, "v": 0 * stored.params["v"]}
    checkpoint.save(trained / "best.npz", stored._replace(params=params))
    assert evaluated(trained) == 0
    assert "!!! ATTENTION HAS COLLAPSED" in capsys.readouterr().out
    assert kept(trained)["attention"]["collapsed"] is True
    assert "!!! ATTENTION HAS COLLAPSED" in (trained / "evaluate-dev.md").read_text()


def test_only_the_photos_judged_are_needed(root, trained, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    lists = {split: flickr8k.read_captions(root, split) for split in ("train", "dev", "test")}
    for name in (*lists["train"], *lists["test"]):
        (copy / "Flicker8k_Dataset" / name).unlink()
    assert evaluated(trained, "--root", copy) == 0
    assert evaluated(trained, "--root", copy, "--split", "test") == 2
    assert "Split test lacks 4 photos of 4" in capsys.readouterr().err


def test_a_report_that_cannot_be_written(trained, capsys):
    (trained / "evaluate-dev.json").mkdir()
    assert evaluated(trained) == 2
    assert "evaluate-dev.json: cannot be written" in capsys.readouterr().err
    assert not list(trained.glob("*.part"))


@pytest.mark.parametrize("name", ["run", "tell"])
def test_the_loss_is_the_one_of_training(root, trained, name, capsys):
    """On all of dev; beside it that of the word frequencies of train, with one added to each word's count."""
    folder = trained.with_name(name)
    assert evaluated(folder, "--beam", 1) == 0
    (logged,) = [entry["loss"] for entry in runs.read_log(folder) if entry["kind"] == "dev"]
    loss = kept(folder)["loss"]
    assert loss["word"] == pytest.approx(logged, rel=1e-6)
    words = runs.load_model(folder).vocabulary.words
    said = {
        split: [word for texts in flickr8k.read_captions(root, split).values() for text in texts
                for word in (*tokenise(text), "<end>")]
        for split in ("train", "dev")
    }  # fmt: skip
    count = Counter(said["train"])
    log_p = [math.log((count[word] + 1) / (len(said["train"]) + len(words))) for word in said["dev"]]
    assert loss["frequencies"] == pytest.approx(-np.mean(log_p), rel=1e-6)
    text = " ".join(capsys.readouterr().out.split())
    assert f"Loss: {loss['word']:.3f} nats a word" in text and f"alone score {loss['frequencies']:.3f}" in text


@pytest.mark.parametrize(
    ("name", "said"), [("blind", "this model is blind, and looks nowhere"), ("tell", "this model has no attention")]
)
def test_a_model_that_looks_nowhere(root, trained, tmp_path, capsys, name, said):
    """Said wherever else it is said or drawn where a model looked; nothing has collapsed."""
    folder, photo = trained.with_name(name), next((root / "Flicker8k_Dataset").iterdir())
    assert evaluated(folder) == 0
    assert f"\nAttention: {said}" in capsys.readouterr().out
    assert kept(folder)["attention"] is None and "COLLAPSED" not in (folder / "evaluate-dev.md").read_text()
    assert show.main([str(folder), "--beam", "1"]) == 0
    assert f"where it looked: nothing drawn, {said}" in capsys.readouterr().out
    assert not (folder / "show-attention.png").exists() and (folder / "show-captions.png").exists()
    assert caption.main([str(folder), str(photo), "--show", str(tmp_path / "look.png")]) == 0
    assert f"nothing drawn: {said}" in capsys.readouterr().out and not list(tmp_path.glob("*.png"))
    assert not (folder / "attention.png").exists() and (folder / "curves.png").exists()


def test_an_ensemble_is_a_row_more(root, trained, capsys):
    other = trained.with_name("tell")
    assert evaluated(trained, "--with", other, "--beam", 1) == 0
    found = kept(trained)
    (row,) = [row for row in found["rows"] if row["kind"] == "ensemble"]
    assert row["name"] == "an ensemble of 2, not one model" and set(row["interval"]) == set(row["figures"])
    assert f"The ensemble: {trained}, {other}." in found["notes"]
    assert evaluated(trained, "--with", trained, "--beam", 1) == 0
    rows = {row["kind"]: row["figures"] for row in kept(trained)["rows"][::-1]}
    assert rows["ensemble"] == pytest.approx(rows["model"])
    with pytest.raises(SystemExit):
        evaluated("--compare", trained, "--with", other)
    assert "--with is for one RUN" in capsys.readouterr().err


def test_how_hard_attention_looks_is_chosen(root, trained, tmp_path, capsys):
    """By caption, by evaluate, and beside others; said in the report, refused for models that have no choice."""
    hard, photo = tmp_path / "hard", next((root / "Flicker8k_Dataset").iterdir())
    assert run(root, hard, "--epochs", 1, "--model", "hard", "--learning-rate", 0.02) == 0
    said = {}
    for look in (None, "expected", "argmax", "sample", "sample"):
        capsys.readouterr()
        chosen = ["--attention-mode", look] if look else []
        assert caption.main([str(hard), str(photo), *chosen]) == 0
        printed = capsys.readouterr().out
        assert said.setdefault(look, printed) == printed
    assert said[None] == said["expected"] and len(set(said.values())) == 3
    expected = heldout.write(runs.load_model(hard), heldout.Request(beam=1))
    for look in ("argmax", "sample"):
        assert evaluated(hard, "--attention-mode", look, "--beam", 1) == 0
        found = kept(hard)
        config = runs.load_model(hard).recipe.replace(attention_mode=look)
        images = inputs.load(config, expected.examples)
        right = search.caption_images(runs.load_model(hard).params, config, images, 1, tiny.RECIPE.decoding.max_words)
        assert list(found["captions"].values()) == [heldout.text(runs.load_model(hard), one) for one in right]
        assert f"--attention-mode {look}. The loss is with the expected context." in str(found["notes"])
        assert f"attention_mode={look}" not in str(found["notes"])  # in the command that trains a blind baseline
    assert evaluated("--compare", hard, "--attention-mode", "argmax", "--beam", 1) == 0
    assert "--attention-mode argmax. The loss is" in (hard / "compare-dev.md").read_text()
    other = runs.load_model(hard).recipe.replace(attention_mode="argmax")
    together = ensemble.of([settings.with_attention_mode(runs.load_model(hard), "argmax")])
    (one,) = ensemble.caption_images(together, [images[:1]], 1)
    (alone,) = search.caption_images(runs.load_model(hard).params, other, images[:1], 1, tiny.RECIPE.decoding.max_words)
    assert one.words == alone.words and one.log_p == pytest.approx(alone.log_p, rel=1e-6)
    capsys.readouterr()
    arguments = [str(trained), "--attention-mode", "argmax"]
    for code in (evaluate.main(arguments), evaluate.main(["--compare", str(hard), *arguments]),
                 evaluate.main([str(hard), "--attention-mode", "argmax", "--with", str(trained)]),
                 caption.main([str(trained), str(photo), "--attention-mode", "argmax"])):  # fmt: skip
        assert code == 2
    assert capsys.readouterr().err.count("attention_mode: does nothing for the model soft; it is for hard.\n") == 4


def test_the_blind_baseline_of_a_run_begun_with_another(root, trained, tmp_path):
    """The command that is printed works, and trains the same decoder from the start, as the first run was."""
    first, on, last = (tmp_path / name for name in ("first", "on", "last"))
    assert run(root, first, "--epochs", 2, "--set", "label_smoothing=0.1", "attention_penalty=0.2") == 0
    more = ["--epochs", "1", "--learning-rate", "0.0005", "--set", "self_critical_epochs=1", "dropout=0.1"]
    assert train.main(["--from", str(first), "--out", str(on), *more]) == 0
    assert train.main(["--from", str(on), "--out", str(last), *more]) == 0
    for folder in (on, last):
        (sentence,) = blind_baseline.notes(folder, runs.load_model(folder), None)
        words = shlex.split(sentence.partition("\n")[2])
        assert words[:3] == ["python", "-m", "numpy_sat.train"]
        assert train.main(words[3:]) == 0
        blind, model = runs.load_model(f"{folder}-blind"), runs.load_model(folder)
        assert blind_baseline.load(folder, model) is not None and blind_baseline.notes(folder, model, blind) == []
        assert blind.recipe.encoder == dataclasses.replace(model.recipe.encoder, blind=True)
        assert (blind.recipe.decoder, blind.recipe.loss) == (model.recipe.decoder, model.recipe.loss)
        right = runs.load_model(first).recipe.replace(dropout=0.1, blind=True)
        assert blind.recipe == right and blind.progress["epoch"] <= 2
        assert blind.vocabulary == model.vocabulary


def test_settings_that_do_nothing_are_not_in_the_blind_baselines_command(root, trained, monkeypatch):
    """Though what --small stands for has changed in them since."""
    monkeypatch.setitem(presets.PRESETS, ("flickr8k", True), tiny.RECIPE.replace(entropy_weight=0.7))
    (sentence,) = blind_baseline.notes(trained, runs.load_model(trained), None)
    assert "entropy_weight" not in sentence and "--epochs 1 --root" in sentence


def test_the_blind_command_is_the_first_one_changed(tmp_path):
    """Without what a model without an encoder refuses, and with the decoder of the last run of the chain."""
    first = presets.on_pretrained("flickr8k", "vgg16", tmp_path / "vgg.npz")
    last = first.replace(tuned_stages=3, dropout=0.1, learning_rate=0.1, without=("deep output",), length_power=1.0)
    command = ["train", "--out=old", "--root", "data", "--encoder", "vgg16", "--weights", "vgg.npz"]
    command += ["--set=tuned_stages=2", "--set", "tuned_stages=1", "encoder_rate_factor=0.3", "--seed", "4"]
    settings = {"recipe": dataclasses.asdict(last), "seed": 5, "command": ["train", "--from", "old"]}
    settings |= {"first_recipe": json.loads(json.dumps(dataclasses.asdict(first))), "first_command": command}
    model = runs.Model(None, last, None, settings | {"root": "/data", "first_seed": 4}, None)
    (sentence,) = blind_baseline.notes(tmp_path / "run" / "best.npz", model, None)
    assert shlex.split(sentence.partition("\n")[2]) == [
        *("python", "-m", "numpy_sat.train", "--blind", "--encoder", "vgg16", "--seed", "4"),
        *("--set", "without=deep output", "dropout=0.1", "--weights", str(tmp_path / "vgg.npz")),
        *("--root", "/data", "--out", str(tmp_path / "run-blind")),
    ]


# Comparing


def test_comparing(root, trained, monkeypatch, capsys):
    """A row a run; figures follow from the captions, here of 7, 6 and 5 words, and everything else from the runs."""
    write, words = heldout.write, iter((7, 6, 5))

    def shorter_and_shorter(*args):
        written, most = write(*args), next(words)
        texts = {name: " ".join(of[0].lower().split()[:most]) for name, of in written.references.items()}
        return written._replace(texts=texts)

    monkeypatch.setattr(heldout, "write", shorter_and_shorter)
    others = [trained.with_name(name) for name in ("tell", "blind")]
    assert evaluated("--compare", trained, *others, "--beam", 2) == 0
    printed = capsys.readouterr().out
    found = json.loads((trained / "compare-dev.json").read_text())
    rows = {row["name"]: row for row in found["rows"]}
    assert list(rows) == ["run", "tell", "blind"]
    references = flickr8k.read_captions(root, "dev")
    first = judging.judge(rows["run"]["captions"], references)
    for name, row in rows.items():
        folder = trained.with_name(name)
        judged, log = judging.judge(row["captions"], references), runs.read_log(folder)
        assert row["figures"] == pytest.approx(judged.score())
        assert row["interval"]["CIDEr-D"] == pytest.approx(judged.intervals()["CIDEr-D"])
        assert row["parameters"] == sum(array.size for array in runs.load_model(folder).params.values())
        assert row["minutes"] == log[-1]["seconds"] / 60 and row["milliseconds"] > 0
        assert row["loss"]["word"] == pytest.approx(log[-1]["loss"], rel=1e-6)
        if name == "run":
            assert row["difference"] is None and 0 < row["attention"]["entropy"] < math.log(64)
        else:
            expected = judged.difference(first)
            assert row["difference"]["ROUGE-L"] == pytest.approx(expected["ROUGE-L"]) and expected["ROUGE-L"][1] < 0
            assert row["attention"] is None
    markdown = (trained / "compare-dev.md").read_text()
    for text in (printed, markdown):
        assert "Against run, by the 95 % intervals of the difference" in text and "COLLAPSED" not in text
        assert "flickr8k, dev, 8 pictures; beam 2; 5 references" in " ".join(text.split())
        assert f"have a loss of {rows['run']['loss']['frequencies']:.3f}." in " ".join(text.split())
        assert "pretrained" not in text
    cells = [line.count("|") for line in markdown.splitlines() if line.startswith("|")]
    assert len(cells) == 5 and len(set(cells)) == 1 and not list(trained.glob("*.part"))


def test_where_the_table_is_written(trained, tmp_path):
    out = tmp_path / "table.md"
    assert evaluated("--compare", trained, trained / "last.npz", "--out", out, "--split", "test") == 0
    assert not (trained / "compare-test.md").exists() and out.exists()
    rows = json.loads(out.with_suffix(".json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["run/best.npz", "run/last.npz"]
    assert set(map(tuple, rows[1]["difference"].values())) == {(0, 0)}
    (tmp_path / "no").write_text("a file")
    assert evaluated("--compare", trained, "--out", tmp_path / "no" / "table.md") == 2


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/run", "b/run"], ["a/run", "b/run"]),
        (["a/run", "b/run", "b/other"], ["a/run", "b/run", "other"]),
        (["x/a/run", "x/b/run", "y/a/run"], ["x/a/run", "b/run", "y/a/run"]),
        (["a/run/last.npz", "b/run"], ["a/run", "b/run"]),
        (["a/run/last.npz", "a/run", "b/run"], ["a/run/last.npz", "a/run/best.npz", "b/run"]),
        (["a/run/last.npz", "b/run/last.npz", "b/run"], ["a/run", "b/run/last.npz", "b/run/best.npz"]),
        (["run", "some/run"], None),
    ],
)
def test_rows_are_told_apart(tmp_path, monkeypatch, paths, names):
    """By as much of the path as that takes, of two checkpoints of a run by their files."""
    for folder in ("x/a/run", "x/b/run", "y/a/run", "a/run", "b/run", "b/other", "run", "some/run"):
        (tmp_path / folder).mkdir(parents=True)
        for name in ("best.npz", "last.npz"):
            (tmp_path / folder / name).touch()
    monkeypatch.chdir(tmp_path)
    found = run_comparison._names([Path(path) for path in paths])
    assert found == (names or [f"{tmp_path.name}/run", "some/run"])


def test_the_same_run_twice_is_refused(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for again in (trained, trained / "best.npz", "run"):
        assert evaluated("--compare", trained, again) == 2
        assert f"{trained}, {again}: the same model; name each once" in capsys.readouterr().err


def test_a_run_without_a_log_has_no_minutes(trained):
    (trained / "log.jsonl").unlink()
    assert evaluated("--compare", trained, "--beam", 1) == 0
    assert json.loads((trained / "compare-dev.json").read_text())["rows"][0]["minutes"] is None


def test_runs_of_other_data_are_not_compared(trained, tmp_path, capsys):
    scenes.write(tmp_path / "other", seed=1, train=24, dev=8, test=4)
    assert run(tmp_path / "other", tmp_path / "of-other", "--epochs", 1) == 0
    assert evaluated("--compare", trained, tmp_path / "of-other") == 2
    said = capsys.readouterr().err
    assert f"{tmp_path / 'of-other'} was trained on flickr8k, and {trained} on another copy of flickr8k" in said


def test_losses_over_other_vocabularies_are_not_compared(root, trained):
    assert run(root, trained.with_name("few"), "--epochs", 1, "--set", "min_word_count=9") == 0
    assert evaluated("--compare", trained, trained.with_name("few"), "--beam", 1) == 0
    assert "Their vocabularies are not the same" in (trained / "compare-dev.md").read_text()


def test_comparing_on_scenes(tmp_path, monkeypatch, capsys):
    """One model is made to write the truth and to look everywhere, the other to write nothing that is true."""
    monkeypatch.setattr(scenes, "ensure", lambda folder, seed=0: folder / "few")
    monkeypatch.setitem(presets.PRESETS, ("scenes", True), tiny.RECIPE.replace(epochs=1))
    scenes.write(tmp_path / "few", train=24, dev=8, test=4)
    for name in ("soft", "tell"):
        common = ["--small", "--root", str(tmp_path), "--out", str(tmp_path / name)]
        assert train.main([*common, "--model", name]) == 0
    write = heldout.write

    def true_or_not(model, *args):
        written = write(model, *args)
        looks = model.recipe.decoder.model == "soft"
        texts = {name: of[0].lower().strip(" .") if looks else "nothing" for name, of in written.references.items()}
        found = [one._replace(alpha=np.full((20, 64), 1 / 64)) if looks else one for one in written.captions]
        return written._replace(texts=texts, captions=found)

    monkeypatch.setattr(heldout, "write", true_or_not)
    assert evaluated("--compare", tmp_path / "soft", tmp_path / "tell", "--beam", 1) == 0
    soft, tell = json.loads((tmp_path / "soft" / "compare-dev.json").read_text())["rows"]
    complete = soft["truth"]["complete"]
    assert complete > 0.5 and soft["figures"]["true"] == pytest.approx(100 * complete)
    assert (
        soft["truth"]["in_box"] == pytest.approx(soft["truth"]["chance"])
        and tell["truth"]["in_box"] is None
        and tell["figures"]["true"] == 0
    )
    assert soft["interval"]["true"][1] <= 100 and tell["difference"]["true"][1] < 0
    printed = capsys.readouterr().out
    assert "LOWER in" in printed and ", true" in printed and "In box: " in printed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a", "b"], "several RUNs, and --out, are for --compare"),
        (["a", "--out", "b.md"], "several RUNs, and --out, are for --compare"),
        (["--compare", "a", "b", "--blind", "c"], "--compare takes no --blind"),
        (["--compare", "a", "b", "--out", "c"], "the name of a Markdown file"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, sentence, capsys):
    with pytest.raises(SystemExit):
        evaluated(*arguments)
    assert sentence in capsys.readouterr().err


def made_up_row(name, **others):
    figures = dict(zip(SCORES, (100.0, 91.7, 84.6, 74.7, 47.7, 84.8, 1000.0), strict=True))
    interval = {key: (figure - 1, figure) for key, figure in figures.items()}
    row = table.Row(
        name=name, parameters=12_345_678, minutes=90.25, milliseconds=12.34, loss=report.Loss(2.9712, 5.12),
        figures=figures, interval=interval, difference=interval, truth=None,
        attention=AttentionStatistics(3.0, math.log(196), 0.25),
        captions={},
    )  # fmt: skip
    return row._replace(**others)


def test_a_table_fits_the_terminal_and_is_loud():
    rows = [
        made_up_row("a-name-of-20-letters", truth=Truth(0.972, 0.99, 1.0, 0.358, 0.27, 0.078)),
        made_up_row("collapsed", attention=AttentionStatistics(5.27, math.log(196), 0.0)),
        made_up_row(
            "nowhere", attention=None, minutes=math.nan, truth=Truth(0.5, 0.5, 1.0, math.nan, math.nan, math.nan)
        ),
    ]
    found = table.Table("3 models", "a protocol", ("a note",), rows)
    lines = table.as_text(found).splitlines()
    assert max(map(len, lines)) <= 100
    cells = [line.split() for line in lines]
    scores = ["2.971", "100.0", "91.7", "84.6", "74.7", "47.7", "84.8", "1000.0", "999.0", "to", "1000.0"]
    assert cells[3] == ["a-name-of-20-letters", *scores]
    rest = ["12,345,678", "90.2", "12.3", "3.00", "5.28", "25.0", "35.8", "27.0", "7.8", "97.2"]
    assert cells[8] == ["a-name-of-20-letters", *rest]
    assert cells[9] == ["collapsed", *rest[:3], "!!!", "5.27", "5.28", "0.0", *"----"]
    assert cells[10] == ["nowhere", rest[0], "-", rest[2], *"------", "50.0"]
    text = " ".join(" ".join(lines).split())
    assert "!!! ATTENTION HAS COLLAPSED in collapsed: " in text and "In box: " in text and "a note" in text
    assert "collapsed: higher in all nowhere: higher in all" in text
    markdown = table.as_markdown(found)
    assert "!!! ATTENTION HAS COLLAPSED in collapsed: " in markdown and "| !!! 5.27 |" in markdown
    assert json.loads(json.dumps(table.as_json(found), allow_nan=False))["rows"][2]["minutes"] is None


# The rows


REFERENCES = {"1": ["a dog runs far away", "the dog runs"], "2": ["two cats sit on a wall", "cats on a wall"]}


def test_differences_are_the_models_figures_less_the_floors():
    good, bad = {"1": "a dog runs far away", "2": "two cats sit on a wall"}, {"1": "no", "2": "no"}
    rows = {row.name: row for row in comparison.compare(good, REFERENCES, {"bad": bad, "same": good})}
    assert rows["bad"].kind == "floor" and rows["bad"].figures["BLEU-1"] == 0
    assert all(low > 0 for low, _ in rows["bad"].difference.values())
    assert set(rows["same"].difference.values()) == {(0.0, 0.0)}
    worse = comparison.compare(bad, REFERENCES, {"good": good})[2]
    assert comparison.verdict(worse.difference) == f"LOWER in {', '.join(SCORES)}"


def test_people_and_model_are_judged_by_the_same_references():
    """Of two references each, so by one: people's by the other, twice; the model's by each."""
    captions = {"1": "a dog runs", "2": "cats sit on a wall"}
    rows = {row.name: row.figures for row in comparison.compare(captions, REFERENCES, {})}
    first, second = ({name: texts[k] for name, texts in REFERENCES.items()} for k in (0, 1))
    by = {k: {name: [texts[k]] for name, texts in REFERENCES.items()} for k in (0, 1)}
    for row, (one, other) in {
        "this model, a reference fewer": (judging.score(captions, by[1]), judging.score(captions, by[0])),
        "one person, by all the others": (judging.score(first, by[1]), judging.score(second, by[0])),
    }.items():
        assert rows[row] == pytest.approx({name: (one[name] + other[name]) / 2 for name in SCORES})
    alone = comparison.compare(captions, {**REFERENCES, "2": ["cats"]}, {})
    assert {row.kind for row in alone} == {"model"}


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        ([(1, 2), (0.1, 3)], "higher in all"),
        ([(1, 2), (-1, 3)], "higher in BLEU-1; no difference shown in METEOR"),
        ([(0, 2), (-3, -1)], "LOWER in METEOR; no difference shown in BLEU-1"),
        ([(0, 0), (-3, 0)], "no difference shown in BLEU-1, METEOR"),
    ],
)
def test_verdicts(edges, said):
    assert comparison.verdict(dict(zip(("BLEU-1", "METEOR"), edges, strict=True))) == said


# The report


COMMAND = "  python -m numpy_sat.train --blind --data flickr8k --root /a/long/folder --out runs/x-blind"


def made_up_report(truth=None, **attention):
    figures = dict(zip(SCORES, (100.0, 91.7, 84.6, 74.7, 47.7, 84.8, 1000.0), strict=True))
    interval = {name: (figure - 1, figure) for name, figure in figures.items()}
    return report.Evaluation(
        title="runs/flickr8k-small: its captions of flickr8k, dev",
        protocol="flickr8k, dev, 1,000 pictures; " + "and so on; " * 20,
        notes=(f"Train it:\n{COMMAND}",),
        rows=[
            Row("this model", "model", figures, interval),
            Row("its pictures shuffled", "floor", figures, difference=interval),
            Row("one person, by all the others", "people", figures),
            *comparison.PAPER["flickr8k"],
        ],
        vocabulary=2536,
        loss=report.Loss(2.9712, 5.1204),
        ours=Variety(1712, 0.5, 9.25, 3, 20, 0.0, 0.1, 0.25),
        people=Variety(1712, 0.5, 9.25, 3, 20, 0.0, 0.1, 0.25),
        attention=AttentionStatistics(**{"entropy": 3.0, "most": math.log(64), "movement": 0.25, **attention}),
        truth=truth,
    )


def test_the_text_fits_the_terminal():
    lines = report.as_text(made_up_report(Truth(0.9, 0.8, float("nan"), 0.3, 0.2, 0.1))).splitlines()
    assert COMMAND in lines and max(len(line) for line in lines if line != COMMAND) == 80
    scores = [line for line in lines if line.startswith(("this model  ", "  95 %", "the paper, s"))]
    assert [line.split()[-7:] for line in scores] == [
        ["100.0", "91.7", "84.6", "74.7", "47.7", "84.8", "1000.0"],
        ["99.0", "90.7", "83.6", "73.7", "46.7", "83.8", "999.0"],
        ["100.0", "91.7", "84.6", "74.7", "47.7", "84.8", "1000.0"],
        ["67", "44.8", "29.9", "19.5", "18.9", "-", "-"],
    ]
    text = " ".join(" ".join(lines).split())
    assert "its pictures shuffled: higher in all" in text and "Xu et al." in text and "One person: each" in text
    assert "different words 1,712 of 2,536 1,712" in text and "words a caption 9.2 (3 to 20) 9.2 (3 to 20)" in text
    assert "captions copied whole from train 25.0 % 25.0 %" in text
    assert "entropy 3.00 of at most ln 64 = 4.16 nats, that of 20.1 locations" in text and "25.0 % of it moves" in text
    assert "90.0 % of captions" in text and "; - of relations said" in text
    assert "30.0 %, chance 10.0 %, so 3.0 x chance; at the word before: 20.0 %." in text
    nothing_named = Truth(0.0, 0.0, *[float("nan")] * 4)
    assert "no caption names an object that is there." in " ".join(
        report.as_text(made_up_report(nothing_named)).split()
    )


def test_notes_on_rows_stand_only_where_the_rows_do():
    found = made_up_report()
    text = report.as_text(found._replace(rows=found.rows[:2]))
    assert "Xu et al." not in text and "One person" not in text and "True: " not in text


def test_markdown_tables_are_whole():
    lines = report.as_markdown(made_up_report()).splitlines()
    cells = [line.count("|") for line in lines if line.startswith("|")]
    assert cells == [9] * 7 + [4] * 8
    assert "| this model | 100.0 (99.0 to 100.0) | 91.7 (90.7 to 91.7) |" in "\n".join(lines)
    assert "    python -m numpy_sat.train --blind" in "\n".join(lines)


def test_json_has_none_for_what_is_no_number():
    found = report.as_json(made_up_report(Truth(0.9, 0.8, float("nan"), 0.3, 0.2, 0.1), movement=float("nan")))
    back = json.loads(json.dumps(found, allow_nan=False))
    assert back["truth"]["relation"] is None is back["attention"]["movement"] and back["truth"]["chance"] == 0.1
    assert back["attention"]["collapsed"] is False and back["rows"][1]["difference"]["BLEU-1"] == [99, 100]


# Pictures


def test_the_curve_of_train_is_that_of_peoples_captions(tmp_path, monkeypatch):
    """Self-critical steps log the loss of what was drawn, which is no loss to be compared with."""
    drawn, people = {"step": 30, "loss": 0.1, "greedy": 9.0}, [{"step": 10, "loss": 3.0}, {"step": 20, "loss": 2.0}]
    dev = [{"step": 30, "loss": 2.5, "bleu": [1, 2, 3, 4], "cider": 5}]
    seen = []
    monkeypatch.setattr(figures, "_save", lambda figure, path: seen.append(figure.axes[0].lines[0].get_xydata()))
    figures.curves_figure(tmp_path / "a.png", [*people, drawn], dev)
    figures.runs_figure(tmp_path / "b.png", {"a": ([*people, drawn], dev)})
    assert [line.tolist() for line in seen] == [[[10, 3], [20, 2]]] * 2


def test_without_peoples_captions_train_has_no_curve(tmp_path, monkeypatch):
    """Nor a name of one in the legend."""
    seen = []
    monkeypatch.setattr(figures, "_save", lambda figure, path: seen.extend(figure.axes[0].get_legend().get_texts()))
    dev = [{"step": 30, "loss": 2.5, "bleu": [1, 2, 3, 4], "cider": 5}]
    figures.curves_figure(tmp_path / "a.png", [{"step": 30, "loss": 0.1, "greedy": 9.0}], dev)
    assert [text.get_text() for text in seen] == ["dev"]


def test_captions_with_dollars_are_no_mathematics(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    figures.sheet_figure(tmp_path / "sheet.png", [(image, "best: a$_$.jpg", ["a $_$ smile", "100% $5 # $6"])])
    assert (tmp_path / "sheet.png").exists()


def test_showing(root, trained, monkeypatch, capsys):
    """Four figures in the first run's folder; on the sheet the best captions first, each with its own figures."""
    write, sheets, looks, curves = heldout.write, [], [], []

    def better_and_better(*args):
        """The first caption is the first word, the second the first two words of a reference."""
        written = write(*args)
        texts = {name: " ".join(of[0].split()[: k + 1]) for k, (name, of) in enumerate(written.references.items())}
        return written._replace(texts=texts)

    monkeypatch.setattr(heldout, "write", better_and_better)
    for name, seen in (("sheet_figure", sheets), ("attention_rows_figure", looks), ("runs_figure", curves)):
        draw = getattr(figures, name)
        monkeypatch.setattr(figures, name, lambda *args, draw=draw, seen=seen: seen.append(args) or draw(*args))
    assert show.main([str(trained), str(trained.parent / "blind"), "--beam", "1"]) == 0
    printed = capsys.readouterr().out
    for name in ("curves", "filters", "captions", "attention"):
        assert f": {trained / f'show-{name}.png'}\n" in printed
        with Image.open(trained / f"show-{name}.png") as image:
            assert image.format == "PNG" and image.width > 300 and np.ptp(np.asarray(image.convert("L"))) > 100
    assert not list((trained.parent / "blind").glob("show-*"))
    ((_, of_runs),) = curves
    assert list(of_runs) == [str(trained), str(trained.parent / "blind")]
    assert all([e["step"] for e in dev] == [6] and dev[0]["bleu"] for _, dev in of_runs.values())

    ((_, entries),) = sheets
    assert [title.split(":")[0] for _, title, _ in entries] == ["best"] * 3 + ["middle"] * 3 + ["worst"] * 3
    references = flickr8k.read_captions(root, "dev")
    captions = {name: " ".join(texts[0].split()[: k + 1]) for k, (name, texts) in enumerate(references.items())}
    judged = judging.judge(captions, references)
    of_picture = dict(zip(judged.images, judged.means["CIDEr-D"], strict=True))
    ranked = sorted(of_picture.values(), reverse=True)
    assert len(set(ranked)) == 8
    for (image, title, said), rank in zip(entries, (0, 1, 2, 3, 4, 5, 5, 6, 7), strict=True):
        name = title.split(": ")[1]
        assert image.shape == (224, 224, 3) and of_picture[name] == ranked[rank]
        assert said[:2] == [f"model: {captions[name]}", f"reference: {references[name][0]}"]
        words = tokenise(captions[name])
        of_bleu = bleu.bleu([words], [[*map(tokenise, references[name])]])
        assert said[2] == f"CIDEr-D {of_picture[name]:.0f}, BLEU-1 {of_bleu[0]:.0f}, BLEU-4 {of_bleu[3]:.0f}"
        assert said[3].startswith("METEOR ") and "ROUGE-L " in said[3]
    for (image, title, words, alpha), of_sheet in zip(looks[0][1], entries, strict=True):  # of the same pictures
        place, cider = of_sheet[1].split(":")[0], of_sheet[2][2].split(",")[0]
        assert title == f"{place}: {cider}" and np.array_equal(image, of_sheet[0])
        assert alpha.shape == (len(words), 64) and words[-1] == "<end>"


def test_a_blind_run_has_no_filters(trained, capsys):
    blind = trained.parent / "blind"
    assert show.main([str(blind), "--beam", "1"]) == 0
    assert "filters" not in capsys.readouterr().out and not (blind / "show-filters.png").exists()


def test_showing_what_is_no_run(trained, tmp_path, capsys):
    assert show.main([str(trained), str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err and not list(trained.glob("show-*"))
