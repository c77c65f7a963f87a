"""Test the score of images and sentences, and the margin loss."""

import itertools

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import alignment


def draw(rng, K=3, B=3):
    mask = (np.arange(5)[:, None] < rng.integers(1, 6, B)) * 1.0
    return rng.standard_normal((K, 4, 2)), rng.standard_normal((5, B, 2)), mask


def test_gradients_of_the_score(rng):
    v, s, mask = draw(rng, B=2)

    def forward(v, s):
        return alignment.score_forward(v, s, mask)

    report = gradcheck.check_layer(forward, alignment.score_backward, {"v": v, "s": s}, rng)
    assert report.ok, str(report)


def test_gradients_of_the_margin(rng):
    inputs = {"S": 2 * rng.standard_normal((5, 5))}
    report = gradcheck.check_layer(alignment.margin_forward, alignment.margin_backward, inputs, rng)
    assert report.ok, str(report)


def test_the_score_by_its_definition(rng):
    v, s, mask = draw(rng, K=2)
    S, _ = alignment.score_forward(v, s, mask)
    for k, l in itertools.product(range(2), range(3)):
        words = [t for t in range(5) if mask[t, l]]
        assert S[k, l] == pytest.approx(sum(max(v[k, i] @ s[t, l] for i in range(4)) for t in words))


def test_the_margin_by_hand():
    S = np.array([[2.0, 0.5, 4.0], [0.5, 1.0, 0.0], [2.5, 0.25, 5.0]])
    # image 0: 4 - 2 + 1; image 1: 0.5 - 1 + 1 and 0 - 1 + 1 = 0; image 2: nothing
    # sentence 0: 2.5 - 2 + 1; sentence 1: 0.5 - 1 + 1 and 0.25 - 1 + 1; sentence 2: 4 - 5 + 1 = 0
    loss, cache = alignment.margin_forward(S)
    assert loss == pytest.approx((3 + 0.5 + 1.5 + 0.5 + 0.25) / 3)
    dS = alignment.margin_backward(3.0, cache)
    assert dS.tolist() == [[-2, 1, 1], [1, -3, 0], [1, 1, 0]]
