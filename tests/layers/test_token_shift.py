"""Test the token shift: gradients, values by hand, and what it leaves alone."""

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import token_shift

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
