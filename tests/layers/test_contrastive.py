"""Test the contrastive loss: gradients, known values, and scores that would overflow."""

import math

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import contrastive


def test_gradients(rng):
    arrays = {"h": rng.standard_normal((5, 3)), "w": rng.standard_normal(3), "b_c": rng.standard_normal(1)}
    y = np.array([1.0, 0, 0, 1, 0])

    def forward(h, w, b_c):
        return contrastive.contrastive_forward(h, w, b_c, y)

    report = gradcheck.check_layer(forward, contrastive.contrastive_backward, arrays, rng)
    assert report.ok, str(report)


def test_two_sequences():
    """Check p = 0.8 for own tags and p = 0.5 for polluted ones: the loss is the mean of - log 0.8 and - log 0.5."""
    h, w, b_c = np.array([[math.log(4), 7.0], [0.0, 3.0]]), np.array([1.0, 0.0]), np.zeros(1)
    loss, cache = contrastive.contrastive_forward(h, w, b_c, np.array([1.0, 0.0]))
    assert loss == pytest.approx(-(math.log(0.8) + math.log(0.5)) / 2)
    dh, dw, db_c = contrastive.contrastive_backward(2.0, cache)
    np.testing.assert_allclose(dh, [[-0.2, 0], [0.5, 0]], atol=1e-15)
    np.testing.assert_allclose(dw, [-0.2 * math.log(4), -0.2 * 7 + 0.5 * 3])
    np.testing.assert_allclose(db_c, [0.3])


def test_large_scores_do_not_overflow():
    h, w = np.array([[1e4], [-1e4]]), np.ones(1)
    for y, expected in ((np.array([1.0, 0.0]), 0.0), (np.array([0.0, 1.0]), 1e4)):
        loss, cache = contrastive.contrastive_forward(h, w, np.zeros(1), y)
        assert loss == expected
        assert np.isfinite(contrastive.contrastive_backward(1.0, cache)[0]).all()
