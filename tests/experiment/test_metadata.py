"""The metadata of a checkpoint: what no run could have written is refused in one sentence, before arrays are read."""

import copy
import json
import math
import tracemalloc
import zipfile
from dataclasses import fields

import numpy as np
import pytest

from numpy_sat import caption, evaluate, train
from numpy_sat.experiment import checkpoint, metadata, presets, runs, settings
from numpy_sat.experiment.recipe import from_json
from numpy_sat.system.errors import InputError

DAMAGES = [  # (path of keys, value, words of the message)
    ("recipe encoder image_size", -5, "image_size=-5: must be"),
    ("recipe encoder image_size", 10**12, "image_size=1000000000000: must be at most 4,096"),
    ("recipe encoder image_size", "64", "image_size='64'"),
    ("recipe encoder image_size", 64.0, "image_size=64.0: must be"),
    ("recipe encoder stages", [[10**9]], "stages="),
    ("recipe encoder stages", [[]], "stages="),
    ("recipe encoder stages", {"a": 1}, "stages="),
    ("recipe encoder stages", "import os", "stages="),
    ("recipe encoder network", "resnet", "network=resnet: must be one of"),
    ("recipe encoder network", "bilstm", "network=bilstm: "),
    ("recipe encoder network", "lite0", "--encoder lite0 has the stages of a grid"),
    ("recipe encoder network", "vgg16", "network=vgg16: pretrained=false is for other encoders"),
    ("recipe encoder pretrained", True, "pretrained=true is for other encoders"),
    ("recipe encoder tuned_stages", 1, "tuned_stages=1: "),
    ("recipe encoder source_words", ["a"], "the words that it reads"),
    ("recipe encoder batch_norm", 1, "batch_norm=1: must be true or false"),
    ("recipe encoder weights_file", 7, "weights_file=7"),
    ("recipe decoder model", "foo", "model=foo: must be one of"),
    ("recipe decoder model", None, "model=none"),
    ("recipe decoder embedding_size", 10**12, "embedding_size=1000000000000: must be at most 16,384"),
    ("recipe decoder hidden_size", True, "hidden_size=true"),
    ("recipe decoder heads", 0, "heads=0: must be"),
    ("recipe decoder without", ["eyes"], "without=eyes"),
    ("recipe decoder dropout", 1.5, "dropout=1.5: must be"),
    ("recipe training batch_size", 10**4000, "batch_size=1000"),
    ("recipe training learning_rate", math.nan, "learning_rate=nan"),
    ("recipe training epochs", [], "epochs=: must be"),
    ("recipe decoding max_words", 0, "max_words=0: must be"),
    ("recipe decoding max_words", 10**6, "max_words=1000000: must be at most 1,000"),
    ("recipe decoding length_power", math.inf, "length_power=inf"),
    ("recipe augmentation random_shift", 4000, "random_shift=4000: must be below image_size=16"),
    ("recipe loss", {}, None),
    ("recipe loss", {"penalty": 1}, "recipe: "),
    ("recipe", None, "recipe=None: must be an object"),
    ("vocabulary", [], "vocabulary=[]: must be a list of words"),
    ("vocabulary", "words", "vocabulary='words'"),
    ("vocabulary", ["<start>", "<end>", "<unk>", 3], "A vocabulary must hold words only"),
    ("data", "imagenet", "data='imagenet': must be one of"),
    ("data", ["scenes"], "data=['scenes']"),
    ("data", "phrases", "the encoder convnet does not read phrases"),
    ("root", 5, "root=5: must be a text or null"),
    ("seed", -1, "seed=-1: must be a whole number"),
    ("seed", "0", "seed='0'"),
    ("skip_missing", "no", "skip_missing='no'"),
    ("dataset_digest", None, "dataset_digest=None"),
    ("command", "train", "command='train'"),
    ("first_recipe", {}, "recipe: "),
    ("first_seed", 1.5, "first_seed=1.5"),
    ("soup", [["run"]], "soup=[['run']]"),
    ("provenance", [1], "provenance=[1]"),
    ("progress step", "x", "step='x': must be a whole number"),
    ("progress step", 10**400, "step=1000"),
    ("progress epoch", -1, "epoch=-1"),
    ("progress best_loss", None, "best_loss=None"),
    ("progress training_seconds", "long", "training_seconds='long'"),
]


def write(path, stored, meta):
    """Write a checkpoint with the arrays of another one, and other metadata."""
    checkpoint.save(path, stored._replace(settings=meta, progress=meta.pop("progress")))


@pytest.mark.parametrize(("keys", "value", "words"), DAMAGES)
def test_metadata_that_no_run_could_have_written(trained, capsys, keys, value, words):
    stored = checkpoint.load(trained / "best.npz")
    meta = copy.deepcopy({**stored.settings, "progress": stored.progress})
    *parents, key = keys.split()
    entry = meta
    for parent in parents:
        entry = entry[parent]
    entry[key] = value
    write(trained / "best.npz", stored, meta)
    if words is None:  # missing settings have their defaults
        assert runs.load_model(trained).recipe
        return
    assert caption.main([str(trained), "photo.jpg"]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: {trained / 'best.npz'}: its settings are not those of a captioner (")
    assert words in message and message.count("\n") == 1 and len(message) < 600


@pytest.mark.parametrize("key", [*metadata.SETTINGS, *(f"progress {name}" for name in metadata.PROGRESS)])
def test_missing_metadata(trained, key):
    stored = checkpoint.load(trained / "best.npz")
    meta = copy.deepcopy({**stored.settings, "progress": stored.progress})
    *parents, name = key.split()
    del (meta[parents[0]] if parents else meta)[name]
    write(trained / "best.npz", stored, meta)
    with pytest.raises(InputError, match=f"not those of a captioner .{name} is missing"):
        runs.load_model(trained)


def test_the_metadata_of_every_preset_is_accepted():
    for recipe in presets.PRESETS.values():
        settings.check(from_json(json.loads(json.dumps(recipe, default=vars))))
    for network in presets.ENCODER_STAGES:
        settings.check(presets.on_pretrained("flickr8k", network))


def test_a_translator_reads_the_words_of_phrases_in_their_order():
    """Check that other numbers of the words are refused. They would give wrong translations."""
    recipe = presets.PRESETS["phrases", True]
    with pytest.raises(InputError, match="the words that it reads are not those of this version's phrases"):
        settings.check(recipe.replace(source_words=recipe.encoder.source_words[::-1]))


def test_progress_has_the_fields_that_are_checked():
    assert {field.name for field in fields(runs.Progress)} == set(metadata.PROGRESS)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["params/E.npy", "params/more.npy", "optimizer/m.E.npy", "optimizer/z.npy"])
def test_a_large_array_that_the_recipe_does_not_need_is_not_read(trained, tmp_path, name, method):
    """Check that a file that unpacks to 80 MB is refused without that memory."""
    path, header = tmp_path / "bomb.npz", {"descr": "<f4", "fortran_order": False, "shape": (2000, 10000)}
    with zipfile.ZipFile(trained / "last.npz") as source, zipfile.ZipFile(path, "w", method) as target:
        for member in source.namelist():
            if member != name:
                target.writestr(member, source.read(member))
        with target.open(name, "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for _ in range(80):
                file.write(bytes(1_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"bomb\.npz: (does not fit|damaged)"):
            runs.load_model(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_compressed_checkpoint_of_a_large_model_is_refused(trained, tmp_path):
    """Check that metadata cannot ask for more memory than the file has bytes."""
    stored = checkpoint.load(trained / "best.npz")
    meta = {"version": checkpoint.VERSION, "settings": stored.settings, "progress": stored.progress}
    arrays = {f"params/{name}": np.zeros_like(array) for name, array in stored.params.items()}
    arrays["params/E"] = np.zeros((1000, 1000), np.float32)
    np.savez_compressed(tmp_path / "small.npz", json=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)
    with pytest.raises(InputError, match=r"small\.npz: damaged, or not a checkpoint"):
        checkpoint.load(tmp_path / "small.npz")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["best.npz", "last.npz"])
def test_weights_that_are_not_finite_are_refused(trained, capsys, name, value):
    stored = checkpoint.load(trained / name)
    stored.params["W_h"][0, 0] = value
    checkpoint.save(trained / name, stored)
    assert caption.main([str(trained / name), "photo.jpg"]) == 2
    assert f"{name}: W_h holds infinite numbers or NaN" in capsys.readouterr().err


def test_a_state_of_the_optimizer_that_is_not_finite_is_refused(trained, capsys):
    """Check that training does not continue with updates of zero or NaN."""
    stored = checkpoint.load(trained / "last.npz")
    stored.optimizer["v.W_h"][0, 0] = np.inf
    checkpoint.save(trained / "last.npz", stored)
    assert train.main(["--resume", "--out", str(trained)]) == 2
    assert "last.npz: v.W_h holds infinite numbers or NaN" in capsys.readouterr().err


def test_weights_whose_logits_overflow_are_refused(trained, root, capsys):
    """Check that no empty caption with log p -inf is printed or judged."""
    stored = checkpoint.load(trained / "best.npz")
    checkpoint.save(trained / "best.npz", stored._replace(params={k: 1e30 * w for k, w in stored.params.items()}))
    photo = next(root.rglob("*.jpg"))
    for command in (lambda: caption.main([str(trained), str(photo)]), lambda: evaluate.main([str(trained)])):
        assert command() == 2
        assert "the model's log-probabilities are not finite numbers" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["embedding_size", "hidden_size"])
def test_sizes_of_the_first_run_of_a_chain(trained, name):
    """Check that the first recipe, from which `words` initializes parameters, cannot ask for much memory."""
    stored = checkpoint.load(trained / "best.npz")
    first = copy.deepcopy(stored.settings["recipe"])
    first["decoder"][name] = 16384
    checkpoint.save(trained / "best.npz", stored._replace(settings={**stored.settings, "first_recipe": first}))
    with pytest.raises(InputError, match="does not fit the model it describes"):
        runs.load_model(trained)
