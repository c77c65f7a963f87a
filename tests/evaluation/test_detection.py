"""Test the measures of word detectors, by hand and on a tiny model."""

import json

import numpy as np
import pytest
import tiny

from numpy_sat import evaluate
from numpy_sat.data.scenes.scene_language import Group, Scene, SceneObject
from numpy_sat.evaluation import detection

RED = Group(1, "small", "red", "circle")
BLUE = Group(1, "large", "blue", "star")
# a red circle left of a blue star, on a grid of 4 x 4 locations of 32 pixels
SCENE = Scene((RED, BLUE), (SceneObject(0, (0, 40, 22, 62)), SceneObject(1, (64, 32, 96, 64))), "plain")


def test_average_precision_by_hand():
    scores = np.array([0.9, 0.1, 0.8, 0.7])
    assert detection.average_precision(scores, np.array([True, False, False, True])) == pytest.approx((1 + 2 / 3) / 2)
    assert detection.average_precision(scores, np.array([False, True, False, False])) == 0.25
    share, each = detection.mean_precision(np.stack([scores, scores], axis=1), np.eye(4, 2, dtype=bool))
    assert each == [1, 0.25] and share.value == 0.625 and share.low <= 0.625 <= share.high


def test_the_interval_of_rare_words_contains_their_precision(rng):
    """Check the interval where each word is in one or two images. A bootstrap would lie above the value."""
    log_p, labels = rng.standard_normal((200, 40)), np.zeros((200, 40), bool)
    for word in range(40):
        labels[rng.choice(200, 1 + word % 2, replace=False), word] = True
    share, each = detection.mean_precision(log_p, labels)
    assert share.value == pytest.approx(np.mean(each)) and share.low < share.value < share.high
    assert (share.high - share.low) / 2 == pytest.approx(1.96 * np.std(each) / np.sqrt(40), rel=0.5)


def test_locations_by_hand():
    words, labels = ("red", "circle", "stars", "star"), np.array([[True, True, False, True]] * 2)
    best = np.array([[0, 0, 0, 6], [0, 4, 0, 5]])  # the star covers location 6; no location is half covered by a circle
    result = detection.localize(best, 16, detection.MEANINGS["shapes"], words, labels, [SCENE, SCENE])
    assert result.cases == 4 and result.in_box.value == 0.25 and result.in_box_chance == pytest.approx(1 / 32)
    # each location is nearest to one of the two objects
    assert result.nearest.value == 1 and result.nearest_chance == 0.5
    colors = detection.localize(best, 16, detection.MEANINGS["colors"], words, labels, [SCENE, SCENE])
    assert colors.cases == 2 and colors.in_box.value == 0 and colors.nearest.value == 1
    one = Scene((RED,), SCENE.objects[:1], "plain")
    result = detection.localize(best[:1], 16, detection.MEANINGS["colors"], words, labels[:1], [one])
    assert result.cases == 1 and np.isnan(result.nearest.value)


def test_correlations_by_hand():
    log_odds = np.array([[0.0, 1, 2], [2, 3, 0], [1, 2, 1]])
    assert detection.correlations(log_odds, ("left", "right", "above")) == pytest.approx(
        {"left and right": 1, "left and above": -1}
    )
    assert detection.correlations(log_odds, ("left", "circle", "star")) == {}


def test_relations_by_hand():
    captions = [
        "a red circle left of a blue star",
        "a red circle to the right of a blue star",
        "a blue star is on the right side of a red circle",
        "a red circle above a blue star",
        "a blue circle left of a red star",
        "a red circle and a blue star",
    ]
    words = [caption.split() for caption in captions]
    result = detection.judge_relations(words, [SCENE] * len(words))
    assert result.axis.value == 3 / 4 and result.cases == 3 and result.right.value == pytest.approx(2 / 3)
    assert detection.swapped(words[3:], 3 * [SCENE]).value == 1  # of the one caption with wrong phrases
    others = ["a green circle left of a red star".split(), words[4]]
    assert detection.swapped(others, 2 * [SCENE]).value == 0.5
    assert np.isnan(detection.swapped(words[:1], [SCENE]).value)


def test_the_report_of_a_model_with_detectors(root, tmp_path, tiny_preset, capsys):
    out = tmp_path / "run"
    assert tiny.run(root, out, "--model", "detected-words", "--epochs", 3, "--set", "ngrams=50") == 0
    assert evaluate.main([str(out)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Word detectors: mean average precision" in text and "Relations between" not in text
    report = json.loads((out / "evaluate-dev.json").read_text())["detection"]
    assert report["localization"] is None and set(report["captions"]) >= {"no words", "words of human captions"}
