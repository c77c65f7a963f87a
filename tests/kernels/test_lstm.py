"""Check the kernel of the LSTM gates against the layer in float64."""

import numpy as np
import pytest
from float32 import error, single

from numpy_sat.kernels import lstm
from numpy_sat.kernels.simd import LANES
from numpy_sat.layers import lstm as lstm_layer


@pytest.mark.parametrize("S", [1, LANES, LANES + 3])
def test_lstm_gates(rng, S):
    """Compare with the LSTM step whose affine map is x times the unit matrix."""
    B = 9
    affine, c, dh, dc = (rng.standard_normal(shape) for shape in ((B, 4 * S), (B, S), (B, S), (B, S)))
    zeros = np.zeros((S, 4 * S))
    h64, c64, cache = lstm_layer.lstm_forward(affine, np.zeros((B, S)), c, np.eye(4 * S), zeros, np.zeros(4 * S))
    daffine64, _, dc64, *_ = lstm_layer.lstm_backward(dh, dc, cache)

    affine, c, dh, dc = single(affine, c, dh, dc)
    h_next, c_next, tanh_c, ifog, daffine = (np.empty_like(like) for like in (c, c, c, affine, affine))
    lstm.gates(affine, c, h_next, c_next, ifog, tanh_c)
    lstm.gates_backward(dh, dc, c, ifog, tanh_c, daffine)
    for result, expected in ((h_next, h64), (c_next, c64), (daffine, daffine64), (dc, dc64)):
        assert error(result, expected) < 2e-6
