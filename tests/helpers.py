"""Provide checks that the tests of all layers share."""

import numpy as np


def check_float32(forward, backward, inputs, rng, options=None, tolerance=1e-5):
    """Check a layer in float32: its results are contiguous, float32 and close to float64, and no input changes.

    Args:
        forward, backward, inputs, options: as for gradcheck.check_layer.
        rng: numpy Generator.
        tolerance: largest error, relative to the largest value of each array.
    """
    options = options or {}
    upstream = [rng.standard_normal(np.shape(output)) for output in forward(**inputs, **options)[:-1]]
    expected = _run(forward, backward, inputs, options, upstream)

    single = {name: x.astype(np.float32) for name, x in inputs.items()}
    options = {name: _as_float32(value) for name, value in options.items()}
    upstream = [d.astype(np.float32) for d in upstream]
    before = [x.copy() for x in (*single.values(), *upstream)]
    results = _run(forward, backward, single, options, upstream)

    for x, copy in zip((*single.values(), *upstream), before, strict=True):
        np.testing.assert_array_equal(x, copy, "an input or an upstream gradient was changed")
    for which, (a, b) in enumerate(zip(results, expected, strict=True)):
        assert a.dtype == np.float32, f"result {which} is {a.dtype}"
        assert a.flags.c_contiguous, f"result {which} is not contiguous"
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(np.abs(b).max(), 1e-3), err_msg=f"result {which}")


def _run(forward, backward, inputs, options, upstream):
    """Return all outputs, then all gradients."""
    *outputs, cache = forward(**inputs, **options)
    grads = backward(*upstream, cache)
    return [*outputs, *(grads if isinstance(grads, tuple) else (grads,))]


def _as_float32(value):
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value
