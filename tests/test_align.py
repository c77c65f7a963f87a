"""Test the command align on tiny scenes."""

import re

import numpy as np
import pytest
import tiny

from numpy_sat import align, decoders, train
from numpy_sat.data import catalog
from numpy_sat.data.scenes import boxes, scenes
from numpy_sat.data.vocabulary import START
from numpy_sat.evaluation import alignment as judging
from numpy_sat.evaluation import regions
from numpy_sat.experiment import checkpoint, presets, runs
from numpy_sat.system import progress
from numpy_sat.training import alignment


@pytest.fixture
def run(tiny_runs, monkeypatch):
    """Return a tiny captioner, and let a batch have four pairs."""
    monkeypatch.setattr(alignment, "BATCH", 4)
    monkeypatch.setattr(alignment, "H", 6)
    return tiny_runs / "run"


def test_the_command_trains_judges_and_draws(run, tmp_path, capsys):
    assert align.main([str(run), "--epochs", "2", "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert re.search(r"epoch 2 of 2: margin loss \d+\.\d+", out) and "8 images of dev" in out
    assert len(re.findall(r"^ +\d+\.0 +\d", out, re.M)) == len(judging.BETAS)
    assert re.search(r"^attention +\d", out, re.M) and re.search(r"among 100: \d+\.\d% \+- \d+\.\d%, by chance", out)
    assert align.main([str(run), "--epochs", "2", "--out", str(tmp_path / "out"), "--split", "test"]) == 0
    out = capsys.readouterr().out
    assert "4 images of test" in out and "margin loss" not in out
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"alignment.npz", "alignment.png"}


def test_an_interrupted_training_continues_exactly(run, tmp_path, monkeypatch, capsys):
    command = [str(run), "--out"]
    assert align.main([*command, str(tmp_path / "whole"), "--epochs", "2"]) == 0
    assert align.main([*command, str(tmp_path / "parts"), "--epochs", "1"]) == 0
    bar, steps = progress.bar, []

    def interrupted(batches, **options):
        for batch in bar(batches, **options):
            steps.append(1)
            if len(steps) == 3:
                raise KeyboardInterrupt
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(alignment.progress, "bar", interrupted)
        assert align.main([*command, str(tmp_path / "parts"), "--epochs", "2"]) == 130
    assert align.main([*command, str(tmp_path / "parts"), "--epochs", "2"]) == 0
    whole, parts = (checkpoint.load(tmp_path / name / "alignment.npz") for name in ("whole", "parts"))
    assert whole.params.keys() == parts.params.keys() and len(steps) == 3
    for name, array in whole.params.items():
        np.testing.assert_array_equal(array, parts.params[name])
    assert align.main([*command, str(tmp_path / "parts"), "--seed", "1"]) == 2
    assert "was trained with another seed; choose another folder with --out" in capsys.readouterr().err


def test_what_does_not_fit_is_refused(run, tiny_runs, tmp_path, capsys):
    for arguments, message in (
        ([tiny_runs / "blind"], "reads no images"),
        ([run, "--regions", "boxes"], "boxes are known for scenes only"),
        ([tmp_path / "none"], "none"),
    ):
        assert align.main([*map(str, arguments), "--out", str(tmp_path / "out")]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", regions.KINDS)
def test_nouns_of_scenes(kind, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scenes, "ensure", lambda folder, seed=0: folder / "scenes-few")
    monkeypatch.setitem(presets.PRESETS, ("scenes", True), tiny.RECIPE.replace(epochs=1))
    monkeypatch.setattr(alignment, "BATCH", 4)
    scenes.write(tmp_path / "data" / "scenes-few", train=8, dev=4, test=4)
    assert train.main(["--small", "--root", str(tmp_path / "data"), "--out", str(tmp_path / "run")]) == 0
    assert align.main([str(tmp_path / "run"), "--regions", kind, "--epochs", "1"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^ +0\.0 .* \d+\.\d% \+- \d+\.\d%  +\d+\.\d%$", out, re.M)
    assert (tmp_path / "run" / "alignment" / "alignment.png").exists()


# Regions


def scene_of(seed):
    return scenes.random_scene(np.random.default_rng(seed))


def test_boxes_have_the_mean_annotation_below_them(rng):
    scene = scene_of(3)
    a = np.broadcast_to(np.arange(64.0)[:, None], (1, 64, 1))
    vectors = boxes.box_vectors(a, [scene])
    assert vectors.shape == (1, 5, 6)
    for k, box in enumerate([*(scene_object.box for scene_object in scene.objects), boxes.WHOLE]):
        weights = scenes.cell_share([box], 8, 8).ravel()
        assert vectors[0, k, 0] == pytest.approx(weights @ np.arange(64) / weights.sum())
        x0, y0, x1, y1 = np.array(box) / scenes.SIDE
        np.testing.assert_allclose(vectors[0, k, 1:], [x0, y0, x1, y1, (x1 - x0) * (y1 - y0)])
    np.testing.assert_array_equal(vectors[0, -1], vectors[0, len(scene.objects)])


def test_right_regions():
    scene = scene_of(3)
    assert regions.box_right(scene, (1, 0), 5).tolist() == [True, True, False, False, False]
    cells = regions.cell_right(scene, (0,), 64).reshape(8, 8)
    x0, y0, x1, y1 = np.array(scene.objects[0].box) * 8 / scenes.SIDE
    assert cells[int((y0 + y1) / 2), int((x0 + x1) / 2)] and not cells[int(y1) + 1 :].any()
    for kind, R in (("cells", 64), ("boxes", 5)):
        shares = regions.KINDS[kind].shares(scene, R)
        assert shares.shape[0] == R and shares.shape[1] == shares.shape[2] and 0 <= shares.min() < shares.max() <= 1


# Judging


def test_the_attention_of_a_captioner(tiny_runs):
    """Check that each word has the attention of the step that writes it."""
    model = runs.load_model(tiny_runs / "run")
    dataset = catalog.open_dataset("flickr8k", model.settings["root"], ("dev",))
    samples = alignment._samples(model, dataset, "dev", "cells")
    split = alignment._split(model, dataset, "dev")
    for n in (0, 5):
        a = alignment._annotate(model, split.inputs[n : n + 1])
        writer = decoders.writer(model.recipe)
        state, previous = writer.begin(model.params, a), START
        assert samples[n].attention.shape == (len(samples[n].words), a.shape[1])
        for word, weights in zip(samples[n].numbers, samples[n].attention, strict=True):
            _, alpha, _, state = writer.step(model.params, state, np.array([previous]))
            np.testing.assert_allclose(weights, alpha[0], rtol=1e-4)
            previous = word
    tell = runs.load_model(tiny_runs / "tell")
    assert alignment._samples(tell, dataset, "dev", "cells")[0].attention is None


def test_attention_aligns_a_noun_with_the_region_that_has_most_of_it():
    kind = regions.Kind(None, lambda scene, objects, R: np.isin(np.arange(R), objects), None)
    attention = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    sample = judging.Sample(None, ["a", "b", "c"], np.arange(3), None, {1: (1,), 2: (1,)}, attention)
    row = judging.judge_attention([sample], kind)
    assert (row.beta, row.nouns, row.chance, row.count, row.phrase) == (None, 0.5, 0.5, 2, 1.0)


def test_nouns_and_retrieval_by_hand(monkeypatch):
    """Check three words and two regions whose products are known."""
    products = np.array([[0.0, 1], [3, 0], [0, 1.5]])
    monkeypatch.setattr(judging.aligner, "products", lambda *_: products)
    kind = regions.Kind(None, lambda scene, objects, R: np.isin(np.arange(R), objects), None)
    sample = judging.Sample(None, ["a", "b", "c"], np.arange(3), None, {1: (0,), 2: (0, 1)})
    rows = judging.judge_alignment({}, [sample], kind)
    assert [(row.nouns, row.chance, row.count, row.phrase) for row in rows[:1]] == [(1.0, 0.75, 2, 1.0)]
    assert rows[-1].phrase == 3.0 and rows[-1].nouns == 1.0  # region 0 wins: 3 against 1 + 1.5

    samples = [judging.Sample(np.zeros((1, 1)), ["x"], np.array([k]), None, {}) for k in range(4)]
    monkeypatch.setattr(judging.aligner, "scores", lambda *_: np.eye(4)[[1, 0, 2, 3]])
    assert judging.retrieve({}, samples) == (0.5, 0.25)
