"""Test the measures of reconstructed images, by hand and on a tiny model."""

import numpy as np
import pytest

from numpy_sat import evaluate, train
from numpy_sat.data.scenes import scenes
from numpy_sat.data.vocabulary import tokenize
from numpy_sat.decoders import visual_memory
from numpy_sat.evaluation import memory_evaluation, reconstruction
from numpy_sat.layers import lstm


def test_by_hand():
    V = np.array([[1.0], [-1.0], [3.0], [1.0]])  # variance 2
    captions = [["a"], ["a", "b"], ["a"], ["b", "a"]]
    V_tilde = np.array([[[1.0], [1], [1], [1]], [[1], [-3], [3], [2]], [[9], [-1], [9], [1]]])
    result = reconstruction.measure(V, V_tilde, captions, [None] * 4)
    assert result.start.value == pytest.approx(1 - (0 + 2 + 2 + 0) / 4) and result.end == (1, 1, 1)
    assert -1 <= result.start.low < 0 < result.start.high <= 1
    # errors 0, 0 | 2, 2, 0 | 2, 0 | 0, 0.5, 0
    assert result.falls.keys() == {"other words"}
    assert result.falls["other words"].value == pytest.approx((0 + 0 + 2 + 2 - 0.5 + 0.5) / 6)
    assert result.retrieval.value == 0.75  # images 0 and 3 are equal, and the first one is nearest
    assert result.chance == 0.25


def test_a_bag_of_words_reconstructs_what_is_linear_in_the_counts(rng):
    """Check vectors that are sums over the words of a caption, and vectors that no word is about.

    The latter would seem explained by the 40 words if these were fitted to the same captions.
    """
    vectors = rng.standard_normal((40, 3))
    numbers = [rng.integers(0, 40, rng.integers(2, 6)) for _ in range(400)]
    captions = [[f"word{number}" for number in row] for row in numbers]
    V = np.stack([vectors[row].sum(axis=0) for row in numbers])
    V_tilde = np.zeros((6, 400, 3))
    assert reconstruction.measure(V, V_tilde, captions, [None] * 400).bag.value > 0.99
    other = rng.standard_normal(V.shape)
    assert reconstruction.measure(other, V_tilde, captions, [None] * 400).bag.value < 0


def test_falls_are_means_over_words_with_intervals(rng):
    """Check that images with more words of a kind count more often, and that the interval is that of the mean."""
    captions, N = [["a"] * (1 + k % 3) for k in range(300)], 300
    V, V_tilde = rng.standard_normal((N, 4)), rng.standard_normal((4, N, 4))
    fall = reconstruction.measure(V, V_tilde, captions, [None] * N).falls["other words"]
    errors = ((V_tilde - V) ** 2).mean(axis=2) / V.var(axis=0).mean()
    drops = np.concatenate([errors[: len(c), n] - errors[1 : len(c) + 1, n] for n, c in enumerate(captions)])
    assert fall.value == pytest.approx(drops.mean())
    assert fall.low < fall.value < fall.high and fall.high - fall.low < 4 * 1.96 * drops.std() / len(drops) ** 0.5


def test_reach_is_the_ratio_of_two_gradients(rng):
    """Check a state of size 1 by finite differences: then one direction gives the whole gradient."""
    params = visual_memory.init_params(rng, 3, 4, 1, np.zeros(9), np.float64)
    words, V, step = np.array([[0], [5], [7], [4], [1]]), rng.standard_normal((1, 3)), 1e-6

    def last_states(position, k, sign):
        E = params["E"].copy()
        E[words[position, 0], k] += sign * step
        u = s = (np.zeros((1, 1)), np.zeros((1, 1)))
        for word in words[:4, 0]:
            u = lstm.lstm_forward(E[[word]], *u, params["W_xu"], params["W_uu"], params["b_u"])[:2]
            x = np.concatenate([E[[word]], V], axis=1)
            s = lstm.lstm_forward(x, *s, params["W_xs"], params["W_ss"], params["b_s"])[:2]
        return np.array([u[0].item(), s[0].item()])

    def gradient(position):
        return np.stack([(last_states(position, k, 1) - last_states(position, k, -1)) / 2 / step for k in range(4)])

    expected = np.linalg.norm(gradient(1), axis=0) / np.linalg.norm(gradient(3), axis=0)
    reach = memory_evaluation.reach(params, V, words, np.array([3]))
    np.testing.assert_allclose(reach, expected, rtol=1e-6)


def test_words_of_scenes_and_true_captions():
    scene = scenes.random_scene(np.random.default_rng(3))
    captions = [tokenize(scenes.describe(scene, np.random.default_rng(k))[0].text) for k in (1, 2)]
    T = max(map(len, captions)) + 1
    V = np.array([[0.0], [2.0]])
    V_tilde = np.broadcast_to(np.linspace(1, 0, T)[:, None, None] * np.ones((2, 1)), (T, 2, 1))
    result = reconstruction.measure(V, V_tilde, captions, [scene, scene])
    assert result.retrieval.value == result.chance == 1  # both captions are true of both images
    assert {"colors", "shapes", "other words"} <= result.falls.keys()


@pytest.mark.parametrize("blind", [False, True], ids=["images", "blind"])
def test_the_report_of_a_model_with_a_memory(root, tmp_path, tiny_preset, capsys, blind):
    """Check that the report has the memory's figures. A blind model has none: all its images are equal."""
    command = ["--small", "--data", "flickr8k", "--root", str(root), "--model", "visual-memory", "--epochs", "1"]
    assert train.main([*command, *(["--blind"] if blind else []), "--out", str(tmp_path / "run")]) == 0
    assert evaluate.main([str(tmp_path / "run"), "--beam", "1"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert ("Visual memory: after a human caption, it explains" in text) == (not blind)
    assert ("by chance 12.5 %" in text) == ("Reach: the gradient of the memory" in text) == (not blind)
