"""Test the model that aligns words with regions."""

import numpy as np
import pytest

from numpy_sat import aligner
from numpy_sat.check import gradcheck
from numpy_sat.layers import alignment

LENGTHS = np.array([4, 2, 3])


def draw(rng):
    """Draw parameters, annotations and words: K 3, R 5, D 2, V 7, M 3, H 4."""
    params = aligner.init_params(rng, 2, 7, 3, 4, np.float64)
    params = {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}
    return params, rng.standard_normal((3, 5, 2)), rng.integers(0, 7, (4, 3))


def test_gradients_of_the_whole_model(rng):
    params, a, words = draw(rng)
    assert aligner.loss_and_grads(params, a, words, LENGTHS)[0] > 0.5
    report = gradcheck.check_loss(lambda params: aligner.loss_and_grads(params, a, words, LENGTHS), params)
    assert report.ok, str(report)
    assert {array.name for array in report.arrays} == set(params)


def test_scores_are_the_sums_of_the_largest_products(rng):
    params, a, words = draw(rng)
    S = aligner.scores(params, a, words, LENGTHS)
    for k in range(3):
        for l, T in enumerate(LENGTHS):
            products = aligner.products(params, a[k], words[:T, l])
            assert products.shape == (T, 5) and S[k, l] == pytest.approx(products.max(axis=1).sum())


def test_the_loss_is_the_margin_of_the_scores(rng):
    params, a, words = draw(rng)
    loss, _ = alignment.margin_forward(aligner.scores(params, a, words, LENGTHS))
    assert aligner.loss_and_grads(params, a, words, LENGTHS)[0] == pytest.approx(loss)


def test_weights_at_the_start(rng):
    D, V, M, H = 50, 100, 40, 60
    params = aligner.init_params(rng, D, V, M, H)
    assert params["W_m"].shape == (D, H) and not params["b_m"].any() and params["b_m"].shape == (H,)
    assert params["W_m"].std() == pytest.approx(0.01 * D**-0.5, rel=0.05) and abs(params["W_m"].mean()) < 1e-4
    assert params["E"].shape == (V, M) and params["W_d"].shape == (H, H)
