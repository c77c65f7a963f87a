"""Decoders on the encoder of a trained run: cells and boxes as regions, tags, and the classifier of boxes."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from numpy_sat import align, caption, captioner, evaluate, show, train
from numpy_sat.data import batches, catalog
from numpy_sat.data.scenes import boxes, scenes, tags
from numpy_sat.encoders import frozen
from numpy_sat.experiment import checkpoint, presets, runs
from numpy_sat.pretrained import inputs, run_encoder
from numpy_sat.training import tagger
from tests.tiny import RECIPE

TINY = RECIPE.replace(horizontal_flip=False, heads=1, layers=2, epochs=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Write 12 scenes for training and 4 for validation."""
    folder = tmp_path_factory.mktemp("data") / f"scenes-{scenes.VERSION}-0"
    scenes.write(folder, train=12, dev=4, test=2)
    return folder.parent


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, ("scenes", True), TINY)
    monkeypatch.setattr(presets, "CHANGES", {})
    run_encoder._net.cache_clear()


@pytest.fixture(scope="module")
def source(root, tmp_path_factory):
    """Train a run, in whose place no test may leave another one."""
    folder = tmp_path_factory.mktemp("runs") / "source"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, ("scenes", True), TINY)
        assert train.main(["--small", "--root", str(root), "--out", str(folder)]) == 0
    return folder


def run(root, source, out, *more):
    return train.main(["--root", str(root), "--encoder", str(source), "--out", str(out), *more])


def examples_of(root, split="dev"):
    return catalog.open_dataset("scenes", root, (split,)).splits[split]


@pytest.mark.parametrize("model", [pytest.param("soft", marks=pytest.mark.slow), "transformer"])
def test_cells_are_the_annotations_of_the_run(root, source, tmp_path, model):
    assert run(root, source, tmp_path / "run", "--model", model) == 0
    first, second = runs.load_model(source), runs.load_model(tmp_path / "run")
    assert not second.params.keys() & captioner.names_of_encoder(first.recipe)
    examples = examples_of(root)
    pixels = batches.scale_pixels(inputs.load(first.recipe, examples))
    stored = inputs.load(second.recipe, examples)
    assert stored.dtype == np.float16
    np.testing.assert_allclose(stored, captioner.annotate(first.params, pixels, first.recipe), rtol=0, atol=2e-3)
    assert evaluate.main([str(tmp_path / "run")]) == show.main([str(tmp_path / "run")]) == 0
    assert caption.main([str(tmp_path / "run"), str(examples[0].path)]) == 0


def test_boxes_are_pooled_cells(root, source, tmp_path, capsys):
    out = tmp_path / "run"
    assert run(root, source, out, "--model", "vlp", "--set", "regions=boxes") == 0
    first, second = runs.load_model(source), runs.load_model(out)
    examples = examples_of(root)
    pixels = batches.scale_pixels(inputs.load(first.recipe, examples))
    by_name = scenes.read_scenes(root / f"scenes-{scenes.VERSION}-0")
    expected = boxes.box_vectors(
        captioner.annotate(first.params, pixels, first.recipe), [by_name[example.name] for example in examples]
    )
    cells, own = (run_encoder.net_of(second.recipe.replace(regions=kind)) for kind in ("cells", "boxes"))
    assert cells.digest != own.digest == second.recipe.encoder.weights_digest
    stored = inputs.load(second.recipe, examples)
    assert stored.shape == (4, 5, 6 + 2 + 5)
    np.testing.assert_allclose(stored, expected, rtol=0, atol=2e-3)
    assert evaluate.main([str(out)]) == show.main([str(out)]) == 0
    assert train.main(["--from", str(out), "--out", str(tmp_path / "on"), "--epochs", "1"]) == 0
    printed = capsys.readouterr().out
    assert "this model reads the boxes of objects instead of a grid" in printed
    assert f"--blind --encoder {source} --model vlp --root" in printed
    assert caption.main([str(out), str(examples[0].path)]) == 2
    assert "this model also reads the boxes or tags of objects" in capsys.readouterr().err
    assert align.main([str(out)]) == 2
    assert f"{out}: reads boxes of objects instead of a grid" in capsys.readouterr().err


def test_another_or_no_run_is_refused(root, source, tmp_path, capsys):
    out, source = tmp_path / "run", shutil.copytree(source, tmp_path / "source")
    assert run(root, source, out, "--model", "tell") == 0
    assert run(root, out, tmp_path / "second", "--model", "tell") == 2
    assert "best.npz: has no encoder that was trained from random weights" in capsys.readouterr().err
    weights = source / "best.npz"
    weights.rename(tmp_path / "kept.npz")
    run_encoder._net.cache_clear()
    assert evaluate.main([str(out)]) == 2
    assert f"{weights}: there is no such file; put this run's weights there" in capsys.readouterr().err
    contents = checkpoint.load(tmp_path / "kept.npz")
    checkpoint.save(weights, contents._replace(params={name: 2 * x for name, x in contents.params.items()}))
    run_encoder._net.cache_clear()
    assert evaluate.main([str(out)]) == 2
    assert f"{weights}: not the weights that this model was trained with" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "regions=boxes"], "regions=boxes: set --encoder to a trained run"),
        (["--encoder", "SOURCE", "--set", "tags=oracle"], "tags=oracle: the model soft reads no tags"),
        (["--encoder", "SOURCE", "--set", "regions=boxes", "random_shift=1"], "the boxes of augmented images are unkn"),
        (["--encoder", "SOURCE", "--set", "tuned_stages=1"], "only the last stages of a pretrained --encoder can be"),
    ],
)
def test_contradictory_settings(root, source, arguments, words, capsys):
    arguments = [str(source) if word == "SOURCE" else word for word in arguments]
    assert train.main(["--root", str(root), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_phrases_have_no_encoder_of_images(source, capsys, monkeypatch):
    assert train.main(["--data", "phrases", "--encoder", str(source)]) == 2
    assert "is for images, and --data phrases has none; leave it out." in capsys.readouterr().err
    translator = SimpleNamespace(recipe=presets.from_random_weights("phrases", small=True))
    monkeypatch.setattr(runs, "load_model", lambda _: translator)
    assert train.main(["--encoder", str(source)]) == 2
    assert f"--encoder {source}: reads phrases, not images; name another run by --encoder." in capsys.readouterr().err


def test_an_unknown_encoder(capsys):
    assert train.main(["--encoder", "lite9"]) == 2
    expected = "--encoder lite9: there is no such run; name lite0, lite1, lite2, vgg16, vgg19 or the folder of a run."
    assert expected in capsys.readouterr().err


def test_photos_have_no_boxes(root, source, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(presets.PRESETS, ("flickr8k", True), presets.PRESETS["scenes", True])
    photos = tmp_path / "photos"
    scenes.write(photos, train=12, dev=4, test=2)
    (photos / "scenes.json").unlink()
    arguments = ["--data", "flickr8k", "--root", str(photos), "--encoder", str(source), "--set", "regions=boxes"]
    assert train.main(arguments) == 2
    assert (
        f"{photos}: holds no scenes; boxes and tags of objects are known for --data scenes" in capsys.readouterr().err
    )


def some_scenes(count):
    return [scenes.sample(7, index).scene for index in range(count)]


def test_tags_name_the_objects():
    """Check the tags of every object of some scenes, in all kinds."""
    true_scenes = some_scenes(200)
    names = [f"image {k}" for k in range(200)]
    oracle, noisy, shuffled = (tags.of_scenes(kind, names, true_scenes) for kind in ("oracle", "noisy", "shuffled"))
    for scene, rows in zip(true_scenes, oracle, strict=True):
        groups = [scene.groups[scene_object.group] for scene_object in scene.objects]
        expected = [(group.color, group.shape) for group in groups]
        assert [tuple(tags.WORDS[k] for k in row) for row in rows[: len(groups)]] == expected
        assert (rows[len(groups) :] == tags.NO_OBJECT).all()
    assert (shuffled[1:] == oracle[:-1]).all() and (shuffled[0] == oracle[-1]).all()
    shows_object = oracle[..., 0] != tags.NO_OBJECT
    share = np.mean(noisy[shows_object] != oracle[shows_object], axis=0)
    np.testing.assert_allclose(share, tags.ERROR_RATE, atol=0.06)
    assert (noisy[~shows_object] == tags.NO_OBJECT).all()
    colors, shapes = noisy[shows_object].T
    assert set(colors) == set(range(6)) and set(shapes) == set(range(6, 10))
    assert (tags.of_scenes("noisy", names[5:6], true_scenes[5:6]) == noisy[5:6]).all()


def test_append_and_split(rng):
    """Check that tags survive 16 bits, and that annotations stay."""
    a = rng.standard_normal((3, 5, 4)).astype(np.float16)
    words = tuple(range(2039, 2049))
    own = tags.of_scenes("oracle", ["", "", ""], some_scenes(3))
    regions, numbers = tags.split(tags.append(a, own, words))
    assert (regions == a).all()
    expected = np.where(own == tags.NO_OBJECT, tags.NO_TAG, np.array(words)[own])
    assert (numbers[:, :4] == expected).all() and (numbers[:, 4] == tags.NO_TAG).all()


def test_predicted_tags_come_from_the_box_in_their_row(rng):
    """Check the classifier on annotations that spell the words: all predictions are right, others are moved."""
    words = tuple(rng.permutation(np.arange(3, 13)).tolist())
    own = tags.of_scenes("oracle", [""] * 60, some_scenes(60))
    a = 0.1 * rng.standard_normal((60, 5, 10)).astype(np.float32)
    for k, word in np.ndindex(60, 4):
        if own[k, word, 0] != tags.NO_OBJECT:
            a[k, word, own[k, word]] += 1
    annotations = tags.append(a, own, words)
    params = tagger.train(annotations, words)
    sizes = frozen.Sizes(10, words, is_predicted=True, is_blind=False)
    assert (frozen.encode(params, annotations, sizes) == annotations).all()
    damaged = annotations.copy()
    damaged[0, 0, :10] = a[0, 0, [1, 2, 3, 4, 5, 0, 7, 8, 9, 6]]
    color, shape = own[0, 0]
    expected = words[(color - 1) % 6], words[6 + (shape - 7) % 4]
    assert tuple(frozen.encode(params, damaged, sizes)[0, 0, 10:]) == expected
    blind = frozen.encode(params, damaged, sizes._replace(is_blind=True))
    assert not blind[..., :10].any() and tuple(blind[0, 0, 10:]) == expected
