"""Compare models in the plane of likelihood and CIDEr-D.

Training on rewarded captions raises CIDEr-D, and lowers the likelihood of human captions. How much of each a model gets
depends on a weight. So models that were trained with several weights form a curve, and another training is better only
if its point lies above that curve.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from numpy_sat.evaluation import bootstrap, curve, figures, heldout
from numpy_sat.evaluation.judging import Judged
from numpy_sat.experiment import runs

LOSS, CIDER = "loss of human captions (nats per word)", "CIDEr-D"


def point_of(model: runs.Model, written: heldout.Written, judged: Judged) -> curve.Point:
    """Return the curve.Point of a model: its loss per word and its CIDEr-D, on the same resampled images.

    Args:
        model: runs.Model.
        written: heldout.Written of the model.
        judged: judging.Judged of its captions.
    """
    log_p, words = heldout.log_likelihoods(model, written)
    counts = curve.with_whole(bootstrap.resample(len(words), seed=0))
    return curve.Point(-(counts @ log_p) / (counts @ words), counts @ judged.means[CIDER] / len(words))


def heights(names: Sequence[str], points: Sequence[curve.Point], size: int) -> list[str]:
    """Return a sentence for each model that says how far it lies above the curve.

    Args:
        names: names of all models.
        points: their points.
        size: number of last models, which form the curve.
    """
    return [
        curve.verdict(name, curve.height_above(point, points[-size:]), CIDER, "no point of the curve has its loss")
        for name, point in zip(names[:-size], points, strict=False)
    ]


def draw(path: Path, names: Sequence[str], points: Sequence[curve.Point], size: int, title: str) -> None:
    """Write a PNG of the plane. The last `size` models form the curve; lines join them in the order of their loss."""
    shares = [(name, *point.shares) for name, point in zip(names, points, strict=True)]
    order = np.argsort([x.value for _, x, _ in shares[-size:]])
    groups = {"the curve": [shares[-size:][k] for k in order]}
    groups |= {name: [("", x, y)] for name, x, y in shares[:-size]}
    figures.plane_figure(path, groups, LOSS, CIDER, title)
