"""Results and arguments as arrays with names, whatever they are nested in."""

import numpy as np


def flatten(name, value):
    """{name: array or other leaf} of everything in a value: named tuples, dicts (of gradients: dW for W), sequences."""
    if hasattr(value, "_fields"):
        parts = [(f"{name}.{field}", getattr(value, field)) for field in value._fields]
    elif isinstance(value, dict):
        parts = [(f"d{key}" if name == "grads" else f"{name}[{key}]", part) for key, part in value.items()]
    elif isinstance(value, (tuple, list)):
        parts = [(f"{name}[{k}]", part) for k, part in enumerate(value)]
    else:
        return {name: value}
    found = {}
    for part_name, part in parts:
        found |= flatten(part_name, part)
    return found


def copied(value, change=np.copy):
    """The same, with `change` made to every array: a copy, or another dtype."""
    if isinstance(value, np.ndarray):
        return change(value)
    if hasattr(value, "_fields"):
        return type(value)(*(copied(part, change) for part in value))
    if isinstance(value, dict):
        return {key: copied(part, change) for key, part in value.items()}
    if type(value) in (tuple, list):
        return type(value)(copied(part, change) for part in value)
    return value


def to_single(array):
    """A float64 array as float32, any other as it is."""
    return array.astype(np.float32) if array.dtype == np.float64 else array


def is_number(value):
    """Whether a leaf can be compared as numbers: arrays, and scalars of Python's and NumPy's."""
    return isinstance(value, (np.ndarray, np.generic, int, float))


def same(a, b, tolerance):
    """Whether two leaves are equal: of one shape and within `tolerance` of their size, or equal objects."""
    if not (is_number(a) and is_number(b)):
        return type(a) is type(b) and bool(np.all(a == b))
    return np.shape(a) == np.shape(b) and error(a, b) <= tolerance


def error(a, b):
    """max |a - b| / max |b|, of one shape; absolute where b is below 1e-6; infinite where one alone is not finite."""
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
