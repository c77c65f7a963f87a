"""What evaluate and show make of a trained model: the report, its rows, its files and its figures."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from test_train import TINY

from numpy_sat import checkpoint, counterpart, evaluate, metrics, presets, runs, show, train
from numpy_sat.data import flickr8k, scenes
from numpy_sat.metrics import bleu, comparison, report
from numpy_sat.metrics.comparison import SCORES, Row
from numpy_sat.metrics.looks import Looks
from numpy_sat.metrics.scene_truth import Truth
from numpy_sat.metrics.tokens import tokenise
from numpy_sat.metrics.variety import Variety


@pytest.fixture(scope="module", autouse=True)
def tiny(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, ("flickr8k", True), TINY)
        patch.setenv("NUMPY_SAT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A data set in Flickr8k's layout: 24 drawn pictures to train on, 8 in dev, 4 in test."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    scenes.write(folder, train=24, dev=8, test=4)
    return folder


def run(root, out, *more):
    return train.main(["--small", "--data", "flickr8k", "--root", str(root), "--out", str(out), *map(str, more)])


@pytest.fixture(scope="module")
def trained_once(tiny, root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    assert run(root, folder / "run", "--epochs", 1) == 0
    assert run(root, folder / "blind", "--epochs", 1, "--blind") == 0
    return folder


@pytest.fixture
def trained(trained_once, tmp_path):
    """Folders of a run and of a blind one, to be written to."""
    for name in ("run", "blind"):
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
    score = metrics.score(found["captions"], references)
    assert rows["this model"]["figures"] == pytest.approx(score)
    assert set(rows["this model"]["interval"]) == set(score)
    without = metrics.score(found["captions"], references, brevity=False)
    assert rows["this model, no brevity penalty"]["figures"] == pytest.approx({n: without[n] for n in SCORES[:4]})
    assert {"its pictures shuffled", "one person, by all the others", "the paper, hard attention *"} < set(rows)
    assert found["version"] == "0.1.0" and "8 pictures; beam 2; 5 references" in found["protocol"]
    assert 0 < found["looks"]["entropy"] <= found["looks"]["most"] == pytest.approx(math.log(64))
    markdown = (trained / "evaluate-dev.md").read_text(encoding="utf-8")
    for text in (printed, markdown):
        assert f"{score['BLEU-1']:.1f}" in text and "METEOR matches" in text and "COLLAPSED" not in text
        assert found["protocol"].split(";")[0] in " ".join(text.split())
    assert not list(trained.glob("*.part"))


def test_constants_are_chosen_on_train(root, trained):
    assert evaluated(trained, "--split", "test") == 0
    found, known = kept(trained, "test"), flickr8k.read_captions(root, "train")
    best = {by: metrics.floors.best_constant(known, by) for by in ("BLEU-4", "CIDEr-D")}
    assert best["BLEU-4"] != best["CIDEr-D"]
    references = flickr8k.read_captions(root, "test")
    rows = {row["name"]: row["figures"] for row in found["rows"]}
    for by, text in best.items():
        expected = metrics.score(dict.fromkeys(references, text), references)
        assert rows[f"best of train by {by}"] == pytest.approx(expected)
        assert any(f'"{text}" (best of train by {by})' in note for note in found["notes"])


def test_variety_is_of_all_captions_against_all_of_train(root, trained, monkeypatch):
    seen, variety = [], evaluate.variety
    monkeypatch.setattr(evaluate, "variety", lambda *args: seen.append(args) or variety(*args))
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
    monkeypatch.setattr(evaluate.floors, "best_constant", lambda references, by: "a red circle")
    assert evaluated(trained) == 0
    assert [row["name"] for row in kept(trained)["rows"] if "train" in row["name"]] == ["best constant of train"]


def test_the_blind_one_named_or_beside_the_run(root, trained, capsys):
    blind = trained.parent / "blind"
    assert evaluated(trained) == 0
    printed = capsys.readouterr().out
    command = f"python -m numpy_sat.train --blind --data flickr8k --small --root {root}"
    assert f"\n  {command} --epochs 1 --out {trained}-blind\n" in printed and "blind language model:" not in printed
    model = runs.load_model(trained)
    model.settings.update(skip_missing=True, seed=3)
    (sentence,) = counterpart.notes(trained, model, None)
    assert "--small --skip-missing --root" in sentence and "--seed 3 --epochs 1 --out" in sentence
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


def test_what_is_no_counterpart_is_refused(root, trained, tmp_path, capsys):
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
    other = replace(TINY, model=replace(TINY.model, state=8))
    monkeypatch.setitem(presets.PRESETS, ("flickr8k", True), other)
    assert evaluated(trained) == 0
    assert "this trains it" in str(kept(trained)["notes"]).lower() and "--small" not in str(kept(trained)["notes"])
    assert run(root, f"{trained}-blind", "--epochs", 1, "--blind") == 0
    assert evaluated(trained) == 0
    assert "it has another state." in str(kept(trained)["notes"])


def test_a_blind_run_is_kept_apart(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train.main(["--small", "--blind", "--data", "flickr8k", "--root", str(root), "--epochs", "1"]) == 0
    model = runs.load_model(tmp_path / "runs" / "flickr8k-small-blind")
    assert model.recipe.model.blind and not any("conv" in name for name in model.params)


def test_collapsed_attention_is_said_loudly(trained, capsys):
    """With v = 0 every location scores the same."""
    stored = checkpoint.load(trained / "best.npz")
    params = {**stored.params, "v": 0 * stored.params["v"]}
    checkpoint.save(trained / "best.npz", stored._replace(params=params))
    assert evaluated(trained) == 0
    assert "!!! ATTENTION HAS COLLAPSED" in capsys.readouterr().out
    assert kept(trained)["looks"]["collapsed"] is True
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
        "this model, a reference fewer": (metrics.score(captions, by[1]), metrics.score(captions, by[0])),
        "one person, by all the others": (metrics.score(first, by[1]), metrics.score(second, by[0])),
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


def made_up_report(truth=None, **looks):
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
        ours=Variety(1712, 0.5, 9.25, 3, 20, 0.0, 0.1, 0.25),
        people=Variety(1712, 0.5, 9.25, 3, 20, 0.0, 0.1, 0.25),
        looks=Looks(**{"entropy": 3.0, "most": math.log(64), "movement": 0.25, **looks}),
        truth=truth,
    )


def test_the_text_fits_the_terminal():
    lines = report.as_text(made_up_report(Truth(0.9, 0.8, float("nan"), 0.3, 0.1))).splitlines()
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
    assert "30.0 %, chance 10.0 %, so 3.0 x chance." in text
    nothing_named = Truth(0.0, 0.0, *[float("nan")] * 3)
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
    found = report.as_json(made_up_report(Truth(0.9, 0.8, float("nan"), 0.3, 0.1), movement=float("nan")))
    back = json.loads(json.dumps(found, allow_nan=False))
    assert back["truth"]["relation"] is None is back["looks"]["movement"] and back["truth"]["chance"] == 0.1
    assert back["looks"]["collapsed"] is False and back["rows"][1]["difference"]["BLEU-1"] == [99, 100]


# Pictures


def test_showing(root, trained, monkeypatch, capsys):
    """Four figures in the first run's folder; on the sheet the best captions first, each with its own figures."""
    write, sheets, curves = show.heldout.write, [], []

    def better_and_better(*args):
        """The first caption is the first word, the second the first two words of a reference."""
        written = write(*args)
        texts = {name: " ".join(of[0].split()[: k + 1]) for k, (name, of) in enumerate(written.references.items())}
        return written._replace(captions=texts)

    monkeypatch.setattr(show.heldout, "write", better_and_better)
    for name, seen in (("sheet_figure", sheets), ("runs_figure", curves)):
        draw = getattr(show.figures, name)
        monkeypatch.setattr(show.figures, name, lambda *args, draw=draw, seen=seen: seen.append(args) or draw(*args))
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
    judged = metrics.judge(captions, references)
    of_picture = dict(zip(judged.pictures, judged.means["CIDEr-D"], strict=True))
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


def test_a_blind_run_has_no_filters(trained, capsys):
    blind = trained.parent / "blind"
    assert show.main([str(blind), "--beam", "1"]) == 0
    assert "filters" not in capsys.readouterr().out and not (blind / "show-filters.png").exists()


def test_showing_what_is_no_run(trained, tmp_path, capsys):
    assert show.main([str(trained), str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err and not list(trained.glob("show-*"))
