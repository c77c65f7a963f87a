"""Test the truth of captions of scenes, and the attention inside the boxes of objects."""

import math

import numpy as np
import pytest

from numpy_sat.data.scenes import scenes
from numpy_sat.data.scenes.scene_language import Group, Scene, SceneObject
from numpy_sat.evaluation.scene_truth import judge_captions

CIRCLE = Scene((Group(1, "small", "red", "circle"),), (SceneObject(0, (32, 64, 64, 96)),), "plain")

PAIR = Scene(
    (Group(1, "small", "red", "circle"), Group(1, "large", "blue", "square")),
    (SceneObject(0, (0, 0, 32, 32)), SceneObject(1, (64, 0, 96, 32))),
    "plain",
)


def attend_to(cell, words, side=4):
    """Return attention weights of a caption that lie on one cell."""
    alpha = np.zeros((words + 1, side * side))
    alpha[:, cell] = 1
    return alpha


def test_shares_of_captions():
    captions = ["there is a red circle", "a red circle left of a blue square", "a red circle right of a blue square"]
    captions = [caption.split() for caption in captions]
    truth = judge_captions(captions, [attend_to(0, len(c)) for c in captions], [CIRCLE, PAIR, PAIR])
    assert truth.complete == pytest.approx(2 / 3) and truth.objects == 1 and truth.relation == 0.5


def test_attention_inside_the_box_counts_while_the_noun_is_written():
    """Check a box that is cell 9 of a 4 x 4 grid, so 1/16 of the image."""
    words = "there is a red circle".split()
    for cell, share in ((9, 1.0), (8, 0.0)):
        truth = judge_captions([words], [attend_to(cell, len(words))], [CIRCLE])
        assert (truth.in_box, truth.before, truth.chance) == (share, share, 1 / 16)
    uniform = judge_captions([words], [np.full((6, 16), 1 / 16)], [CIRCLE])
    assert uniform.in_box == pytest.approx(uniform.chance)
    for place, shares in ((4, (1, 0)), (3, (0, 1)), (5, (0, 0))):
        alpha = attend_to(0, len(words))
        alpha[place] = attend_to(9, 0)[0]
        truth = judge_captions([words], [alpha], [CIRCLE])
        assert (truth.in_box, truth.before) == shares


def test_a_cell_counts_by_the_share_the_box_covers():
    """Check a 2 x 2 grid, where the box covers a quarter of one cell."""
    words = "there is a red circle".split()
    assert judge_captions([words], [attend_to(2, len(words), side=2)], [CIRCLE]).in_box == pytest.approx(0.25)
    assert scenes.cell_share([CIRCLE.objects[0].box], 2, 2).tolist() == [[0, 0], [0.25, 0]]


def test_shares_of_nothing_are_nan():
    truth = judge_captions([["a"]], [attend_to(0, 1)], [CIRCLE])
    assert truth.complete == 0 and math.isnan(truth.relation) and math.isnan(truth.in_box)
