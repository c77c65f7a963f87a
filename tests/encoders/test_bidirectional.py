"""Test the bidirectional network that encodes a sentence."""

import numpy as np
import pytest

from numpy_sat.check import gradcheck
from numpy_sat.encoders import bidirectional

LENGTHS = np.array([5, 2, 1])


def arrays(rng):
    """Draw parameters: V 7, M 3, H 4."""
    params = bidirectional.init_params(rng, 7, 3, 4, np.float64)
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}


def test_gradients(rng):
    words, ds = rng.integers(0, 7, (5, 3)), rng.standard_normal((5, 3, 4))
    ds *= (np.arange(5)[:, None] < LENGTHS)[..., None]

    def loss_and_grads(params):
        s, cache = bidirectional.encode_forward(params, words, LENGTHS)
        return np.vdot(ds, s), bidirectional.encode_backward(ds, cache)

    report = gradcheck.check_loss(loss_and_grads, arrays(rng))
    assert report.ok, str(report)


def test_by_its_definition(rng):
    params, words = arrays(rng), rng.integers(0, 7, (5, 3))
    s, _ = bidirectional.encode_forward(params, words, LENGTHS)

    def relu(x):
        return np.maximum(x, 0)

    for b, T in enumerate(LENGTHS):
        e = [relu(params["E"][words[t, b]] @ params["W_e"] + params["b_e"]) for t in range(T)]
        ahead, back = np.zeros((T + 2, 4)), np.zeros((T + 2, 4))
        for t in range(T):
            ahead[t + 1] = relu(ahead[t] @ params["W_f"] + e[t] + params["b_f"])
        for t in reversed(range(T)):
            back[t + 1] = relu(back[t + 2] @ params["W_b"] + e[t] + params["b_b"])
        expected = relu((ahead[1:-1] + back[1:-1]) @ params["W_d"] + params["b_d"])
        np.testing.assert_allclose(s[:T, b], expected, rtol=0, atol=1e-13)


def test_padding_changes_nothing(rng):
    params, words = arrays(rng), rng.integers(0, 7, (5, 3))
    other_words = np.where(np.arange(5)[:, None] < LENGTHS, words, (words + 1) % 7)
    s, other_s = (bidirectional.encode_forward(params, w, LENGTHS)[0] for w in (words, other_words))
    for b, T in enumerate(LENGTHS):
        np.testing.assert_array_equal(s[:T, b], other_s[:T, b])


def test_weights_at_the_start(rng):
    V, M, H = 100, 50, 60
    params = bidirectional.init_params(rng, V, M, H)
    assert {name: x.shape for name, x in params.items()} == {
        **{"E": (V, M), "W_e": (M, H), "W_f": (H, H), "W_b": (H, H), "W_d": (H, H)},
        **{name: (H,) for name in ("b_e", "b_f", "b_b", "b_d")},
    }
    for name, std in {"E": 0.5, "W_e": M**-0.5, "W_d": H**-0.5}.items():
        assert params[name].std() == pytest.approx(std, rel=0.05) and abs(params[name].mean()) < 0.1 * std, name
        assert abs(params[name]).max() < 6 * std
    for name in ("W_f", "W_b"):
        np.testing.assert_array_equal(params[name], 0.5 * np.eye(H))
    assert not any(params[name].any() for name in ("b_e", "b_f", "b_b", "b_d"))
