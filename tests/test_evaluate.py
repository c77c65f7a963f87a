"""Test the command evaluate: the report on a trained model, its rows and its files."""

import dataclasses
import json
import math
import shlex
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image
from tiny import run

from numpy_sat import caption, evaluate, show, train, words
from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.data.scenes import scenes
from numpy_sat.decoding import ensemble, search
from numpy_sat.evaluation import (
    blind_baseline,
    caption_evaluation,
    floors,
    front,
    heldout,
    judging,
    run_comparison,
)
from numpy_sat.evaluation.comparison import SCORES
from numpy_sat.experiment import checkpoint, decoding_options, presets, runs
from numpy_sat.metrics.tokens import ptb_tokenize
from numpy_sat.pretrained import inputs
from numpy_sat.system import output
from numpy_sat.system.errors import InputError

pytestmark = pytest.mark.usefixtures("tiny_preset")


@pytest.fixture
def no_captions(monkeypatch):
    """Let a test fail that writes captions."""
    monkeypatch.setattr(heldout, "write", lambda *_: pytest.fail("captions were written"))


@pytest.mark.parametrize("more", [[], ["--compare"]])
@pytest.mark.parametrize(
    "name, message",
    [("no/x.md", "no/x.md: cannot be written"), ("folder.md", "it is a folder"), ("data.md", "replace")],
)
def test_a_report_that_cannot_be_written_is_refused_first(
    trained, no_captions, monkeypatch, capsys, name, message, more
):
    monkeypatch.chdir(trained)
    (trained / "folder.md").mkdir()
    (trained / "data.json").write_text("{}")
    assert run_evaluate(trained, "--out", name, *more) == 2
    assert message in capsys.readouterr().err
    assert (trained / "data.json").read_text() == "{}" and not list(trained.rglob("*.part"))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_run_whose_name_is_not_utf8(trained, capsys):
    folder = trained.rename(trained.with_name("r\udcff"))
    assert run_evaluate(folder, "--beam", 1) == 0
    assert r"/r\udcff: its captions" in (folder / "evaluate-dev.md").read_text(encoding="utf-8")
    assert r"/r\udcff: its captions" in " ".join(capsys.readouterr().out.split())  # a long path wraps the line


def test_the_files_are_written_before_the_report_is_printed(trained, monkeypatch):
    """Check that `evaluate RUN | head -1` loses no report."""

    def closed(text="", file=None):
        if file is None:
            raise BrokenPipeError

    monkeypatch.setattr(output, "show", closed)
    assert run_evaluate(trained, "--beam", 1) == 1
    assert (trained / "evaluate-dev.md").exists() and (trained / "evaluate-dev.json").exists()


def test_a_run_that_cannot_be_written_is_refused_first(trained, no_captions, capsys):
    (trained / "evaluate-dev.md").mkdir()
    assert run_evaluate(trained) == 2
    assert "evaluate-dev.md: cannot be written (it is a folder)" in capsys.readouterr().err


def run_evaluate(*arguments):
    """Run the command and return its exit code."""
    return evaluate.main([*map(str, arguments)])


def read_report(folder, split="dev"):
    """Return the JSON report in the folder of a run."""
    return json.loads((folder / f"evaluate-{split}.json").read_text(encoding="utf-8"))


def test_evaluating(root, trained, capsys):
    """Check the scores in the JSON against its captions, and that output and Markdown show the same scores."""
    assert run_evaluate(trained, "--beam", 2) == 0
    printed = capsys.readouterr().out
    report, references = read_report(trained), flickr8k.read_captions(root, "dev")
    assert set(report["captions"]) == set(references) and len(references) == 8
    rows = {row["name"]: row for row in report["rows"]}
    score = judging.score(report["captions"], references)
    assert rows["this model"]["figures"] == pytest.approx(score)
    assert set(rows["this model"]["interval"]) == set(score)
    without_penalty = judging.score(report["captions"], references, brevity=False)
    assert rows["this model, no brevity penalty"]["figures"] == pytest.approx(
        {n: without_penalty[n] for n in SCORES[:4]}
    )
    assert {"images shuffled", "human captions, leave-one-out"} < set(rows)
    assert report["version"] == "0.1.0" and "8 images; beam width 2; 5 references" in report["protocol"]
    assert 0 < report["attention"]["entropy"] <= report["attention"]["most"] == pytest.approx(math.log(64))
    markdown = (trained / "evaluate-dev.md").read_text(encoding="utf-8")
    for text in (printed, markdown):
        assert f"{score['BLEU-1']:.1f}" in text and "METEOR matches" in text and "COLLAPSED" not in text
        assert report["protocol"].split(";")[0] in " ".join(text.split())
    assert not list(trained.glob("*.part"))


def test_the_papers_rows_stand_beside_the_official_splits_only(root, trained, capsys, monkeypatch):
    def run_and_find_paper():
        capsys.readouterr()
        assert run_evaluate(trained) == 0
        return "Xu et al." in capsys.readouterr().out, [row["name"] for row in read_report(trained)["rows"]]

    printed, names = run_and_find_paper()
    assert not printed and not any("paper" in name for name in names)
    monkeypatch.setattr(flickr8k, "is_official", lambda split, names: split in ("dev", "train") and len(names) >= 8)
    printed, names = run_and_find_paper()
    assert printed and names[-2:] == ["the paper, soft attention *", "the paper, hard attention *"]
    assert run_evaluate("--compare", trained, trained.with_name("tell")) == 0
    paper = json.loads((trained / "compare-dev.json").read_text())["paper"]
    assert [row["name"] for row in paper] == ["the paper, soft attention *", "the paper, Google NIC *"]


def test_control_characters_of_captions_reach_neither_terminal_nor_report(trained, capsys, monkeypatch):
    monkeypatch.setattr(caption_evaluation.floors, "best_constant", lambda references, by: "a \x1b[2Jdog\x07")
    assert run_evaluate(trained) == 0
    for text in (capsys.readouterr().out, (trained / "evaluate-dev.md").read_text(encoding="utf-8")):
        assert r"a \x1b[2Jdog\x07" in text and "\x1b" not in text and "\x07" not in text


def test_an_unreadable_folder_of_the_blind_baseline_is_skipped(trained, deny):
    shutil.rmtree(trained.with_name("run-blind"), ignore_errors=True)
    deny(trained.with_name("run-blind"))
    assert run_evaluate(trained) == 0
    assert not [row for row in read_report(trained)["rows"] if "blind language model" in row["name"]]


def test_best_constants_come_from_train(root, trained):
    assert run_evaluate(trained, "--split", "test") == 0
    report, known = read_report(trained, "test"), flickr8k.read_captions(root, "train")
    best = {by: floors.best_constant(known, by) for by in ("BLEU-4", "CIDEr-D")}
    assert best["BLEU-4"] != best["CIDEr-D"]
    references = flickr8k.read_captions(root, "test")
    rows = {row["name"]: row["figures"] for row in report["rows"]}
    for by, text in best.items():
        expected = judging.score(dict.fromkeys(references, text), references)
        assert rows[f"best constant by {by}"] == pytest.approx(expected)
        assert any(f'"{text}" (best constant by {by})' in note for note in report["notes"])


def test_variety_is_of_all_captions_against_all_of_train(root, trained, monkeypatch):
    calls, variety = [], caption_evaluation.variety
    monkeypatch.setattr(caption_evaluation, "variety", lambda *args: calls.append(args) or variety(*args))
    assert run_evaluate(trained) == 0
    report, references = read_report(trained), flickr8k.read_captions(root, "dev")
    (captions, known), (human_captions, _) = calls
    assert [" ".join(words) for words in captions] == list(report["captions"].values())
    assert [" ".join(words) for words in human_captions] == [texts[0].lower()[:-2] for texts in references.values()]
    assert len(known) == 24 * 5 and report["vocabulary"] == len(runs.load_model(trained).vocabulary) - 3


def test_references_without_a_word_do_not_count(root, trained, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    token = copy / "Flickr8k_text" / "Flickr8k.token.txt"
    name = next(iter(flickr8k.read_captions(root, "dev")))
    lines = token.read_text().splitlines()
    token.write_text("".join(f"{name}#0\t...\n" if line.startswith(f"{name}#0") else f"{line}\n" for line in lines))
    assert run_evaluate(trained, "--root", copy) == 0
    assert "; 4 to 5 references per image" in read_report(trained)["protocol"]


def test_a_constant_that_is_best_by_both_scores_has_one_row(trained, monkeypatch):
    monkeypatch.setattr(caption_evaluation.floors, "best_constant", lambda references, by: "a red circle")
    assert run_evaluate(trained) == 0
    assert [row["name"] for row in read_report(trained)["rows"] if "constant" in row["name"]] == [
        "best constant caption"
    ]


def test_a_blind_baseline_is_named_or_beside_the_run(root, trained, capsys):
    blind = trained.parent / "blind"
    assert run_evaluate(trained) == 0
    printed = capsys.readouterr().out
    command = f"python -m numpy_sat.train --blind --small --data flickr8k --epochs 1 --root {root}"
    assert f"\n  {command} --out {trained}-blind\n" in printed and "blind language model:" not in printed
    model = runs.load_model(trained)
    model.settings["command"] += ["--skip-missing", "--seed", "3"]
    (sentence,) = blind_baseline.notes(trained, model, None)
    assert "--epochs 1 --skip-missing --seed 3 --root" in sentence
    assert run_evaluate(trained, "--blind", blind) == 0
    named = read_report(trained)
    blind.rename(f"{trained}-blind")
    assert run_evaluate(trained / "best.npz") == 0
    beside = read_report(trained)
    assert beside["rows"] == named["rows"]
    assert "blind language model" in [row["name"] for row in beside["rows"]]
    assert "There is no blind" not in str(beside["notes"]) and "(blind language model)" in str(beside["notes"])


def test_a_blind_model_writes_one_caption_for_all_images(trained):
    blind = trained.parent / "blind"
    assert run_evaluate(blind) == 0
    report = read_report(blind)
    assert len(set(report["captions"].values())) == 1 and "There is no blind" not in str(report["notes"])
    assert run_evaluate(trained, "--blind", blind) == 0
    reports = report, read_report(trained)
    rows = [{row["name"]: row["figures"] for row in report["rows"]} for report in reports]
    assert rows[0]["this model"] == rows[0]["images shuffled"] == rows[1]["blind language model"]


def test_unsuitable_blind_baselines_are_refused(root, trained, tmp_path, capsys):
    assert run_evaluate(trained, "--blind", trained) == 2
    assert "is not a blind run; name one that was trained with --blind" in capsys.readouterr().err
    scenes.write(tmp_path / "other", seed=1, train=24, dev=8, test=4)
    assert run(tmp_path / "other", f"{trained}-blind", "--epochs", 1, "--blind") == 0
    assert run_evaluate(trained) == 2
    assert "other captions than" in capsys.readouterr().err
    assert run_evaluate(trained, "--blind", tmp_path / "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err


def test_another_decoder_is_reported(root, trained, monkeypatch):
    """Check the notes after a change of the recipe of --small."""
    other = tiny.RECIPE.replace(hidden_size=8)
    monkeypatch.setitem(presets.PRESETS, ("flickr8k", True), other)
    assert run_evaluate(trained) == 0
    assert "--small" in str(read_report(trained)["notes"]) and "--set" not in str(read_report(trained)["notes"])
    assert run(root, f"{trained}-blind", "--epochs", 1, "--blind") == 0
    assert run_evaluate(trained) == 0
    assert "it differs in hidden_size." in str(read_report(trained)["notes"])


def test_a_blind_run_has_its_own_folder(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train.main(["--small", "--blind", "--data", "flickr8k", "--root", str(root), "--epochs", "1"]) == 0
    model = runs.load_model(tmp_path / "runs" / "flickr8k-small-blind")
    assert model.recipe.encoder.blind and not any("conv" in name for name in model.params)


def test_collapsed_attention_gives_a_warning(trained, capsys):
    """Check a model with v = 0, whose locations all have the same score."""
    stored = checkpoint.load(trained / "best.npz")
    params = {**stored.params, "v": 0 * stored.params["v"]}
    checkpoint.save(trained / "best.npz", stored._replace(params=params))
    assert run_evaluate(trained) == 0
    assert "!!! ATTENTION HAS COLLAPSED" in capsys.readouterr().out
    assert read_report(trained)["attention"]["collapsed"] is True
    assert "!!! ATTENTION HAS COLLAPSED" in (trained / "evaluate-dev.md").read_text()


def test_only_the_photos_of_the_split_are_needed(root, trained, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    lists = {split: flickr8k.read_captions(root, split) for split in ("train", "dev", "test")}
    for name in (*lists["train"], *lists["test"]):
        (copy / "Flicker8k_Dataset" / name).unlink()
    assert run_evaluate(trained, "--root", copy) == 0
    assert run_evaluate(trained, "--root", copy, "--split", "test") == 2
    assert "Split test lacks 4 photos of 4" in capsys.readouterr().err


def test_a_report_that_cannot_be_written(trained, capsys):
    (trained / "evaluate-dev.json").mkdir()
    assert run_evaluate(trained) == 2
    assert "evaluate-dev.json: cannot be written" in capsys.readouterr().err
    assert not list(trained.glob("*.part"))


@pytest.mark.parametrize("name", ["run", "tell"])
def test_the_loss_is_the_one_of_training(root, trained, name, capsys):
    """Check the loss on dev, and the loss of the word frequencies of train with add-one smoothing."""
    folder = trained.with_name(name)
    assert run_evaluate(folder, "--beam", 1) == 0
    (logged,) = [entry["loss"] for entry in runs.read_log(folder) if entry["kind"] == "dev"]
    loss = read_report(folder)["loss"]
    assert loss["word"] == pytest.approx(logged, rel=1e-6)
    words = runs.load_model(folder).vocabulary.words
    words_by_split = {
        split: [word for texts in flickr8k.read_captions(root, split).values() for text in texts
                for word in (*ptb_tokenize(text), "<end>")]
        for split in ("train", "dev")
    }  # fmt: skip
    count, total = Counter(words_by_split["train"]), len(words_by_split["train"]) + len(words)
    log_p = [math.log((count[word] + 1) / total) for word in words_by_split["dev"]]
    assert loss["frequencies"] == pytest.approx(-np.mean(log_p), rel=1e-6)
    text = " ".join(capsys.readouterr().out.split())
    assert f"Loss: {loss['word']:.3f} nats per word" in text and f"alone reach {loss['frequencies']:.3f}" in text


@pytest.mark.parametrize(
    ("name", "reason"), [("blind", "this model is blind"), ("tell", "this model has no attention")]
)
def test_a_model_without_attention(root, trained, tmp_path, capsys, name, reason):
    """Check that every command says why there is no attention map, and that no warning appears."""
    folder, photo = trained.with_name(name), next((root / "Flicker8k_Dataset").iterdir())
    assert run_evaluate(folder) == 0
    assert f"\nAttention: {reason}" in capsys.readouterr().out
    assert read_report(folder)["attention"] is None and "COLLAPSED" not in (folder / "evaluate-dev.md").read_text()
    assert show.main([str(folder), "--beam", "1"]) == 0
    assert f"no attention map: {reason}" in capsys.readouterr().out
    assert not (folder / "show-attention.png").exists() and (folder / "show-captions.png").exists()
    assert caption.main([str(folder), str(photo), "--show", str(tmp_path / "look.png")]) == 0
    assert f"no attention map: {reason}" in capsys.readouterr().out and not list(tmp_path.glob("*.png"))
    assert not (folder / "attention.png").exists() and (folder / "curves.png").exists()


def test_no_repeats(root, trained, capsys):
    """Check the option of evaluate, of its --compare and of caption, and that phrases refuse it."""
    photo = next((root / "Flicker8k_Dataset").iterdir())
    assert run_evaluate(trained, "--no-repeats", "--beam", 1) == 0
    report = read_report(trained)
    assert report["ours"]["content"] == 0 and "Captions repeat no content word: no_repeats=true." in report["notes"]
    assert "--set no_repeats" not in str(report["notes"])
    assert run_evaluate("--compare", trained, "--no-repeats", "--beam", 1) == 0
    assert "Captions repeat no content word: no_repeats=true." in (trained / "compare-dev.md").read_text()
    assert caption.main([str(trained), str(photo), "--no-repeats"]) == 0
    model = runs.load_model(trained)
    assert decoding_options.apply(model, {"no_repeats": "true"}).recipe.decoding.no_repeats
    translator = model._replace(recipe=presets.PRESETS["phrases", True])
    with pytest.raises(InputError, match="no_repeats: does nothing for phrases"):
        decoding_options.apply(translator, {"no_repeats": "true"})


def test_rare_words(root, trained, capsys):
    """Check the sentence of the report, and that wrong values are refused."""
    photo = next((root / "Flicker8k_Dataset").iterdir())
    assert run_evaluate(trained, "--rare-words", 0.9, "--beam", 1) == 0
    report = read_report(trained)
    assert "Captions were written with rare_words=0.9." in str(report["notes"])
    assert "--set rare_words" not in str(report["notes"])
    for wrong in ("2", "-1", "x"):
        assert caption.main([str(trained), str(photo), "--rare-words", wrong]) == 2
        assert "rare_words" in capsys.readouterr().err
    model = runs.load_model(trained)
    without_bias = model._replace(recipe=model.recipe.replace(model="detected-words"))
    with pytest.raises(InputError, match="rare_words: does nothing for the model detected-words"):
        decoding_options.apply(without_bias, {"rare_words": "0.5"})


def test_an_ensemble_has_its_own_row(root, trained, capsys):
    other = trained.with_name("tell")
    assert run_evaluate(trained, "--with", other, "--beam", 1) == 0
    report = read_report(trained)
    (row,) = [row for row in report["rows"] if row["kind"] == "ensemble"]
    assert row["name"] == "ensemble of 2 models" and set(row["interval"]) == set(row["figures"])
    assert f"The ensemble: {trained}, {other}." in report["notes"]
    assert run_evaluate(trained, "--with", trained, "--beam", 1) == 0
    rows = {row["kind"]: row["figures"] for row in read_report(trained)["rows"][::-1]}
    assert rows["ensemble"] == pytest.approx(rows["model"])
    with pytest.raises(SystemExit):
        run_evaluate("--compare", trained, "--with", other)
    assert "--with takes one RUN" in capsys.readouterr().err


def test_attention_mode_of_hard_attention(root, trained, tmp_path, capsys):
    """Check --attention-mode of caption and evaluate, also with --compare, and for other models."""
    hard, photo = tmp_path / "hard", next((root / "Flicker8k_Dataset").iterdir())
    assert run(root, hard, "--epochs", 1, "--model", "hard", "--learning-rate", 0.02) == 0
    outputs = {}
    for mode in (None, "expected", "argmax", "sample", "sample"):
        capsys.readouterr()
        options = ["--attention-mode", mode] if mode else []
        assert caption.main([str(hard), str(photo), *options]) == 0
        printed = capsys.readouterr().out
        assert outputs.setdefault(mode, printed) == printed
    assert outputs[None] == outputs["expected"] and len(set(outputs.values())) == 3
    expected = heldout.write(runs.load_model(hard), heldout.Request(beam=1))
    for mode in ("argmax", "sample"):
        assert run_evaluate(hard, "--attention-mode", mode, "--beam", 1) == 0
        report = read_report(hard)
        config = runs.load_model(hard).recipe.replace(attention_mode=mode)
        images = inputs.load(config, expected.examples)
        captions = search.caption_images(
            runs.load_model(hard).params, config, images, 1, tiny.RECIPE.decoding.max_words
        )
        texts = [heldout.text(runs.load_model(hard), caption) for caption in captions]
        assert list(report["captions"].values()) == texts
        assert f"--attention-mode {mode}. The loss uses the expected context." in str(report["notes"])
        assert f"attention_mode={mode}" not in str(report["notes"])  # in the command that trains a blind baseline
    assert run_evaluate("--compare", hard, "--attention-mode", "argmax", "--beam", 1) == 0
    assert "--attention-mode argmax. The loss uses" in (hard / "compare-dev.md").read_text()
    recipe = runs.load_model(hard).recipe.replace(attention_mode="argmax")
    together = ensemble.of([decoding_options.apply(runs.load_model(hard), {"attention_mode": "argmax"})])
    (joint,) = ensemble.caption_images(together, [images[:1]], 1)
    (alone,) = search.caption_images(
        runs.load_model(hard).params, recipe, images[:1], 1, tiny.RECIPE.decoding.max_words
    )
    assert joint.words == alone.words and joint.log_p == pytest.approx(alone.log_p, rel=1e-6)
    capsys.readouterr()
    arguments = [str(trained), "--attention-mode", "argmax"]
    for code in (evaluate.main(arguments), evaluate.main(["--compare", str(hard), *arguments]),
                 evaluate.main([str(hard), "--attention-mode", "argmax", "--with", str(trained)]),
                 caption.main([str(trained), str(photo), "--attention-mode", "argmax"])):  # fmt: skip
        assert code == 2
    assert capsys.readouterr().err.count("attention_mode: does nothing for the model soft; it is for hard.\n") == 4


@pytest.mark.slow
def test_the_blind_baseline_of_a_run_that_continues_another(root, trained, tmp_path):
    """Check that the printed command trains the same decoder with the recipe of the first run."""
    first, on, last = (tmp_path / name for name in ("first", "on", "last"))
    assert run(root, first, "--epochs", 2, "--set", "label_smoothing=0.1", "attention_penalty=0.2") == 0
    more = ["--epochs", "1", "--learning-rate", "0.0005", "--set", "objective=self-critical", "dropout=0.1"]
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
        expected = runs.load_model(first).recipe.replace(dropout=0.1, blind=True)
        assert blind.recipe == expected and blind.progress["epoch"] <= 2
        assert blind.vocabulary == model.vocabulary


def test_settings_that_do_nothing_are_not_in_the_blind_baselines_command(root, trained, monkeypatch):
    """Check the command after a change of such a setting in the recipe of --small."""
    monkeypatch.setitem(presets.PRESETS, ("flickr8k", True), tiny.RECIPE.replace(entropy_weight=0.7))
    (sentence,) = blind_baseline.notes(trained, runs.load_model(trained), None)
    assert "entropy_weight" not in sentence and "--epochs 1 --root" in sentence


def test_the_blind_command_is_the_first_one_changed(tmp_path):
    """Check that it drops the settings of the encoder and takes the decoder of the last run."""
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


def test_comparing(root, trained, monkeypatch, capsys):
    """Check the rows of three runs, whose captions have at most 7, 6 and 5 words."""
    write, words = heldout.write, iter((7, 6, 5))

    def shorter_and_shorter(*args):
        written, most = write(*args), next(words)
        texts = {name: " ".join(of[0].lower().split()[:most]) for name, of in written.references.items()}
        return written._replace(texts=texts)

    monkeypatch.setattr(heldout, "write", shorter_and_shorter)
    others = [trained.with_name(name) for name in ("tell", "blind")]
    assert run_evaluate("--compare", trained, *others, "--beam", 2) == 0
    printed = capsys.readouterr().out
    report = json.loads((trained / "compare-dev.json").read_text())
    rows = {row["name"]: row for row in report["rows"]}
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
        assert "flickr8k, dev, 8 images; beam width 2; 5 references" in " ".join(text.split())
        assert f"have a loss of {rows['run']['loss']['frequencies']:.3f}." in " ".join(text.split())
        assert "pretrained" not in text and "Xu et al." not in text
    cells = [line.count("|") for line in markdown.splitlines() if line.startswith("|")]
    assert len(cells) == 5 and len(set(cells)) == 1 and not list(trained.glob("*.part"))


def test_where_the_table_is_written(trained, tmp_path):
    out = tmp_path / "table.md"
    assert run_evaluate("--compare", trained, trained / "last.npz", "--out", out, "--split", "test") == 0
    assert not (trained / "compare-test.md").exists() and out.exists()
    rows = json.loads(out.with_suffix(".json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["run/best.npz", "run/last.npz"]
    assert set(map(tuple, rows[1]["difference"].values())) == {(0, 0)}
    (tmp_path / "no").write_text("a file")
    assert run_evaluate("--compare", trained, "--out", tmp_path / "no" / "table.md") == 2


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
def test_rows_have_distinct_names(tmp_path, monkeypatch, paths, names):
    """Check that names hold as much of the path as needed, and the file of two checkpoints of a run."""
    for folder in ("x/a/run", "x/b/run", "y/a/run", "a/run", "b/run", "b/other", "run", "some/run"):
        (tmp_path / folder).mkdir(parents=True)
        for name in ("best.npz", "last.npz"):
            (tmp_path / folder / name).touch()
    monkeypatch.chdir(tmp_path)
    row_names = run_comparison._names([Path(path) for path in paths])
    assert row_names == (names or [f"{tmp_path.name}/run", "some/run"])


def test_the_same_run_twice_is_refused(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for again in (trained, trained / "best.npz", "run"):
        assert run_evaluate("--compare", trained, again) == 2
        assert f"{trained}, {again}: the same model; name each once" in capsys.readouterr().err


def test_heights_above_a_curve(trained, tmp_path, monkeypatch, capsys):
    """Check that the losses of the plane are those of the table, and that every run has a sentence."""
    points, draw = {}, front.draw

    def keep(path, names, own_points, *rest):
        points.update(zip(names, own_points, strict=True))
        draw(path, names, own_points, *rest)

    monkeypatch.setattr(front, "draw", keep)
    others, out = [trained / "last.npz", trained.with_name("tell")], tmp_path / "table.md"
    assert run_evaluate("--compare", trained / "best.npz", "--curve", *others, "--out", out, "--beam", 1) == 0
    report = json.loads(out.with_suffix(".json").read_text())
    assert [row["name"] for row in report["rows"]] == list(points) == ["run/best.npz", "run/last.npz", "tell"]
    for row in report["rows"]:
        assert points[row["name"]].x[0] == pytest.approx(row["loss"]["word"], rel=1e-5)
        assert points[row["name"]].y[0] == pytest.approx(row["figures"]["CIDEr-D"])
    (sentence,) = report["heights"]
    assert sentence.startswith("run/best.npz: ") and sentence in " ".join(capsys.readouterr().out.split())
    with Image.open(out.with_suffix(".png")) as image:
        assert image.width > 500


def test_a_run_without_a_log_has_no_minutes(trained):
    (trained / "log.jsonl").unlink()
    assert run_evaluate("--compare", trained, "--beam", 1) == 0
    assert json.loads((trained / "compare-dev.json").read_text())["rows"][0]["minutes"] is None


def test_runs_of_other_data_are_not_compared(trained, tmp_path, capsys):
    scenes.write(tmp_path / "other", seed=1, train=24, dev=8, test=4)
    assert run(tmp_path / "other", tmp_path / "of-other", "--epochs", 1) == 0
    assert run_evaluate("--compare", trained, tmp_path / "of-other") == 2
    message = capsys.readouterr().err
    assert f"{tmp_path / 'of-other'} was trained on flickr8k, and {trained} on another copy of flickr8k" in message


@pytest.mark.slow
def test_losses_over_other_vocabularies_are_not_compared(root, trained):
    assert run(root, trained.with_name("few"), "--epochs", 1, "--set", "min_word_count=9") == 0
    assert run_evaluate("--compare", trained, trained.with_name("few"), "--beam", 1) == 0
    assert "The models have different vocabularies" in (trained / "compare-dev.md").read_text()


def test_comparing_on_scenes(tmp_path, monkeypatch, capsys):
    """Compare a model with true captions and uniform attention with one whose captions are wrong."""
    monkeypatch.setitem(presets.PRESETS, ("scenes", True), tiny.RECIPE.replace(epochs=1))
    scenes.write(tmp_path / f"scenes-{scenes.VERSION}-0", train=24, dev=8, test=4)
    for name in ("soft", "tell"):
        common = ["--small", "--root", str(tmp_path), "--out", str(tmp_path / name)]
        assert train.main([*common, "--model", name]) == 0
    write = heldout.write

    def true_or_not(model, *args):
        written = write(model, *args)
        if model.recipe.decoder.model != "soft":
            return written._replace(texts=dict.fromkeys(written.references, "nothing"))
        texts = {name: of[0].lower().strip(" .") for name, of in written.references.items()}
        captions = [caption._replace(alpha=np.full((20, 64), 1 / 64)) for caption in written.captions]
        return written._replace(texts=texts, captions=captions)

    monkeypatch.setattr(heldout, "write", true_or_not)
    assert run_evaluate("--compare", tmp_path / "soft", tmp_path / "tell", "--beam", 1) == 0
    soft, tell = json.loads((tmp_path / "soft" / "compare-dev.json").read_text())["rows"]
    complete = soft["truth"]["complete"]
    assert complete > 0.5 and soft["figures"]["true"] == pytest.approx(100 * complete)
    assert (
        soft["truth"]["in_box"] == pytest.approx(soft["truth"]["chance"])
        and tell["truth"]["in_box"] is None
        and tell["figures"]["true"] == 0
    )
    assert soft["interval"]["true"][1] <= 100 and tell["difference"]["true"][1] < 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "LOWER in" in printed and ", true" in printed and "In box: " in printed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a", "b"], "several RUNs need --compare"),
        (["a", "--out", "b"], "the name of a Markdown file"),
        (["--compare", "a", "b", "--blind", "c"], "--compare takes no --blind"),
        (["--compare", "a", "b", "--out", "c"], "the name of a Markdown file"),
        (["a", "--curve", "b", "c"], "--curve needs --compare"),
        (["--compare", "a", "--curve", "b"], "--curve needs two RUNs or more"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, sentence, capsys):
    with pytest.raises(SystemExit):
        run_evaluate(*arguments)
    assert sentence in capsys.readouterr().err


def test_reports_and_figures_of_the_captioner_in_the_package(trained, tmp_path, monkeypatch, capsys):
    """Check that they are written beside the caller, or where --out says, and never into the package."""
    caller = tmp_path / "caller"
    caller.mkdir()
    monkeypatch.chdir(caller)
    monkeypatch.setattr(runs, "PACKAGE", trained.resolve())
    before = {file.name: file.read_bytes() for file in trained.iterdir()}
    path = trained / "best.npz"
    assert run_evaluate(path) == run_evaluate(path, "--out", "report.md") == run_evaluate("--compare", path) == 0
    assert words.main([str(path)]) == show.main([str(path)]) == 0
    assert {file.name: file.read_bytes() for file in trained.iterdir()} == before
    assert {
        *("evaluate-dev.md", "evaluate-dev.json", "report.md", "report.json", "compare-dev.md", "compare-dev.json"),
        *("words.png", "show-curves.png", "show-filters.png", "show-captions.png"),
        *("show-attention.png", "show-attention.html"),
    } == {file.name for file in caller.iterdir()}
    assert runs.output_folder(tmp_path / "tell") == tmp_path / "tell"
