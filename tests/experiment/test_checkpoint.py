"""Checkpoints: round trips, interrupted writes, and the messages about damaged or other files."""

import json
import os

import numpy as np
import pytest

from numpy_sat.experiment import checkpoint, runs
from numpy_sat.experiment.checkpoint import Checkpoint
from numpy_sat.system import npz
from numpy_sat.system.errors import InputError


@pytest.fixture
def stored(rng):
    params = {"W": rng.standard_normal((2, 3)).astype(np.float32), "b": np.zeros(3)}
    return Checkpoint(params, {"m.W": np.ones((2, 3))}, {"seed": 3, "words": ["a", "é"]}, {"step": 7})


def test_round_trip(tmp_path, stored):
    checkpoint.save(tmp_path / "c.npz", stored)
    loaded = checkpoint.load(tmp_path / "c.npz")
    assert loaded.settings == stored.settings and loaded.progress == stored.progress
    for arrays, expected in ((loaded.params, stored.params), (loaded.optimizer, stored.optimizer)):
        assert list(arrays) == list(expected)
        assert all(np.array_equal(arrays[k], expected[k]) and arrays[k].dtype == expected[k].dtype for k in arrays)
    assert [file.name for file in tmp_path.iterdir()] == ["c.npz"]


def test_an_interrupted_write_leaves_the_old_checkpoint(tmp_path, stored, monkeypatch):
    path = tmp_path / "c.npz"
    checkpoint.save(path, stored)

    def full_disk(path, arrays):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(npz, "write", full_disk)
    with pytest.raises(InputError, match=r"c\.npz: cannot be written \(No space left on device\)"):
        checkpoint.save(path, stored._replace(progress={"step": 8}))
    assert checkpoint.load(path).progress == {"step": 7}


def test_missing_checkpoint(tmp_path):
    with pytest.raises(InputError, match=r"no\.npz: no such checkpoint"):
        checkpoint.load(tmp_path / "no.npz")


@pytest.mark.parametrize("end", [0, 10, 200, -30, -1])
def test_truncated_checkpoint(tmp_path, stored, end):
    checkpoint.save(tmp_path / "c.npz", stored)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "c.npz").read_bytes()[:end])
    with pytest.raises(InputError, match=r"cut\.npz: (truncated|damaged), or not a checkpoint of numpy_sat"):
        checkpoint.load(tmp_path / "cut.npz")


def test_one_damaged_byte_anywhere_is_an_input_error_or_harmless(tmp_path, stored):
    """Flip every 7th byte in turn. The zip checksums detect damage in the arrays."""
    checkpoint.save(tmp_path / "c.npz", stored)
    content = (tmp_path / "c.npz").read_bytes()
    refusals = 0
    for place in range(0, len(content), 7):
        (tmp_path / "bad.npz").write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            loaded = checkpoint.load(tmp_path / "bad.npz")
            assert all(np.array_equal(loaded.params[name], stored.params[name]) for name in loaded.params)
        except InputError as error:
            assert "bad.npz: " in str(error)
            refusals += 1
    assert refusals > len(content) / 7 / 2


def test_pickled_objects_are_refused(tmp_path):
    np.savez(tmp_path / "p.npz", json=np.frombuffer(b"{}", np.uint8), evil=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match=r"p\.npz: refused, it holds pickled objects"):
        checkpoint.load(tmp_path / "p.npz")


def test_a_bare_pickle_is_refused(tmp_path):
    np.array([{"a": 1}], dtype=object).dump(tmp_path / "p.npz")
    with pytest.raises(InputError, match=r"p\.npz: refused, it holds pickled objects"):
        checkpoint.load(tmp_path / "p.npz")


@pytest.mark.parametrize("content", [{"x": np.ones(2)}, {"json": np.frombuffer(b"[1]", np.uint8)}])
def test_npz_that_is_not_a_checkpoint(tmp_path, content):
    np.savez(tmp_path / "x.npz", **content)
    with pytest.raises(InputError, match=r"x\.npz: .*not a checkpoint of numpy_sat"):
        checkpoint.load(tmp_path / "x.npz")


def test_newer_layout(tmp_path, stored):
    meta = {"version": 99, "settings": {}, "progress": {}}
    np.savez(tmp_path / "v.npz", json=np.frombuffer(json.dumps(meta).encode(), np.uint8))
    with pytest.raises(
        InputError,
        match=r"v\.npz: has checkpoint layout 99, but this version of numpy_sat reads 2; train the model again",
    ):
        checkpoint.load(tmp_path / "v.npz")


def test_older_layout(tmp_path):
    meta = {"version": 1, "settings": {"pictures": "", "recipe": {"model": {"state": 3}}}, "progress": {"stale": 0}}
    np.savez(tmp_path / "old.npz", json=np.frombuffer(json.dumps(meta).encode(), np.uint8))
    with pytest.raises(
        InputError, match=r"old\.npz: has checkpoint layout 1, .*; train the model again, or use the version"
    ):
        runs.load_model(tmp_path / "old.npz")


def test_shapes_are_checked_by_name(stored):
    expected = {"W": np.zeros((2, 4), np.float32), "b": np.zeros(3), "v": np.zeros(1)}
    with pytest.raises(InputError, match=r"c\.npz: does not fit .*v is missing; W is \(2, 3\) float32, not \(2, 4\)"):
        checkpoint.check_shapes("c.npz", stored.params, expected)
    with pytest.raises(InputError, match="b is unknown"):
        checkpoint.check_shapes("c.npz", stored.params, {"W": stored.params["W"]})
    checkpoint.check_shapes("c.npz", stored.params, stored.params)


def test_a_photo_is_not_a_checkpoint(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 and so on")
    with pytest.raises(InputError, match=r"photo\.jpg: truncated, or not a checkpoint"):
        checkpoint.load(tmp_path / "photo.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "c.npz")
    with pytest.raises(InputError, match=r"c\.npz: a pipe or a device, not a file"):
        checkpoint.load(tmp_path / "c.npz")
