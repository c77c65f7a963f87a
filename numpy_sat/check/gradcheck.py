"""Gradient checks that bite: every entry of every gradient against central differences, in float64.

A wrong backward pass slips through a weak check in known ways, and each has its answer here: a random upstream
gradient for every output (under `out.sum()` a softmax has no gradient at all); every entry, not a sample; errors taken
relative to an array's largest value; inputs at a kink (relu at 0, equal maxima) told apart from wrong gradients by
other step sizes; and beside the numbers shapes, dtypes, untouched inputs, and independence of other calls.
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
        """Whether the gradient is right: within the tolerance, at inputs that have one."""
        return not self.kink and self.error <= self.tolerance


class Report(NamedTuple):
    """A whole check: one ArrayReport a gradient, and what is wrong besides the numbers, a sentence each."""

    arrays: tuple[ArrayReport, ...]
    complaints: tuple[str, ...]

    @property
    def ok(self):
        """Whether every gradient is right and there is nothing else to complain of."""
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
    kept = _copies(grads) if comparable else {}
    complaints += _restore(watched, before)
    if not complaints:
        complaints = _repeat_complaints(run, backward, inputs, upstream, (outputs, cache, grads), rng)

    def loss():
        return sum(np.vdot(d, output) for d, output in zip(upstream, run(_copies(inputs))[0], strict=True))

    arrays = _compare(loss, inputs, kept, tolerance) if comparable else ()
    return Report(arrays, tuple(complaints))


def check_loss(loss_and_grads, params, tolerance=1e-6):
    """Check a whole model: loss_and_grads(params) -> scalar loss, {name: gradient}.

    params: {name: float64 array}. Returns a Report.
    """
    before = _copies(params)
    _, grads = loss_and_grads(params)
    complaints = [f"no gradient for {name}" for name in params if name not in grads]
    complaints += [f"a gradient for {name}, which is not a parameter" for name in grads if name not in params]
    if not complaints:
        complaints = _complaints(params, [], grads) + _restore(params, before)
    # Copies, because the loss is about to be asked many times, and may own the arrays of its gradients.
    arrays = () if complaints else _compare(lambda: loss_and_grads(params)[0], params, _copies(grads), tolerance)
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


def relative_error(analytic, numeric):
    """max |a - n| / (max |a| + max |n|), from 0 where two arrays are equal to 1 where one of them is zero.

    Where both maxima are below TINY it is max |a - n|: both are zero, and a ratio would compare their rounding errors.
    analytic, numeric: arrays of one shape. Returns a float, inf where there is a NaN; 0 of empty arrays.
    """
    worst, largest = _largest(analytic - numeric), (_largest(analytic), _largest(numeric))
    if not np.isfinite(worst):
        return np.inf
    return worst if _are_tiny(largest) else worst / sum(largest)


def separated(rng, shape, gap=0.1):
    """Random float64 values at least gap / 4 from zero and gap / 2 apart, so that no step crosses a kink."""
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
    """Whether the function has a corner within reach of the step.

    Beside a corner, difference quotients with unlike steps disagree. In the very corner they agree, on the mean of the
    slopes to the left and to the right; but there these two stay apart however small the step.
    """
    quotients = [numerical_gradient(loss, entry, STEP * factor)[0] for factor in (0.1, 3)]
    wide, narrow = (_slopes_apart(loss, entry, STEP * factor) for factor in (1, 0.1))
    return any(abs(q - numeric) > 10 * allowed for q in quotients) or narrow > max(10 * allowed, 0.5 * wide)


def _slopes_apart(loss, entry, step):
    """|slope to the right - slope to the left| of one entry's view: about step where the function is smooth."""
    value, middle, slopes = entry[0], loss(), []
    for x in (value - step, value + step):
        entry[0] = x
        slopes.append((loss() - middle) / (x - value))
    entry[0] = value
    return abs(slopes[1] - slopes[0])


def _copies(arrays):
    return {name: array.copy() for name, array in arrays.items()}


def _restore(arrays, before):
    """A complaint for every array that is not what it was; it is made so again, that the numbers can be judged."""
    found = []
    for name, array in arrays.items():
        if not np.array_equal(array, before[name]):
            found.append(f"{name} was changed")
            array[...] = before[name]
    return found


def _as_dict(grads, inputs):
    grads = grads if isinstance(grads, tuple) else (grads,)
    return dict(zip(inputs, grads, strict=True)) if len(grads) == len(inputs) else {"": grads}


def _is_gradient(d, x):
    return isinstance(d, np.ndarray) and d.shape == x.shape


def _complaints(inputs, upstream, grads):
    if "" in grads:
        plural = "" if len(grads[""]) == 1 else "s"
        return [f"returned {len(grads[''])} gradient{plural} for {len(inputs)} arrays ({', '.join(inputs)})"]
    found = []
    for name, x in inputs.items():
        d = grads[name]
        if not isinstance(d, np.ndarray):
            found.append(f"d{name} is of type {type(d).__name__}, not an array")
        elif d.shape != x.shape:
            found.append(f"d{name} has shape {d.shape}, {name} has shape {x.shape}")
        elif d.dtype != x.dtype:
            found.append(f"d{name} is {d.dtype}, {name} is {x.dtype}")
        elif not d.flags.c_contiguous:
            found.append(f"d{name} is not contiguous")
        elif any(np.shares_memory(d, other) for other in (*inputs.values(), *upstream)):
            found.append(f"d{name} is a view of an input or of an upstream gradient, not an array of its own")
    return found


def _repeat_complaints(run, backward, inputs, upstream, first, rng):
    """The same call gives the same answer, and two forwards, then both backwards, give what each gives alone."""
    outputs, cache, grads = first
    outputs_kept, kept = [np.array(output) for output in outputs], _copies(grads)
    twice = _as_dict(backward(*upstream, cache), inputs)
    twice_differs = {name for name in inputs if not _same(kept[name], twice[name])}

    other_inputs = {name: x + 0.01 * rng.standard_normal(x.shape) for name, x in inputs.items()}
    outputs_again, cache = run(inputs)
    forward_differs = not all(map(_same, outputs_kept, outputs_again))
    _, other_cache = run(other_inputs)
    backward(*upstream, other_cache)
    overwritten = {name for name in inputs if not _same(kept[name], grads[name])}
    again = _as_dict(backward(*upstream, cache), inputs)

    found = ["the forward gave another answer the second time"] if forward_differs else []
    if not all(map(_same, outputs_kept, outputs)):
        found.append("an output of the forward was changed by a later call")
    for name in inputs:
        if name in twice_differs:
            found.append(f"d{name} is another when the backward is called twice with one cache")
        elif not _same(kept[name], again[name]):
            found.append(f"d{name} is another after a second forward in between")
        elif name in overwritten:
            found.append(f"d{name} was changed by a later call")
    return found


def _same(a, b):
    return np.array_equal(a, b, equal_nan=True)
