"""Test writing .npz files, and reading them: headers first, and no array of another size than its header declares."""

import io
import zipfile

import numpy as np
import pytest

from numpy_sat.system import npz
from numpy_sat.system.errors import InputError


def encoded(array, shape=None):
    """Return the bytes of an array in NumPy's format. shape: the shape that the header declares instead."""
    file = io.BytesIO()
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(file, header | ({"shape": shape} if shape else {}))
    return file.getvalue() + array.tobytes()


def write(path, members, method=zipfile.ZIP_STORED):
    """Write a zip archive. members: list of (name, bytes)."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def save(path, **arrays):
    npz.write(path, arrays)
    with np.load(path) as file:
        assert file.files == list(arrays)


@pytest.mark.parametrize("save", [save, np.savez, np.savez_compressed])
def test_round_trip(tmp_path, rng, save):
    arrays = {"a/b": rng.standard_normal((2, 3)), "empty": np.zeros((0, 4)), "f": np.ones((3, 2), np.float16, "F")}
    save(tmp_path / "a.npz", **arrays)
    with npz.Npz(tmp_path / "a.npz") as file:
        assert {name: (header.shape, header.dtype) for name, header in file.headers.items()} == {
            name: (array.shape, array.dtype) for name, array in arrays.items()
        }
        for name, array in arrays.items():
            assert file.headers[name].nbytes == array.nbytes
            np.testing.assert_array_equal(file.read(name), array)


@pytest.mark.parametrize("shape", [(10**12,), (1,), (-2, -1), (2, -1)])
def test_an_array_of_another_size_than_declared(tmp_path, shape):
    path = write(tmp_path / "a.npz", [("a.npy", encoded(np.ones(2), shape))])
    with pytest.raises(ValueError, match="not of the size that its header declares"):
        npz.Npz(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_that_is_there_twice(tmp_path):
    with pytest.raises(ValueError, match="twice"):
        npz.Npz(write(tmp_path / "a.npz", [("a.npy", encoded(np.ones(2)))] * 2))


@pytest.mark.parametrize(("name", "method"), [("a.txt", zipfile.ZIP_STORED), ("a.npy", zipfile.ZIP_BZIP2)])
def test_members_that_numpy_does_not_write(tmp_path, name, method):
    with pytest.raises(ValueError, match="not written by NumPy"):
        npz.Npz(write(tmp_path / "a.npz", [(name, encoded(np.ones(2)))], method))


def test_pickled_objects(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([{}], object))
    with pytest.raises(InputError, match=r"a\.npz: refused, it holds pickled objects"):
        npz.Npz(tmp_path / "a.npz")
