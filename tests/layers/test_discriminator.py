"""Test the discriminator: gradients of all parts, its loss by hand, and that padding does not count."""

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.layers import discriminator, lstm

N, B, L, D, K, S, M, T = 2, 5, 3, 5, 2, 8, 7, 4
LENGTHS = [4, 1, 3, 2, 3]
MASK = (np.arange(T)[:, None] < LENGTHS) * 1.0


def sentence_inputs(rng):
    shapes = {"Ey": (T, B, M), "W_x": (M, 4 * S), "W_hh": (S, 4 * S), "b": (4 * S,)}
    return {name: 0.7 * rng.standard_normal(shape) for name, shape in shapes.items()}


def test_gradients_of_the_images_vectors(rng):
    shapes = {"W_a": (D, K), "b_a": (K,), "W_f": (L * K, S), "b_f": (S,)}
    inputs = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    a = rng.standard_normal((N, L, D))
    report = gradcheck.check_layer(
        lambda **arrays: discriminator.image_forward(a, **arrays), discriminator.image_backward, inputs, rng
    )
    assert report.ok, str(report)


def test_gradients_of_the_captions_vectors(rng):
    forward, backward = discriminator.sentence_forward, discriminator.sentence_backward
    report = gradcheck.check_layer(
        lambda Ey, W_x, W_hh, b: forward(Ey, MASK, W_x, W_hh, b), backward, sentence_inputs(rng), rng
    )
    assert report.ok, str(report)


def test_gradients_of_the_score(rng):
    inputs = {"f": rng.standard_normal((N, S)), "h": rng.standard_normal((6, S))}
    report = gradcheck.check_layer(discriminator.score_forward, discriminator.score_backward, inputs, rng)
    assert report.ok, str(report)


def test_gradients_of_the_loss(rng):
    inputs = {name: 2 * rng.standard_normal(size) for name, size in (("real", 3), ("generated", 5), ("mismatched", 4))}
    options = {"weight": 0.7}
    report = gradcheck.check_layer(discriminator.loss_forward, discriminator.loss_backward, inputs, rng, options)
    assert report.ok, str(report)


def test_the_loss_by_hand():
    logit = np.log([[0.8, 0.5], [0.25, 0.5], [0.1, 0.9]]) - np.log([[0.2, 0.5], [0.75, 0.5], [0.9, 0.1]])
    loss, _ = discriminator.loss_forward(*logit, 2.0)
    expected = -np.mean(np.log([0.8, 0.5])) - np.mean(np.log([0.75, 0.5])) - 2 * np.mean(np.log([0.9, 0.1]))
    assert loss == pytest.approx(expected)
    assert np.isfinite(discriminator.loss_forward(*np.array([[-900.0], [900.0], [900.0]]), 1.0)[0])


def test_the_score_pairs_captions_with_their_images():
    f, h = np.array([[1.0, 2.0], [10.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 5.0], [2.0, 7.0]])
    assert discriminator.score_forward(f, h)[0].tolist() == [1, 2, 10, 20]


def test_padding_does_not_change_a_captions_vector(rng):
    inputs = sentence_inputs(rng)
    h, _ = discriminator.sentence_forward(mask=MASK, **inputs)
    for b, length in enumerate(LENGTHS):
        alone = inputs | {"Ey": inputs["Ey"][:length, b : b + 1]}
        expected, _ = discriminator.sentence_forward(mask=np.ones((length, 1)), **alone)
        np.testing.assert_allclose(h[b], expected[0], atol=1e-14)


def test_a_captions_vector_is_the_last_state(rng):
    inputs = sentence_inputs(rng)
    h, _ = discriminator.sentence_forward(mask=MASK, **inputs)
    states = np.zeros((B, S)), np.zeros((B, S))
    weights = inputs["W_x"], inputs["W_hh"], inputs["b"]
    h_all, _, _ = lstm.lstm_sequence_forward(inputs["Ey"], *states, *weights)
    np.testing.assert_array_equal(h, [h_all[length - 1, b] for b, length in enumerate(LENGTHS)])


def test_the_order_of_words_and_the_place_of_locations_count(rng):
    inputs = sentence_inputs(rng)
    h, _ = discriminator.sentence_forward(mask=np.ones((T, B)), **inputs)
    reversed_h, _ = discriminator.sentence_forward(mask=np.ones((T, B)), **inputs | {"Ey": inputs["Ey"][::-1]})
    assert np.abs(h - reversed_h).min(axis=0).max() > 1e-3
    a, *weights = (rng.standard_normal(shape) for shape in ((N, L, D), (D, K), (K,), (L * K, S), (S,)))
    f, _ = discriminator.image_forward(a, *weights)
    assert np.abs(f - discriminator.image_forward(a[:, ::-1], *weights)[0]).max() > 1e-3


def test_float32_is_close_to_float64(rng):
    inputs = sentence_inputs(rng)
    h, _ = discriminator.sentence_forward(mask=MASK, **inputs)
    single = {name: array.astype(np.float32) for name, array in inputs.items()}
    h_32, cache = discriminator.sentence_forward(mask=MASK.astype(np.float32), **single)
    assert h_32.dtype == np.float32
    np.testing.assert_allclose(h_32, h, atol=1e-5)
    assert all(array.dtype == np.float32 for array in discriminator.sentence_backward(np.ones_like(h_32), cache))
