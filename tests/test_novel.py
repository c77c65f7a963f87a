"""Test held-out words, pre-training on tags without captions, and `python -m numpy_sat.novel`, on tiny runs."""

import json

import numpy as np
import pytest

from numpy_sat import novel, train
from numpy_sat.data.scenes import scenes, tags
from numpy_sat.data.scenes.scene_language import COLORS, SHAPES
from numpy_sat.evaluation import novel_evaluation, novel_words
from numpy_sat.experiment import presets, runs
from numpy_sat.pretrained import run_encoder
from tests.tiny import RECIPE

TINY = RECIPE.replace(horizontal_flip=False, heads=1, layers=1, epochs=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Write the scenes of training, and those of another seed."""
    folder = tmp_path_factory.mktemp("data")
    scenes.write(folder / f"scenes-{scenes.VERSION}-0", 0, train=24, dev=6, test=2)
    scenes.write(folder / f"scenes-{scenes.VERSION}-{novel_evaluation.SEED}", 1, train=24, dev=2, test=2)
    return folder


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, ("scenes", True), TINY)
    monkeypatch.setattr(presets, "CHANGES", {})
    run_encoder._net.cache_clear()


@pytest.fixture(scope="module")
def trained(root, tmp_path_factory):
    """Train an encoder without stars, pre-train on tags, and train on captions without stars."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, ("scenes", True), TINY)
        patch.setattr(presets, "CHANGES", {})
        data = ["--root", str(root), "--out"]
        assert train.main(["--small", *data, str(folder / "encoder"), "--set", "held_out=star,stars"]) == 0
        settings = ["regions=boxes", "tags=oracle", "plural_tags=true", "objective=hidden-tags"]
        encoder = ["--encoder", str(folder / "encoder"), "--model", "oscar"]
        assert train.main([*encoder, "--epochs", "2", *data, str(folder / "tags"), "--set", *settings]) == 0
        start = ["--from", str(folder / "tags"), "--epochs", "2"]
        settings = ["bidirectional=0", "held_out=star,stars"]
        assert train.main([*start, *data, str(folder / "captions"), "--set", *settings]) == 0
    return folder


def test_pretraining_keeps_the_last_epoch_and_reads_no_caption(trained):
    last, best = (runs.load_model(trained / "tags" / name).params for name in ("last.npz", "best.npz"))
    assert all((last[name] == best[name]).all() for name in last)
    log = [entry for entry in runs.read_log(trained / "tags") if entry["kind"] == "dev"]
    assert len(log) == 2


def test_training_without_a_word(trained):
    """Check that the word stays in the vocabulary, that its embedding and bias stay, and that others change."""
    before, model = (runs.load_model(trained / name) for name in ("tags", "captions"))
    assert model.recipe.training.objective == "cross-entropy" and model.recipe.training.held_out == ("star", "stars")
    numbers = model.vocabulary.encode(["star", "stars"])
    for name in ("E", "b_o"):
        changed = (model.params[name] != before.params[name]).reshape(len(model.vocabulary), -1).any(axis=1)
        assert not changed[numbers].any() and np.delete(changed, [0, 1, 2, *numbers]).mean() > 0.8, name


def test_images_are_left_out(root, tmp_path, capsys):
    """Check the number of images, and that a phrase leaves out fewer than its last word."""
    folder = root / f"scenes-{scenes.VERSION}-0"
    expected = {}
    for phrases in (("star", "stars"), ("red star",)):
        for split in ("train", "dev"):
            texts = [[caption.lower() for caption in e.captions] for e in scenes.read_examples(folder, split)]
            said = [any(f" {phrase} " in f" {text} " for text in own for phrase in phrases) for own in texts]
            expected[phrases, split] = len(said) - sum(said)
    assert 24 > expected[("red star",), "train"] > expected[("star", "stars"), "train"]
    for phrases in (("star", "stars"), ("red star",)):
        out = tmp_path / phrases[0]
        held_out = f"held_out={','.join(phrases)}"
        assert (
            train.main(["--small", "--model", "tell", "--root", str(root), "--out", str(out), "--set", held_out]) == 0
        )
        counts = f"{expected[phrases, 'train']} images to train on, {expected[phrases, 'dev']} of dev"
        assert counts in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "held_out=hexagon"], "held_out=hexagon: no training caption says this; correct it."),
        (["--set", "held_out=a"], "held_out=a: leaves 0 images to train on, of which a batch needs 4, and 0 for valid"),
        (["--set", "objective=hidden-tags"], "objective=hidden-tags: there are no tags; set tags too"),
        (
            ["--encoder", "RUN", "--model", "oscar", "--set", "tag_order=fixed"],
            "tag_order: does nothing for objective=",
        ),
        (["--set", "plural_tags=true"], "plural_tags: does nothing for the model soft; it is for oscar"),
        (
            ["--encoder", "RUN", "--model", "oscar", "--set", "plural_tags=true"],
            "plural_tags: does nothing for tags=none",
        ),
        (
            ["--encoder", "RUN", "--model", "oscar", "--set", "regions=boxes", "tags=predicted", "plural_tags=true"],
            "plural_tags=true: predicted tags are singular; set other tags.",
        ),
    ],
)
def test_contradictory_settings(trained, root, arguments, message, capsys):
    arguments = [str(trained / "encoder") if word == "RUN" else word for word in arguments]
    small = [] if "--encoder" in arguments else ["--small"]
    assert train.main([*small, "--root", str(root), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_plural_tags():
    """Check that a tag is plural where, and only where, a caption of the scene says the plural."""
    samples = [scenes.sample(7, index) for index in range(150)]
    own = tags.with_plurals(tags.of_scenes("oracle", 150 * [""], [sample.scene for sample in samples]))
    assert tags.words(True)[:10] == tags.words(False) == tags.WORDS
    for rows, (_, scene, captions) in zip(own, samples, strict=True):
        said = {word for caption in captions for word in caption.text.lower().split()}
        named = {tags.words(True)[shape] for _, shape in rows[rows[:, 0] != tags.NO_OBJECT]}
        assert named == said & {f"{shape}{end}" for shape in SHAPES for end in ("", "s")}
        colors = {tags.words(True)[color] for color, _ in rows[: len(scene.objects)]}
        assert colors == said & set(COLORS)
        assert (rows[len(scene.objects) :] == tags.NO_OBJECT).all()


def test_the_table_of_novel_words(trained, root, tmp_path, capsys):
    paths = [str(trained / name) for name in ("captions", "tags")]
    argv = [*paths, "--root", str(root), "--images", "5", "--beam", "1", "--tags", "noisy"]
    assert novel.main([*argv, "--out", str(tmp_path / "table.md")]) == 0
    printed, stored = capsys.readouterr().out, json.loads((tmp_path / "table.json").read_text())
    assert "captions of scenes that show what the words star, stars name" in printed and "Tags: noisy." in printed
    assert set(stored["models"]) == {"captions", "tags"} and stored["words"] == ["star", "stars"]
    row = stored["models"]["captions"]
    assert row["images_with"] == row["images_without"] == 5
    assert novel.main([paths[1], "--root", str(root)]) == 2
    assert "tags: no words were held out of its training; name some by --words." in capsys.readouterr().err
    assert novel.main([paths[0], "--root", str(root), "--words", "hexagon"]) == 2
    assert "hexagon: no scene shows this; name other words by --words." in capsys.readouterr().err
    assert novel.main([paths[0], "--root", str(root), "--words", "a"]) == 2
    assert "a: every scene shows this; name other words by --words." in capsys.readouterr().err
    assert novel.main([paths[0], "--root", str(root), "--words", ""]) == 2
    assert '--words: one of the words is empty, ""; name words of captions.' in capsys.readouterr().err


def test_scores_by_hand():
    shows = np.array([True, True, True, True, False, False, False, False])
    says = np.array([True, True, False, False, True, False, False, False])
    is_true = np.array([True, False, False, False, False, True, True, True])
    result = novel_words.judge(shows, says, is_true)
    # 2 hits, 2 misses, 1 invention
    assert result.f1.value == pytest.approx(4 / 7) and result.named.value == 0.5 and result.invented.value == 0.25
    assert result.true_with.value == 0.25 and result.true_without.value == 0.75
    assert (result.images_with, result.images_without) == (4, 4)
    assert result.f1.low < 4 / 7 < result.f1.high and result.invented.low == 0


def test_phrases_are_whole_words():
    captions = [["a", "red", "star"], ["two", "stars"]]
    assert novel_words.says_any(captions, ("stars",)) and novel_words.says_any(captions, ("red star",))
    assert not novel_words.says_any(captions, ("tar", "two star", "star two"))
    assert not novel_words.says_any([], ("star",)) and not novel_words.says_any(captions, ())
