"""Files that `torch.save` wrote before 2020, read without PyTorch and without running anything that is in them.

    four pickles    a magic number, the protocol, the machine's sizes of numbers, and what was saved
    one more        the keys of the storages, a list of texts
    storages        in that order: how many numbers, 8 bytes, little-endian, and then the numbers

A pickle is a program for a machine with a stack, and in Python's unpickler one of its instructions calls whatever
function the file names. The machine below has no such thing: it knows a table of names, and builds numbers, texts,
tuples, lists, dicts and tensors, nothing else. Even so a file is read only if it is, by its digest, the very file that
is expected.
"""

import hashlib
import math
import pickletools
from io import BytesIO
from typing import NamedTuple

import numpy as np

from numpy_sat.system.errors import InputError

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
KINDS = {"Float": "<f4", "Double": "<f8", "Half": "<f2", "Long": "<i8"}
DTYPES = {f"torch {kind}Storage": dtype for kind, dtype in KINDS.items()}
DICT, TENSOR = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"


class Name(str):
    """What a pickle names, a function or a class; a text here and no more."""


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
    """The tensors of a file, {name: array}, each of its own dtype.

    sha256: the digest that the file must have, 64 hexadecimal digits. Raises InputError where it has another one, where
    it cannot be read, and where it holds anything but tensors by name.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise InputError(f"{path}: not the file that is expected: its SHA-256 is {found}, not {sha256}; get it again.")
    try:
        return _tensors(BytesIO(data))
    except _Refused as refused:
        raise InputError(f"{path}: refused, {refused}; only tensors by name are read.") from refused
    except Exception as error:  # of a stack that is empty, a text for a number and the like
        raise InputError(f"{path}: cut short, damaged or no file of tensors ({error}).") from error


def _tensors(file):
    magic, protocol, _, named, keys = (_unpickled(file) for _ in range(5))
    if (magic, protocol) != (MAGIC, PROTOCOL):
        raise _Refused("it is no file of the old torch.save")
    tensors = {name: tensor for name, tensor in named.items() if isinstance(tensor, Tensor)}
    if len(tensors) < len(named) or not all(type(name) is str for name in named):
        raise _Refused("it holds what is no tensor")
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    if sorted(keys) != sorted(storages):
        raise _Refused("its storages are not those of its tensors")
    numbers = {key: _read_storage(file, storages[key]) for key in keys}
    if file.read(1):
        raise _Refused("there is more in it than its storages")
    return {name: _view(tensor, numbers[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storage(file, storage):
    if file.read(8) != storage.size.to_bytes(8, "little"):
        raise _Refused("a storage is cut short, or of another size")
    length = storage.size * np.dtype(storage.dtype).itemsize
    data = file.read(length)
    if len(data) < length:
        raise _Refused("a storage is cut short")
    return np.frombuffer(data, storage.dtype)


def _view(tensor, numbers):
    """A tensor's numbers, in an array of their own."""
    sizes = tensor.shape, tensor.strides
    whole = all(type(number) is int and number >= 0 for number in (tensor.start, *tensor.shape, *tensor.strides))
    last = tensor.start + sum((size - 1) * stride for size, stride in zip(*sizes, strict=True))
    if not whole or math.prod(tensor.shape) > len(numbers) or (0 not in tensor.shape and last >= len(numbers)):
        raise _Refused("a tensor reaches beyond its storage")
    each = numbers.itemsize
    return np.lib.stride_tricks.as_strided(
        numbers[tensor.start :], tensor.shape, [stride * each for stride in tensor.strides]
    ).astype(numbers.dtype.newbyteorder("="), order="C")


def _unpickled(file):
    """What the next pickle of a file says, of numbers, texts, tuples, lists, dicts, Storage and Tensor."""
    stack, marks, memo = [], [], {}

    def since_mark():
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    for instruction, argument, _ in pickletools.genops(file):
        match instruction.name:
            case "PROTO":
                pass
            case "STOP":
                (value,) = stack
                return value
            case "MARK":
                marks.append(len(stack))
            case "INT" | "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINUNICODE":
                stack.append(argument)
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[instruction.name])
            case "GLOBAL":
                stack.append(Name(argument))
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE":
                stack.append(tuple(since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(instruction.name[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "APPEND":
                value = stack.pop()
                _checked(stack[-1], list).append(value)
            case "APPENDS":
                items = since_mark()
                _checked(stack[-1], list).extend(items)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _checked(stack[-1], dict)[key] = value
            case "SETITEMS":
                items = since_mark()
                _checked(stack[-1], dict).update(zip(items[::2], items[1::2], strict=True))
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "BINPERSID":
                stack.append(_storage(stack.pop()))
            case "REDUCE":
                arguments, name = stack.pop(), stack.pop()
                stack.append(_built(name, arguments))
            case "BUILD":  # what torch notes about a dict of tensors; nobody reads it
                stack.pop()
                _checked(stack[-1], dict)
            case name:
                raise _Refused(f"it has the instruction {name}")
    raise _Refused("it has no end")


def _checked(value, kind):
    if type(value) is not kind:
        raise _Refused(f"it changes what is no {kind.__name__}")
    return value


def _storage(persistent):
    kind, dtype, key, _, size, view = persistent
    if kind != "storage" or dtype not in DTYPES or type(key) is not str or type(size) is not int or view is not None:
        raise _Refused(f"it refers to {persistent!r:.80}")
    return Storage(key, DTYPES[dtype], size)


def _built(name, arguments):
    """The two things that are ever called in such a file; what they are called with is checked where it is used."""
    if type(name) is Name and name == DICT and arguments == ():
        return {}
    if type(name) is Name and name == TENSOR:
        storage, start, shape, strides, *_ = arguments
        return Tensor(_checked(storage, Storage), start, _checked(shape, tuple), _checked(strides, tuple))
    raise _Refused(f"it calls {name}")
