"""Checkpoints: NumPy's .npz format without pickle, with arrays by name and one JSON text."""

import json
import os
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat.system.errors import InputError, writing

VERSION = 2  # version of the file's layout


class Checkpoint(NamedTuple):
    """The contents of a checkpoint file."""

    params: dict  # {name: array}
    optimizer: dict  # {name: array}, empty in a checkpoint from which training cannot be resumed
    settings: dict  # JSON: the entries of runs.STORED, such as recipe and vocabulary
    progress: dict  # JSON: the fields of runs.Progress


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
    meta = {"version": VERSION, "settings": checkpoint.settings, "progress": checkpoint.progress}
    temporary = Path(f"{path}.part")
    with writing(path, temporary):
        with open(temporary, "wb") as file:
            np.savez(file, json=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint file.

    Returns:
        The Checkpoint.
    Raises:
        InputError: the file is missing or damaged, is not a checkpoint of this version, or holds pickled objects.
    """
    _refuse_other_files(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(arrays.pop("json").tobytes())
        settings, progress = meta["settings"], meta["progress"]
    except Exception as error:  # damaged files make numpy and zipfile raise almost any exception
        if "allow_pickle" in str(error):
            raise InputError(f"{path}: refused, it holds pickled objects, which can run code when read.") from error
        raise InputError(
            f"{path}: damaged, or not a checkpoint of numpy_sat; use another checkpoint of the run."
        ) from error
    if meta.get("version") != VERSION:
        raise InputError(
            f"{path}: has checkpoint layout {meta.get('version')}, but this version of numpy_sat reads {VERSION}; "
            "train the model again, or use the version that wrote it."
        )
    return Checkpoint(_under("params/", arrays), _under("optimizer/", arrays), settings, progress)


def _refuse_other_files(path):
    """Raise InputError if the file is not a zip archive. The message says what is wrong with it."""
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
        params: {name: array}.
        expected: {name: array}.
    Raises:
        InputError: they differ. The message names the first three differences.
    """
    differences = [f"{name} is missing" for name in expected if name not in params]
    differences += [f"{name} is unknown" for name in params if name not in expected]
    differences += [
        f"{name} is {params[name].shape} {params[name].dtype}, not {array.shape} {array.dtype}"
        for name, array in expected.items()
        if name in params and (params[name].shape, params[name].dtype) != (array.shape, array.dtype)
    ]
    if differences:
        raise InputError(f"{path}: does not fit the model it describes: {'; '.join(differences[:3])}.")


def _under(prefix, arrays):
    """Return the arrays whose names start with the prefix, without it."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
