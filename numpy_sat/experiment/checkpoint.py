"""Checkpoints: NumPy's .npz format without pickle, with arrays by name and one JSON text."""

import contextlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from numpy_sat.system import npz
from numpy_sat.system.errors import InputError, refuse_special, shortened
from numpy_sat.system.files import replacing

VERSION = 2  # version of the file's layout
MAX_JSON = 50_000_000  # bytes of the JSON text; a vocabulary of 100,000 words has about a million


class Checkpoint(NamedTuple):
    """The contents of a checkpoint file."""

    params: dict  # {name: array}
    optimizer: dict  # {name: array}, empty in a checkpoint from which training cannot be resumed
    settings: dict  # JSON: the entries of metadata.SETTINGS, such as recipe and vocabulary
    progress: dict  # JSON: the fields of runs.Progress
    objective: Mapping = MappingProxyType({})  # {part: {name: array}}, parameters that an objective has of its own


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint file.

    The data go to a temporary file first, which is then renamed. So `path` never holds an incomplete checkpoint.

    Args:
        path: file to write.
        checkpoint: Checkpoint.
    Raises:
        InputError: the file cannot be written.
    """
    arrays = {f"params/{name}": array for name, array in checkpoint.params.items()}
    arrays |= {f"optimizer/{name}": array for name, array in checkpoint.optimizer.items()}
    for part, own_arrays in checkpoint.objective.items():
        arrays |= {f"objective/{part}/{name}": array for name, array in own_arrays.items()}
    meta = {"version": VERSION, "settings": checkpoint.settings, "progress": checkpoint.progress}
    with replacing(path) as temporary:
        npz.write(temporary, {"json": np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays})


class Reader:
    """An open checkpoint. `read` returns its arrays; all else is known before."""

    def __init__(self, path: Path, archive: npz.Npz):
        """Read the JSON text. path: the file, for messages; archive: the npz.Npz."""
        self._path, self._archive = path, archive
        headers = dict(archive.headers)
        json_size = headers.pop("json").nbytes
        # Checkpoints are not compressed. So no array can be larger than the file.
        if json_size > MAX_JSON or sum(header.nbytes for header in headers.values()) > os.path.getsize(path):
            raise ValueError
        meta = json.loads(archive.read("json").tobytes())
        self.version = meta.get("version")
        self.settings, self.progress = meta["settings"], meta["progress"]  # as in a Checkpoint
        self.params, self.optimizer, self.objective = (  # {name: npz.Header}; of an objective, {part/name: npz.Header}
            _under(f"{prefix}/", headers) for prefix in ("params", "optimizer", "objective")
        )

    def read(self) -> Checkpoint:
        """Read all arrays.

        Returns:
            The Checkpoint.
        Raises:
            InputError: the file is damaged, or a parameter or the optimizer's state holds infinite numbers or NaN.
        """
        with _damage_reported(self._path):
            params = {name: self._archive.read(f"params/{name}") for name in self.params}
            optimizer = {name: self._archive.read(f"optimizer/{name}") for name in self.optimizer}
            objective = {name: self._archive.read(f"objective/{name}") for name in self.objective}
            arrays = params | optimizer | objective
            broken = [name for name, array in arrays.items() if not np.isfinite(array).all()]
        if broken:
            raise InputError(
                f"{self._path}: {broken[0]} holds infinite numbers or NaN, which training never saves; "
                "use another checkpoint of the run."
            )
        parts = dict.fromkeys(name.partition("/")[0] for name in objective)
        return Checkpoint(
            params, optimizer, self.settings, self.progress, {part: _under(f"{part}/", objective) for part in parts}
        )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Open a checkpoint file, so that a caller can check what it declares before its arrays are read.

    Yields:
        The Reader.
    Raises:
        InputError: the file is missing or damaged, is not a checkpoint of this version, or holds pickled objects.
    """
    _refuse_other_files(path)
    with _damage_reported(path):
        archive = npz.Npz(path)
    with archive:
        with _damage_reported(path):
            reader = Reader(path, archive)
        if reader.version != VERSION:
            raise InputError(
                f"{path}: has checkpoint layout {reader.version}, but this version of numpy_sat reads {VERSION}; "
                "train the model again, or use the version that wrote it."
            )
        yield reader


def load(path: Path) -> Checkpoint:
    """Read a checkpoint file. Returns the Checkpoint. Raises InputError as `opened` and Reader.read do."""
    with opened(path) as reader:
        return reader.read()


@contextlib.contextmanager
def _damage_reported(path):
    """Turn any exception of the block, which reads the file, into an InputError."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # damaged files make numpy and zipfile raise almost any exception
        raise InputError(
            f"{path}: damaged, or not a checkpoint of numpy_sat; use another checkpoint of the run."
        ) from error


def _refuse_other_files(path):
    """Raise InputError if the file is not a zip archive. The message says what is wrong with it."""
    refuse_special(path)
    try:
        with open(path, "rb") as file:
            start = file.read(1)
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such checkpoint; give a run's best.npz or last.npz, or the run's folder."
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    if start == b"\x80":  # the first byte of a pickle
        raise InputError(f"{path}: refused, it holds pickled objects, which can run code when read.")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: truncated, or not a checkpoint of numpy_sat; use another checkpoint of the run.")


def check_shapes(path: Path, params: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Check that parameters have the expected names, shapes and dtypes.

    Args:
        path: the checkpoint, for the message.
        params: {name: array or npz.Header}.
        expected: {name: array or npz.Header}.
    Raises:
        InputError: they differ. The message names the first three differences.
    """
    differences = [f"{name} is missing" for name in expected if name not in params]
    differences += [f"{shortened(name)} is unknown" for name in params if name not in expected]
    differences += [
        f"{name} is {params[name].shape} {params[name].dtype}, not {array.shape} {array.dtype}"
        for name, array in expected.items()
        if name in params and (params[name].shape, params[name].dtype) != (array.shape, array.dtype)
    ]
    if differences:
        raise InputError(
            f"{path}: does not fit the model it describes: {'; '.join(differences[:3])}; train the model again, or use "
            "the version that wrote it."
        )


def _under(prefix, arrays):
    """Return the arrays whose names start with the prefix, without it."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
