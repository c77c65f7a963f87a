"""BLEU by hand, attention and variety by hand, and captions of scenes judged for truth."""

import math

import numpy as np
import pytest

from numpy_sat.data.scenes import scenes
from numpy_sat.data.scenes.scene_language import Group, Scene, SceneObject
from numpy_sat.evaluation.attention_statistics import Looks, looks
from numpy_sat.evaluation.scene_truth import judge_captions
from numpy_sat.evaluation.variety import variety
from numpy_sat.metrics import bleu


def test_bleu_by_hand():
    """5 of 6 words, 3 of 5 pairs, 1 of 4 triples match the reference of 7 words; no 4-gram does."""
    caption = "the cat sat on the mat".split()
    reference = "the cat lay down on the mat".split()
    brevity = math.exp(1 - 7 / 6)
    expected = [5 / 6, math.sqrt(5 / 6 * 3 / 5), (5 / 6 * 3 / 5 * 1 / 4) ** (1 / 3)]
    found = bleu.bleu([caption], [[reference]])
    assert found[:3] == pytest.approx([100 * brevity * score for score in expected])
    assert found[3] == 0.0


def test_bleu_of_a_reference_is_100_and_takes_the_best_of_several():
    references = [["a", "dog", "runs", "far"], ["two", "dogs"]]
    assert bleu.bleu([["a", "dog", "runs", "far"]], [references]) == pytest.approx([100] * 4)


CIRCLE = Scene((Group(1, "small", "red", "circle"),), (SceneObject(0, (32, 64, 64, 96)),), "plain")
PAIR = Scene(
    (Group(1, "small", "red", "circle"), Group(1, "large", "blue", "square")),
    (SceneObject(0, (0, 0, 32, 32)), SceneObject(1, (64, 0, 96, 32))),
    "plain",
)


def looking_at(cell, words, side=4):
    alpha = np.zeros((words + 1, side * side))
    alpha[:, cell] = 1
    return alpha


def test_shares_of_captions():
    captions = ["there is a red circle", "a red circle left of a blue square", "a red circle right of a blue square"]
    captions = [caption.split() for caption in captions]
    truth = judge_captions(captions, [looking_at(0, len(c)) for c in captions], [CIRCLE, PAIR, PAIR])
    assert truth.complete == pytest.approx(2 / 3) and truth.objects == 1 and truth.relation == 0.5


def test_attention_inside_the_box_counts_while_the_noun_is_written():
    """The box is cell 9 of 4 x 4 and 1/16 of the picture."""
    words = "there is a red circle".split()
    for cell, share in ((9, 1.0), (8, 0.0)):
        truth = judge_captions([words], [looking_at(cell, len(words))], [CIRCLE])
        assert (truth.in_box, truth.before, truth.chance) == (share, share, 1 / 16)
    uniform = judge_captions([words], [np.full((6, 16), 1 / 16)], [CIRCLE])
    assert uniform.in_box == pytest.approx(uniform.chance)
    for place, shares in ((4, (1, 0)), (3, (0, 1)), (5, (0, 0))):
        alpha = looking_at(0, len(words))
        alpha[place] = looking_at(9, 0)[0]
        truth = judge_captions([words], [alpha], [CIRCLE])
        assert (truth.in_box, truth.before) == shares


def test_a_cell_counts_by_the_share_the_box_covers():
    """On a grid of 2 x 2 the box covers a quarter of one cell."""
    words = "there is a red circle".split()
    assert judge_captions([words], [looking_at(2, len(words), side=2)], [CIRCLE]).in_box == pytest.approx(0.25)
    assert scenes.cell_share([CIRCLE.objects[0].box], 2, 2).tolist() == [[0, 0], [0.25, 0]]


def test_nothing_to_share_is_nan():
    truth = judge_captions([["a"]], [looking_at(0, 1)], [CIRCLE])
    assert truth.complete == 0 and math.isnan(truth.relation) and math.isnan(truth.in_box)


# Where it looked


def test_entropy_and_movement_by_hand():
    """Entropies 0, ln 2, ln 4, ln 2; half of it moves, twice. From one caption to the next is no move."""
    first = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]], np.float32)
    second = np.array([[0, 0, 0.5, 0.5]], np.float32)
    found = looks([second, first])
    assert found.entropy == pytest.approx(math.log(2)) and found.most == pytest.approx(math.log(4))
    assert found.movement == pytest.approx((0.5 + 0.5) / 2)
    assert found.locations == pytest.approx(2) and not found.collapsed


def test_movement_is_all_of_it_where_nothing_is_looked_at_twice():
    assert looks([np.eye(3)]).movement == 1 and looks([np.full((4, 3), 1 / 3)]).movement == 0
    assert math.isnan(looks([np.eye(3)[:1]]).movement)


def test_collapsed_attention():
    assert looks([np.full((5, 49), 1 / 49)]).collapsed
    assert Looks(3.8908, math.log(49), 0.1).collapsed  # of a public "hard attention" with BLEU-4 0.2
    for share, collapsed in ((0.96, True), (0.94, False)):
        assert Looks(math.log(share * 64), math.log(64), 0.1).collapsed is collapsed


# Variety


def test_variety_by_hand():
    """Of 16 words "dog" and "a" of the second caption and "a" of the fourth have been in their caption before."""
    captions = ["a dog runs", "a dog dog a sits", "a dog runs", "a dog a cat", "two"]
    train = ["a dog runs", "two cats", "a dog runs far", "a dog a sits"]
    found = variety([text.split() for text in captions], [text.split() for text in train])
    assert found.words == 6 and found.captions == 4 / 5
    assert (found.length, found.shortest, found.longest) == (16 / 5, 1, 5)
    assert found.stutters == 1 / 5  # "dog dog"
    assert variety([["a", "dog", "a", "cat"]], []).stutters == 0
    assert found.repeated == pytest.approx(3 / 16)
    assert found.copied == 2 / 5


def test_captions_without_words():
    found = variety([[], []], [["a"]])
    assert (found.words, found.length, found.repeated, found.copied) == (0, 0, 0, 0)
