"""Check the kernels that run once for all parameters against their definitions in float64."""

import numpy as np
import pytest

from numpy_sat.kernels import updates
from numpy_sat.system import machine
from numpy_sat.training import optimizers

# No array fills its vectors and tasks, one is empty, and some belong to several tasks.
SHAPES = {"W": (37, 5), "none": (0, 3), "b": (1,), "E": (2 * updates.NUMBERS + 17,), "F": (3, 3, 2, 7), "last": (0,)}


def arrays(rng, dtype=np.float32):
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("update", [optimizers.adam_update, optimizers.rmsprop_update])
def test_optimisers_in_one_pass(rng, update):
    """Compare ten updates by the float32 kernel and the float64 definition."""
    params64 = arrays(rng, np.float64)
    params = {name: array.astype(np.float32) for name, array in params64.items()}
    state, state64 = {}, {}
    for _ in range(10):
        grads64 = arrays(rng, np.float64)
        update(params64, grads64, state64, 0.01)
        update(params, {name: array.astype(np.float32) for name, array in grads64.items()}, state, 0.01)
    for name, array in params.items():
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, params64[name], rtol=0, atol=2e-6)
    assert state.keys() == state64.keys()


@pytest.mark.parametrize("update", [optimizers.adam_update, optimizers.rmsprop_update])
def test_arrays_of_any_layout_are_updated_in_place(rng, update):
    """Check a parameter and a gradient that are not contiguous."""
    grads = {name: np.sign(g) for name, g in arrays(rng).items()}
    params, state = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}, {}
    params["W"], grads["F"] = np.asfortranarray(params["W"]), np.asfortranarray(grads["F"])
    before = dict(params)
    update(params, grads, state, 0.01)
    assert all(params[name] is array for name, array in before.items())
    first_step = 0.01 if update is optimizers.adam_update else 0.01 / np.sqrt(0.05)
    for name in SHAPES:
        np.testing.assert_allclose(params[name], -first_step * grads[name], rtol=1e-4)


def test_norm_and_clipping(rng, monkeypatch):
    """Compare with float64, and check that the result is the same for any number of threads."""
    grads = arrays(rng)
    expected = np.linalg.norm(np.concatenate([g.ravel() for g in grads.values()]).astype(np.float64))
    results = []
    for threads in (machine.THREADS, 1):
        monkeypatch.setattr(machine, "THREADS", threads)
        clipped = {name: g.copy() for name, g in grads.items()}
        norm = optimizers.clip_by_norm(clipped, 2.0)
        assert norm == pytest.approx(expected, rel=1e-6)
        for name, g in clipped.items():
            np.testing.assert_allclose(g, 2 / expected * grads[name], rtol=1e-6)
        results.append((norm, *(g.tobytes() for g in clipped.values())))
    assert results[0] == results[1]
    assert optimizers.clip_by_norm(clipped, 3.0) == pytest.approx(2.0, rel=1e-6)
    assert [g.tobytes() for g in clipped.values()] == list(results[0][1:])


def test_other_arrays_are_refused():
    x = np.ones((4, 6), np.float32)
    read_only = x.copy()
    read_only.flags.writeable = False
    for other in (x.astype(np.float64), x[:3], x.ravel(), np.asfortranarray(x), read_only):
        with pytest.raises(ValueError, match=r"^updates: contiguous writeable float32 of shape \(4, 6\) is required"):
            updates.adam([(x, x, other, x)], *[0.5] * 6)
