"""Read files that `torch.save` wrote before 2020, without PyTorch and without running code from them.

Such a file consists of five pickles and then the storages.

    pickle 1    a magic number
    pickle 2    the version of the protocol
    pickle 3    the number sizes of the machine
    pickle 4    {name: tensor}
    pickle 5    the keys of the storages, a list of texts
    storages    in the order of their keys: the count of numbers (8 bytes, little-endian), then the numbers

A pickle is a program. Three measures make a hostile program harmless:

1. The SHA-256 digest of the file is compared before anything else is read.
2. `_check_program` analyzes each program without running it. It allows only the instructions that torch.save writes.
   It limits nesting to MAX_DEPTH. Only texts, numbers and names may be used twice. So the values are never larger than
   their program, and hashing a dictionary key takes no longer than writing it.
3. `_Unpickler` is Python's unpickler, but it resolves only the names of OrderedDict, of the storages and of one
   function.
"""

import hashlib
import io
import math
import os
import pickle
import pickletools
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpy_sat.system.errors import InputError

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
DTYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}

MAX_FILE_SIZE = 40_000_000  # bytes of a file, and of all its tensors; EfficientNet-Lite0's file has 18.7 million
MAX_PICKLES_SIZE = 1_000_000  # bytes of the five pickles; EfficientNet-Lite0's have 47,176
MAX_INSTRUCTIONS = 100_000  # per pickle; EfficientNet-Lite0's longest has 10,700
MAX_DEPTH = 32  # nested values
MAX_AXES = 8  # axes of a tensor

PUTS, GETS = {"BINPUT", "LONG_BINPUT"}, {"BINGET", "LONG_BINGET"}  # write to and read from the memo
ATOMS = {"BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "NONE", "NEWTRUE", "NEWFALSE", "GLOBAL"}
CONTAINERS = {"EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "BINPERSID", "REDUCE"}
CHANGES = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "BUILD"}
ALLOWED = {"PROTO", "MARK", "STOP"} | PUTS | GETS | ATOMS | CONTAINERS | CHANGES


class Storage(NamedTuple):
    """A one-dimensional array that tensors are views of."""

    key: str
    dtype: str
    size: int  # count of numbers


class Tensor(NamedTuple):
    """A view of a storage."""

    storage: Storage
    start: int  # offset in the storage, in numbers
    shape: tuple
    strides: tuple  # in numbers


class _Refused(Exception):
    """A file contains something that is not read. The message says what."""


def load(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """Load the tensors of a file.

    Args:
        path: file that torch.save wrote.
        sha256: expected digest of the file, 64 hexadecimal digits.
    Returns:
        {name: array}; each array keeps its dtype.
    Raises:
        InputError: the file has another digest, cannot be read, or holds anything but tensors by name.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_SIZE:
                raise InputError(f"{path}: refused, it has more than {MAX_FILE_SIZE:,} bytes; get the expected file.")
            data = file.read(size)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise InputError(f"{path}: not the expected file: its SHA-256 is {digest}, not {sha256}; get it again.")
    try:
        return _read_tensors(data)
    except _Refused as refused:
        raise InputError(f"{path}: refused, {_brief(refused)}; only tensors by name are read.") from refused
    except Exception as error:  # a damaged program makes the unpickler raise almost any exception
        raise InputError(f"{path}: cut short, damaged or not a file of tensors ({_brief(error)}).") from error


def _brief(error):
    """Return an error's message as one short line, because it may contain long names from the file."""
    return textwrap.shorten(str(error), 200)


def _read_tensors(data):
    """Return the tensors in a file's bytes, {name: array}."""
    programs = io.BytesIO(data[:MAX_PICKLES_SIZE])
    magic, protocol, _, tensors, keys = (_unpickle(programs) for _ in range(5))
    if (type(magic), magic, type(protocol), protocol) != (int, MAGIC, int, PROTOCOL):
        raise _Refused("it is not a file of the old torch.save")
    if not isinstance(tensors, dict) or not all(
        type(name) is str and isinstance(tensor, Tensor) for name, tensor in tensors.items()
    ):
        raise _Refused("it holds something other than tensors")
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    if any(tensor.storage != storages[tensor.storage.key] for tensor in tensors.values()):
        raise _Refused("it describes one storage in two ways")
    if type(keys) is not list or not all(type(key) is str for key in keys) or sorted(keys) != sorted(storages):
        raise _Refused("its storages are not those of its tensors")
    numbers = _read_storages(memoryview(data)[programs.tell() :], [storages[key] for key in keys])
    for tensor in tensors.values():
        _check_bounds(tensor)
    size = sum(math.prod(tensor.shape) * numbers[tensor.storage.key].itemsize for tensor in tensors.values())
    if size > MAX_FILE_SIZE:
        raise _Refused(f"its tensors have more than {MAX_FILE_SIZE:,} bytes")
    return {name: _copy(tensor, numbers[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storages(data, storages):
    """Read the storages from the bytes after the pickles. Further bytes are refused.

    Args:
        data: memoryview of the bytes.
        storages: list of Storage, in the order of the file.
    Returns:
        {key: array of shape (size,)}.
    """
    numbers = {}
    for storage in storages:
        length = storage.size * np.dtype(storage.dtype).itemsize
        if data[:8] != storage.size.to_bytes(8, "little") or len(data) < 8 + length:
            raise _Refused("a storage is cut short, or has another size")
        numbers[storage.key] = np.frombuffer(data[8 : 8 + length], storage.dtype)
        data = data[8 + length :]
    if data:
        raise _Refused("it has more bytes than its storages")
    return numbers


def _check_bounds(tensor):
    """Raise _Refused unless all numbers of a Tensor lie within its storage."""
    sizes = (tensor.start, *tensor.shape, *tensor.strides)
    if len(tensor.shape) > MAX_AXES or not all(type(size) is int and size >= 0 for size in sizes):
        raise _Refused("a tensor has an impossible size")
    last = tensor.start + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
    size = tensor.storage.size
    if math.prod(tensor.shape) > size or (0 not in tensor.shape and last >= size):
        raise _Refused("a tensor reaches beyond its storage")


def _copy(tensor, numbers):
    """Return a tensor as a contiguous array in the machine's byte order. numbers: its storage's array."""
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    view = np.lib.stride_tricks.as_strided(numbers[tensor.start :], tensor.shape, strides)
    return view.astype(numbers.dtype.newbyteorder("="), order="C")


def _unpickle(file):
    """Return the value of a file's next pickle, which consists of built-in types, Storage and Tensor."""
    start = file.tell()
    _check_program(file)
    return _Unpickler(io.BytesIO(file.getvalue()[start : file.tell()])).load()


def _check_program(file):
    """Read a file up to the end of its next pickle. Raise _Refused if running the pickle could do harm.

    The check simulates the unpickler. Instead of values, `stack` and `memo` hold their depth of nesting, which is 0 for
    a text, a number or a name.
    """
    stack, marks, memo = [], [], {}
    for count, (instruction, argument, _) in enumerate(pickletools.genops(file)):
        name = instruction.name
        if name not in ALLOWED:
            raise _Refused(f"it has the instruction {name}")
        if count == MAX_INSTRUCTIONS:
            raise _Refused(f"it has more than {MAX_INSTRUCTIONS:,} instructions")
        if name == "MARK":
            marks.append(len(stack))
        elif name in PUTS:
            if argument >= MAX_INSTRUCTIONS:  # Python's unpickler would allocate a list of that length
                raise _Refused(f"it stores a value at memo index {argument:,}")
            memo[argument] = stack[-1]
        elif name in GETS:
            if memo[argument] > 0:
                raise _Refused("it uses a list, tuple or dict twice")
            stack.append(0)
        elif name in ATOMS:
            stack.append(0)
        elif name in CONTAINERS | CHANGES:
            depths = _pop_arguments(instruction, stack, marks)
            if name in CHANGES and depths[0] == 0:
                raise _Refused("it changes a value that is not a list or dict")
            stack.append(1 + max(depths, default=0))
            if stack[-1] > MAX_DEPTH:
                raise _Refused("it nests values too deep")


def _pop_arguments(instruction, stack, marks):
    """Remove the arguments of an instruction from `stack` and return them."""
    arguments = instruction.stack_before
    if pickletools.markobject in arguments:
        start = marks.pop() - arguments.index(pickletools.markobject)
    else:
        start = len(stack) - len(arguments)
    if start < max(marks, default=0):
        raise _Refused("it takes values that do not exist")
    values = stack[start:]
    del stack[start:]
    return values


class _Unpickler(pickle.Unpickler):
    """Python's unpickler, restricted to tensors."""

    def find_class(self, module, name):
        """Return the replacement of a name in the program. The class of a storage becomes a dtype."""
        match module, name:
            case "collections", "OrderedDict":
                return _empty_dict
            case "torch._utils", "_rebuild_tensor_v2":
                return _tensor
            case "torch", kind if kind in DTYPES:
                return DTYPES[kind]
        raise _Refused(f"it names {module}.{name}")

    def persistent_load(self, reference):
        """Return the Storage that a program refers to."""
        match reference:
            case ("storage", str(dtype), str(key), _, int(size), None) if dtype in DTYPES.values() and size >= 0:
                return Storage(key, dtype, size)
        raise _Refused("it refers to something other than a storage of numbers")


class _Dict(dict):
    """A replacement of OrderedDict that ignores the attributes that torch adds, such as _metadata."""

    __slots__ = ()

    def __setstate__(self, state):
        """Ignore the attributes."""


def _empty_dict(*items):
    if items:
        raise _Refused("it calls OrderedDict with items")
    return _Dict()


def _tensor(storage, start, shape, strides, *_):
    """Return a Tensor after checking the types of its fields. _check_bounds checks their values."""
    for value, kind in ((storage, Storage), (start, int), (shape, tuple), (strides, tuple)):
        if type(value) is not kind:
            raise _Refused(f"it describes a tensor with a {type(value).__name__} instead of a {kind.__name__}")
    return Tensor(storage, start, shape, strides)
