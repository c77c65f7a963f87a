"""Confidence intervals over images: percentiles of the bootstrap (Efron 1979).

The images are resampled with replacement, as Koehn (2004) proposes for BLEU.
"""

import numpy as np

RESAMPLES = 1000
LOW, HIGH = 2.5, 97.5  # percentiles; 95 % of the resamples lie between them


def resample(images: int, seed: int) -> np.ndarray:
    """Resample images with replacement.

    Args:
        images: number of images.
        seed: seed of the random numbers.
    Returns:
        (RESAMPLES, images) float64, how often each image occurs in each resample. Each row sums to `images`.
    """
    probabilities = np.full(images, 1 / images)
    return np.random.default_rng(seed).multinomial(images, probabilities, RESAMPLES).astype(np.float64)


def interval(figures: np.ndarray) -> tuple[float, float]:
    """Return the 95 % confidence interval of a score, low and high. figures: (RESAMPLES,) its values on resamples."""
    low, high = np.percentile(figures, (LOW, HIGH))
    return float(low), float(high)
