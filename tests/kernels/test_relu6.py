"""Check the backward pass of relu6 in float32 against the layer."""

import numpy as np
import pytest

from numpy_sat.kernels import relu6
from numpy_sat.layers import activations


@pytest.mark.parametrize("shape", [(7,), (3, 5, 16), (600, 20), (2, 40000)])
def test_relu6_backward(rng, shape):
    x = (4 * rng.standard_normal(shape)).astype(np.float32)
    x.flat[:3] = 0, 6, 3
    y, cache = activations.relu6_forward(x)
    dy = rng.standard_normal(shape, np.float32)
    dx, db = relu6.backward(dy, y)
    np.testing.assert_array_equal(dx, activations.relu6_backward(dy, cache))
    np.testing.assert_allclose(db, dx.reshape(-1, shape[-1]).sum(axis=0, dtype=np.float64), rtol=1e-4, atol=1e-4)
