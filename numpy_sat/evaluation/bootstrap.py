"""How far figures would stray with other images: percentile intervals of the bootstrap (Efron 1979).

The images are drawn anew from themselves, with replacement; for captions' scores so first by Koehn (2004).
"""

import numpy as np

RESAMPLES = 1000
LOW, HIGH = 2.5, 97.5  # percentiles, 95 % between them


def draws(images, seed):
    """How often each resample has each of so many images, float64 (RESAMPLES, images); rows add up to images."""
    chances = np.full(images, 1 / images)
    return np.random.default_rng(seed).multinomial(images, chances, RESAMPLES).astype(np.float64)


def interval(figures):
    """The 95 % interval of a figure from those of its resamples: two floats, low and high."""
    low, high = np.percentile(figures, (LOW, HIGH))
    return float(low), float(high)
