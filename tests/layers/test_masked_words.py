"""Test the loss of hidden words: gradients, its definition, and its relation to cross-entropy."""

import math

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import losses, masked_words


def random_case(rng, T, B, V):
    choice = rng.random((T, B)) < 0.4
    choice[-1, 0] = True
    return {"logits": 2 * rng.standard_normal((T, B, V))}, {"targets": rng.integers(0, V, (T, B)), "choice": choice}


@pytest.mark.parametrize("sizes", [(4, 3, 5), (2, 2, 2), (1, 1, 6)])
def test_gradients(rng, sizes):
    inputs, options = random_case(rng, *sizes)
    report = gradcheck.check_layer(
        masked_words.masked_words_forward, masked_words.masked_words_backward, inputs, rng, options
    )
    assert report.ok, str(report)


def test_by_hand():
    """Check two of three words, whose p are 1/2 and 3/4."""
    logits = np.log([[[2.0, 1, 1]], [[1, 6, 1]], [[1, 1, 1]]])
    choice = np.array([[True], [True], [False]])
    loss, cache = masked_words.masked_words_forward(logits, np.array([[0], [1], [2]]), choice)
    assert loss == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    dlogits = masked_words.masked_words_backward(2.0, cache)[:, 0]
    np.testing.assert_allclose(dlogits, [[-1 / 2, 1 / 4, 1 / 4], [1 / 8, -1 / 4, 1 / 8], [0, 0, 0]], atol=1e-15)


def test_it_is_the_cross_entropy_of_the_chosen_words(rng):
    inputs, options = random_case(rng, 6, 4, 9)
    loss, _ = masked_words.masked_words_forward(**inputs, **options)
    mask = options["choice"].astype(float)
    of_captions, _ = losses.cross_entropy_forward(inputs["logits"], options["targets"], mask)
    assert loss == pytest.approx(of_captions * 4 / mask.sum())


def test_seen_words_change_nothing(rng):
    """Check that not even an infinite logit at a word that is not chosen reaches the loss or the gradient."""
    inputs, options = random_case(rng, 5, 3, 4)
    loss, cache = masked_words.masked_words_forward(**inputs, **options)
    dlogits = masked_words.masked_words_backward(1.0, cache)
    inputs["logits"][~options["choice"]] = np.inf
    other, cache = masked_words.masked_words_forward(**inputs, **options)
    assert other == loss
    np.testing.assert_array_equal(masked_words.masked_words_backward(1.0, cache), dlogits)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits_stay_finite(dtype):
    logits = np.array([[[-1e4, 1e4, 0]]], dtype)
    loss, cache = masked_words.masked_words_forward(logits, np.array([[0]]), np.array([[True]]))
    dlogits = masked_words.masked_words_backward(1.0, cache)
    assert loss == pytest.approx(2e4) and dlogits.dtype == dtype
    np.testing.assert_array_equal(dlogits, [[[-1, 1, 0]]])
