"""Nested results and arguments as flat dicts of named arrays."""

import re
from collections.abc import Callable

import numpy as np


def flatten(name: str, value) -> dict:
    """Return {name: array or other leaf} of a value that may nest named tuples, dicts and sequences.

    A member of a named tuple is called cache.x, an item of a sequence y[0], an entry of a dict d[key]. The entry W of
    the dict grads is called dW.
    """
    if hasattr(value, "_fields"):
        parts = [(f"{name}.{field}", getattr(value, field)) for field in value._fields]
    elif isinstance(value, dict):
        parts = [(f"d{key}" if name == "grads" else f"{name}[{key}]", part) for key, part in value.items()]
    elif isinstance(value, (tuple, list)):
        parts = [(f"{name}[{k}]", part) for k, part in enumerate(value)]
    else:
        return {name: value}
    leaves = {}
    for part_name, part in parts:
        leaves |= flatten(part_name, part)
    return leaves


def without_brackets(name: str) -> str:
    """Return the name of an argument that flatten("", arguments) put into brackets: "[cache].x" becomes cache.x."""
    return name[1:].replace("]", "", 1)


def with_names_of(leaves: dict, expected: dict) -> dict:
    """Return leaves under the names of other leaves that are built of other containers.

    Args:
        leaves: {name: leaf}, as flatten returns it.
        expected: {name: leaf}. Where it has cache.x, cache.y, the items cache[0] and cache[1] of a plain sequence get
            these names; where it has y[0], y[1], the rows of an array y.
    Returns:
        {name: leaf} in the order of `leaves`.
    """
    for parent, children in _children(expected).items():
        if children[0].startswith("["):
            leaves = _with_rows(leaves, parent)
        elif f"{parent}[{len(children) - 1}]" in _prefixes(leaves) and f"{parent}{children[0]}" not in _prefixes(
            leaves
        ):
            items = {f"{parent}[{k}]": f"{parent}{child}" for k, child in enumerate(children)}
            leaves = {_renamed(name, items): leaf for name, leaf in leaves.items()}
    return leaves


def _children(leaves):
    """Return {name of a container: the last parts of the names of its members}, outer containers first."""
    children = {}
    for prefix in _prefixes(leaves):
        parts = re.match(r"(.+?)(\.\w+|\[\w+\])$", prefix)
        if parts:
            children.setdefault(parts[1], []).append(parts[2])
    return dict(sorted(children.items(), key=lambda item: len(item[0])))


def _prefixes(leaves):
    """Return the names of the leaves and of the containers that hold them, in order."""
    prefixes = {}
    for name in leaves:
        ends = [match.start() for match in re.finditer(r"[.\[]", name)]
        prefixes |= dict.fromkeys([name[:end] for end in ends if end] + [name])
    return prefixes


def _renamed(name, items):
    """Return a name with one of its beginnings replaced, if `items` has it."""
    for old, new in items.items():
        if name == old or name.startswith((f"{old}.", f"{old}[")):
            return new + name[len(old) :]
    return name


def _with_rows(leaves, parent):
    value = leaves.get(parent)
    if not isinstance(value, np.ndarray) or not value.ndim:
        return leaves
    return {name: leaf for name, leaf in leaves.items() if name != parent} | flatten(parent, list(value))


def copy_arrays(value, change: Callable[[np.ndarray], np.ndarray] = np.copy):
    """Return the value with each array replaced by change(array): a copy, or another dtype."""
    if isinstance(value, np.ndarray):
        return change(value)
    if hasattr(value, "_fields"):
        return type(value)(*(copy_arrays(part, change) for part in value))
    if isinstance(value, dict):
        return {key: copy_arrays(part, change) for key, part in value.items()}
    if type(value) in (tuple, list):
        return type(value)(copy_arrays(part, change) for part in value)
    return value


def to_single(array: np.ndarray) -> np.ndarray:
    """Return a float64 array as float32, and any other array unchanged."""
    return array.astype(np.float32) if array.dtype == np.float64 else array


def is_number(value) -> bool:
    """Return True for an array or a scalar of Python or NumPy."""
    return isinstance(value, (np.ndarray, np.generic, int, float))


def same(a, b, tolerance: float) -> bool:
    """Return True if two leaves have the same shape and error(a, b) <= tolerance, or are equal objects."""
    if not (is_number(a) and is_number(b)):
        return type(a) is type(b) and bool(np.all(a == b))
    return np.shape(a) == np.shape(b) and error(a, b) <= tolerance


def error(a, b) -> float:
    """Return max |a - b| / max |b| of two arrays of the same shape.

    The error is absolute if max |b| is at most 1e-6. It is infinite if an entry is finite in only one of the arrays, or
    if entries that are not finite differ.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if not a.size:
        return 0.0
    if not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return np.inf
    finite = np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return np.inf
    scale = np.abs(b[finite]).max(initial=0)
    return float(np.abs(a[finite] - b[finite]).max(initial=0) / (scale if scale > 1e-6 else 1.0))
