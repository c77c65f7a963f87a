"""Test the cosine of images and captions, and the loss that separates right from wrong captions."""

import math

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import similarity


def test_gradients_of_the_cosine(rng):
    inputs = {"y_I": rng.standard_normal((2, 4)), "y_S": rng.standard_normal((3, 4))}
    report = gradcheck.check_layer(similarity.cosine_forward, similarity.cosine_backward, inputs, rng)
    assert report.ok, str(report)


def test_gradients_of_the_contrast(rng):
    inputs = {"R": rng.standard_normal((3, 6))}
    options = {"gamma": 1.5}
    report = gradcheck.check_layer(similarity.contrast_forward, similarity.contrast_backward, inputs, rng, options)
    assert report.ok, str(report)


def test_by_hand():
    R, _ = similarity.cosine_forward(np.array([[3.0, 4], [0, 0]]), np.array([[0.0, 2], [-3, -4]]))
    np.testing.assert_allclose(R, [[0.8, -1], [0, 0]])
    # two images with two captions each: the wrong captions of an image are the two of the other image
    R = np.array([[1.0, 0, 0.5, 0.25], [0, 0, 1, 1]])
    loss, _ = similarity.contrast_forward(R, 2.0)
    e = math.exp
    wrong = e(1) + e(0.5)
    right = [e(2) / (e(2) + wrong), 1 / (1 + wrong), e(2) / (e(2) + 2), e(2) / (e(2) + 2)]
    assert loss == pytest.approx(-np.mean(np.log(right)))


def test_a_single_image_has_no_wrong_captions():
    loss, cache = similarity.contrast_forward(np.array([[0.3, -0.2]]), 10.0)
    assert loss == 0 and not similarity.contrast_backward(1.0, cache).any()
