"""Test the loss of GloVe."""

import math

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import glove


def test_gradients(rng):
    counts = np.array([0.5, 3.0, 99.0, 250.0, 1.0])
    shapes = {"w": (5, 3), "w_tilde": (5, 3), "b": (5,), "b_tilde": (5,)}
    inputs = {name: rng.standard_normal(shape) for name, shape in shapes.items()}

    def forward(w, w_tilde, b, b_tilde):
        return glove.glove_forward(w, w_tilde, b, b_tilde, counts)

    report = gradcheck.check_layer(forward, glove.glove_backward, inputs, rng)
    assert report.ok, str(report)


def test_by_hand():
    arrays = np.array([[1.0, 2], [0, 1]]), np.array([[3.0, 0.5], [1, 1]]), np.array([1.0, 0]), np.array([0.0, 2])
    loss, _ = glove.glove_forward(*arrays, np.array([math.e, 200.0]))
    # differences 3 + 1 + 1 + 0 - 1 and 1 + 0 + 2 - log 200; weights (e / 100)^0.75 and 1
    assert loss == pytest.approx(((math.e / 100) ** 0.75 * 16 + (3 - math.log(200)) ** 2) / 2)
