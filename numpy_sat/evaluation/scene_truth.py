"""Captions of drawn scenes, judged against what was drawn: whether they are true, and where the model looked."""

from typing import NamedTuple

import numpy as np

from numpy_sat.data.scenes import scene_language, scenes


class Truth(NamedTuple):
    """Shares, 0 to 1. See scene_language.Verdict for what true and complete mean."""

    complete: float  # of captions: true in every word, an object with its colour, and a relation or count if several
    objects: float  # of captions: every noun phrase true
    relation: float  # of the captions that state a relation: it is true
    in_box: float  # of attention inside the named objects' boxes while their noun is written
    before: float  # the same at the word before the noun, in most captions the colour
    chance: float  # of the image's area in those boxes, what uniform attention would score


def judge_captions(captions, alphas, drawn):
    """Judge one caption of each scene.

    Args:
        captions: word lists.
        alphas: (words, L) attention of each caption, L square; None of a model without attention.
        drawn: the scene_language.Scene of each.
    Returns:
        A Truth; a share of nothing is nan.
    """
    verdicts = [scene_language.judge(words, scene) for words, scene in zip(captions, drawn, strict=True)]
    shares = _shares_in_boxes(verdicts, alphas, drawn) if alphas else []
    in_box, before, chance = np.mean(shares, axis=0) if shares else (np.nan,) * 3
    return Truth(
        _share(verdict.complete for verdict in verdicts),
        _share(verdict.objects_right for verdict in verdicts),
        _share(verdict.relation_right for verdict in verdicts if verdict.relation_right is not None),
        float(in_box),
        float(before),
        float(chance),
    )


def are_true(captions, drawn):
    """Return which captions are true and complete, float64 (N,), 1 or 0.

    Args:
        captions: N word lists.
        drawn: the Scene of each.
    """
    complete = [scene_language.judge(words, scene).complete for words, scene in zip(captions, drawn, strict=True)]
    return np.array(complete, np.float64)


def _shares_in_boxes(verdicts, alphas, drawn):
    return [
        _share_in_boxes(alpha[place], alpha[place - 1], [scene.objects[k].box for k in named])
        for verdict, alpha, scene in zip(verdicts, alphas, drawn, strict=True)
        for place, named in verdict.links.items()
    ]


def _share_in_boxes(at_noun, before, boxes):
    """Return the attention inside the boxes at the noun and at the word before, and the boxes' share of the image.

    A cell counts by the share of it that the boxes cover.
    """
    side = round(np.sqrt(at_noun.size))
    covered = scenes.cell_share(boxes, side, side).ravel()
    return float(at_noun @ covered), float(before @ covered), float(covered.mean())


def _share(found):
    found = [bool(right) for right in found]
    return sum(found) / len(found) if found else float("nan")
