"""Simple relations between a wrong array and the right one: a named factor, a missing term, another order."""

import itertools
from collections.abc import Sequence

import numpy as np

from exercises.judging import named

TINY = 1e-300


def relation(name: str, pairs: Sequence[tuple], cases: Sequence[dict], variables: dict) -> str:
    """Describe how a wrong array is related to the right one.

    Args:
        name: the array's name.
        pairs: [(yours, right), ...], one pair for each case.
        cases: the arguments of each case.
        variables: {name: value} of the library function's local variables in the first case.
    Returns:
        What is wrong, in words, or "" if there is no simple relation.
    """
    if not all(named.is_number(a) and named.is_number(b) for a, b in pairs):
        return ""
    if any(np.asarray(b).dtype == bool for _, b in pairs):
        return ""
    pairs = [(np.asarray(a, float), np.asarray(b, float)) for a, b in pairs]
    if any(a.shape != b.shape for a, b in pairs):
        return other_shape(pairs)
    return _factor(cases, pairs) or _difference(variables, *pairs[0]) or _moved(pairs) or _factors(name, *pairs[0])


def other_shape(pairs: Sequence[tuple]) -> str:
    """Return a sentence if arrays of the wrong shape hold the right numbers, or their addends, else an empty string."""
    pairs = [(a, b) for a, b in pairs if a.shape != b.shape]
    if all(a.size == b.size and np.allclose(a.ravel(), b.ravel()) for a, b in pairs):
        return "its numbers are right, but not its shape: reshape it"
    if all(a.ndim == b.ndim for a, b in pairs):
        for axes in itertools.permutations(range(pairs[0][0].ndim)):
            turned = [(a.transpose(axes), b) for a, b in pairs if a.ndim == len(axes)]
            if len(turned) == len(pairs) and all(a.shape == b.shape and np.allclose(a, b) for a, b in turned):
                return "it is right, but transposed" if len(axes) == 2 else f"it is right after transpose{axes}"
    for axis in range(pairs[0][0].ndim):
        sums = [a.sum(axis=axis) if axis < a.ndim else a for a, _ in pairs]
        if all(total.shape == b.shape and np.allclose(total, b) for total, (_, b) in zip(sums, pairs, strict=True)):
            if all(a.shape[axis] == 1 for a, _ in pairs):
                return f"axis {axis} is kept, with length 1: without keepdims it would be right"
            return f"a sum over axis {axis} is missing"
    return ""


def _factor(cases, pairs):
    """Return a sentence if an array is the right one times a factor in each case, else an empty string."""
    factors = [_ratio(a, b) for a, b in pairs]
    if None in factors:
        return ""
    if not any(factors):
        return "it is zero everywhere: no gradient or value reaches it"
    if np.allclose(factors, 1, rtol=1e-6):
        return ""
    if not all(factors):
        return "it is zero in some cases: no gradient or value reaches it there"
    if np.abs(factors).min() < TINY:  # 1 / factor overflows
        return ""
    for k, words in ((-1, "its sign is flipped"), (2, "it is twice as large"), (0.5, "it is half as large")):
        if np.allclose(factors, k, rtol=1e-7):
            return words
    for name, values in _scalars(cases).items():
        if np.allclose(factors, 1 / np.array(values), rtol=1e-7):
            return f"the factor `{name}` is missing"
        if np.allclose(factors, values, rtol=1e-7):
            return f"the factor `{name}` occurs once too often"
    names, sizes = _sizes(cases)
    for k in np.flatnonzero(_equal(sizes, 1 / np.array(factors))):
        return f"a mean in place of a sum, or divided once too often: off by a factor of {sizes[k, 0]:.6g}, {names[k]}"
    for k in np.flatnonzero(_equal(sizes, np.array(factors))):
        return f"a sum in place of a mean, or not divided: off by a factor of {sizes[k, 0]:.6g}, {names[k]}"
    for k in np.flatnonzero(_equal(np.sqrt(sizes), 1 / np.array(factors))):
        return f"divided by the square root of {sizes[k, 0]:.6g}, {names[k]}"
    quotients = sizes[:, None] / sizes
    for j, k in np.argwhere(_equal(quotients, np.array(factors))):
        return f"divided by {sizes[k, 0]:.6g} ({names[k]}) instead of {sizes[j, 0]:.6g} ({names[j]})"
    if any(b.size == 1 for _, b in pairs):  # every number is a multiple of another
        return ""
    if np.allclose(factors, factors[0], rtol=1e-7):
        return f"it is {factors[0]:.6g} times the right one"
    return f"it is {factors[0]:.6g} times the right one here; the factor differs from case to case"


def _equal(sizes, factors):
    return np.isclose(sizes, factors, rtol=1e-7, atol=0).all(axis=-1)


def _ratio(a, b):
    """Return the number r with a = r b, or None if there is none."""
    scale = np.vdot(b, b)
    if not scale or not np.isfinite(a).all():
        return None
    ratio = float(np.vdot(a, b) / scale)
    return ratio if np.abs(a - ratio * b).max() <= 1e-8 * np.abs(b).max() else None


def _scalars(cases):
    """Return {name: values in each case} of the float arguments that are never 0 and not always 1."""
    flats = [named.flatten("", case) for case in cases]
    arguments = {name[1:].replace("]", "", 1): [flat.get(name) for flat in flats] for name in flats[0]}
    scalars = {name: values for name, values in arguments.items() if all(isinstance(v, float) and v for v in values)}
    return {name: values for name, values in scalars.items() if set(values) != {1.0}}


def _sizes(cases):
    """Collect the usual divisors: dimensions, their products, and sums of masks.

    Returns:
        names: list of K descriptions.
        sizes: (K, cases) their values.
    """
    flats, candidates = [named.flatten("", case) for case in cases], {}
    for name in [name for name in flats[0] if all(name in flat for flat in flats)]:
        text, values = name[1:].replace("]", "", 1), [flat[name] for flat in flats]
        if not all(isinstance(value, np.ndarray) and value.size for value in values):
            continue
        for axis in range(min(value.ndim for value in values)):
            candidates[f"{text}.shape[{axis}]"] = [value.shape[axis] for value in values]
        if all(value.ndim > 1 for value in values):
            candidates[f"the rows of {text}"] = [value.size // value.shape[-1] for value in values]
            candidates[f"{text}.size"] = [value.size for value in values]
        if all(np.isin(value, (0, 1)).all() for value in values):
            candidates[f"{text}.sum()"] = [value.sum() for value in values]
    sizes = np.array(list(candidates.values()), float).reshape(len(candidates), len(cases))
    usable = (sizes != 1).any(axis=1) & (sizes != 0).all(axis=1)
    return [name for name, keep in zip(candidates, usable, strict=True) if keep], sizes[usable]


def _factors(name, yours, right):
    """Return a sentence if each slice along an axis is the right one times its own factor, else an empty string."""
    for axis in range(right.ndim):
        a, b = (np.moveaxis(x, axis, 0).reshape(right.shape[axis], -1) for x in (yours, right))
        if a.shape[0] < 2 or a.shape[1] < 2:
            continue
        factors = [_ratio(x, y) if y.any() else 1.0 for x, y in zip(a, b, strict=True)]
        if None not in factors:
            text = ", ".join(f"{factor:.3g}" for factor in factors[:6])
            index = ", ".join(["k" if k == axis else ":" for k in range(right.ndim)])
            return f"each {name}[{index}] is the right one times its own factor: {text}"
    return ""


def _difference(variables, yours, right):
    """Return a sentence if the difference is a multiple of a local variable of the library, else an empty string."""
    with np.errstate(invalid="ignore"):
        missing = right - yours
    if not missing.any() or not np.isfinite(missing).all():
        return ""
    for name, value in variables.items():
        if not isinstance(value, np.ndarray) or value.dtype != missing.dtype or value.shape != missing.shape:
            continue
        if not np.isfinite(value).all():
            continue
        for k, words in (
            (1, f"the term `{name}` is missing"),
            (-1, f"the term `{name}` occurs once too often"),
            (2, f"the sign of the term `{name}` is flipped"),
        ):
            if np.allclose(missing, k * value, rtol=0, atol=1e-9 * np.abs(value).max()):
                return words
    return ""


def _moved(pairs):
    """Return a sentence if the array holds the right numbers in another order, else an empty string."""
    for axis in range(-min(a.ndim for a, _ in pairs), 0):
        if pairs[0][0].shape[axis] < 2:
            continue
        if all(np.allclose(np.flip(a, axis), b) for a, b in pairs):
            return f"it is right, but reversed along axis {pairs[0][0].ndim + axis}"
        for shift in (1, -1):
            if all(np.allclose(np.roll(a, shift, axis), b) for a, b in pairs):
                return f"it is right, but shifted by one along axis {pairs[0][0].ndim + axis}"
    if all(a.ndim > 1 and a.shape[-1] == a.shape[-2] and np.allclose(a.swapaxes(-1, -2), b) for a, b in pairs):
        return "it is right, but transposed"
    return ""


def wrong_part(name: str, yours, right) -> str:
    """Return a sentence if an array is wrong only in a part of one axis, else an empty string."""
    if not (isinstance(yours, np.ndarray) and isinstance(right, np.ndarray)) or yours.shape != right.shape:
        return ""
    if right.dtype == bool:
        return ""
    scale = np.abs(right[np.isfinite(right)]).max(initial=0)
    wrong = ~(np.abs(yours - right) <= 1e-9 * max(scale, 1e-6))
    for axis in range(right.ndim):
        other_axes = tuple(k for k in range(right.ndim) if k != axis)
        places = np.flatnonzero(wrong.any(axis=other_axes))
        if not 0 < len(places) < right.shape[axis]:
            continue
        first, last = places[0], places[-1]
        if last - first + 1 == len(places):
            part = str(first) if first == last else f"{first}:{last + 1}"
        else:
            part = f"[{', '.join(map(str, places))}]"
        index = ", ".join([part if k == axis else ":" for k in range(right.ndim)])
        return f"only {name}[{index}] is wrong; the rest is right"
    return ""
