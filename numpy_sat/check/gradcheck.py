"""Gradient checks: compare every entry of every gradient with central differences, in float64.

A weak check accepts some wrong backward passes. This check excludes the known cases:

    upstream gradients are random, since under `out.sum()` the gradient of a softmax is zero
    every entry is compared, not a sample
    errors are relative to the largest value of an array
    inputs at a kink (relu at 0, equal maxima) are told apart from wrong gradients by other step sizes
    shapes, dtypes, unchanged inputs and independence of other calls are checked, too
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from numpy_sat.check import verdict

STEP = 1e-5  # truncation error about step^2, rounding error about 1e-16 / step
TINY = 1e-9  # if both gradients are below this, both count as zero, and their absolute difference is compared


class ArrayReport(NamedTuple):
    """The comparison of one gradient with finite differences."""

    name: str
    error: float  # max |a - n| / (max |a| + max |n|); max |a - n| if `absolute`
    tolerance: float
    absolute: bool  # True if both gradients are below TINY, as for a bias before a softmax
    kink: bool  # True if step sizes disagree: the inputs lie at a kink, so the gradient cannot be checked
    index: tuple  # of the entry with the largest error
    analytic: float  # the gradient there
    numeric: float  # the finite difference there

    @property
    def ok(self) -> bool:
        """Return True if the error is within the tolerance, and the inputs are not at a kink."""
        return not self.kink and self.error <= self.tolerance


class Report(NamedTuple):
    """The result of a check: one ArrayReport per gradient, and a sentence for each other mistake."""

    arrays: tuple[ArrayReport, ...]
    complaints: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Return True if every gradient is right and there is no complaint."""
        return not self.complaints and all(array.ok for array in self.arrays)

    def __str__(self):
        return verdict.describe(self)


def check_layer(
    forward: Callable,
    backward: Callable,
    inputs: dict[str, np.ndarray],
    rng: np.random.Generator,
    options: dict | None = None,
    tolerance: float = 1e-7,
) -> Report:
    """Check the forward and the backward pass of a layer.

    Args:
        forward: function, forward(**inputs, **options) returns the outputs and a cache.
        backward: function, backward(*upstream, cache) returns a gradient for each of the inputs.
        inputs: {name: float64 array} to differentiate by, in the order of the gradients that backward returns.
        rng: numpy Generator for the upstream gradients.
        options: {name: value} of further arguments of forward.
        tolerance: largest relative error of a right gradient.
    Returns:
        A Report. A wrong gradient raises no error.
    """
    options = options or {}
    watched = {**inputs, **{name: value for name, value in options.items() if isinstance(value, np.ndarray)}}

    def run(arrays):
        *outputs, cache = forward(**arrays, **options)
        return outputs, cache

    before = _copies(watched)
    outputs, cache = run(inputs)
    upstream = [rng.standard_normal(np.shape(output)) for output in outputs]
    watched |= {f"upstream gradient {k}": d for k, d in enumerate(upstream)}
    before |= {name: watched[name].copy() for name in watched if name not in before}
    grads = _as_dict(backward(*upstream, cache), inputs)
    complaints = _complaints(inputs, upstream, grads)
    comparable = all(_is_gradient(grads.get(name), x) for name, x in inputs.items())
    gradients = _copies(grads) if comparable else {}
    complaints += _restore(watched, before)
    if not complaints:
        complaints = _repeat_complaints(run, backward, inputs, upstream, (outputs, cache, grads), rng)

    def loss():
        return sum(np.vdot(d, output) for d, output in zip(upstream, run(_copies(inputs))[0], strict=True))

    arrays = _compare(loss, inputs, gradients, tolerance) if comparable else ()
    return Report(arrays, tuple(complaints))


def check_loss(
    loss_and_grads: Callable,
    params: dict[str, np.ndarray],
    tolerance: float = 1e-6,
    loss: Callable | None = None,
) -> Report:
    """Check the gradients of a whole model.

    Args:
        loss_and_grads: function, loss_and_grads(params) returns a scalar loss and {name: gradient}.
        params: {name: float64 array}.
        tolerance: largest relative error of a right gradient.
        loss: function, loss(params) returns the same loss. Without a backward pass the check is twice as fast.
    Returns:
        A Report.
    """
    before = _copies(params)
    value, grads = loss_and_grads(params)
    complaints = [f"no gradient for {name}" for name in params if name not in grads]
    complaints += [f"a gradient for {name}, which is not a parameter" for name in grads if name not in params]
    if not complaints:
        complaints = _complaints(params, [], grads) + _restore(params, before)
    if complaints:
        return Report((), tuple(complaints))
    grads = _copies(grads)  # their arrays may belong to the loss, which is computed again below

    def run():
        return loss_and_grads(params)[0] if loss is None else loss(params)

    if run() != value:
        return Report((), ("the second computation of the loss gave another result",))
    return Report(_compare(run, params, grads, tolerance), ())


def numerical_gradient(loss, x, step=STEP):
    """Compute (loss(x + step) - loss(x - step)) / (2 step) for every entry of x.

    Args:
        loss: function without arguments that reads x.
        x: float64 array, or the view of one entry; its entries are changed and restored in place.
        step: size of the step.
    Returns:
        An array of the shape of x.
    """
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        x[index] = value + step
        above = loss()
        x[index] = value - step
        below = loss()
        x[index] = value
        gradient[index] = (above - below) / (2 * step)
    return gradient


def relative_error(analytic, numeric):
    """Compute max |a - n| / (max |a| + max |n|).

    It is 0 for equal arrays, and 1 if one array is zero. If both maxima are below TINY, both arrays count as zero, and
    the result is max |a - n|, since a ratio would compare rounding errors.

    Args:
        analytic, numeric: arrays of the same shape.
    Returns:
        A float; inf if an array has a NaN, 0 for empty arrays.
    """
    worst, largest = _largest(analytic - numeric), (_largest(analytic), _largest(numeric))
    if not np.isfinite(worst):
        return np.inf
    return worst if _are_tiny(largest) else worst / sum(largest)


def separated(rng: np.random.Generator, shape: tuple[int, ...], gap: float = 0.1) -> np.ndarray:
    """Sample float64 values at least gap / 4 from zero and gap / 2 apart, so that no step crosses a kink."""
    size = int(np.prod(shape))
    values = (np.arange(size) - size // 2 + 0.5) * gap + rng.uniform(-gap / 4, gap / 4, size)
    return rng.permutation(values).reshape(shape)


def _compare(loss, inputs, grads, tolerance):
    """Return an ArrayReport for each of the inputs."""
    return tuple(_compare_array(loss, name, x, grads[name], tolerance) for name, x in inputs.items())


def _compare_array(loss, name, x, analytic, tolerance):
    """Compare a gradient with finite differences. Return its ArrayReport."""
    numeric = numerical_gradient(loss, x)
    if not x.size:
        return ArrayReport(name, 0.0, tolerance, True, False, (), 0.0, 0.0)
    difference = np.abs(analytic - numeric)
    difference[np.isnan(difference)] = np.inf
    index = tuple(int(i) for i in np.unravel_index(difference.argmax(), x.shape))
    largest = _largest(analytic), _largest(numeric)
    error, absolute = relative_error(analytic, numeric), _are_tiny(largest)
    bound, allowed = TINY if absolute else tolerance, max(sum(largest) * tolerance, TINY)
    kink = error > bound and _at_kink(loss, x[(*index, np.newaxis)], numeric[index], allowed)
    return ArrayReport(name, error, bound, absolute, kink, index, float(analytic[index]), float(numeric[index]))


def _largest(x):
    return float(np.abs(x).max(initial=0))


def _are_tiny(largest):
    return all(value < TINY for value in largest)


def _at_kink(loss, entry, numeric, allowed):
    """Return True if the loss has a kink within reach of the step.

    Beside a kink, difference quotients with different steps disagree. Exactly at a kink they agree on the mean of the
    left and the right slope. There, the two slopes stay apart for every step size.

    Args:
        loss: function without arguments.
        entry: (1,) view of the entry.
        numeric: the difference quotient with step STEP.
        allowed: largest difference of a right gradient.
    """
    quotients = [numerical_gradient(loss, entry, STEP * factor)[0] for factor in (0.1, 3)]
    wide, narrow = (_slopes_apart(loss, entry, STEP * factor) for factor in (1, 0.1))
    return any(abs(q - numeric) > 10 * allowed for q in quotients) or narrow > max(10 * allowed, 0.5 * wide)


def _slopes_apart(loss, entry, step):
    """Return |right slope - left slope| at one entry, which is about `step` for a smooth function."""
    value, middle, slopes = entry[0], loss(), []
    for x in (value - step, value + step):
        entry[0] = x
        slopes.append((loss() - middle) / (x - value))
    entry[0] = value
    return abs(slopes[1] - slopes[0])


def _copies(arrays):
    return {name: array.copy() for name, array in arrays.items()}


def _restore(arrays, before):
    """Restore the arrays that were changed, and return a complaint for each of them."""
    complaints = []
    for name, array in arrays.items():
        if not np.array_equal(array, before[name]):
            complaints.append(f"{name} was changed")
            array[...] = before[name]
    return complaints


def _as_dict(grads, inputs):
    """Return gradients by the names of the inputs; under the name "" if their number is wrong."""
    grads = grads if isinstance(grads, tuple) else (grads,)
    return dict(zip(inputs, grads, strict=True)) if len(grads) == len(inputs) else {"": grads}


def _is_gradient(d, x):
    return isinstance(d, np.ndarray) and d.shape == x.shape


def _complaints(inputs, upstream, grads):
    """Return complaints about the number, type, shape, dtype and memory of gradients."""
    if "" in grads:
        plural = "" if len(grads[""]) == 1 else "s"
        return [f"returned {len(grads[''])} gradient{plural} for {len(inputs)} arrays ({', '.join(inputs)})"]
    complaints = []
    for name, x in inputs.items():
        d = grads[name]
        if not isinstance(d, np.ndarray):
            complaints.append(f"d{name} is of type {type(d).__name__}, not an array")
        elif d.shape != x.shape:
            complaints.append(f"d{name} has shape {d.shape}, {name} has shape {x.shape}")
        elif d.dtype != x.dtype:
            complaints.append(f"d{name} is {d.dtype}, {name} is {x.dtype}")
        elif not d.flags.c_contiguous:
            complaints.append(f"d{name} is not contiguous")
        elif any(np.shares_memory(d, other) for other in (*inputs.values(), *upstream)):
            complaints.append(f"d{name} is a view of an input or of an upstream gradient, not an array of its own")
    return complaints


def _repeat_complaints(run, backward, inputs, upstream, first, rng):
    """Return complaints about results that depend on other calls.

    The same call must give the same result. Two forward passes, then both backward passes, must give the results of
    each pair alone.

    Args:
        run: function of the inputs that returns the outputs and the cache.
        backward: the backward pass.
        inputs: {name: array}.
        upstream: upstream gradients.
        first: outputs, cache and gradients of the first call.
        rng: numpy Generator for other inputs.
    """
    outputs, cache, grads = first
    first_outputs, first_grads = [np.array(output) for output in outputs], _copies(grads)
    twice = _as_dict(backward(*upstream, cache), inputs)
    twice_differs = {name for name in inputs if not _same(first_grads[name], twice[name])}

    other_inputs = {name: x + 0.01 * rng.standard_normal(x.shape) for name, x in inputs.items()}
    outputs_again, cache = run(inputs)
    forward_differs = not all(map(_same, first_outputs, outputs_again))
    _, other_cache = run(other_inputs)
    backward(*upstream, other_cache)
    overwritten = {name for name in inputs if not _same(first_grads[name], grads[name])}
    again = _as_dict(backward(*upstream, cache), inputs)

    complaints = ["the second call of forward gave another result"] if forward_differs else []
    if not all(map(_same, first_outputs, outputs)):
        complaints.append("an output of forward was changed by a later call")
    for name in inputs:
        if name in twice_differs:
            complaints.append(f"d{name} differs when backward is called twice with the same cache")
        elif not _same(first_grads[name], again[name]):
            complaints.append(f"d{name} differs after a second call of forward in between")
        elif name in overwritten:
            complaints.append(f"d{name} was changed by a later call")
    return complaints


def _same(a, b):
    return np.array_equal(a, b, equal_nan=True)
