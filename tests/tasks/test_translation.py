"""Test the commands with a translator: training, continuing, evaluation, translation and figures."""

import json

import numpy as np
import pytest
from html_pages import data_of

from numpy_sat import caption, captioner, evaluate, show, train
from numpy_sat.data import batches, catalog
from numpy_sat.data.phrases import phrases
from numpy_sat.data.vocabulary import END
from numpy_sat.evaluation import attention
from numpy_sat.experiment import presets, runs
from numpy_sat.tasks import translation

SIZES = {"train": 64, "dev": 6, "test": 5}
TINY = presets.PRESETS["phrases", True].replace(epochs=2, batch_size=16, warmup_steps=2)


@pytest.fixture(scope="module")
def splits():
    return phrases.sample_splits(0, SIZES)


@pytest.fixture(autouse=True)
def small_data_set(splits, monkeypatch):
    monkeypatch.setattr(phrases, "sample_splits", lambda: splits)
    monkeypatch.setitem(presets.PRESETS, ("phrases", True), TINY)


def train_run(folder, *arguments):
    """Train a translator and return the folder of its run."""
    assert train.main(["--data", "phrases", "--small", "--out", str(folder), *arguments]) == 0
    return folder


def test_phrases_take_the_place_of_images(splits):
    dataset, config = catalog.open_dataset("phrases", splits=("train", "test")), presets.PRESETS["phrases", True]
    assert set(dataset.splits) == {"train", "test"} and dataset.root is None
    examples, phrase = dataset.splits["test"], splits["test"][0]
    assert examples[0].name.split() == list(phrase.source)
    assert dataset.tokenize(examples[0].captions[0]) == list(phrase.target)
    words = runs.Vocabulary.build([phrase.target for phrase in splits["train"] + splits["test"]], 1)
    split = batches.make_split(examples, translation.load(config, examples), words, max_words=20)
    np.testing.assert_array_equal(split.inputs, phrases.number_sources([p.source for p in splits["test"]]))
    assert split.captions[0][0].tolist() == [*words.encode(phrase.target), END]
    batch = next(batches.epoch_batches(split, 5, 1, TINY.augmentation, 0, 0))
    assert batch.inputs.dtype.kind == "i" and sorted(map(tuple, batch.inputs)) == sorted(map(tuple, split.inputs))


@pytest.mark.parametrize(("without", "locations"), [((), 15), (("attention",), 1), (("gate", "deep output"), 15)])
def test_annotations_have_the_expected_locations(rng, without, locations):
    config = TINY.replace(without=without)
    params = captioner.init_params(rng, config, np.zeros(9))
    a = captioner.annotate(params, phrases.number_sources([["the", "red", "house"], ["hello"]]), config)
    assert a.shape == (2, locations, config.decoder.hidden_size) and a.dtype == np.float32
    assert bool(attention.explain_absence(config, np.ones((3, locations)))) == (locations == 1)


def test_training_and_evaluation(tmp_path, capsys):
    out = train_run(tmp_path / "run")
    assert f'caption {out} "the two' in capsys.readouterr().out
    assert (out / "attention.png").exists()
    assert evaluate.main([str(out), "--split", "test"]) == 0
    assert "Exact match: " in capsys.readouterr().out
    report = json.loads((out / "evaluate-test.json").read_text(encoding="utf-8"))
    assert 0 <= report["truth"]["exact"] <= 1 and len(report["translations"]) == SIZES["test"]
    assert caption.main([str(out), "Hello", "the two red houses", "--show", str(tmp_path / "look.png")]) == 0
    assert capsys.readouterr().out.startswith("Hello: ")
    assert (tmp_path / "look-1.png").exists() and (tmp_path / "look-2.png").exists()
    capsys.readouterr()
    assert caption.main([str(out), "Hello", "the two red houses", "--show", str(tmp_path / "look.html")]) == 0
    first, second = data_of((tmp_path / "look.html").read_text(encoding="utf-8"))
    assert (first["source"], second["source"]) == (["hello", "<end>"], ["the", "two", "red", "houses", "<end>"])
    for entry in (first, second):
        assert all(len(word["alpha"]) == len(entry["source"]) for word in entry["words"]) and entry["image"] is None
        assert all(abs(sum(word["alpha"]) - 10_000) < 10 for word in entry["words"])
    capsys.readouterr()
    assert caption.main([str(out), "the two red elephants"]) == 2
    assert "'elephants' is not among the known words" in capsys.readouterr().err
    assert show.main([str(out)]) == 0
    assert len(data_of((out / "show-attention.html").read_text(encoding="utf-8"))) == SIZES["dev"]
    assert (out / "show-attention.png").exists() and not (out / "show-captions.png").exists()
    assert evaluate.main(["--compare", str(out)]) == 2
    assert "evaluate translators one by one" in capsys.readouterr().err


def test_without_attention(tmp_path, capsys):
    out = train_run(tmp_path / "run", "--set", "without=attention")
    assert not (out / "attention.png").exists()
    assert evaluate.main([str(out)]) == 0
    assert json.loads((out / "evaluate-dev.json").read_text(encoding="utf-8"))["truth"]["aligned"] is None
    assert caption.main([str(out), "hello", "--show", str(tmp_path / "look.png")]) == 0
    assert "no attention map: this model reads the encoder" in capsys.readouterr().out


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_parameters(tmp_path):
    whole = runs.load_model(train_run(tmp_path / "whole") / "last.npz")
    half = train_run(tmp_path / "half", "--set", "patience=1") / "last.npz"
    assert runs.load_model(half).params.keys() == whole.params.keys()
    assert train.main(["--resume", "--out", str(tmp_path / "whole")]) == 0
    again = runs.load_model(tmp_path / "whole" / "last.npz")
    assert all(np.array_equal(again.params[name], array) for name, array in whole.params.items())


@pytest.mark.parametrize("option", ["--blind", "--root", "--with"])
def test_evaluation_refuses_options_for_images(tmp_path, capsys, option):
    out = train_run(tmp_path / "run", "--epochs", "1")
    assert evaluate.main([str(out), option, str(out)]) == 2
    assert f"these options do not apply to translators: leave out {option}." in capsys.readouterr().err
    assert not (out / "evaluate-dev.md").exists()


def test_a_translator_cannot_be_blind(tmp_path, capsys):
    assert train.main(["--data", "phrases", "--blind", "--out", str(tmp_path / "run")]) == 2
    assert "leave out --blind" in capsys.readouterr().err
