"""Check the cross-entropy kernel against its definition in float64."""

import numpy as np
import pytest
from float32 import single

from numpy_sat.kernels import cross_entropy
from numpy_sat.kernels.simd import LANES


@pytest.mark.parametrize("V", [1, 5, LANES, 3 * LANES + 7])
def test_cross_entropy(rng, V):
    logits, targets = 5 * rng.standard_normal((4, 6, V)), rng.integers(0, V, (4, 6))
    weight = rng.random((4, 6))
    (single_logits, single_weight) = single(logits, weight)
    log_sum, mean = cross_entropy.log_sum_exp(single_logits)
    expected_log_sum = np.log(np.exp(logits).sum(axis=-1))
    np.testing.assert_allclose(log_sum, expected_log_sum, rtol=0, atol=3e-6)
    np.testing.assert_allclose(mean, logits.mean(axis=-1), rtol=0, atol=3e-6)
    q = 0.1 / V + 0.9 * np.eye(V)[targets]
    expected_gradient = weight[..., None] * (np.exp(logits - expected_log_sum[..., None]) - q)
    gradient = cross_entropy.gradient(single_logits, log_sum, targets, single_weight, 0.1)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=0, atol=3e-6)
