"""Compute confidence intervals of scores with the percentile bootstrap (Efron 1979), or with the jackknife.

The images are resampled with replacement, as Koehn (2004) does with sentences for BLEU.
"""

import math
from typing import NamedTuple

import numpy as np

RESAMPLES = 1000
LOW, HIGH = 2.5, 97.5  # percentiles of the scores; 95 % of the resamples score between them
QUANTILE = 1.96  # of the normal distribution: 95 % lie within so many standard deviations of the mean


class Share(NamedTuple):
    """A mean over images, such as a share from 0 to 1, with its 95 % interval over resampled images."""

    value: float
    low: float
    high: float


def resample(images: int, seed: int) -> np.ndarray:
    """Resample images with replacement.

    Args:
        images: number of images.
        seed: seed of the random numbers.
    Returns:
        (RESAMPLES, images) float64 counts of the images in each resample. Each row sums to `images`.
    """
    probabilities = np.full(images, 1 / images)
    return np.random.default_rng(seed).multinomial(images, probabilities, RESAMPLES).astype(np.float64)


def interval(scores: np.ndarray) -> tuple[float, float]:
    """Return the 95 % confidence interval of a score.

    Args:
        scores: (RESAMPLES,) values of the score on the resamples.
    Returns:
        The lower and the upper limit.
    """
    low, high = np.percentile(scores, (LOW, HIGH))
    return float(low), float(high)


def share(counts: np.ndarray, values: np.ndarray, weights: np.ndarray | None = None) -> Share:
    """Return the Share of the mean of values; all nan without any case.

    Args:
        counts: (RESAMPLES, N) of resample.
        values: (N,) value of each image; with weights, a sum over its cases.
        weights: (N,) number of cases of each image; the default is 1.
    """
    values, weights = np.asarray(values), np.ones(len(values)) if weights is None else np.asarray(weights)
    if not weights.any():
        return Share(*3 * [float("nan")])
    cases = counts @ weights
    means = (counts @ values)[cases > 0] / cases[cases > 0]  # a resample of few images may have no case
    return Share(float(values.sum() / weights.sum()), *interval(means))


def jackknife(value: float, scores: np.ndarray) -> Share:
    """Return a score with its 95 % interval by the grouped jackknife.

    Args:
        value: the score of all images.
        scores: (G,) the scores without each of G groups of equal size.
    Returns:
        The Share; its interval is empty with fewer than two groups.
    """
    # standard error = sqrt((G - 1) / G sum_g (score_g - mean score)^2)
    error = math.sqrt(max(len(scores) - 1, 0) * np.var(scores)) if len(scores) else 0.0
    return Share(value, value - QUANTILE * error, value + QUANTILE * error)
