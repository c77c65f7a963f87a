"""A captioner's scores as rows of a table, among those of floors, of people, and of the paper."""

from typing import NamedTuple

import numpy as np

from numpy_sat.evaluation import floors
from numpy_sat.evaluation.judging import judge

BLEU = tuple(f"BLEU-{n}" for n in (1, 2, 3, 4))
SCORES = (*BLEU, "METEOR", "ROUGE-L", "CIDEr-D")


class Row(NamedTuple):
    """One row: whose captions, and what they score."""

    name: str
    kind: str  # "model", "floor", "people", "ensemble" or "paper"
    figures: dict[str, float]  # in percent, by the names of SCORES, of which some may be missing
    interval: dict | None = None  # by name: (low, high), 95 % over resampled images
    difference: dict | None = None  # of a floor: the interval of the model's figures less these


# What Xu et al. report: of test, with VGG's features, it seems without brevity penalty, and of another METEOR.
PAPER = {
    "flickr8k": (
        Row("the paper, soft attention *", "paper", dict(zip(SCORES, (67, 44.8, 29.9, 19.5, 18.93), strict=False))),
        Row("the paper, hard attention *", "paper", dict(zip(SCORES, (67, 45.7, 31.4, 21.3, 20.30), strict=False))),
    )
}


def compare(captions, references, seeing_nothing, seed=0):
    """Return the rows of a captioner: its own, one for each floor, and people's.

    Args:
        captions: {image: text}, the captioner's.
        references: {image: [texts]}. People's rows need two references or more for every image.
        seeing_nothing: {floor's name: {image: text}}, of the same images, see floors.py.
        seed: of the resamples.
    """
    model = judge(captions, references)
    without = model.score(brevity=False)
    rows = [
        Row("this model", "model", model.score(), model.intervals(seed)),
        Row("this model, no brevity penalty", "model", {name: without[name] for name in BLEU}),
    ]
    for name, of_floor in seeing_nothing.items():
        floor = judge(of_floor, references)
        rows.append(Row(name, "floor", floor.score(), difference=model.difference(floor, seed)))
    return [*rows, *_people(captions, references)]


def _people(captions, references):
    """Judge captioner and person by the same references, all but the person's, the k-th. Return means over all k."""
    fewest = min(map(len, references.values()))
    if fewest < 2:
        return []
    ours, theirs = [], []
    for k in range(fewest):
        person, others = floors.one_against_the_others(references, k)
        ours.append(judge(captions, others).score())
        theirs.append(judge(person, others).score())
    return [
        Row("this model, a reference fewer", "people", _mean(ours)),
        Row("one person, by all the others", "people", _mean(theirs)),
    ]


def _mean(scores):
    return {name: float(np.mean([of_one[name] for of_one in scores])) for name in SCORES}


def verdict(difference):
    """Return which figures are higher, which lower, and which neither, as part of a sentence.

    difference: {name: (low, high)}, the intervals of the differences.
    """
    higher = [name for name, (low, _) in difference.items() if low > 0]
    lower = [name for name, (_, high) in difference.items() if high < 0]
    neither = [name for name in difference if name not in higher and name not in lower]
    if len(higher) == len(difference):
        return "higher in all"
    parts = (("higher in", higher), ("LOWER in", lower), ("no difference shown in", neither))
    return "; ".join(f"{what} {', '.join(names)}" for what, names in parts if names)
