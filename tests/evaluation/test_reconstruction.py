"""Test the measures of reconstructed images, by hand and on a tiny model."""

import numpy as np
import pytest

from numpy_sat import evaluate, train
from numpy_sat.data.scenes import scenes
from numpy_sat.data.vocabulary import tokenize
from numpy_sat.evaluation import reconstruction


def test_by_hand():
    V = np.array([[1.0], [-1.0], [3.0], [1.0]])  # variance 2
    captions = [["a"], ["a", "b"], ["a"], ["b", "a"]]
    V_tilde = np.array([[[1.0], [1], [1], [1]], [[1], [-3], [3], [2]], [[9], [-1], [9], [1]]])
    result = reconstruction.measure(V, V_tilde, captions, [None] * 4)
    assert result.start == pytest.approx(1 - (0 + 2 + 2 + 0) / 4) and result.end == 1
    # errors 0, 0 | 2, 2, 0 | 2, 0 | 0, 0.5, 0
    assert result.falls == pytest.approx({"other words": (0 + 0 + 2 + 2 - 0.5 + 0.5) / 6})
    assert result.retrieval == 0.75 and result.chance == 0.25  # images 0 and 3 are equal, and the first one is nearest


def test_words_of_scenes_and_true_captions():
    scene = scenes.random_scene(np.random.default_rng(3))
    captions = [tokenize(scenes.describe(scene, np.random.default_rng(k))[0].text) for k in (1, 2)]
    T = max(map(len, captions)) + 1
    V = np.array([[0.0], [2.0]])
    V_tilde = np.broadcast_to(np.linspace(1, 0, T)[:, None, None] * np.ones((2, 1)), (T, 2, 1))
    result = reconstruction.measure(V, V_tilde, captions, [scene, scene])
    assert result.retrieval == result.chance == 1  # both captions are true of both images
    assert {"colors", "shapes", "other words"} <= result.falls.keys()


@pytest.mark.parametrize("blind", [False, True], ids=["images", "blind"])
def test_the_report_of_a_model_with_a_memory(root, tmp_path, tiny_preset, capsys, blind):
    """Check that the report has the memory's figures. A blind model has none: all its images are equal."""
    command = ["--small", "--data", "flickr8k", "--root", str(root), "--model", "visual-memory", "--epochs", "1"]
    assert train.main([*command, *(["--blind"] if blind else []), "--out", str(tmp_path / "run")]) == 0
    assert evaluate.main([str(tmp_path / "run"), "--beam", "1"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert ("Visual memory: after a human caption, it explains" in text) == (not blind)
    assert ("by chance 12.5 %" in text) == (not blind)
