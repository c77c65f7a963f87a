"""Checkpoints: numpy's own .npz, arrays by name and one JSON text, without pickle."""

import json
import os
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat.system.errors import InputError, writing

VERSION = 2  # of the layout


class Checkpoint(NamedTuple):
    """The contents of a file."""

    params: dict  # {name: array}
    optimizer: dict  # {name: array}, empty if training does not continue from here
    settings: dict  # JSON: the entries of runs.STORED, such as recipe and vocabulary
    progress: dict  # JSON: where training stood


def save(path, checkpoint):
    """Write a Checkpoint aside and rename it, so that `path` always holds a whole one. Raises InputError."""
    arrays = {f"params/{name}": array for name, array in checkpoint.params.items()}
    arrays |= {f"optimizer/{name}": array for name, array in checkpoint.optimizer.items()}
    meta = {"version": VERSION, "settings": checkpoint.settings, "progress": checkpoint.progress}
    aside = Path(f"{path}.part")
    with writing(path, aside):
        with open(aside, "wb") as file:
            np.savez(file, json=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)


def load(path):
    """Read a Checkpoint. Raises InputError where the file is missing, truncated, not ours, or holds pickled objects."""
    _refuse_other_files(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(arrays.pop("json").tobytes())
        settings, progress = meta["settings"], meta["progress"]
    except Exception as error:  # numpy and zipfile raise nearly anything on damaged files
        if "allow_pickle" in str(error):
            raise InputError(f"{path}: refused, it holds pickled objects, which can run code when read.") from error
        raise InputError(f"{path}: damaged, or not a checkpoint of numpy_sat; use another one of the run.") from error
    if meta.get("version") != VERSION:
        raise InputError(
            f"{path}: has layout {meta.get('version')} of checkpoints, and this version of numpy_sat reads {VERSION}; "
            "train the model again, or use the version that wrote it."
        )
    return Checkpoint(_under("params/", arrays), _under("optimizer/", arrays), settings, progress)


def _refuse_other_files(path):
    """Raise InputError, which says what the file is, if it is not a zip archive."""
    try:
        with open(path, "rb") as file:
            start = file.read(1)
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such checkpoint; give a run's best.npz or last.npz, or the run's folder."
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    if start == b"\x80":  # how pickles begin
        raise InputError(f"{path}: refused, it holds pickled objects, which can run code when read.")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: truncated, or not a checkpoint of numpy_sat; use another one of the run.")


def check_shapes(path, params, expected):
    """Raise InputError, naming the first differences, unless params has the names, shapes and dtypes of `expected`."""
    wrong = [f"{name} is missing" for name in expected if name not in params]
    wrong += [f"{name} is unknown" for name in params if name not in expected]
    wrong += [
        f"{name} is {params[name].shape} {params[name].dtype}, not {array.shape} {array.dtype}"
        for name, array in expected.items()
        if name in params and (params[name].shape, params[name].dtype) != (array.shape, array.dtype)
    ]
    if wrong:
        raise InputError(f"{path}: does not fit the model it describes: {'; '.join(wrong[:3])}.")


def _under(prefix, arrays):
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
