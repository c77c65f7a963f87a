"""Judge captions of scenes against the objects in each scene: are they true, and does attention lie on the objects?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data.scenes import scene_language, scenes


class Truth(NamedTuple):
    """Shares, 0 to 1. scene_language.Verdict defines true and complete."""

    complete: float  # of captions: every word is true; an object with its color, and a relation or count if several
    objects: float  # of captions: every noun phrase is true
    relation: float  # of captions with a relation: the relation is true
    in_box: float  # of attention: inside the boxes of the named objects while their noun is written
    before: float  # of attention: the same at the word before the noun, which is the color in most captions
    chance: float  # of the image's area: inside these boxes, the share of uniform attention


def judge_captions(
    captions: Sequence[list[str]],
    alphas: Sequence[np.ndarray] | None,
    true_scenes: Sequence[scene_language.Scene],
) -> Truth:
    """Judge one caption of each scene.

    Args:
        captions: N word lists.
        alphas: a list of N (T, L) attention weights, where L is a square number; None for a model without attention.
        true_scenes: N scene_language.Scenes.
    Returns:
        A Truth; a share of nothing is nan.
    """
    verdicts = [scene_language.judge(words, scene) for words, scene in zip(captions, true_scenes, strict=True)]
    shares = _shares_in_boxes(verdicts, alphas, true_scenes) if alphas else []
    in_box, before, chance = np.mean(shares, axis=0) if shares else (np.nan,) * 3
    return Truth(
        _share(verdict.complete for verdict in verdicts),
        _share(verdict.objects_right for verdict in verdicts),
        _share(verdict.relation_right for verdict in verdicts if verdict.relation_right is not None),
        float(in_box),
        float(before),
        float(chance),
    )


def are_true(captions: Sequence[list[str]], true_scenes: Sequence[scene_language.Scene]) -> np.ndarray:
    """Judge which captions are true and complete.

    Args:
        captions: N word lists.
        true_scenes: N scene_language.Scenes.
    Returns:
        (N,) float64, 1 for a true and complete caption, else 0.
    """
    complete = [scene_language.judge(words, scene).complete for words, scene in zip(captions, true_scenes, strict=True)]
    return np.array(complete, np.float64)


def _shares_in_boxes(verdicts, alphas, true_scenes):
    """Return the shares of _share_in_boxes for each noun of each caption."""
    return [
        _share_in_boxes(alpha[position], alpha[position - 1], [scene.objects[k].box for k in objects])
        for verdict, alpha, scene in zip(verdicts, alphas, true_scenes, strict=True)
        for position, objects in verdict.links.items()
    ]


def _share_in_boxes(at_noun, before, boxes):
    """Return the attention inside the boxes at the noun and at the word before, and the boxes' share of the image.

    A cell counts by the share of its area that the boxes cover.

    Args:
        at_noun: (L,) attention weights while the noun is written.
        before: (L,) attention weights at the word before.
        boxes: boxes of the named objects.
    """
    side = round(np.sqrt(at_noun.size))
    covered = scenes.cell_share(boxes, side, side).ravel()
    return float(at_noun @ covered), float(before @ covered), float(covered.mean())


def _share(verdicts):
    """Return the share of true values; nan if there are none."""
    verdicts = [bool(verdict) for verdict in verdicts]
    return sum(verdicts) / len(verdicts) if verdicts else float("nan")
