"""Judge word detectors: do they find the words of the captions, and do they look where the objects are?"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data.scenes import scene_language, scenes
from numpy_sat.data.scenes.scene_language import Scene
from numpy_sat.evaluation import bootstrap, regions
from numpy_sat.evaluation.bootstrap import Share

ALIKE = (("left", "right"), ("left", "above"))  # pairs of words whose detectors are compared
MEANINGS = {  # kinds of words that stand for something in a place
    "colors": {color: color for color in scene_language.COLORS},
    "shapes": scene_language.SHAPE_OF,
}
SIDEWAYS = ("left", "right")  # relations of groups side by side; the others are of groups on top of each other
GROUPS = 50  # groups of images, each left out once, for the interval of the mean average precision


class Localization(NamedTuple):
    """Where the detectors of colors or shapes have their highest logit. Shares are from 0 to 1."""

    in_box: Share  # of words: the location lies in a box of an object that the word fits
    in_box_chance: float  # the same for a random location
    nearest: Share  # of words that fit one of two groups: the object nearest to the location is one of that group
    nearest_chance: float  # the same for a random location
    cases: int  # pairs of an image and a word of its captions


class Relations(NamedTuple):
    """The captions of two groups with a relation between two true noun phrases. Shares are from 0 to 1."""

    axis: Share  # left or right is said of groups side by side, above or below of groups on top of each other
    right: Share  # of the captions with the right axis: the relation is true
    cases: int  # captions with the right axis


class CaptionScores(NamedTuple):
    """The captions that are written from some words, or chosen by some weights."""

    cider: Share  # CIDEr-D, 0 to 1000
    true: Share | None  # for scenes: share of true and complete captions


class Detection(NamedTuple):
    """The judgment of word detectors and of the captions that are written from them."""

    precision: Share  # mean over words of the average precision
    chance: float  # the same for detectors that are constant: the mean share of images with the word
    words: dict  # {word: (average precision, share of images with the word)}
    correlations: dict  # {"a and b": correlation of the log odds of their detectors}
    captions: dict  # {what they are written from or chosen by: CaptionScores}
    localization: dict | None = None  # for scenes: {"colors": Localization, "shapes": Localization}
    relations: Relations | None = None  # for scenes: of captions ranked with the similarity
    relations_without: Relations | None = None  # for scenes: the same without the similarity
    swapped: Share | None = (
        None  # for scenes: of captions with a wrong noun phrase, those whose words all fit the scene
    )


def average_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """Compute the average precision of one detector: the mean over right images of the precision at their rank.

    Args:
        scores: (N,) scores of the images; a higher one comes first. Equal scores keep the order of the images.
        labels: (N,) bool, the right images; at least one.
    Returns:
        The average precision, 0 to 1.
    """
    hits = labels[np.argsort(-scores, kind="stable")]
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def localize(
    best: np.ndarray,
    L: int,
    meaning_of: dict[str, str],
    words: Sequence[str],
    labels: np.ndarray,
    true_scenes: Sequence,
) -> Localization:
    """Measure where the detectors of words look. A location lies in a box that covers at least half of it.

    Args:
        best: (N, V) the location with the highest logit of each word.
        L: number of locations, those of a square grid.
        meaning_of: {word: color or shape} of the words to judge.
        words: the V words.
        labels: (N, V) bool, the words of each image's captions.
        true_scenes: N Scenes.
    Returns:
        Localization.
    """
    in_box, in_box_chance, nearest, nearest_chance, cases, two_groups = np.zeros((6, len(best)))
    for n, scene in enumerate(true_scenes):
        owners = _nearest_objects(scene, L)
        for number, word in enumerate(words):
            if word in meaning_of and labels[n, number]:
                fitting = [meaning_of[word] in (group.color, group.shape) for group in scene.groups]
                inside = regions.cell_right(scene, scene.members(np.flatnonzero(fitting)), L)
                in_box[n] += inside[best[n, number]]
                in_box_chance[n] += inside.mean()
                cases[n] += 1
                if sum(fitting) == 1 and len(fitting) == 2:
                    is_right = np.array([fitting[scene.objects[k].group] for k in owners])
                    nearest[n] += is_right[best[n, number]]
                    nearest_chance[n] += is_right.mean()
                    two_groups[n] += 1
    counts = bootstrap.resample(len(best), seed=0)
    in_box, nearest = bootstrap.share(counts, in_box, cases), bootstrap.share(counts, nearest, two_groups)
    chances = [x.sum() / max(1, y.sum()) for x, y in ((in_box_chance, cases), (nearest_chance, two_groups))]
    return Localization(in_box, float(chances[0]), nearest, float(chances[1]), int(cases.sum()))


def _nearest_objects(scene, L):
    """Return the object whose center is nearest to each location: (L,) indices."""
    side = math.isqrt(L)
    places = (np.arange(side) + 0.5) * scenes.SIDE / side
    centers = np.array([[(x0 + x1) / 2, (y0 + y1) / 2] for x0, y0, x1, y1 in (item.box for item in scene.objects)])
    x, y = np.meshgrid(places, places)
    return np.hypot(x.ravel()[:, None] - centers[:, 0], y.ravel()[:, None] - centers[:, 1]).argmin(axis=1)


def correlations(log_odds: np.ndarray, words: Sequence[str]) -> dict[str, float]:
    """Return the correlation over images of the log odds of each pair of ALIKE whose words are known, by "a and b".

    Args:
        log_odds: (N, V) log p - log(1 - p) of each word.
        words: the V words.
    """
    numbers = {word: number for number, word in enumerate(words)}
    pairs = [pair for pair in ALIKE if all(word in numbers for word in pair)]
    columns = {" and ".join(pair): [log_odds[:, numbers[word]] for word in pair] for pair in pairs}
    return {name: float(np.corrcoef(*pair)[0, 1]) for name, pair in columns.items()}


def mean_precision(log_p: np.ndarray, labels: np.ndarray) -> tuple[Share, list[float]]:
    """Return the mean average precision over words, and that of each word.

    The interval is that of a jackknife. A bootstrap draws some images twice, which makes the average precision of rare
    words too high.

    Args:
        log_p: (N, W) log probabilities of the words.
        labels: (N, W) bool, the words of each image's captions. Each word is in some caption.
    """
    each = [average_precision(*columns) for columns in zip(log_p.T, labels.T, strict=True)]
    group = np.random.default_rng(0).permutation(len(labels)) % GROUPS
    means = []
    for left_out in range(min(GROUPS, len(labels))):
        rows = group != left_out
        columns = zip(log_p[rows].T, labels[rows].T, strict=True)
        precisions = [average_precision(*pair) for pair in columns if pair[1].any()]
        means += [np.mean(precisions)] if precisions else []  # without a group of few images, there may be no word
    return bootstrap.jackknife(float(np.mean(each)), np.array(means)), each


def judge_relations(captions: Sequence[Sequence[str]], true_scenes: Sequence[Scene]) -> Relations:
    """Judge the relations of captions of two groups, if both noun phrases are true.

    Args:
        captions: N word lists.
        true_scenes: N Scenes.
    """
    stated, axis, right = np.zeros((3, len(captions)))
    for n, (caption, scene) in enumerate(zip(captions, true_scenes, strict=True)):
        relation, verdict = scene_language.relation_said(caption), scene_language.judge(caption, scene)
        if relation and verdict.objects_right and len(scene.groups) == 2:
            true_relation = scene_language.relation_between(scene.boxes([0]), scene.boxes([1]))
            stated[n] = 1
            axis[n] = (relation in SIDEWAYS) == (true_relation in SIDEWAYS)
            right[n] = axis[n] and verdict.relation_right
    counts = bootstrap.resample(len(captions), seed=0)
    return Relations(bootstrap.share(counts, axis, stated), bootstrap.share(counts, right, axis), int(axis.sum()))


def swapped(captions: Sequence[Sequence[str]], true_scenes: Sequence[Scene]) -> Share:
    """Return the share of captions with a wrong noun phrase whose colors, sizes and shapes all occur in the scene.

    Such a caption has the right words in wrong pairs, such as the color of one group and the shape of the other.

    Args:
        captions: N word lists.
        true_scenes: N Scenes.
    """
    wrong, fitting = np.zeros((2, len(captions)))
    for n, (caption, scene) in enumerate(zip(captions, true_scenes, strict=True)):
        if scene_language.judge(caption, scene).objects_right is False:
            wrong[n] = 1
            there = {meaning for group in scene.groups for meaning in (group.size, group.color, group.shape)}
            meanings = scene_language.SIZE_OF | scene_language.SHAPE_OF | {c: c for c in scene_language.COLORS}
            fitting[n] = all(meanings[word] in there for word in caption if word in meanings)
    return bootstrap.share(bootstrap.resample(len(captions), seed=0), fitting, wrong)
