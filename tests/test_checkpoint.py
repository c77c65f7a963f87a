"""Checkpoints: whole or refused, each with its own sentence."""

import io
import json
import zipfile

import numpy as np
import pytest

from numpy_sat import checkpoint
from numpy_sat.checkpoint import Checkpoint
from numpy_sat.errors import InputError


@pytest.fixture
def stored(rng):
    params = {"W": rng.standard_normal((2, 3)).astype(np.float32), "b": np.zeros(3)}
    return Checkpoint(params, {"m.W": np.ones((2, 3))}, {"seed": 3, "words": ["a", "é"]}, {"step": 7})


def test_round_trip(tmp_path, stored):
    checkpoint.save(tmp_path / "c.npz", stored)
    found = checkpoint.load(tmp_path / "c.npz")
    assert found.settings == stored.settings and found.progress == stored.progress
    for now, before in ((found.params, stored.params), (found.optimizer, stored.optimizer)):
        assert list(now) == list(before)
        assert all(np.array_equal(now[k], before[k]) and now[k].dtype == before[k].dtype for k in now)
    assert [file.name for file in tmp_path.iterdir()] == ["c.npz"]


def test_an_interrupted_write_leaves_the_old_one(tmp_path, stored, monkeypatch):
    path = tmp_path / "c.npz"
    checkpoint.save(path, stored)

    def full_disk(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(InputError, match=r"c\.npz: cannot be written \(No space left on device\)"):
        checkpoint.save(path, stored._replace(progress={"step": 8}))
    assert checkpoint.load(path).progress == {"step": 7}


def test_missing(tmp_path):
    with pytest.raises(InputError, match=r"no\.npz: no such checkpoint"):
        checkpoint.load(tmp_path / "no.npz")


@pytest.mark.parametrize("keep", [0, 10, 200, -30, -1])
def test_truncated(tmp_path, stored, keep):
    checkpoint.save(tmp_path / "c.npz", stored)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "c.npz").read_bytes()[:keep])
    with pytest.raises(InputError, match=r"cut\.npz: .*(truncated|not a whole)"):
        checkpoint.load(tmp_path / "cut.npz")


def test_damaged_inside(tmp_path, stored):
    checkpoint.save(tmp_path / "c.npz", stored)
    data = bytearray((tmp_path / "c.npz").read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        offset = archive.getinfo("params/W.npy").header_offset
    data[offset + 180] ^= 0xFF
    (tmp_path / "bad.npz").write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"bad\.npz: "):
        checkpoint.load(tmp_path / "bad.npz")


def test_pickled_objects_are_refused(tmp_path):
    np.savez(tmp_path / "p.npz", json=np.frombuffer(b"{}", np.uint8), evil=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match=r"p\.npz: refused, it holds pickled objects"):
        checkpoint.load(tmp_path / "p.npz")


def test_a_bare_pickle_is_refused(tmp_path):
    np.array([{"a": 1}], dtype=object).dump(tmp_path / "p.npz")
    with pytest.raises(InputError, match=r"p\.npz: refused, it holds pickled objects"):
        checkpoint.load(tmp_path / "p.npz")


@pytest.mark.parametrize("content", [{"x": np.ones(2)}, {"json": np.frombuffer(b"[1]", np.uint8)}])
def test_another_npz(tmp_path, content):
    np.savez(tmp_path / "x.npz", **content)
    with pytest.raises(InputError, match=r"x\.npz: .*not a checkpoint of numpy_sat"):
        checkpoint.load(tmp_path / "x.npz")


def test_another_version(tmp_path, stored):
    meta = {"version": 99, "settings": {}, "progress": {}}
    np.savez(tmp_path / "v.npz", json=np.frombuffer(json.dumps(meta).encode(), np.uint8))
    with pytest.raises(InputError, match=r"v\.npz: written in format 99, this version reads 1"):
        checkpoint.load(tmp_path / "v.npz")


def test_shapes_are_checked_by_name(stored):
    expected = {"W": np.zeros((2, 4), np.float32), "b": np.zeros(3), "v": np.zeros(1)}
    with pytest.raises(InputError, match=r"c\.npz: does not fit .*v is missing; W is \(2, 3\) float32, not \(2, 4\)"):
        checkpoint.check_shapes("c.npz", stored.params, expected)
    with pytest.raises(InputError, match="b is unknown"):
        checkpoint.check_shapes("c.npz", stored.params, {"W": stored.params["W"]})
    checkpoint.check_shapes("c.npz", stored.params, stored.params)
