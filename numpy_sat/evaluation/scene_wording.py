"""How captions of scenes choose among the wordings of the grammar, against the grammar's own probabilities.

The grammar leaves several choices: the form of the sentence, synonyms, and what is left out. Their probabilities are
known (scene_language.WORDINGS). So the distance of a captioner's distribution from the true one can be computed. No set
of photos allows this.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data.scenes import scene_language

FORMS, SYNONYMS, OMISSIONS = ("form",), ("relation", "ground", "size"), ("size said", "colors said")
DRAWS = 200  # of the grammar's own choices, for the mean distance by chance


class Distance(NamedTuple):
    """The total variation between two distributions, 0 to 1, and its mean if the captions followed the grammar."""

    value: float
    noise: float  # of as many choices drawn from the true distribution


class Wording(NamedTuple):
    """The distances of a captioner's choices from the grammar's."""

    forms: Distance
    synonyms: Distance
    omissions: Distance


def measure(captions: Iterable[Sequence[str]], scenes: Iterable[scene_language.Scene], seed: int = 0) -> Wording:
    """Compute the Wording of captions.

    Args:
        captions: word lists, in lower case.
        scenes: the scene of each caption.
        seed: seed of the draws.
    """
    counts = {}
    for words, scene in zip(captions, scenes, strict=True):
        for question, answer in scene_language.choices(words, scene):
            counts.setdefault(question, Counter())[answer] += 1
    rng = np.random.default_rng(seed)
    return Wording(*(_distance(counts, kinds, rng) for kinds in (FORMS, SYNONYMS, OMISSIONS)))


def total_variation(counts: Counter, true: dict) -> float:
    """Compute half the sum of |share - probability| over all answers, 0 to 1.

    Args:
        counts: {answer: number of times it was given}; an answer without a true probability has the probability 0.
        true: {answer: probability}.
    """
    total = sum(counts.values())
    return sum(abs(counts[answer] / total - true.get(answer, 0)) for answer in counts.keys() | true.keys()) / 2


def _distance(counts, kinds, rng):
    """Return the Distance of some kinds of questions: the mean of their distances, weighted by their answers."""
    questions = [question for question in scene_language.WORDINGS if question[0] in kinds and question in counts]
    if not questions:
        return Distance(float("nan"), float("nan"))
    totals = [sum(counts[question].values()) for question in questions]
    values = [total_variation(counts[question], scene_language.WORDINGS[question]) for question in questions]
    noises = [_noise(scene_language.WORDINGS[question], n, rng) for question, n in zip(questions, totals, strict=True)]
    return Distance(*(float(np.average(distances, weights=totals)) for distances in (values, noises)))


def _noise(true, total, rng):
    """Return the mean total variation of `total` answers that are drawn from the true distribution."""
    p = np.array(list(true.values()))
    return np.abs(rng.multinomial(total, p, DRAWS) / total - p).sum(axis=1).mean() / 2
