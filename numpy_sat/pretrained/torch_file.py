"""Read the files that `torch.save` wrote before 2020, without PyTorch and without running anything that is in them.

    four pickles    a magic number, the protocol, the machine's sizes of numbers, and the tensors by name
    one more        the keys of the storages, a list of texts
    storages        in that order: how many numbers, 8 bytes, little-endian, and then the numbers

A pickle is a program. Three things keep a hostile one harmless:

1. The SHA-256 digest of the file is compared before anything else is read.
2. `_check_program` follows each program without running it. Only the instructions that torch.save writes are allowed,
   values are nested at most DEEPEST deep, and only texts, numbers and names are used twice. So the values are never
   larger than their program, and a dictionary's key takes no longer to hash than it took to write.
3. `_Unpickler` is Python's own, but knows only the names of OrderedDict, of the storages and of one function.
"""

import hashlib
import io
import math
import os
import pickle
import pickletools
import textwrap
from typing import NamedTuple

import numpy as np

from numpy_sat.system.errors import InputError

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
DTYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}

LARGEST = 40_000_000  # bytes of a file, and of all its tensors; EfficientNet-Lite0's file has 18.7 million
LONGEST = 1_000_000  # bytes of the five pickles; EfficientNet-Lite0's have 47,176
MOST_INSTRUCTIONS = 100_000  # of one pickle; EfficientNet-Lite0's longest has 10,700
DEEPEST = 32  # values within values
MOST_AXES = 8  # of a tensor

PUTS, GETS = {"BINPUT", "LONG_BINPUT"}, {"BINGET", "LONG_BINGET"}  # into and from the memo
ATOMS = {"BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "NONE", "NEWTRUE", "NEWFALSE", "GLOBAL"}
CONTAINERS = {"EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "BINPERSID", "REDUCE"}
CHANGES = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "BUILD"}
ALLOWED = {"PROTO", "MARK", "STOP"} | PUTS | GETS | ATOMS | CONTAINERS | CHANGES


class Storage(NamedTuple):
    """A run of numbers that tensors are views of."""

    key: str
    dtype: str
    size: int  # numbers


class Tensor(NamedTuple):
    """Where in its storage a tensor's numbers are."""

    storage: Storage
    start: int
    shape: tuple
    strides: tuple  # in numbers


class _Refused(Exception):
    """Says what a file holds that is not read."""


def load(path, sha256):
    """Load the tensors of a file.

    Args:
        path: the file.
        sha256: the digest that the file must have, 64 hexadecimal digits.
    Returns:
        {name: array}, each array of its own dtype.
    Raises:
        InputError: the file has another digest, cannot be read, or holds anything but tensors by name.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST:
                raise InputError(f"{path}: refused, it has more than {LARGEST:,} bytes; get the file that is expected.")
            data = file.read(size)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise InputError(f"{path}: not the file that is expected: its SHA-256 is {digest}, not {sha256}; get it again.")
    try:
        return _tensors(data)
    except _Refused as refused:
        raise InputError(f"{path}: refused, {_brief(refused)}; only tensors by name are read.") from refused
    except Exception as error:  # the unpickler raises nearly anything on a damaged program
        raise InputError(f"{path}: cut short, damaged or no file of tensors ({_brief(error)}).") from error


def _brief(error):
    """Return an error's message as one short line; the file's names may be in it."""
    return textwrap.shorten(str(error), 200)


def _tensors(data):
    """Return {name: array} of a file's bytes."""
    programs = io.BytesIO(data[:LONGEST])
    magic, protocol, _, tensors, keys = (_unpickle(programs) for _ in range(5))
    if (type(magic), magic, type(protocol), protocol) != (int, MAGIC, int, PROTOCOL):
        raise _Refused("it is no file of the old torch.save")
    if not isinstance(tensors, dict) or not all(
        type(name) is str and isinstance(tensor, Tensor) for name, tensor in tensors.items()
    ):
        raise _Refused("it holds what is no tensor")
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    if any(tensor.storage != storages[tensor.storage.key] for tensor in tensors.values()):
        raise _Refused("it describes one storage in two ways")
    if type(keys) is not list or not all(type(key) is str for key in keys) or sorted(keys) != sorted(storages):
        raise _Refused("its storages are not those of its tensors")
    numbers = _read_storages(memoryview(data)[programs.tell() :], [storages[key] for key in keys])
    for tensor in tensors.values():
        _check_place(tensor)
    if sum(math.prod(tensor.shape) * numbers[tensor.storage.key].itemsize for tensor in tensors.values()) > LARGEST:
        raise _Refused(f"its tensors have more than {LARGEST:,} bytes")
    return {name: _copy(tensor, numbers[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storages(data, storages):
    """Return {key: array (size,)} of the bytes behind the pickles, of which nothing may be left over."""
    numbers = {}
    for storage in storages:
        length = storage.size * np.dtype(storage.dtype).itemsize
        if data[:8] != storage.size.to_bytes(8, "little") or len(data) < 8 + length:
            raise _Refused("a storage is cut short, or of another size")
        numbers[storage.key] = np.frombuffer(data[8 : 8 + length], storage.dtype)
        data = data[8 + length :]
    if data:
        raise _Refused("there is more in it than its storages")
    return numbers


def _check_place(tensor):
    """Raise _Refused unless all numbers of a Tensor lie within its storage."""
    sizes = (tensor.start, *tensor.shape, *tensor.strides)
    if len(tensor.shape) > MOST_AXES or not all(type(size) is int and size >= 0 for size in sizes):
        raise _Refused("a tensor has a size that cannot be")
    last = tensor.start + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
    size = tensor.storage.size
    if math.prod(tensor.shape) > size or (0 not in tensor.shape and last >= size):
        raise _Refused("a tensor reaches beyond its storage")


def _copy(tensor, numbers):
    """Return a tensor's numbers as an array of their own, in the machine's byte order."""
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    view = np.lib.stride_tricks.as_strided(numbers[tensor.start :], tensor.shape, strides)
    return view.astype(numbers.dtype.newbyteorder("="), order="C")


def _unpickle(file):
    """Return the value of the next pickle of a file: numbers, texts, tuples, lists, dicts, Storage and Tensor."""
    start = file.tell()
    _check_program(file)
    return _Unpickler(io.BytesIO(file.getvalue()[start : file.tell()])).load()


def _check_program(file):
    """Read a file up to its next pickle's end, and raise _Refused where running it could harm.

    `stack` and `memo` hold, for each value, how deep values are nested in it: 0 for a text, a number or a name.
    """
    stack, marks, memo = [], [], {}
    for count, (instruction, argument, _) in enumerate(pickletools.genops(file)):
        name = instruction.name
        if name not in ALLOWED:
            raise _Refused(f"it has the instruction {name}")
        if count == MOST_INSTRUCTIONS:
            raise _Refused(f"it has more than {MOST_INSTRUCTIONS:,} instructions")
        if name == "MARK":
            marks.append(len(stack))
        elif name in PUTS:
            if argument >= MOST_INSTRUCTIONS:  # Python's unpickler allocates a list of that length
                raise _Refused(f"it notes a value at place {argument:,}")
            memo[argument] = stack[-1]
        elif name in GETS:
            if memo[argument] > 0:
                raise _Refused("it uses a list, tuple or dict twice")
            stack.append(0)
        elif name in ATOMS:
            stack.append(0)
        elif name in CONTAINERS | CHANGES:
            values = _take(instruction, stack, marks)
            if name in CHANGES and values[0] == 0:
                raise _Refused("it changes what is no list or dict")
            stack.append(1 + max(values, default=0))
            if stack[-1] > DEEPEST:
                raise _Refused("it nests values too deep")


def _take(instruction, stack, marks):
    """Remove from `stack` the values that an instruction takes, and return them."""
    taken = instruction.stack_before
    if pickletools.markobject in taken:
        start = marks.pop() - taken.index(pickletools.markobject)
    else:
        start = len(stack) - len(taken)
    if start < max(marks, default=0):
        raise _Refused("it takes values that are not there")
    values = stack[start:]
    del stack[start:]
    return values


class _Unpickler(pickle.Unpickler):
    """Python's unpickler, for tensors only."""

    def find_class(self, module, name):
        """Return what a program may name; a storage's class is its dtype."""
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
        raise _Refused("it refers to what is no storage of numbers")


class _Dict(dict):
    """An OrderedDict. What torch notes about it, its versions, is dropped."""

    __slots__ = ()

    def __setstate__(self, state):
        """Drop the notes."""


def _empty_dict(*items):
    if items:
        raise _Refused("it calls OrderedDict with items")
    return _Dict()


def _tensor(storage, start, shape, strides, *_):
    """Return a Tensor whose parts have the right types; _check_place looks at their values."""
    for value, kind in ((storage, Storage), (start, int), (shape, tuple), (strides, tuple)):
        if type(value) is not kind:
            raise _Refused(f"it describes a tensor by what is no {kind.__name__}")
    return Tensor(storage, start, shape, strides)
