"""Files of tensors in the safetensors format, read without trusting them.

    8 bytes     n, the header's length, little-endian
    n bytes     the header, JSON: {name: {"dtype": "F32", "shape": [64, 3], "data_offsets": [start, stop]}, ...}
    the rest    the tensors' numbers, little-endian, one behind the other, no gaps; offsets count from here

Nothing in it can run code, and every number in it is checked before it is used.
"""

import json
import math
from typing import NamedTuple

import numpy as np

from numpy_sat.system.errors import InputError

LONGEST_HEADER = 100_000_000  # bytes; the format's own limit
PREFIX = 8  # bytes of the header's length
DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # bfloat16, which NumPy has not, is the upper half of a float32
AGAIN = "get it again"


class Tensor(NamedTuple):
    """Where a tensor is in its file."""

    dtype: str  # the format's name for it
    shape: tuple
    start: int  # bytes from the beginning of the file
    stop: int


def tensors(path):
    """{name: Tensor} of a file. Raises InputError where it cannot be read, is cut short or is something else."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            length = int.from_bytes(file.read(PREFIX), "little")
            _check_length(path, size, length)
            header = file.read(length)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its name.") from error
    listed = _parse(path, header)
    found = {name: _tensor(path, name, entry, PREFIX + length) for name, entry in listed.items()}
    _check_places(path, found, PREFIX + length, size)
    return found


def read(path, tensor):
    """A Tensor's numbers as float32, in its shape. Raises InputError for whole numbers and the like."""
    if tensor.dtype not in DTYPES:
        raise InputError(f"{path}: a tensor of dtype {tensor.dtype}; only {', '.join(DTYPES)} can be read.")
    try:
        with open(path, "rb") as file:
            file.seek(tensor.start)
            data = file.read(tensor.stop - tensor.start)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    if len(data) < tensor.stop - tensor.start:
        raise InputError(f"{path}: is being changed while it is read.")
    array = np.frombuffer(data, DTYPES[tensor.dtype]).reshape(tensor.shape)
    if tensor.dtype == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)


def _check_length(path, size, length):
    """Raise InputError where no header of this length can be in the file."""
    if size < PREFIX:
        raise InputError(f"{path}: {size} bytes are no safetensors file; {AGAIN}.")
    if length > LONGEST_HEADER:
        raise InputError(
            f"{path}: not a safetensors file, or damaged: its header would have {length:,} bytes, "
            f"and more than {LONGEST_HEADER:,} none may have."
        )
    if PREFIX + length > size:
        raise InputError(f"{path}: cut short within its header, or not a safetensors file; {AGAIN}.")


def _parse(path, header):
    """{name: entry} of the header's bytes, without what else is noted there."""
    try:
        listed = json.loads(header.decode(), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a safetensors file, or damaged: its header is no JSON ({error}).") from error
    if not isinstance(listed, dict):
        raise InputError(f"{path}: not a safetensors file: its header does not list tensors by name.")
    listed.pop("__metadata__", None)
    return listed


def _without_doubles(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _tensor(path, name, entry, origin):
    """The Tensor of a header's entry. origin: where in the file offsets are counted from."""
    try:
        dtype, shape, (start, stop) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        sound = isinstance(dtype, str) and all(type(n) is int and n >= 0 for n in (*shape, start, stop))
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise InputError(f"{path}: damaged: its header does not say what {name!r} is.")
    if dtype in DTYPES and stop - start != math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize:
        raise InputError(f"{path}: damaged: {name!r} is {dtype} {shape}, which {stop - start:,} bytes do not hold.")
    return Tensor(dtype, shape, origin + start, origin + stop)


def _check_places(path, found, origin, size):
    """Raise InputError unless the tensors lie one behind the other from `origin` to the end of the file."""
    reached = origin
    for name, tensor in sorted(found.items(), key=lambda item: (item[1].start, item[1].stop)):
        if tensor.start != reached or tensor.stop < tensor.start:
            fault = "overlaps another tensor" if tensor.start < reached else "does not begin where the one before ends"
            raise InputError(f"{path}: damaged: {name!r} {fault}.")
        reached = tensor.stop
    if reached != size:
        fault = "cut short" if reached > size else "something follows its last tensor"
        raise InputError(f"{path}: {fault}, at {size:,} bytes instead of {reached:,}; {AGAIN}.")
