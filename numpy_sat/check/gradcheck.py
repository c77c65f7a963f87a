"""Gradient checks that bite: every entry of every gradient against central differences, in float64.

A wrong backward pass slips through a weak check in known ways, and each has its answer here: a random upstream
gradient for every output (under `out.sum()` a softmax has no gradient at all); every entry, not a sample; errors taken
relative to an array's largest value; inputs at a kink (relu at 0, equal maxima) told apart from wrong gradients by a
second step size; and beside the numbers shapes, dtypes, untouched inputs, and independence of other calls.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.check import verdict

STEP = 1e-5  # error of the difference quotient about step^2, of rounding about 1e-16 / step
TINY = 1e-9  # below this on both sides a gradient is zero for our purposes, and errors are compared as they are


class ArrayReport(NamedTuple):
    """How one gradient compares with finite differences."""

    name: str
    error: float  # max |a - n| / (max |a| + max |n|); max |a - n| where `absolute`
    tolerance: float
    absolute: bool  # both sides below TINY, as for a bias in front of a softmax
    kink: bool  # two step sizes disagree: the inputs are to blame, not the gradient
    index: tuple  # of the worst entry, and its two values
    analytic: float
    numeric: float

    @property
    def ok(self):
        return not self.kink and self.error <= self.tolerance


class Report(NamedTuple):
    """A whole check: one ArrayReport a gradient, and what is wrong besides the numbers, a sentence each."""

    arrays: tuple[ArrayReport, ...]
    complaints: tuple[str, ...]

    @property
    def ok(self):
        return not self.complaints and all(array.ok for array in self.arrays)

    def __str__(self):
        return verdict.describe(self)


def check_layer(forward, backward, inputs, rng, options=None, tolerance=1e-7):
    """Check a layer's pair: forward(**inputs, **options) -> outputs..., cache; backward(*d_outputs, cache).

    inputs: {name: float64 array} to differentiate by, in the order in which backward returns their gradients;
    options: {name: anything} passed along; rng: numpy Generator for the upstream gradients;
    tolerance: largest error of a gradient. Returns a Report; never raises for a wrong gradient.
    """
    options = options or {}

    def run(arrays):
        *outputs, cache = forward(**arrays, **options)
        return outputs, cache

    outputs, cache = run(inputs)
    upstream = [rng.standard_normal(np.shape(output)) for output in outputs]
    before = [array.copy() for array in (*inputs.values(), *upstream)]
    grads = _as_dict(backward(*upstream, cache), inputs)
    complaints = _complaints(inputs, upstream, before, grads)
    if not complaints:
        complaints = _repeat_complaints(run, backward, inputs, outputs, upstream, grads, rng)

    def loss():
        return sum(np.vdot(d, output) for d, output in zip(upstream, run(inputs)[0], strict=True))

    arrays = (
        () if any("shape" in c or "returned" in c for c in complaints) else _compare(loss, inputs, grads, tolerance)
    )
    return Report(arrays, tuple(complaints))


def check_loss(loss_and_grads, params, tolerance=1e-6):
    """Check a whole model: loss_and_grads(params) -> scalar loss, {name: gradient}.

    params: {name: float64 array}. Returns a Report.
    """
    before = [array.copy() for array in params.values()]
    _, grads = loss_and_grads(params)
    complaints = [f"no gradient for {name}" for name in params if name not in grads]
    complaints += [f"a gradient for {name}, which is not a parameter" for name in grads if name not in params]
    if not complaints:
        complaints = _complaints(params, [], before, grads)
    arrays = () if complaints else _compare(lambda: loss_and_grads(params)[0], params, grads, tolerance)
    return Report(arrays, tuple(complaints))


def numerical_gradient(loss, x, step=STEP):
    """(loss(x + step) - loss(x - step)) / (2 step) for every entry of x, which is changed and restored in place.

    loss: function of no arguments that reads x; x: float64 array, or one entry's view. Returns an array like x.
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


def separated(rng, shape, gap=0.1):
    """Random float64 values at least gap / 2 from zero and gap / 2 apart, so that no step crosses a kink."""
    size = int(np.prod(shape))
    values = (np.arange(size) - size // 2 + 0.5) * gap + rng.uniform(-gap / 4, gap / 4, size)
    return rng.permutation(values).reshape(shape)


def _compare(loss, inputs, grads, tolerance):
    return tuple(_compare_array(loss, name, x, grads[name], tolerance) for name, x in inputs.items())


def _compare_array(loss, name, x, analytic, tolerance):
    numeric = numerical_gradient(loss, x)
    if not x.size:
        return ArrayReport(name, 0.0, tolerance, True, False, (), 0.0, 0.0)
    difference = np.abs(analytic - numeric)
    difference[np.isnan(difference)] = np.inf
    index = tuple(int(i) for i in np.unravel_index(difference.argmax(), x.shape))
    scale = np.abs(analytic).max() + np.abs(numeric).max()
    absolute = bool(scale < 2 * TINY)
    error = float(difference.max() if absolute else difference.max() / scale)
    bound = TINY if absolute else tolerance
    kink = error > bound and _at_kink(loss, x[(*index, np.newaxis)], numeric[index], scale * tolerance)
    return ArrayReport(name, error, bound, absolute, kink, index, float(analytic[index]), float(numeric[index]))


def _at_kink(loss, entry, numeric, allowed):
    """Whether difference quotients with unlike steps disagree, as they do only where the function has a corner."""
    return any(abs(numerical_gradient(loss, entry, STEP * factor)[0] - numeric) > 10 * allowed for factor in (0.1, 3))


def _as_dict(grads, inputs):
    grads = grads if isinstance(grads, tuple) else (grads,)
    return dict(zip(inputs, grads, strict=True)) if len(grads) == len(inputs) else {"": grads}


def _complaints(inputs, upstream, before, grads):
    if "" in grads:
        return [f"returned {len(grads[''])} gradients for {len(inputs)} arrays ({', '.join(inputs)})"]
    found = []
    for name, x in inputs.items():
        d = grads[name]
        if not isinstance(d, np.ndarray) or d.shape != x.shape:
            found.append(f"d{name} has shape {np.shape(d)}, {name} has shape {x.shape}")
        elif d.dtype != x.dtype:
            found.append(f"d{name} is {d.dtype}, {name} is {x.dtype}")
        elif not d.flags.c_contiguous:
            found.append(f"d{name} is not contiguous")
        elif any(np.shares_memory(d, other) for other in (*inputs.values(), *upstream)):
            found.append(f"d{name} is a view of an input or of an upstream gradient, not an array of its own")
    names = [*inputs, *(f"upstream gradient {k}" for k in range(len(upstream)))]
    for name, array, copy in zip(names, (*inputs.values(), *upstream), before, strict=True):
        if not np.array_equal(array, copy):
            found.append(f"{name} was changed")
    return found


def _repeat_complaints(run, backward, inputs, outputs, upstream, grads, rng):
    """Two forwards, then both backwards, give what each gives alone; so nothing is kept between calls."""
    other_inputs = {name: x + 0.01 * rng.standard_normal(x.shape) for name, x in inputs.items()}
    outputs_again, cache = run(inputs)
    _, other_cache = run(other_inputs)
    backward(*upstream, other_cache)
    grads_again = _as_dict(backward(*upstream, cache), inputs)
    found = []
    if not all(np.array_equal(a, b) for a, b in zip(outputs, outputs_again, strict=True)):
        found.append("the forward gave another answer the second time")
    found += [
        f"d{name} is another after a second forward in between"
        for name in inputs
        if not np.array_equal(grads[name], grads_again[name])
    ]
    return found
