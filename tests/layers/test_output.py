"""Tests of layers.output: the deep output layer."""

import math

import helpers
import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import losses, output

M, S, D, V = 4, 5, 3, 6


def random_inputs(rng, lead=(2,)):
    return {
        "Ey": rng.standard_normal((*lead, M)),
        "h": rng.standard_normal((*lead, S)),
        "z": rng.standard_normal((*lead, D)),
        "L_h": rng.standard_normal((S, M)),
        "L_z": rng.standard_normal((D, M)),
        "L_o": rng.standard_normal((M, V)),
        "b_o": rng.standard_normal(V),
    }


@pytest.mark.parametrize("lead", [(2,), (2, 7), (1,)])
def test_gradients(rng, lead):
    report = gradcheck.check_layer(output.output_forward, output.output_backward, random_inputs(rng, lead), rng)
    assert report.ok, str(report)


def test_gradients_where_all_matrices_are_square(rng):
    inputs = {name: rng.standard_normal((3, 3)) for name in ("Ey", "h", "z", "L_h", "L_z", "L_o")}
    inputs["b_o"] = rng.standard_normal(3)
    report = gradcheck.check_layer(output.output_forward, output.output_backward, inputs, rng)
    assert report.ok, str(report)


@pytest.mark.parametrize("lead", [(2,), (2, 7)])
def test_forward_is_the_definition(rng, lead):
    inputs = random_inputs(rng, lead)
    Ey, h, z, L_h, L_z, L_o, b_o = inputs.values()
    logits, _ = output.output_forward(**inputs)
    assert logits.shape == (*lead, V)
    for index in np.ndindex(lead):
        inner = [
            Ey[index][m]
            + sum(h[index][s] * L_h[s, m] for s in range(S))
            + sum(z[index][d] * L_z[d, m] for d in range(D))
            for m in range(M)
        ]
        expected = [sum(inner[m] * L_o[m, k] for m in range(M)) + b_o[k] for k in range(V)]
        np.testing.assert_allclose(logits[index], expected, rtol=0, atol=1e-13)


def loss_per_word(logits, words):
    loss, _ = losses.cross_entropy_forward(logits, words, np.ones(words.shape))
    return loss / len(words)


def test_before_training_every_word_costs_ln_v(rng):
    """Check that with L_o = 0 and b_o = 0 all words are equally likely."""
    Ey, h, z, L_h, L_z, L_o, b_o = random_inputs(rng, (7, 3)).values()
    logits, _ = output.output_forward(Ey, h, z, L_h, L_z, 0 * L_o, 0 * b_o)
    assert loss_per_word(logits, rng.integers(V, size=(7, 3))) == pytest.approx(math.log(V), abs=1e-14)


def test_log_frequencies_as_biases_cost_the_unigram_entropy(rng):
    """Check that with L_o = 0 the log frequencies in b_o give the entropy of the words as the loss per word."""
    counts = np.array([12, 3, 1, 2, 5, 1])
    words = rng.permutation(np.repeat(np.arange(V), counts)).reshape(8, 3)
    frequencies = counts / counts.sum()
    Ey, h, z, L_h, L_z, L_o, _ = random_inputs(rng, words.shape).values()
    logits, _ = output.output_forward(Ey, h, z, L_h, L_z, 0 * L_o, np.log(frequencies))
    entropy = -sum(p * math.log(p) for p in frequencies)
    assert loss_per_word(logits, words) == pytest.approx(entropy, abs=1e-14)
    assert entropy < math.log(V)


def test_float32(rng):
    helpers.check_float32(output.output_forward, output.output_backward, random_inputs(rng, (2, 7)), rng)
