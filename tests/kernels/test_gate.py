"""Check the kernel of the context's gate against the layer in float64."""

import numpy as np
import pytest
from float32 import error, single

from numpy_sat.kernels import gate
from numpy_sat.kernels.simd import LANES
from numpy_sat.layers import attention


@pytest.mark.parametrize("S", [1, LANES, LANES + 3])
@pytest.mark.parametrize("D", [1, 2 * LANES, LANES + 5])
def test_gate(rng, S, D):
    B = 2 * gate.ROWS + 1
    h, w_beta, b_beta, context, dz, dh_before = (
        rng.standard_normal(shape) for shape in ((B, S), S, 1, (B, D), (B, D), (B, S))
    )
    z64, cache = attention.gate_forward(context, h, w_beta, b_beta)
    dcontext64, dh64, dw64, db64 = attention.gate_backward(dz, cache)

    h, weights, context, dz, dh = single(h, np.append(w_beta, b_beta), context, dz, dh_before)
    beta, z, dcontext, dgate = (np.empty(shape, np.float32) for shape in ((B, 1), (B, D), (B, D), (B, 1)))
    gate.forward(h, weights, context, beta, z)
    gate.backward(dz, context, beta, weights, dcontext, dgate, dh)
    dw, db = (dgate.T @ h)[0], dgate.sum(axis=0)
    results = (z, z64), (dcontext, dcontext64), (dh, dh_before + dh64), (dw, dw64), (db, db64)
    for result, expected in results:
        assert error(result, expected) < 3e-6
