"""Test the Gumbel-softmax: its gradient with fixed noise, the distribution of its samples, and mixtures."""

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import embedding, gumbel, softmax

B, V, M = 3, 5, 4


def test_gradients_of_the_soft_path(rng):
    inputs, noise = {"logits": rng.standard_normal((B, V))}, gumbel.gumbel_noise(rng.random((B, V)))
    options = {"noise": noise, "temperature": 0.7}
    forward, backward = gumbel.gumbel_softmax_forward, gumbel.gumbel_softmax_backward
    report = gradcheck.check_layer(forward, backward, inputs, rng, options)
    assert report.ok, str(report)


def test_gradients_of_the_mixture(rng):
    inputs = {"E": rng.standard_normal((V, M)), "y": rng.random((B, V))}
    report = gradcheck.check_layer(gumbel.mixture_forward, gumbel.mixture_backward, inputs, rng)
    assert report.ok, str(report)


def test_the_hard_samples_have_the_probabilities_of_the_softmax(rng):
    logits, count = rng.standard_normal(V), 40_000
    noise = gumbel.gumbel_noise(rng.random((count, V)))
    for temperature in (0.1, 2.0):
        p, _ = gumbel.gumbel_softmax_forward(np.tile(logits, (count, 1)), noise, temperature)
        shares, (expected, _) = gumbel.straight_through(p).mean(axis=0), softmax.softmax_forward(logits)
        np.testing.assert_allclose(shares, expected, atol=5 * np.sqrt(0.25 / count))


def test_a_low_temperature_makes_soft_samples_hard(rng):
    logits, noise = rng.standard_normal((B, V)), gumbel.gumbel_noise(rng.random((B, V)))
    cold, _ = gumbel.gumbel_softmax_forward(logits, noise, 0.001)
    np.testing.assert_allclose(cold, gumbel.straight_through(cold), atol=1e-6)
    assert set(np.unique(gumbel.straight_through(cold))) == {0, 1}


def test_a_one_hot_word_has_its_own_embedding(rng):
    E, words = rng.standard_normal((V, M)), np.array([3, 0, 3])
    Ey, _ = gumbel.mixture_forward(E, embedding.one_hot(words, V))
    np.testing.assert_allclose(Ey, E[words])


def test_noise_is_finite():
    noise = gumbel.gumbel_noise(np.array([0.0, 0.5, 1 - 2.0**-53]))
    assert np.isfinite(noise).all() and noise[1] == pytest.approx(-np.log(np.log(2)))
