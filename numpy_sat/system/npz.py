"""Write NumPy's .npz files. Read them without pickle, with the size of every array known before any array is read.

A zip archive of a few megabytes can unpack to many gigabytes. So a caller first compares the headers, the shapes and
dtypes that the file declares, with those that it needs. Only then it reads arrays.
"""

import math
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat.system.errors import InputError

SUFFIX = ".npy"
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those of np.savez and np.savez_compressed
READ_HEADER = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class DamagedArrayError(ValueError):
    """An array cannot be read: its name, and why."""


class Header(NamedTuple):
    """The shape and the dtype of an array in a file."""

    shape: tuple
    dtype: np.dtype

    @property
    def nbytes(self) -> int:
        """Return the number of bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def write(path: Path | str, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays by name, as np.savez does. If the disk is full, np.savez of NumPy 2.0 leaves the file open."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}{SUFFIX}", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


class Npz:
    """An open .npz file. `headers` maps the names of its arrays to their Headers.

    A damaged file can raise almost any exception, in the constructor and in `read`. Pickled objects raise InputError.
    """

    def __init__(self, path: Path | str):
        self._archive = zipfile.ZipFile(path)
        try:
            self._members = {info.filename.removesuffix(SUFFIX): info for info in self._archive.infolist()}
            if len(self._members) < len(self._archive.infolist()):
                raise ValueError("an array is in the file twice")
            self.headers = {name: self._header(path, name, info) for name, info in self._members.items()}
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> "Npz":
        return self

    def __exit__(self, *_) -> None:
        self._archive.close()

    def read(self, name: str) -> np.ndarray:
        """Read an array. The zip archive's checksum detects damage."""
        with self._archive.open(self._members[name]) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    def _header(self, path, name, info):
        """Read the header of a member, and check that the member has the size that its header declares."""
        try:
            if info.compress_type not in METHODS or not info.filename.endswith(SUFFIX):
                raise ValueError("not written by NumPy")
            with self._archive.open(info) as file:
                shape, _, dtype = READ_HEADER[np.lib.format.read_magic(file)](file)
                header, size = Header(shape, dtype), info.file_size - file.tell()
            if min(shape, default=0) < 0 or (header.nbytes != size and not dtype.hasobject):
                raise ValueError("not of the size that its header declares")
        except Exception as error:
            raise DamagedArrayError(name, str(error)) from error
        if dtype.hasobject:
            raise InputError(f"{path}: refused, it holds pickled objects, which can run code when read.")
        return header
