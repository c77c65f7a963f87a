"""Test noisy-OR, its cross-entropy, and the biases that start at base rates."""

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import noisy_or


def test_gradients(rng):
    inputs = {"z": 2 * rng.standard_normal((2, 5, 3))}
    report = gradcheck.check_layer(noisy_or.noisy_or_forward, noisy_or.noisy_or_backward, inputs, rng)
    assert report.ok, str(report)


def test_gradients_of_the_cross_entropy(rng):
    labels = np.array([[1.0, 0, 1, 0], [0, 0, 1, 1], [1, 1, 1, 0]])
    inputs = {name: -rng.random((3, 4)) - 0.1 for name in ("log_p", "log_not_p")}

    def forward(log_p, log_not_p):
        return noisy_or.detection_forward(log_p, log_not_p, labels)

    report = gradcheck.check_layer(forward, noisy_or.detection_backward, inputs, rng)
    assert report.ok, str(report)


def test_by_hand():
    p_j = np.array([0.5, 0.2, 0.75])
    z = np.log(p_j / (1 - p_j)).reshape(1, 3, 1)
    log_p, log_not_p, _ = noisy_or.noisy_or_forward(z)
    assert np.exp(log_not_p) == pytest.approx(0.5 * 0.8 * 0.25)
    assert np.exp(log_p) == pytest.approx(0.9)
    loss, _ = noisy_or.detection_forward(np.log([[0.9, 0.5]]), np.log([[0.1, 0.5]]), np.array([[0.0, 1]]))
    assert loss == pytest.approx(-np.log(0.1) - np.log(0.5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("z_j", [-200.0, -40.0, 40.0, 200.0])
def test_extreme_logits_stay_finite(z_j, dtype):
    log_p, log_not_p, cache = noisy_or.noisy_or_forward(np.full((1, 64, 1), z_j, dtype))
    dz = noisy_or.noisy_or_backward(np.ones_like(log_p), np.ones_like(log_p), cache)
    assert all(np.isfinite(array).all() and array.dtype == dtype for array in (log_p, log_not_p, dz))
    if z_j == -40:  # p is 64 p_j, and each location has an equal share in dlog p
        assert log_p == pytest.approx(np.log(64) - 40, rel=1e-5)
        assert dz[0, 0, 0] == pytest.approx(1 / 64, rel=1e-5)
    if z_j == 40:  # log(1 - p) is a sum of 64 logits; a product of factors would be 0
        assert log_not_p == pytest.approx(-64 * 40, rel=1e-5)


def test_biases_start_at_base_rates():
    rates = np.array([1e-6, 0.18, 0.5, 0.999])
    z = np.broadcast_to(noisy_or.bias_of_rate(rates, 144), (1, 144, 4))
    log_p, _, _ = noisy_or.noisy_or_forward(z)
    np.testing.assert_allclose(np.exp(log_p)[0], rates, rtol=1e-9)
    assert noisy_or.bias_of_rate(np.array([0.5]), 1)[0] == pytest.approx(0)
