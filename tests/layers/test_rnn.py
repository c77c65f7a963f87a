"""Test the simple recurrent network with relu."""

import numpy as np

from numpy_sat.check import gradcheck
from numpy_sat.layers import rnn


def test_gradients(rng):
    inputs = {name: rng.standard_normal(shape) for name, shape in {"u": (4, 2, 3), "h": (2, 3), "W_hh": (3, 3)}.items()}
    report = gradcheck.check_layer(rnn.rnn_sequence_forward, rnn.rnn_sequence_backward, inputs, rng)
    assert report.ok, str(report)


def test_two_steps_by_hand():
    u, h, W_hh = np.array([[[1.0, -5]], [[-1.0, 0.5]]]), np.array([[2.0, 1]]), np.array([[0.5, 1], [1, 0]])
    h_all, _ = rnn.rnn_sequence_forward(u, h, W_hh)
    # h_1 = relu(1 + 1 + 1, -5 + 2), h_2 = relu(-1 + 1.5, 0.5 + 3)
    np.testing.assert_array_equal(h_all[:, 0], [[3, 0], [0.5, 3.5]])
