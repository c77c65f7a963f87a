"""Tests of experiment/compression.py: rounding errors, exact cases, and what a damaged file may hold."""

import numpy as np
import pytest

from numpy_sat.experiment import compression
from numpy_sat.system import npz


def test_errors_are_at_most_half_a_step_of_each_channel(rng):
    channels = 10.0 ** np.arange(-6, 3)  # channels of very different weights
    params = {
        "W": (rng.standard_normal((compression.LARGE // 8, 9)) * channels).astype(np.float32),
        "small": rng.standard_normal((compression.LARGE // 10, 9)).astype(np.float32),
        "b": rng.standard_normal(9).astype(np.float32),
    }
    arrays = compression.compress(params)
    assert {name: array.dtype for name, array in arrays.items()} == {
        "W": np.int8,
        "W.scale": np.float32,
        "small": np.float16,
        "b": np.float16,
    }
    expanded = compression.expand(arrays)
    assert expanded.keys() == params.keys() and all(array.dtype == np.float32 for array in expanded.values())
    step = np.abs(params["W"]).max(axis=0) / 127
    assert (np.abs(expanded["W"] - params["W"]) <= 0.501 * step).all()
    assert (np.abs(expanded["W"]).max(axis=0) >= 0.9999 * np.abs(params["W"]).max(axis=0)).all()
    for name in ("small", "b"):
        np.testing.assert_allclose(expanded[name], params[name], rtol=1e-3, atol=1e-6)


def test_zeros_and_other_types_stay(rng, monkeypatch):
    monkeypatch.setattr(compression, "LARGE", 0)
    params = {"W": np.zeros((3, 2), np.float32), "empty": np.zeros((2, 0), np.float32)}
    expanded = compression.expand(compression.compress(params))
    assert all(np.array_equal(expanded[name], array) for name, array in params.items())
    stored = {"W": rng.standard_normal((3, 2)).astype(np.float32), "h": np.ones(2, np.float16)}
    expanded = compression.expand(stored)
    assert expanded["W"] is stored["W"] and expanded["h"].dtype == np.float32


@pytest.mark.parametrize("wrong", [0.0, -1.0, 1e9, np.nan])
def test_wrong_scales_are_noticed(rng, monkeypatch, wrong):
    monkeypatch.setattr(compression, "LARGE", 0)
    arrays = compression.compress({"W": rng.standard_normal((3, 2)).astype(np.float32)})
    assert compression.is_sound(arrays)
    arrays["W.scale"][1] = wrong
    assert not compression.is_sound(arrays)


def test_only_the_scales_of_int8_arrays_disappear():
    arrays = {"b": np.ones(2, np.float16), "b.scale": np.ones(2, np.float32)}
    assert compression.expand(arrays).keys() == arrays.keys()


def test_headers_are_those_of_the_expanded_arrays(rng, monkeypatch):
    monkeypatch.setattr(compression, "LARGE", 0)
    arrays = compression.compress({"W": rng.standard_normal((3, 2)).astype(np.float32), "b": np.ones(2, np.float32)})
    headers = {name: npz.Header(array.shape, array.dtype) for name, array in arrays.items()}
    expected = {name: npz.Header(array.shape, array.dtype) for name, array in compression.expand(arrays).items()}
    assert compression.expand_headers(headers) == expected
    for wrong in (
        {},
        {"W.scale": npz.Header((3,), np.dtype(np.float32))},
        {"W.scale": npz.Header((2,), np.dtype("f8"))},
    ):
        damaged = {"W": headers["W"]} | wrong
        assert compression.expand_headers(damaged)["W"].dtype == np.int8  # fits no model, so loading is refused
