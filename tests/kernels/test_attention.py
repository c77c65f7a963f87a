"""Check the attention kernel against the layer in float64."""

import numpy as np
import pytest
from float32 import single

from numpy_sat.kernels import attention
from numpy_sat.kernels.simd import LANES
from numpy_sat.layers import attention as attention_layer


@pytest.mark.parametrize("captions", [1, 3])
@pytest.mark.parametrize("L", [1, 7, 16, 35])
def test_attention(rng, captions, L):
    """Compare with score, softmax and context of layers/attention.py, for a query in the place of h W_h."""
    N, A, D = 3, 2 * LANES, 3 * LANES
    B = N * captions
    keys, query, v, a = (rng.standard_normal(shape) for shape in ((N, L, A), (B, A), A, (N, L, D)))
    dz, dalpha, same = (rng.standard_normal(shape) for shape in ((B, D), (B, L), (N, D)))
    z64, alpha64, cache = attention_layer.attend_forward(a, keys, query, np.eye(A), v)
    da64, dkeys64, dquery64, _, dv64 = attention_layer.attend_backward(dz, dalpha, cache)

    keys, query, v, a, dz, dalpha = single(keys, query, v, a, dz, dalpha)
    z, alpha, dquery = (np.empty(shape, np.float32) for shape in ((B, D), (B, L), (B, A)))
    dkeys, dv = np.full((N, L, A), np.nan, np.float32), np.full((N, A), np.nan, np.float32)
    attention.exponentials(keys)
    attention.attend(keys, query, v, a, z, alpha)
    attention.attend_backward(dz, dalpha, keys, query, v, a, alpha, dkeys, dv, dquery)
    sums, dv_sums = dkeys + 1, dv + 1
    attention.attend_backward(dz, dalpha, keys, query, v, a, alpha, sums, dv_sums, dquery, add=True)
    for result, term in ((sums, dkeys), (dv_sums, dv)):
        np.testing.assert_allclose(result, 2 * term + 1, rtol=0, atol=1e-5 * max(np.abs(term).max(), 1))
    da, da64 = attention.annotation_gradient(alpha[None], dz[None], *single(same)), da64 + same[:, None]
    for result, expected in ((z, z64), (alpha, alpha64), (da, da64), (dv.sum(axis=0), dv64), (dkeys, dkeys64)):
        assert np.abs(result - expected).max() <= 1e-5 * max(np.abs(expected).max(), 1)
    assert np.abs(dquery - dquery64).max() <= 1e-5 * np.abs(dquery64).max() + 1e-6
