"""Confidence intervals over images: percentiles of the bootstrap (Efron 1979).

The images are resampled with replacement. Koehn (2004) was the first to do so for scores of this kind.
"""

import numpy as np

RESAMPLES = 1000
LOW, HIGH = 2.5, 97.5  # percentiles, 95 % between them


def draws(images, seed):
    """Draw how often each image occurs in each resample, float64 (RESAMPLES, images). Each row sums to `images`."""
    chances = np.full(images, 1 / images)
    return np.random.default_rng(seed).multinomial(images, chances, RESAMPLES).astype(np.float64)


def interval(figures):
    """Return the 95 % interval of a figure, low and high. figures: (RESAMPLES,) its values on the resamples."""
    low, high = np.percentile(figures, (LOW, HIGH))
    return float(low), float(high)
