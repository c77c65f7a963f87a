"""Test the loss of skip-gram with negative sampling."""

import math

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import skip_gram


def test_gradients(rng):
    inputs = {"v": rng.standard_normal((3, 4)), "u": rng.standard_normal((3, 6, 4))}
    report = gradcheck.check_layer(skip_gram.skip_gram_forward, skip_gram.skip_gram_backward, inputs, rng)
    assert report.ok, str(report)


def test_by_hand():
    v, u = np.array([[1.0, 2]]), np.array([[[1.0, 1], [0, 0], [-1, 0]]])  # scores 3, 0 and -1
    loss, _ = skip_gram.skip_gram_forward(v, u)
    assert loss == pytest.approx(math.log(1 + math.exp(-3)) + math.log(2) + math.log(1 + math.exp(-1)))


def test_large_scores_do_not_overflow():
    v, u = np.array([[1000.0]]), np.array([[[-1.0], [1.0]]])
    loss, cache = skip_gram.skip_gram_forward(v, u)
    dv, du = skip_gram.skip_gram_backward(1.0, cache)
    assert loss == 2000 and dv.tolist() == [[2.0]] and du.tolist() == [[[-1000.0], [1000.0]]]
