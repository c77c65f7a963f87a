"""The rows of an evaluation's table: the scores of a captioner, of baselines, of human captions and of the paper."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from numpy_sat.data.flickr8k import flickr8k
from numpy_sat.evaluation import floors
from numpy_sat.evaluation.judging import judge

BLEU = tuple(f"BLEU-{n}" for n in (1, 2, 3, 4))
SCORES = (*BLEU, "METEOR", "ROUGE-L", "CIDEr-D")


class Row(NamedTuple):
    """A row of the table: a source of captions and its scores."""

    name: str
    kind: str  # "model", "floor", "people", "ensemble" or "paper"
    figures: dict[str, float]  # percent, by the names of SCORES; some may be missing
    interval: dict | None = None  # {name: (low, high)}, 95 % confidence intervals over resampled images
    difference: dict | None = None  # of a floor: the intervals of the model's scores minus the floor's


def _paper(name: str, *figures: float) -> Row:
    return Row(f"the paper, {name} *", "paper", dict(zip(SCORES, figures, strict=False)))


# {model: its scores in table 1 of Xu et al. for Flickr8k}. The paper compares all these systems, some on COCO alone.
PAPER = {
    "soft": _paper("soft attention", 67, 44.8, 29.9, 19.5, 18.93),
    "hard": _paper("hard attention", 67, 45.7, 31.4, 21.3, 20.30),
    "tell": _paper("Google NIC", 63, 41, 27),
    "log-bilinear": _paper("Log Bilinear", 65.6, 42.4, 27.7, 17.7, 17.31),
    "brnn": _paper("BRNN"),
    "visual-memory": _paper("CMU/MS Research"),
    "detected-words": _paper("MS Research"),
}
PAPER_DATA = "flickr8k"
PAPER_NOTE = (
    "* Xu et al. 2015, table 1, not measured here: test set, features of networks that were trained on ImageNet (VGG "
    "for soft and hard attention), another implementation of METEOR, and probably no brevity penalty. "
    "Where it shows -, the paper has no score."
)


def paper_rows(models: Iterable[str], data: str, names_by_split: Mapping[str, Iterable[str]]) -> list[Row]:
    """Return the rows of the paper for some models. There are none unless all splits are official ones of Flickr8k.

    Args:
        models: names of models; those that the paper does not compare have no row.
        data: name of the data set.
        names_by_split: {split: names of its images}.
    """
    if data != PAPER_DATA or not all(flickr8k.is_official(split, names) for split, names in names_by_split.items()):
        return []
    models = set(models)
    return [row for model, row in PAPER.items() if model in models]


def compare(
    captions: dict[str, str],
    references: dict[str, list[str]],
    seeing_nothing: dict[str, dict[str, str]],
    seed: int = 0,
) -> list[Row]:
    """Return the rows of a captioner, of each floor, and of human captions.

    Args:
        captions: {image: text}, the captions of the captioner.
        references: {image: [texts]}. The rows of human captions need two references or more for every image.
        seeing_nothing: {name: {image: text}}, the captions of each floor for the same images (floors.py).
        seed: seed of the bootstrap.
    Returns:
        A list of Rows.
    Raises:
        InputError: captions or references are missing.
    """
    model = judge(captions, references)
    without = model.score(brevity=False)
    rows = [
        Row("this model", "model", model.score(), model.intervals(seed)),
        Row("this model, no brevity penalty", "model", {name: without[name] for name in BLEU}),
    ]
    for name, floor_captions in seeing_nothing.items():
        floor = judge(floor_captions, references)
        rows.append(Row(name, "floor", floor.score(), difference=model.difference(floor, seed)))
    return [*rows, *_leave_one_out(captions, references)]


def _leave_one_out(captions, references):
    """Judge the captioner and the k-th reference by all other references. Return the rows of the means over k."""
    fewest = min(map(len, references.values()))
    if fewest < 2:
        return []
    model_scores, human_scores = [], []
    for k in range(fewest):
        human_captions, others = floors.one_against_the_others(references, k)
        model_scores.append(judge(captions, others).score())
        human_scores.append(judge(human_captions, others).score())
    return [
        Row("this model, leave-one-out", "people", _mean(model_scores)),
        Row("human captions, leave-one-out", "people", _mean(human_scores)),
    ]


def _mean(scores):
    """Return the mean of several dicts of scores."""
    return {name: float(np.mean([single[name] for single in scores])) for name in SCORES}


def verdict(difference: dict[str, tuple[float, float]]) -> str:
    """Return in which scores two sets of captions differ by more than chance, as part of a sentence.

    Args:
        difference: {name: (low, high)}, the confidence intervals of the differences.
    """
    higher = [name for name, (low, _) in difference.items() if low > 0]
    lower = [name for name, (_, high) in difference.items() if high < 0]
    neither = [name for name in difference if name not in higher and name not in lower]
    if len(higher) == len(difference):
        return "higher in all"
    parts = (("higher in", higher), ("LOWER in", lower), ("no difference shown in", neither))
    return "; ".join(f"{label} {', '.join(names)}" for label, names in parts if names)
