"""Compute confidence intervals of scores with the percentile bootstrap (Efron 1979).

The images are resampled with replacement, as Koehn (2004) does with sentences for BLEU.
"""

import numpy as np

RESAMPLES = 1000
LOW, HIGH = 2.5, 97.5  # percentiles of the scores; 95 % of the resamples score between them


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
