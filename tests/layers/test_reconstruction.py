"""Test the squared error between an image's vector and its reconstructions."""

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import reconstruction


def test_gradients(rng):
    V, mask = rng.standard_normal((2, 3)), (np.arange(5)[:, None] < [5, 2, 1, 4]) * 1.0

    def forward(V_tilde):
        return reconstruction.reconstruction_forward(V_tilde, V, mask)

    inputs = {"V_tilde": rng.standard_normal((5, 4, 3))}
    report = gradcheck.check_layer(forward, reconstruction.reconstruction_backward, inputs, rng)
    assert report.ok, str(report)


def test_by_hand():
    V, mask = np.array([[1.0, 2], [0, 0]]), np.array([[1.0, 1, 1, 0], [1, 0, 1, 0]])
    V_tilde = np.array([[[1.0, 0], [1, 2], [2, 0], [9, 9]], [[3, 2], [9, 9], [0, 2], [9, 9]]])
    loss, _ = reconstruction.reconstruction_forward(V_tilde, V, mask)
    assert loss == pytest.approx(8 / 4)
