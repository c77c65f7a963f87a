"""Test the token shift: gradients, values by hand, and what it leaves alone."""

from itertools import pairwise

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.kernels import threads
from numpy_sat.kernels import token_shift as kernel
from numpy_sat.kernels.simd import LANES
from numpy_sat.layers import token_shift
from numpy_sat.system import machine

PAIR = token_shift.token_shift_forward, token_shift.token_shift_backward


@pytest.mark.parametrize(("first", "captions", "T"), [(3, 2, 4), (0, 1, 3), (2, 3, 2), (2, 2, 1)])
def test_gradients(rng, first, captions, T):
    inputs = {"x": rng.standard_normal((2, first + captions * T, 5)), "c": rng.standard_normal(5)}
    report = gradcheck.check_layer(*PAIR, inputs, rng, {"first": first, "T": T})
    assert report.ok, str(report)


def test_by_hand():
    """Check two captions of three words after one region, with two components."""
    x = np.array([[9, 9], [1, 1], [2, 1], [4, 1], [8, 1], [0, 1], [0, 1]], float)[None]
    y, _ = token_shift.token_shift_forward(x, np.array([0.5, 0]), 1, 3)
    np.testing.assert_array_equal(y[0, :, 0], [9, 1, 2.5, 5.25, 8, 4, 2])
    np.testing.assert_array_equal(y[0, :, 1], x[0, :, 1])


def test_inputs_stay(rng):
    x, c = rng.standard_normal((2, 7, 3)), rng.standard_normal(3)
    before = x.copy()
    y, cache = token_shift.token_shift_forward(x, c, 1, 3)
    dy = rng.standard_normal(y.shape)
    dy_before = dy.copy()
    token_shift.token_shift_backward(dy, cache)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(dy, dy_before)


@pytest.mark.parametrize("S", [1, LANES, 3 * LANES + 5])
@pytest.mark.parametrize("lengths", [(5, 1, 0, 7), (3,)])
def test_the_kernel_is_the_layer(rng, S, lengths):
    """Compare each caption of any length with the layer."""
    starts, c = np.concatenate([[0], np.cumsum(lengths)]), rng.standard_normal(S).astype(np.float32)
    x, dy = rng.standard_normal((2, starts[-1], S)).astype(np.float32)
    y, dx, expected_dc = np.empty_like(x), np.empty_like(x), np.zeros(S, np.float32)
    for first, last in pairwise(starts):
        if last > first:
            y[first:last], cache = token_shift.token_shift_forward(x[None, first:last], c, 0, last - first)
            dx[first:last], dc = token_shift.token_shift_backward(dy[None, first:last], cache)
            expected_dc += dc
    kernel.shift(x, c, starts)
    dc = kernel.shift_gradient(dy, x, c, starts)
    for array, expected in ((x, y), (dy, dx), (dc, expected_dc)):
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_bits_are_equal_for_any_number_of_threads(monkeypatch, rng):
    starts, S = np.array([0, 4, 9]), 5 * LANES + 1
    words, dwords, c = (rng.standard_normal(shape).astype(np.float32) for shape in ((9, S), (9, S), S))

    def results():
        y, dx = words.copy(), dwords.copy()
        kernel.shift(y, c, starts)
        return kernel.shift_gradient(dx, y, c, starts), y, dx

    monkeypatch.setattr(machine, "THREADS", 1)
    expected = results()
    monkeypatch.setattr(machine, "THREADS", 3)
    pool = threads._Pool()
    monkeypatch.setattr(threads, "_cached_pool", lambda: pool)
    for _ in range(3):
        assert all(map(np.array_equal, results(), expected))
